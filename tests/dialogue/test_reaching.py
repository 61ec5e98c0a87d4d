"""Within reach is what the arm's own kinematics take the hand to, inside the box that commands stay in."""

import numpy as np
import pytest

from agent.types import CameraSpec, Task
from dialogue.lessons.far import far_scene
from dialogue.lessons.moments import Moments
from dialogue.questions import draw_questions
from dialogue.reaching import can_reach, can_take, hand_at
from sim.objects import KINDS, RECEPTACLES
from sim.scene import TABLE_HIGH, TABLE_LOW, Scene, sample_scene

CAMERAS = (CameraSpec("front", 160, 160),)


def scene_of(*names: str, seed: int = 500_000) -> tuple[Scene, Task]:
    task = Task("far", "x", None, 1, entities=names, distractors=(0, 0))
    return sample_scene(task, np.random.default_rng(seed)), task


@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.name)
def test_all_that_scenes_are_drawn_with_is_within_reach(kind: object) -> None:
    corners = [(x, y) for x in (TABLE_LOW[0], TABLE_HIGH[0]) for y in (TABLE_LOW[1], TABLE_HIGH[1])]
    where = kind.spots if kind in RECEPTACLES.values() and kind.spots else corners  # type: ignore[attr-defined]
    assert all(can_reach(kind, x, y) for x, y in where)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("x", "y"),
    [(0.1, 0.3), (0.24, 0.0), (0.76, 0.0), (0.5, 0.41), (0.74, 0.39)],
    ids=["by", "behind", "before", "at", "far"],
)
def test_beyond_the_box_or_the_kinematics_nothing_is(x: float, y: float) -> None:
    assert not can_reach(KINDS["cube"], x, y)


def test_over_a_vessel_the_hand_stays_above_its_rim() -> None:
    x, y, z = hand_at(KINDS["box"], 0.45, 0.0)
    assert z > RECEPTACLES["box"].interior().rim_z and x > 0.45 and y == 0.0
    assert can_take((x, y, z), 0.0)


def test_one_thing_is_moved_out_of_reach_and_one_to_its_edge() -> None:
    moved = 0
    for seed in range(500_000, 500_012):
        before, task = scene_of("red cube", "lemon", "white bowl", seed=seed)
        after = far_scene(before, task, np.random.default_rng(seed))
        pairs = [pair for pair in zip(before.entities, after.entities, strict=True) if pair[0] is not pair[1]]
        reached = [can_reach(entity.kind, *entity.pose.position[:2]) for _, entity in pairs]
        assert sorted(reached) in ([], [False, True]) and after["white bowl"] is before["white bowl"]
        moved += bool(pairs)
    assert moved >= 8


def test_where_nothing_can_be_moved_the_scene_stays() -> None:
    scene, task = scene_of("white bowl", "red cube")
    assert far_scene(scene, task, np.random.default_rng(0)) is scene


def test_what_is_asked_about_far_scenes_is_balanced_and_true() -> None:
    source, answers = Moments(CAMERAS, restage=far_scene), []
    for seed in range(500_020, 500_024):
        moment = source.still(seed)
        asked = draw_questions(moment.things(), np.random.default_rng(seed))
        answers += [truth for question, truth in asked if question.kind == "reachable"]
        for thing in moment.things():
            assert thing.reachable is not None
    source.close()
    assert len(answers) >= 4 and np.mean([bool(said) for said in answers]) == 0.5
