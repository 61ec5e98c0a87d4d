"""A command line whose stage is the dot among three squares: everything but physics and torch is the real thing."""

from dataclasses import replace

import numpy as np
import pytest

from agent.cli import stage
from agent.doubles import SQUARES, FixedPolicy, PointTeacher, PointWorld, point_task
from agent.errors import SpecError, unknown_name
from agent.ports import Policy, World
from agent.types import CameraSpec, Goal, Task

CAMERAS = (CameraSpec("front", 48, 48), CameraSpec("wrist", 16, 16))


def point_stage(policy: str = "vla", *, safety: str | None = None) -> stage.Stage:
    """`vla` and `expert` solve the task, `hold` does nothing, `reluctant` refuses."""
    world = PointWorld(cameras=CAMERAS)
    still = world.embodiment.action.clip(np.zeros((1, 7), dtype=np.float32))
    policies: dict[str, Policy] = {
        "vla": PointTeacher(world),
        "expert": PointTeacher(world),
        "hold": FixedPolicy(world.embodiment, still),
        "reluctant": FixedPolicy(world.embodiment, still, refusal="there is no such square"),
    }
    if policy not in policies:
        raise unknown_name("policy", policy, policies)
    return stage.Stage(world, policies[policy], policy, 2, lambda: world.render("front", 96, 96))


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
    monkeypatch.setattr(stage, "make_pair", point_pair)
    monkeypatch.setattr(stage, "task_for", point_task_for)
    monkeypatch.setattr(stage, "sample", point_sample)
    monkeypatch.setattr(stage, "check_task", point_check)
    monkeypatch.setattr(stage, "actions_per_look", lambda policy: point_stage(policy).execute)
