"""LeRobot's Robot around Aubergine's SO-101 driver: degrees and gripper 0..100 outside, radians and 0..1 inside."""

from typing import Any

import numpy as np
from lerobot.robots.robot import Robot

from lerobot_robot_aubergine.config_aubergine import AubergineSO101Config


class AubergineSO101(Robot):
    """SO-101 with joint margins, a speed limit, torque on at the first action and faults in one sentence."""

    config_class = AubergineSO101Config
    name = "aubergine_so101"

    def __init__(self, config: AubergineSO101Config) -> None:
        super().__init__(config)
        self.config = config
        self._driver: Any = None
        self.cameras = _cameras(config.cameras)

    @property
    def observation_features(self) -> dict[str, Any]:
        pictures = {name: (camera.height, camera.width, 3) for name, camera in self.config.cameras.items()}
        return {**self.action_features, **pictures}

    @property
    def action_features(self) -> dict[str, type]:
        from agent.robots.so101_calibration import MOTORS

        return {f"{name}.pos": float for name in MOTORS}

    @property
    def is_connected(self) -> bool:
        return self._driver is not None

    @property
    def is_calibrated(self) -> bool:
        return bool(self.calibration_fpath.is_file())

    def connect(self, calibrate: bool = True) -> None:
        """Connect the arm and the cameras; the calibration must be there. Moves nothing."""
        from agent.robots.so101 import SO101, SO101Config
        from agent.types import Control

        if not self.is_calibrated:
            self.calibrate()
        driver = SO101(
            SO101Config(
                port=self.config.port,
                calibration=self.calibration_fpath,
                control=Control.JOINT_POSITION,
                rate_hz=self.config.fps,
                max_speed=self.config.max_speed,
                write_calibration=self.config.write_calibration,
                answer_s=self.config.answer_s,
            )
        )
        driver.connect()
        for camera in self.cameras.values():
            camera.connect()
        self._driver = driver

    def calibrate(self) -> None:
        """Refuse: LeRobot's own command makes the file that this driver reads."""
        raise RuntimeError(
            f"there is no calibration {self.calibration_fpath}: make it with lerobot-calibrate "
            "--robot.type=so101_follower and point --robot.calibration_dir at its folder"
        )

    def configure(self) -> None:
        """Nothing: connecting configures the motors."""

    def get_observation(self) -> dict[str, Any]:
        from agent.robots.so101_calibration import ARM, to_lerobot

        state = dict(zip(self._body().state.names, self._driver.read().state.tolist(), strict=True))
        pictures = {name: camera.async_read() for name, camera in self.cameras.items()}
        return {**to_lerobot({name: state[name] for name in ARM}, state["gripper"]), **pictures}

    def send_action(self, action: dict[str, Any]) -> dict[str, Any]:
        """Send joint targets; return what was really sent, after limits."""
        from agent.robots.so101_calibration import ARM, from_lerobot, to_lerobot

        joints, opening = from_lerobot(action)
        wanted = np.array([*(joints[name] for name in ARM), opening], dtype=np.float32)
        sent = self._driver.send(self._body().action.clip(wanted))
        return to_lerobot(dict(zip(ARM, sent[:-1].tolist(), strict=True)), float(sent[-1]))

    def disconnect(self) -> None:
        if self._driver is not None:
            self._driver.disconnect()
            for camera in self.cameras.values():
                camera.disconnect()
        self._driver = None

    def _body(self) -> Any:
        if self._driver is None:
            raise RuntimeError("the arm is not connected; call connect first")
        return self._driver.embodiment


def _cameras(configs: dict[str, Any]) -> dict[str, Any]:
    """Return LeRobot's cameras; its own module is needed only when there are some."""
    if not configs:
        return {}
    from lerobot.cameras.utils import make_cameras_from_configs

    cameras: dict[str, Any] = make_cameras_from_configs(configs)
    return cameras
