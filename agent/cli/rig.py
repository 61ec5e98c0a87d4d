"""Builds a robot behind its safety filter from a file in configs/robot."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from agent.cli.cell import Cell, CellTeacher, Supply, robot_sleep
from agent.errors import SpecError, unknown_name
from agent.ports import Policy
from agent.robots.ahead import Ahead, ThreadThinker, quick_to_switch
from agent.robots.franka import FrankaDriver
from agent.robots.registry import Robot, load_robot
from agent.robots.world import RobotWorld, Watch
from agent.safety.body import BodyModel, ToolBody
from agent.safety.filter import SafetyFilter
from agent.safety.gate import Gate
from agent.safety.journal import Intervention, Journal
from agent.safety.world import SafeWorld
from agent.types import Embodiment, Task

ROBOT_POLICIES = ("random", "hold")
"""Scripted policies that need no knowledge of the scene."""


@dataclass(frozen=True)
class Rig:
    """A robot, the world around it, and the filter before that; nothing is connected until the world is reset."""

    robot: Robot
    world: SafeWorld
    inner: RobotWorld
    safety: SafetyFilter
    cell: Cell | None = None
    """The emulated cell behind the robot, where there is one: it judges, and its expert can drive."""

    def close(self) -> None:
        """Disconnect, and end the cell."""
        self.world.close()
        if self.cell is not None:
            self.cell.close()


def build_rig(
    path: Path | str,
    *,
    task: Task | None = None,
    seed: int = 0,
    listener: Callable[[Intervention], None] | None = None,
) -> Rig:
    """Make the robot of the file; raise SpecError when the file is wrong or something is not installed.

    task, seed: what an emulated cell is set up for; a real one is as it stands.
    """
    supply = Supply(task, seed)
    robot = load_robot(path, parts=supply)
    config, body, cell = robot.config, robot.driver.embodiment, supply.cell
    journal, gate = Journal(listener), Gate(on_stop=robot.driver.stop)
    safety = SafetyFilter(config.safety, body, body_model(robot.entry.body, body), gate=gate, journal=journal)
    watch = Watch(config.safety.observation, config.safety.action, config.frozen_pictures)
    if cell is None:
        inner = RobotWorld(robot.driver, watch=watch, journal=journal)
    else:
        assert isinstance(robot.driver, FrankaDriver)
        sleep = partial(robot_sleep, robot.driver)
        inner = RobotWorld(robot.driver, watch=watch, journal=journal, judge=lambda _: cell.judge(), sleep=sleep)
    return Rig(robot, SafeWorld(inner, safety), inner, safety, cell)


def body_model(name: str, embodiment: Embodiment) -> BodyModel | None:
    """Return the body model called `name`, None for "none"; raise SpecError naming those that exist."""
    match name:
        case "none":
            return None
        case "tool":
            return ToolBody(embodiment)
        case "panda":
            from sim.body_model import PandaBody

            return PandaBody()
    raise unknown_name("body model", name, ("none", "tool", "panda"))


def robot_policy(name: str, embodiment: Embodiment, cell: Cell | None = None) -> tuple[Policy, int]:
    """Return a policy that needs no simulator, and how many actions it carries out per look.

    In an emulated cell the expert, who sees the true state, can show what the wire and the arm allow.
    """
    from agent.cli import stage as stages

    if name == "expert" and cell is not None:
        return CellTeacher(cell, embodiment), stages.SCRIPTED_EXECUTE
    if name == "expert":
        raise SpecError(
            f"the expert reads the simulator's state; on a robot there are: vla, {', '.join(ROBOT_POLICIES)}"
        )
    if name not in ROBOT_POLICIES:
        return stages.learned(name)
    from policies.scripted import HoldPolicy, RandomPolicy

    make = RandomPolicy if name == "random" else HoldPolicy
    return make(embodiment), stages.SCRIPTED_EXECUTE


@contextmanager
def ahead_of(policy: Policy, execute: int) -> Iterator[tuple[Policy, int]]:
    """Let `policy` think in a thread of its own while what it planned is carried out; yields it and its rows a look."""
    ahead = Ahead(ThreadThinker(policy), every=execute)
    try:
        with quick_to_switch():
            yield ahead, Ahead.execute
    finally:
        ahead.close()
