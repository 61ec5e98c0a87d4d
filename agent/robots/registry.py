"""Which robots there are, what each needs, and how a file in configs/robot becomes a driver."""

import importlib
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

from agent.errors import SpecError, unknown_name
from agent.ports import RobotDriver
from agent.safety.config import SafetyConfig
from agent.settings import from_mapping, load_settings


@dataclass(frozen=True)
class DriverEntry:
    """One kind of robot. Nothing of it is imported until it is made.

    module, config, driver: where the settings' dataclass and the driver's class are, and their names; the class is
    called with an instance of the dataclass.  packages: modules that must be installed.  extra: of pyproject.toml that
    installs them, "" when nothing more is needed.  body: the model for the safety filter: "tool" (the tool point only),
    "panda" (every link), or "none" (no zones, workspace or speeds).  parts: arguments that the class takes beside its
    settings and that whoever makes it has to give, such as an arm's kinematics.
    """

    summary: str
    module: str
    config: str
    driver: str
    packages: tuple[str, ...] = ()
    extra: str = ""
    body: str = "tool"
    parts: tuple[str, ...] = ()

    def missing(self) -> tuple[str, ...]:
        """Return the packages that are not installed."""
        return tuple(package for package in self.packages if find_spec(package) is None)


DRIVERS: dict[str, DriverEntry] = {
    "fake": DriverEntry("a tool point that goes where it is told", "agent.robots.fake", "FakeConfig", "FakeRobot"),
    "so101": DriverEntry(
        "LeRobot's arm: five joints and a gripper of Feetech servos on a serial line",
        "agent.robots.so101",
        "SO101Config",
        "SO101",
        packages=("scservo_sdk", "serial"),
        extra="so101",
    ),
    "ur": DriverEntry(
        "UR3e, UR5e, UR10e over their controller's network ports",
        "agent.robots.ur",
        "URConfig",
        "UR",
        packages=("rtde_control", "rtde_receive", "rtde_io"),
        extra="ur",
    ),
    "rosbridge": DriverEntry(
        "any arm that ROS 2 moves by a joint_trajectory_controller, through a rosbridge server",
        "agent.robots.rosbridge",
        "RosbridgeConfig",
        "Rosbridge",
        packages=("roslibpy",),
        extra="ros",
    ),
    "franka": DriverEntry(
        "Franka Research 3 or Panda with its hand, through libfranka; or a cell emulated behind its wire protocol",
        "agent.robots.franka",
        "FrankaSettings",
        "FrankaDriver",
        packages=("franky",),
        extra="franka",
        body="panda",
        parts=("commander", "eyes", "peer"),
    ),
}
"""Name in a configuration's `driver:` -> the driver."""


@dataclass(frozen=True)
class RobotConfig:
    """A file in configs/robot: which driver, its own settings, and the limits that stand before it.

    frozen_pictures: how many equal pictures in a row mean a broken camera; null for rendered ones.
    """

    driver: str
    settings: dict[str, object] = field(default_factory=dict)
    frozen_pictures: int | None = None
    safety: SafetyConfig = field(default_factory=SafetyConfig)

    def __post_init__(self) -> None:
        entry_for(self.driver)


@dataclass(frozen=True)
class Robot:
    """A driver that is not connected, its entry and its configuration."""

    entry: DriverEntry
    driver: RobotDriver
    config: RobotConfig


def entry_for(name: str) -> DriverEntry:
    """Return the entry of the driver called `name`; raise SpecError naming those that exist."""
    if name not in DRIVERS:
        raise unknown_name("driver", name, DRIVERS)
    return DRIVERS[name]


Parts = Callable[[str, object], object]
"""Gives the part of that name (see DriverEntry.parts) for a driver with those settings."""


def no_parts(name: str, settings: object) -> object:
    raise SpecError(f"this driver needs a {name}; make it through the command line's rig")


def load_robot(path: Path | str, *, parts: Parts = no_parts) -> Robot:
    """Make the robot that the file describes; nothing is connected.

    Raises SpecError when the file is wrong or what its driver needs is not installed.
    """
    return make_robot(load_settings(path, RobotConfig), where=str(path), parts=parts)


def make_robot(config: RobotConfig, *, where: str, parts: Parts = no_parts) -> Robot:
    """Make the robot of a configuration; `where` begins the sentences about its settings."""
    entry = entry_for(config.driver)
    missing = entry.missing()
    if missing:
        raise SpecError(
            f"the driver '{config.driver}' needs {', '.join(missing)}; "
            f"install it with: pip install 'aubergine[{entry.extra}]'"
        )
    module = importlib.import_module(entry.module)
    settings = from_mapping(getattr(module, entry.config), config.settings, where=f"{where}: settings")
    make: Callable[..., RobotDriver] = getattr(module, entry.driver)
    return Robot(entry, make(settings, **{name: parts(name, settings) for name in entry.parts}), config)
