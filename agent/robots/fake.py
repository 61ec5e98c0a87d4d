"""A robot without a robot: try everything on it before an arm moves; its faults can be ordered.

`FakeRobot` keeps its tool where it is told to, at once and exactly; its pictures show a dot where the tool is. It
knows no joints, no gravity and no contact: nothing that goes well here says that it will go well on an arm.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from agent.errors import WorldFault
from agent.robots.eye import EyeSettings
from agent.robots.opencv_eye import OpenCVEye
from agent.types import CameraSpec, Control, Embodiment, FloatArray, ImageArray, Reading, VectorSpec

ACTION = VectorSpec(
    names=("dx", "dy", "dz", "drx", "dry", "drz", "gripper"),
    units=("m", "m", "m", "rad", "rad", "rad", "1"),
    low=(-0.05, -0.05, -0.05, -0.35, -0.35, -0.35, 0.0),
    high=(0.05, 0.05, 0.05, 0.35, 0.35, 0.35, 1.0),
)
RESTING_JOINTS = (0.0, -0.40, 0.0, -2.30, 0.0, 1.90, float(np.pi / 4))
"""Joint angles that the state always shows [rad]: the fake robot has none."""
STATE = VectorSpec(
    names=("x", "y", "z", "rx", "ry", "rz", "gripper", *(f"joint_{number}" for number in range(1, 8))),
    units=("m", "m", "m", "rad", "rad", "rad", "1", *("rad",) * 7),
    low=(-1.0, -1.0, -0.2, *(-float(np.pi),) * 3, 0.0, *(-4.0,) * 7),
    high=(1.0, 1.0, 1.3, *(float(np.pi),) * 3, 1.0, *(4.0,) * 7),
)
HOME = (0.42, 0.0, 0.28)
_FLOOR, _DOT = (90, 90, 90), (240, 240, 240)
_DOT_RADIUS = 0.02


@dataclass(frozen=True)
class Faults:
    """What goes wrong, and at which reading since connecting (from 0); None: never.

    unreachable: connecting fails.  lost_at: from this reading on the robot does not answer.
    frozen_at: from here on readings repeat the last one, time and all, as a hung controller's do.
    frozen_camera_at: from here on the pictures repeat and the state goes on, as a hung camera's do.
    refuses_at: from here on every motion is refused.  latency_s: how long a reading takes [s].
    """

    unreachable: bool = False
    lost_at: int | None = None
    frozen_at: int | None = None
    frozen_camera_at: int | None = None
    refuses_at: int | None = None
    latency_s: float = 0.0


@dataclass(frozen=True)
class FakeConfig:
    """cameras: names and sizes of the pictures; one with a `device` is a real camera, the others are drawn.

    rate_hz: control rate.  faults: what is to go wrong.
    """

    cameras: tuple[EyeSettings, ...] = (EyeSettings("front", 128, 128), EyeSettings("wrist", 128, 128))
    rate_hz: float = 5.0
    faults: Faults = field(default_factory=Faults)

    def __post_init__(self) -> None:
        if self.rate_hz <= 0:
            raise ValueError(f"rate_hz must be above 0, got {self.rate_hz:g}")


class FakeRobot:
    """A RobotDriver whose body is four numbers: tool position and gripper (the rotation vector adds up as it comes)."""

    def __init__(self, config: FakeConfig | None = None, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._config = config or FakeConfig()
        self._clock = clock
        self._eyes = {camera.name: OpenCVEye(camera) for camera in self._config.cameras if camera.device}
        self._connected = self._cut = False
        self._readings = 0
        self._pose = np.zeros(6)
        self._gripper = 1.0
        self._last: Reading | None = None
        self.stops = 0
        """How often `stop` was called: for tests."""

    @property
    def embodiment(self) -> Embodiment:
        cameras = tuple(camera.spec for camera in self._config.cameras)
        return Embodiment("fake", cameras, STATE, ACTION, Control.EE_DELTA, self._config.rate_hz)

    def connect(self) -> None:
        if self._connected:
            return
        if self._config.faults.unreachable:
            raise WorldFault("the fake robot was told to be unreachable")
        self._open_eyes()
        self._connected, self._cut = True, False
        self._readings, self._last = 0, None
        self._pose, self._gripper = np.array([*HOME, 0.0, 0.0, 0.0]), 1.0

    def _open_eyes(self) -> None:
        try:
            for eye in self._eyes.values():
                eye.open()
        except WorldFault:
            self.disconnect()
            raise

    def cut(self) -> None:
        """Lose the connection, as if the cable had been pulled; reconnecting mends it."""
        self._cut = True

    def read(self) -> Reading:
        self._check()
        faults, number = self._config.faults, self._readings
        if faults.latency_s:
            time.sleep(faults.latency_s)
        self._readings += 1
        if _due(faults.frozen_at, number) and self._last is not None:
            return self._last
        images = {camera.name: self._seen(camera) for camera in self._config.cameras}
        if _due(faults.frozen_camera_at, number) and self._last is not None:
            images = self._last.images
        state = np.array([*self._pose, self._gripper, *RESTING_JOINTS], dtype=np.float32)
        self._last = Reading(images, STATE.clip(state), self._clock())
        return self._last

    def send(self, action: FloatArray) -> FloatArray:
        """Move by the action; raises ValueError when it is not legal, WorldFault when told to refuse motions."""
        self._check()
        problem = ACTION.problem(action)
        if problem:
            raise ValueError(f"the action is not legal: {problem}")
        if _due(self._config.faults.refuses_at, self._readings):
            raise WorldFault("the fake robot refuses the motion, as it was told to")
        before = self._pose
        self._pose = np.clip(before + action[:6], STATE.low_array[:6], STATE.high_array[:6]).astype(np.float64)
        self._gripper = float(action[6])
        return ACTION.clip(np.array([*(self._pose - before), self._gripper], dtype=np.float32))

    def stop(self) -> None:
        """Nothing coasts here; the call is counted."""
        self.stops += 1

    def disconnect(self) -> None:
        if self._connected:
            self.stop()
        for eye in self._eyes.values():
            eye.close()
        self._connected = False

    def _check(self) -> None:
        if not self._connected:
            raise WorldFault("the fake robot is not connected; call connect first")
        if self._cut or _due(self._config.faults.lost_at, self._readings):
            raise WorldFault("the fake robot does not answer any more")

    def _seen(self, camera: EyeSettings) -> ImageArray:
        eye = self._eyes.get(camera.name)
        return self._picture(camera.spec) if eye is None else eye.look()

    def _picture(self, camera: CameraSpec) -> ImageArray:
        """Return the table seen from above, 1 m wide, the tool as a dot: picture left is -y, bottom is +x."""
        x = (np.arange(camera.height) + 0.5)[:, None] / camera.height
        y = (np.arange(camera.width) + 0.5)[None, :] / camera.width - 0.5
        picture = np.full((camera.height, camera.width, 3), _FLOOR, dtype=np.uint8)
        # One dot blinks with every reading, as no two pictures of a real sensor are equal.
        picture[0, 0] = self._readings % 256
        picture[(x - self._pose[0]) ** 2 + (y - self._pose[1]) ** 2 <= _DOT_RADIUS**2] = _DOT
        return picture


def _due(at: int | None, number: int) -> bool:
    return at is not None and number >= at
