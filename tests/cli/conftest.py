"""A command line whose stage is the dot among three squares: everything but physics and torch is the real thing."""

from dataclasses import replace

import numpy as np
import pytest

from agent.cli import identities, stage
from agent.doubles import SQUARES, FixedPolicy, Gambler, PointSeer, PointTeacher, PointWorld, point_task
from agent.errors import SpecError, unknown_name
from agent.ports import Policy, World
from agent.types import CameraSpec, Goal, Task
from tests.evaluation.point import Deadly, Moody, Sleepy

CAMERAS = (CameraSpec("front", 48, 48), CameraSpec("wrist", 16, 16))


def point_stage(policy: str = "vla", *, safety: str | None = None) -> stage.Stage:
    """`vla` and `expert` solve the task, `seer` from pictures alone; `hold` does nothing, `reluctant` refuses.

    `gambler` says how sure it is. Over the red square `moody` raises, `sleepy` hangs, and the world of `doomed` dies.
    """
    world = Deadly(cameras=CAMERAS) if policy == "doomed" else PointWorld(cameras=CAMERAS)
    still = world.embodiment.action.clip(np.zeros((1, 7), dtype=np.float32))
    policies: dict[str, Policy] = {
        "vla": PointTeacher(world),
        "expert": PointTeacher(world),
        "seer": PointSeer(world.embodiment),
        "hold": FixedPolicy(world.embodiment, still),
        "doomed": PointTeacher(world),
        "gambler": Gambler(world.embodiment),
        "moody": Moody(world.embodiment),
        "sleepy": Sleepy(world.embodiment),
        "reluctant": FixedPolicy(world.embodiment, still, refusal="there is no such square"),
    }
    if policy not in policies:
        raise unknown_name("policy", policy, policies)
    return stage.Stage(world, policies[policy], policy, 2, lambda: world.render("front", 96, 96))


def point_stage_around(made: Policy, execute: int, *, name: str, safety: str | None = None) -> stage.Stage:
    return replace(point_stage("hold"), policy=made, policy_name=name, execute=execute)


def point_world(cameras: tuple[CameraSpec, ...] | None, *, safety: str | None = None) -> PointWorld:
    return PointWorld(cameras=cameras or CAMERAS)


def point_pair(policy: str, *, safety: str | None = None) -> tuple[World, Policy]:
    made = point_stage(policy)
    return made.world, made.policy


def point_task_for(instruction: str, *, max_steps: int | None = None) -> Task:
    for square in SQUARES:
        if square in instruction:
            goal = Goal("in", "dot", square)
            return Task("point_to_square", instruction, goal, max_steps or 40)
    if "unicorn" in instruction:
        raise SpecError("no object 'unicorn'; there are: dot")
    return Task("instruction", instruction, None, max_steps or 6)


def point_check(task: Task, seed: int) -> None:
    world = PointWorld()
    world.reset(task, seed=seed)
    world.close()


def point_sample(name: str, seed: int) -> Task:
    if name != "points":
        raise unknown_name("family or task", name, ("points",))
    return replace(point_task(seed), name=name)


@pytest.fixture
def point_cli(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stage, "make_stage", point_stage)
    monkeypatch.setattr(stage, "stage_around", point_stage_around)
    monkeypatch.setattr(stage, "make_pair", point_pair)
    monkeypatch.setattr(stage, "tabletop", point_world)
    monkeypatch.setattr(stage, "make_world", point_world)
    monkeypatch.setattr(identities, "policy_identity", lambda policy, made: policy)
    monkeypatch.setattr(stage, "task_for", point_task_for)
    monkeypatch.setattr(stage, "sample", point_sample)
    monkeypatch.setattr(stage, "check_task", point_check)
