"""Every object loads, comes to rest as its kind says, and can be held; names and held-out sets are consistent."""

import numpy as np
import pytest

from agent.errors import SpecError
from sim.geometry import BodySpec, Box, Part, Pose, rotation_matrix
from sim.objects import (
    COLOURS,
    HELD_OUT_COLOURS,
    HELD_OUT_LOOKS,
    HELD_OUT_OBJECTS,
    HELD_OUT_PAIRS,
    KINDS,
    OBJECTS,
    RECEPTACLES,
    Description,
    is_held_out,
    pair_is_held_out,
    parse_name,
)
from sim.physics import Physics

TABLE = BodySpec((Part(Box((0.5, 0.6, 0.05))),), (), 0.0)
SIZES = [(name, scale) for name, kind in OBJECTS.items() for scale in kind.size_range]


@pytest.fixture(scope="module")
def physics() -> Physics:
    return Physics()


def fresh(physics: Physics) -> None:
    physics.reset()
    physics.add_body(TABLE, Pose((0.5, 0.0, -0.05)))


@pytest.mark.parametrize(("name", "scale"), SIZES)
def test_dropped_from_one_centimetre_it_rests_upright_within_a_second(
    physics: Physics, name: str, scale: float
) -> None:
    kind = OBJECTS[name]
    fresh(physics)
    body = physics.add_body(
        kind.body(next(iter(kind.colours)), scale), Pose((0.5, 0.0, kind.rest_height(scale) + 0.01))
    )
    physics.step(120)
    pose = physics.pose(body)
    linear, angular = physics.speed(body)
    assert linear < 0.01
    assert angular < 0.05
    assert physics.penetration(body) < 0.002
    assert pose.position[2] == pytest.approx(kind.rest_height(scale), abs=0.001)
    np.testing.assert_allclose(pose.position[:2], (0.5, 0.0), atol=0.003)
    assert rotation_matrix(pose.quaternion)[2, 2] > 0.999
    low, high = physics.bounds(body)
    assert high[2] == pytest.approx(kind.height(scale), abs=0.004)
    assert low[2] > -0.004


@pytest.mark.parametrize("name", OBJECTS)
def test_a_nudge_does_not_send_it_rolling(physics: Physics, name: str) -> None:
    kind = OBJECTS[name]
    fresh(physics)
    body = physics.add_body(
        kind.body(next(iter(kind.colours))), Pose((0.5, 0.0, kind.rest_height()), (0.06, 0.06, 0.0, 0.9964))
    )
    physics.step(180)
    assert max(physics.speed(body)) < 0.02
    np.testing.assert_allclose(physics.pose(body).position[:2], (0.5, 0.0), atol=0.02)
    assert rotation_matrix(physics.pose(body).quaternion)[2, 2] > 0.9


@pytest.mark.parametrize("name", KINDS)
def test_every_colour_loads_and_another_is_refused(physics: Physics, name: str) -> None:
    kind = KINDS[name]
    fresh(physics)
    for colour in kind.colours:
        assert colour in COLOURS
        spec = kind.body(colour)
        assert all(0 <= value <= 1 for part in spec.visual for value in part.colour)
        physics.add_body(spec, Pose((0.5, 0.0, 1.0)))
    with pytest.raises(SpecError, match=f"no {name} in colour 'mauve'"):
        kind.body("mauve")


@pytest.mark.parametrize(("name", "scale"), SIZES)
def test_the_gripper_can_hold_it(name: str, scale: float) -> None:
    kind = OBJECTS[name]
    grasp = kind.grasp(scale)
    low, high = kind.bounds(scale)
    assert 0.015 <= grasp.width < 0.068
    assert kind.height(scale) <= 0.12
    assert all(a <= at <= b for a, at, b in zip(low, grasp.offset, high, strict=True))
    assert kind.rest_height(scale) + grasp.offset[2] >= 0.007
    assert kind.height(scale) - (kind.rest_height(scale) + grasp.offset[2]) <= 0.041


def test_names_round_trip() -> None:
    for name, kind in KINDS.items():
        for position in (None, "left", "back"):
            for colour in (None, *kind.colours):
                description = Description(name, colour, position)
                assert parse_name(description.name) == description
    assert parse_name("orange") == Description("orange")
    assert parse_name("orange orange") == Description("orange", "orange")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("egplant", "did you mean 'eggplant'"),
        ("red bowll", "no object 'bowll'; did you mean 'bowl'"),
        ("purple banana", "no banana in colour 'purple'"),
        ("gren cube", "no cube in colour 'gren'; did you mean 'green'"),
        ("cyan", "no object 'cyan'"),
        ("left", "no object 'left'"),
        ("", "no object ''"),
    ],
)
def test_unknown_names_say_what_exists(name: str, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        parse_name(name)


def test_there_is_enough_of_everything() -> None:
    assert len(OBJECTS) - len(HELD_OUT_OBJECTS) >= 26
    assert len(RECEPTACLES) >= 10
    assert len(HELD_OUT_OBJECTS) >= 4
    assert len(HELD_OUT_PAIRS) >= 8


def test_held_out_things_are_real_and_otherwise_seen() -> None:
    for subject, target in HELD_OUT_PAIRS:
        assert not OBJECTS[subject].held_out
        assert not RECEPTACLES[target].held_out
    for colour, name in HELD_OUT_LOOKS:
        assert colour in KINDS[name].colours
        assert colour not in HELD_OUT_COLOURS
    for colour in HELD_OUT_COLOURS:
        assert sum(colour in kind.colours for kind in KINDS.values()) >= 3
    for name, kind in KINDS.items():
        if not kind.held_out:
            assert any(not is_held_out(Description(name, colour)) for colour in kind.colours), name


@pytest.mark.parametrize(
    ("subject", "target"),
    [
        ("eggplant", "bowl"),
        ("eggplant", "basket"),
        ("spoon", "towel"),
        ("carrot", "plate"),
        ("green cube", "yellow cube"),
    ],
)
def test_named_tasks_are_part_of_training(subject: str, target: str) -> None:
    first, second = parse_name(subject), parse_name(target)
    assert not is_held_out(first)
    assert not is_held_out(second)
    assert not pair_is_held_out(first, second)
