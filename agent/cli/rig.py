"""Builds a robot behind its safety filter from a file in configs/robot."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from agent.errors import SpecError, unknown_name
from agent.ports import Policy
from agent.robots.registry import Robot, load_robot
from agent.robots.world import RobotWorld, Watch
from agent.safety.body import BodyModel, ToolBody
from agent.safety.filter import SafetyFilter
from agent.safety.gate import Gate
from agent.safety.journal import Intervention, Journal
from agent.safety.world import SafeWorld
from agent.types import Embodiment

ROBOT_POLICIES = ("random", "hold")
"""Scripted policies that need no knowledge of the scene."""


@dataclass(frozen=True)
class Rig:
    """A robot, the world around it, and the filter before that; nothing is connected until the world is reset."""

    robot: Robot
    world: SafeWorld
    inner: RobotWorld
    safety: SafetyFilter


def build_rig(path: Path | str, *, listener: Callable[[Intervention], None] | None = None) -> Rig:
    """Make the robot of the file; raise SpecError when the file is wrong or something is not installed."""
    robot = load_robot(path)
    config, body = robot.config, robot.driver.embodiment
    journal, gate = Journal(listener), Gate(on_stop=robot.driver.stop)
    safety = SafetyFilter(config.safety, body, body_model(robot.entry.body, body), gate=gate, journal=journal)
    watch = Watch(config.safety.observation, config.safety.action, config.frozen_pictures)
    inner = RobotWorld(robot.driver, watch=watch, journal=journal)
    return Rig(robot, SafeWorld(inner, safety), inner, safety)


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


def robot_policy(name: str, embodiment: Embodiment) -> tuple[Policy, int]:
    """Return a policy that needs no simulator, and how many actions it carries out per look."""
    from agent.cli import stage as stages

    if name == "expert":
        raise SpecError(
            f"the expert reads the simulator's state; on a robot there are: vla, {', '.join(ROBOT_POLICIES)}"
        )
    if name not in ROBOT_POLICIES:
        return stages.learned(name)
    from policies.scripted import HoldPolicy, RandomPolicy

    make = RandomPolicy if name == "random" else HoldPolicy
    return make(embodiment), stages.SCRIPTED_EXECUTE
