"""The two connections of a Franka, arm and hand, each watched by a thread of its own.

Everything of franky (libfranka) is here. Its calls may block for up to a second when the controller is gone, so
drivers never make them: they look at what the threads saw last, and when.
"""

import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from numpy.typing import NDArray

from agent.errors import SpecError, WorldFault
from agent.robots.opencv_eye import EyeSettings

if TYPE_CHECKING:
    import franky

Joints = NDArray[np.float64]
T = TypeVar("T")

EMULATED = "emulated"
ARM_PORT = 1337
REACH_SECONDS, CONNECT_SECONDS = 1.0, 4.0
WATCH_PERIOD, HAND_PERIOD = 0.02, 0.04
JOIN_SECONDS = 1.3
"""A little more than libfranka waits for a packet that does not come."""


@dataclass(frozen=True)
class FrankaSettings:
    """How one Franka is reached and moved. Change speed and thresholds for the cell they are meant for.

    address: of the control box, or "emulated" for a cell that is started with it.
    realtime: insist on a real-time kernel, as a real arm needs; false for an emulator.
    speed: share of the maker's limits on joint speed, acceleration and jerk (0..1]; begin with 0.1 on a real arm.
    torque_limit [Nm], force_limit [N]: contact above these is a reflex.
    grasp_force [N], hand_speed: of the width between the fingers [m/s].
    patience_s: a controller whose clock stands still for so long is lost [s].
    """

    address: str
    realtime: bool = True
    speed: float = 0.3
    torque_limit: float = 20.0
    force_limit: float = 30.0
    grasp_force: float = 20.0
    hand_speed: float = 0.1
    patience_s: float = 0.5
    cameras: tuple[EyeSettings, ...] = ()

    def __post_init__(self) -> None:
        if not 0 < self.speed <= 1:
            raise SpecError(f"speed is a share of the maker's limits in (0, 1], got {self.speed:g}")


@dataclass(frozen=True, eq=False)
class ArmState:
    """joints, aims: measured and commanded angles (7,) [rad].  robot_time: the controller's clock [s]."""

    joints: Joints
    aims: Joints
    robot_time: float


class _Watched:
    """A thread that looks at something again and again; remembers what it saw, when, and what went wrong."""

    def __init__(self, name: str, period: float) -> None:
        self._name, self._period = name, period
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None
        self._fresh = 0.0
        self.fault: str | None = None

    def check(self, patience_s: float) -> None:
        """Raise WorldFault when something went wrong or nothing new came for so long."""
        age = time.monotonic() - self._fresh
        if self.fault is None and age > patience_s:
            self.fault = f"{self._name} has not answered for {age:.1f} s"
        if self.fault is not None:
            raise WorldFault(self.fault)

    def _begin(self) -> None:
        self._closing.clear()
        self._fresh = time.monotonic()
        self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
        self._thread.start()

    def _end(self) -> None:
        self._closing.set()
        if self._thread is not None:
            self._thread.join(JOIN_SECONDS)
        self._thread = None

    def _run(self) -> None:
        while not self._closing.wait(self._period) and self.fault is None:
            try:
                self._look()
            except franka_errors() as error:
                self.fault = self.fault or f"{self._name}: {one_line(error)}"

    def _look(self) -> None:
        raise NotImplementedError


class ArmLink(_Watched):
    """The arm. Raises WorldFault where it cannot be reached, refuses, or is in a fault."""

    def __init__(self, settings: FrankaSettings) -> None:
        super().__init__(f"the Franka at {settings.address}", WATCH_PERIOD)
        self._settings = settings
        reachable(settings.address, ARM_PORT)
        self._robot = within(CONNECT_SECONDS, lambda: _open_arm(settings), f"{self._name} took the call but is silent")
        self._state = self._sense()
        self._begin()

    def state(self) -> ArmState:
        """Return the newest state; raise WorldFault when there is none."""
        self.check(self._settings.patience_s)
        return self._state

    def aim(self, joints: Joints) -> None:
        """Go to `joints` (7,) [rad] as fast as `speed` allows and hold there; replaces what was under way."""
        import franky

        self.check(self._settings.patience_s)
        # Not with `minimum_time`: replaced halfway, franky's planner then fails now and then (Ruckig's error -111).
        motion = franky.JointMotion(joints.tolist(), return_when_finished=False)
        try:
            self._robot.move(motion, asynchronous=True)
        except franka_errors() as error:
            self.fault = f"{self._name} refused the motion: {one_line(error)}"
            raise WorldFault(self.fault) from error

    def halt(self) -> None:
        """Brake within the limits and hold; never raises."""
        import franky

        try:
            if self._robot.is_in_control:
                self._robot.move(franky.JointStopMotion(), asynchronous=True)
        except franka_errors() as error:
            self.fault = self.fault or f"{self._name} would not stop: {one_line(error)}"

    def recover(self) -> None:
        """Acknowledge the controller's errors; raise WorldFault when it stays in them."""
        try:
            recovered = self._robot.recover_from_errors()
        except franka_errors() as error:
            raise WorldFault(f"{self._name} does not recover: {one_line(error)}") from error
        if not recovered:
            raise WorldFault(f"{self._name} does not recover; look at its Desk page")

    def close(self) -> None:
        """Halt and let go; never raises."""
        self.halt()
        try:
            self._robot.join_motion(timeout=0.5)
        except franka_errors() as error:
            self.fault = self.fault or one_line(error)
        self._end()
        del self._robot

    def _look(self) -> None:
        state = self._sense()
        self._robot.poll_motion()
        if state.robot_time != self._state.robot_time:
            self._state, self._fresh = state, time.monotonic()

    def _sense(self) -> ArmState:
        import franky

        state = self._robot.state
        if state.robot_mode not in (franky.RobotMode.Idle, franky.RobotMode.Move):
            mode, errors = state.robot_mode.name, str(state.current_errors)
            self.fault = f"{self._name} is in mode {mode} {errors}; see to the cause, then recover it"
        return ArmState(np.array(state.q), np.array(state.q_d), float(state.time.to_sec()))


class HandLink(_Watched):
    """The gripper. Its orders take long and cannot be replaced, so the thread breaks off the old one first."""

    def __init__(self, settings: FrankaSettings) -> None:
        super().__init__(f"the Franka Hand at {settings.address}", HAND_PERIOD)
        self._settings = settings
        self._hand = within(CONNECT_SECONDS, lambda: _open_hand(settings), f"{self._name} took the call but is silent")
        self._goal: float | None = None
        self._ordered: float | None = None
        self._order: franky.BoolFuture | None = None
        self._width, self._full = float(self._hand.width), float(self._hand.max_width)
        self._begin()

    def opening(self) -> float:
        """Return how far it is open, 0..1; raise WorldFault when it does not answer."""
        self.check(self._settings.patience_s + JOIN_SECONDS if self._busy() else self._settings.patience_s)
        return min(max(self._width / self._full, 0.0), 1.0)

    def go(self, opening: float) -> None:
        """Open or close to `opening`, 0..1; what is in the way is grasped."""
        self._goal = opening

    def close(self) -> None:
        """Stay where it is and let go of the connection; never raises."""
        self._end()
        self._order = None
        del self._hand

    def _busy(self) -> bool:
        return self._ordered != self._goal

    def _look(self) -> None:
        self._width = float(self._hand.width)
        goal = self._goal
        if goal is not None and goal != self._ordered:
            if self._order is not None and not self._order.wait(0.0):
                self._hand.stop()
            self._order = self._begin_order(goal)
            self._ordered = goal
        self._fresh = time.monotonic()

    def _begin_order(self, opening: float) -> "franky.BoolFuture":
        width, speed = opening * self._full, self._settings.hand_speed
        if width >= self._width:
            return self._hand.move_async(width, speed)
        # A grasp keeps pressing; with tolerances as wide as the hand it holds whatever it meets, or nothing.
        return self._hand.grasp_async(width, speed, self._settings.grasp_force, self._full, self._full)


def franka_errors() -> tuple[type[Exception], ...]:
    """Return the exceptions that libfranka's calls raise."""
    import franky

    return (
        franky.CommandException,
        franky.ControlException,
        franky.Exception,
        franky.GripperException,
        franky.IncompatibleVersionException,
        franky.InvalidMotionTypeException,
        franky.InvalidOperationException,
        franky.ModelException,
        franky.NetworkException,
        franky.ProtocolException,
        franky.RealtimeException,
        RuntimeError,  # franky's own, such as a motion planner that finds no way
    )


def one_line(error: Exception) -> str:
    """Return the first line of libfranka's message without its prefix."""
    text = str(error).strip() or type(error).__name__
    return text.splitlines()[0].removeprefix("libfranka: ")


def reachable(address: str, port: int) -> None:
    """Raise WorldFault when nobody listens there; libfranka itself would wait for a minute."""
    try:
        socket.create_connection((address, port), timeout=REACH_SECONDS).close()
    except OSError as error:
        why = error.strerror or "no answer"
        raise WorldFault(f"nothing answers as a Franka at {address}:{port} ({why.lower()})") from error


def within(seconds: float, job: Callable[[], T], complaint: str) -> T:
    """Return what `job` returns; raise WorldFault when it takes longer, or with what libfranka says."""
    done: list[T] = []
    failed: list[Exception] = []

    def work() -> None:
        try:
            done.append(job())
        except franka_errors() as error:
            failed.append(error)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(seconds)
    if failed:
        raise WorldFault(f"the Franka cannot be used: {one_line(failed[0])}") from failed[0]
    if not done:
        raise WorldFault(complaint)
    return done[0]


def _open_arm(settings: FrankaSettings) -> "franky.Robot":
    import franky

    realtime = franky.RealtimeConfig.Enforce if settings.realtime else franky.RealtimeConfig.Ignore
    return franky.Robot(
        settings.address,
        relative_dynamics_factor=settings.speed,
        default_torque_threshold=settings.torque_limit,
        default_force_threshold=settings.force_limit,
        realtime_config=realtime,
    )


def _open_hand(settings: FrankaSettings) -> "franky.Gripper":
    import franky

    return franky.Gripper(settings.address)
