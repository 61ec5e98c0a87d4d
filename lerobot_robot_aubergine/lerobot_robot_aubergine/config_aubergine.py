"""The settings LeRobot's command line takes: --robot.type=aubergine_so101 --robot.port=... --robot.id=..."""

from dataclasses import dataclass, field
from typing import Any

from lerobot.robots.config import RobotConfig


@RobotConfig.register_subclass("aubergine_so101")
@dataclass
class AubergineSO101Config(RobotConfig):
    """port: serial port.  max_speed: of any joint [rad/s].  fps: actions a second.  cameras: LeRobot's.
    answer_s: how much longer than the vendor's library a servo's answer is waited for [s].

    The calibration is LeRobot's own file, `calibration_dir`/`id`.json.
    """

    port: str = "/dev/ttyACM0"
    max_speed: float = 2.0
    fps: float = 30.0
    write_calibration: bool = False
    answer_s: float = 0.0
    cameras: dict[str, Any] = field(default_factory=dict)
