"""Regions become things: named as the catalogue allows, counted once, placed by their height, and in or on others."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from agent.errors import SpecError
from dialogue.questions import Answer, answer, parse_question
from dialogue.seeing import COLOUR_NAMES, KIND_NAMES, Hand, HeldHead, read_held_head, things_in
from policies.looking import Look
from sim.objects import KINDS, RECEPTACLES

EYE = np.array([1.05, 0.0, 0.80], dtype=np.float32)
Shown = tuple[str, str, float, float, float]
"""Kind, colour, and where the middle of the thing is [m]."""


def seen(*shown: Shown, tokens: np.ndarray | None = None) -> Look:
    """What a backbone would see that is sure of everything."""
    points = np.array([thing[2:] for thing in shown], dtype=np.float32).reshape(-1, 3)
    ground = EYE[:2] + (points[:, :2] - EYE[:2]) * (EYE[2] / (EYE[2] - points[:, 2:]))
    return Look(
        places=np.full((len(shown), 2), 0.5, np.float32),
        ground=ground,
        eye=EYE,
        holds=np.array([thing[0] in RECEPTACLES for thing in shown], dtype=np.bool_),
        scores=np.full(len(shown), 0.9, np.float32),
        kinds=np.array([[float(name == thing[0]) for name in KIND_NAMES] for thing in shown], np.float32).reshape(
            -1, len(KIND_NAMES)
        ),
        colours=np.array([[float(name == thing[1]) for name in COLOUR_NAMES] for thing in shown], np.float32).reshape(
            -1, len(COLOUR_NAMES)
        ),
        tokens=np.zeros((len(shown), 2), np.float32) if tokens is None else tokens.astype(np.float32),
    )


def half(kind: str) -> float:
    found = KINDS[kind]
    return found.height() / 2


CUBE, BOWL = half("cube"), half("bowl")


def test_a_thing_stands_where_its_height_says() -> None:
    (cube, bowl) = things_in(seen(("cube", "red", 0.42, -0.2, CUBE), ("bowl", "blue", 0.6, 0.15, BOWL)))
    assert (cube.kind, cube.colour, cube.x, cube.y) == ("cube", "red", pytest.approx(0.42), pytest.approx(-0.2))
    assert (bowl.kind, bowl.colour, bowl.x, bowl.y) == ("bowl", "blue", pytest.approx(0.6), pytest.approx(0.15))
    assert 0.8 < cube.score <= 0.9 and not cube.held


def test_a_colour_that_a_kind_does_not_come_in_is_not_seen() -> None:
    look = seen(("eggplant", "red", 0.5, 0.0, CUBE))
    look.kinds[0, KIND_NAMES.index("eggplant")], look.kinds[0, KIND_NAMES.index("cube")] = 0.6, 0.4
    (thing,) = things_in(look)
    assert "red" not in KINDS["eggplant"].colours and (thing.kind, thing.colour) == ("cube", "red")


def test_what_is_found_twice_counts_once() -> None:
    twice = (("cube", "red", 0.50, 0.0, CUBE), ("cube", "red", 0.515, 0.0, CUBE), ("lemon", "yellow", 0.505, 0.0, CUBE))
    assert [thing.kind for thing in things_in(seen(*twice))] == ["cube", "lemon"]
    apart = (("cube", "red", 0.50, 0.0, CUBE), ("cube", "red", 0.50, 0.1, CUBE), ("cube", "blue", 0.4, 0.0, CUBE))
    assert answer(parse_question("how many cubes are there?"), things_in(seen(*apart))) == 3


@pytest.mark.parametrize(
    ("shown", "question", "said"),
    [
        (("cube", "red", 0.55, 0.01, 0.007 + CUBE), "is the cube in the bowl?", True),
        (("cube", "red", 0.40, 0.0, CUBE), "is the cube in the bowl?", False),
        (("cube", "red", 0.40, 0.0, CUBE), "is the cube behind the bowl?", True),
        (("cube", "red", 0.55, -0.2, CUBE), "is the cube left of the bowl?", True),
        (("cube", "red", 0.55, -0.2, CUBE), "is the cube right of the bowl?", False),
    ],
)
def test_things_lie_in_vessels_or_beside_them(shown: Shown, question: str, said: Answer) -> None:
    assert answer(parse_question(question), things_in(seen(shown, ("bowl", "white", 0.55, 0.0, BOWL)))) is said


def test_a_cube_on_a_cube_is_none_that_stands_behind_it() -> None:
    base = ("cube", "blue", 0.5, 0.0, CUBE)
    on = things_in(seen(("cube", "red", 0.5, 0.0, 3 * CUBE), base))
    behind = things_in(seen(("cube", "red", 0.42, 0.0, CUBE), base))
    asked = parse_question("is the red cube on the blue cube?")
    assert answer(asked, on) is True and answer(asked, behind) is False


@pytest.mark.parametrize(
    ("kind", "colour", "aside"), [("box", "blue", 0.034), ("drawer", "tan", 0.043), ("pot", "red", 0.0)]
)
def test_what_holds_things_is_placed_by_all_that_is_seen_of_it(kind: str, colour: str, aside: float) -> None:
    """An open lid leans back and a drawer comes out: what lies inside is not in the middle of what is seen."""
    floor = RECEPTACLES[kind].interior().floor_z
    shown = (kind, colour, 0.45, 0.1, half(kind)), ("cube", "red", 0.45 + aside, 0.1, floor + CUBE)
    holder, cube = sorted(things_in(seen(*shown)), key=lambda thing: thing.kind == "cube")
    assert (holder.x, holder.y) == (pytest.approx(0.45), pytest.approx(0.1))
    assert cube.within is not None


def test_the_gripper_tells_what_is_held() -> None:
    look = seen(
        ("cube", "red", 0.5, 0.1, 0.2), ("lemon", "yellow", 0.4, -0.1, 0.02), ("bowl", "white", 0.45, 0.1, BOWL)
    )
    asked = parse_question("is the cube held?")
    things = things_in(look, hand=Hand((0.5, 0.1, 0.2), 0.5))
    assert answer(asked, things) is True and answer(parse_question("is the lemon held?"), things) is False
    assert answer(parse_question("is the cube in the bowl?"), things) is False
    cube = next(thing for thing in things if thing.kind == "cube")
    assert (cube.x, cube.y) == (pytest.approx(0.5), pytest.approx(0.1))
    for empty in (Hand((0.5, 0.1, 0.2), 1.0), Hand((0.5, 0.1, 0.2), 0.0), Hand((0.6, -0.2, 0.2), 0.5)):
        assert answer(asked, things_in(look, hand=empty)) is False


def test_without_a_gripper_a_head_tells_it() -> None:
    tokens = np.array([[1.0, 0.0], [-1.0, 0.0], [3.0, 0.0]])
    lemon, bowl = ("lemon", "yellow", 0.4, -0.1, 0.02), ("bowl", "white", 0.6, 0.1, BOWL)
    look = seen(("cube", "red", 0.5, 0.1, 0.1), lemon, bowl, tokens=tokens)
    head = HeldHead(np.array([2.0, 0.0], np.float32), 0.0, "x")
    assert [thing.kind for thing in things_in(look, held_head=head) if thing.held] == ["cube"]
    assert not any(thing.held for thing in things_in(look, held_head=HeldHead(head.weights, -3.0, "x")))
    assert not any(thing.held for thing in things_in(look, held_head=replace(head, enough=0.95)))


def test_nothing_is_seen_where_nothing_is() -> None:
    assert things_in(seen(), hand=Hand((0.5, 0.0, 0.1), 0.5)) == ()


@pytest.mark.parametrize("text", [None, "", "{}", '{"weights": "x", "bias": 0}'])
def test_a_broken_head_is_told(text: str | None, tmp_path: Path) -> None:
    path = tmp_path / "held.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(SpecError, match="holds no head that tells what is held"):
        read_held_head(path)
