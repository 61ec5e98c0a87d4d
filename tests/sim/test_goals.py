"""Each relation is judged true where it holds and false where only part of it does."""

from dataclasses import replace

import numpy as np
import pytest

from agent.types import Goal
from sim.geometry import Pose
from sim.goals import HOLD_TICKS, GoalJudge, is_true
from sim.objects import KINDS
from sim.relations import REGIONS
from sim.scene import Entity, Scene
from sim.state import EntityState, SceneState


def entity(name: str, kind: str, x: float, y: float) -> Entity:
    colour = next(iter(KINDS[kind].colours))
    return Entity(name, KINDS[kind], colour, 1.0, Pose((x, y, KINDS[kind].rest_height(1.0))))


SCENE = Scene(
    (
        entity("cube", "cube", 0.45, 0.0),
        entity("block", "block", 0.60, 0.0),
        entity("bowl", "bowl", 0.50, 0.20),
        entity("plate", "plate", 0.50, -0.20),
        entity("drawer", "drawer", 0.375, 0.19),
    )
)


def resting(thing: Entity, *, height: float | None = None) -> EntityState:
    x, y, z = thing.pose.position
    z = z if height is None else height
    half = 0.02
    return EntityState(
        pose=Pose((x, y, z)),
        speed=0.0,
        low=np.array([x - half, y - half, z - thing.pose.position[2]]),
        high=np.array([x + half, y + half, z + half]),
        held=False,
        touched=False,
        supports=frozenset(),
        interior_pose=Pose((x, y, z)),
    )


def state(**changed: EntityState) -> SceneState:
    entities = {thing.name: resting(thing) for thing in SCENE.entities} | changed
    return SceneState(entities, np.array([0.4, 0.0, 0.3]), 0.0, 1.0)


def moved(name: str, x: float, y: float, z: float, *supports: str) -> EntityState:
    """`name` brought so that its underside is at height `z`."""
    thing = replace(SCENE[name], pose=Pose((x, y, SCENE[name].pose.position[2])))
    now = resting(thing, height=z + SCENE[name].pose.position[2])
    return replace(now, supports=frozenset(supports))


START = state()


@pytest.mark.parametrize(
    ("goal", "now", "expected"),
    [
        (Goal("in", "cube", "bowl"), moved("cube", 0.50, 0.21, 0.01, "bowl"), True),
        (Goal("in", "cube", "bowl"), moved("cube", 0.50, 0.21, 0.20), False),
        (Goal("in", "cube", "bowl"), moved("cube", 0.50, 0.10, 0.00), False),
        (Goal("on", "cube", "plate"), moved("cube", 0.50, -0.19, 0.01, "plate"), True),
        (Goal("on", "cube", "plate"), moved("cube", 0.50, -0.19, 0.10), False),
        (Goal("stack", "cube", "block"), moved("cube", 0.60, 0.0, 0.04, "block"), True),
        (Goal("stack", "cube", "block"), moved("cube", 0.65, 0.0, 0.04, "block"), False),
        (Goal("stack", "cube", "block"), moved("cube", 0.60, 0.0, 0.0, "block"), False),
        (Goal("left of", "cube", "block"), moved("cube", 0.60, -0.10, 0.0), True),
        (Goal("left of", "cube", "block"), moved("cube", 0.60, 0.10, 0.0), False),
        (Goal("right of", "cube", "block"), moved("cube", 0.60, 0.10, 0.0), True),
        (Goal("in front of", "cube", "block"), moved("cube", 0.70, 0.0, 0.0), True),
        (Goal("behind", "cube", "block"), moved("cube", 0.50, 0.0, 0.0), True),
        (Goal("behind", "cube", "block"), moved("cube", 0.50, 0.12, 0.0), False),
        (Goal("push", "cube", "left"), moved("cube", 0.45, -0.09, 0.0), True),
        (Goal("push", "cube", "left"), moved("cube", 0.45, 0.09, 0.0), False),
        (Goal("push", "cube", "forward"), moved("cube", 0.54, 0.0, 0.0), True),
        (Goal("lift", "cube"), replace(moved("cube", 0.45, 0.0, 0.10), held=True), True),
        (Goal("lift", "cube"), moved("cube", 0.45, 0.0, 0.10), False),
        (Goal("take out", "cube", "bowl"), moved("cube", 0.45, 0.0, 0.0), True),
        (Goal("take out", "cube", "bowl"), moved("cube", 0.50, 0.20, 0.01, "bowl"), False),
        (Goal("move to", "cube", "left side"), moved("cube", 0.50, -0.20, 0.0), True),
        (Goal("move to", "cube", "left side"), moved("cube", 0.50, 0.20, 0.0), False),
        (Goal("open", "drawer"), replace(resting(SCENE["drawer"]), joint=0.11), True),
        (Goal("open", "drawer"), replace(resting(SCENE["drawer"]), joint=0.05), False),
        (Goal("close", "drawer"), replace(resting(SCENE["drawer"]), joint=0.005), True),
        (Goal("close", "drawer"), replace(resting(SCENE["drawer"]), joint=0.05), False),
    ],
)
def test_relation(goal: Goal, now: EntityState, expected: bool) -> None:
    assert is_true(goal, SCENE, state(**{goal.subject: now}), start=START) is expected


def test_pushed_is_not_carried() -> None:
    goal, now = Goal("push", "cube", "left"), state(cube=moved("cube", 0.45, -0.09, 0.0))
    assert not is_true(goal, SCENE, now, start=START, peak=0.10)


def test_success_needs_release_rest_and_three_ticks() -> None:
    there = moved("cube", 0.50, 0.21, 0.01, "bowl")
    for spoiled in (replace(there, touched=True), replace(there, speed=0.05)):
        judge = GoalJudge(Goal("in", "cube", "bowl"), SCENE, START)
        assert not any(judge.update(state(cube=spoiled)).satisfied for _ in range(HOLD_TICKS + 1))
    judge = GoalJudge(Goal("in", "cube", "bowl"), SCENE, START)
    held = [judge.update(state(cube=there)).held for _ in range(HOLD_TICKS)]
    assert held == [False] * (HOLD_TICKS - 1) + [True]


def test_an_interruption_starts_the_count_again() -> None:
    judge = GoalJudge(Goal("in", "cube", "bowl"), SCENE, START)
    there = state(cube=moved("cube", 0.50, 0.21, 0.01, "bowl"))
    for now in (there, there, START, there, there):
        assert not judge.update(now).held
    assert judge.update(there).held


def test_moving_another_object_is_told_and_receptacles_are_not_objects() -> None:
    judge = GoalJudge(Goal("in", "cube", "bowl"), SCENE, START)
    assert judge.update(state(bowl=moved("bowl", 0.55, 0.2, 0.0))).wrong_object is None
    assert judge.update(state(block=moved("block", 0.60, 0.02, 0.0))).wrong_object is None
    assert judge.update(state(block=moved("block", 0.60, 0.04, 0.0))).wrong_object == "block"
    assert judge.update(START).wrong_object == "block", "what was moved once stays told"


def test_progress_stays_once_reached() -> None:
    judge = GoalJudge(Goal("in", "cube", "bowl"), SCENE, START)
    assert not judge.update(START).reached
    lifted = replace(moved("cube", 0.45, 0.0, 0.05), held=True, touched=True)
    judge.update(state(cube=lifted))
    after = judge.update(START)
    assert (after.reached, after.grasped, after.lifted) == (True, True, True)


def test_regions_lie_on_the_reachable_table() -> None:
    for (x_low, x_high), (y_low, y_high) in REGIONS.values():
        assert 0.25 < x_low < x_high < 0.75
        assert -0.4 < y_low < y_high < 0.4
