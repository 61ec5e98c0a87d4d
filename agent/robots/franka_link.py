"""The two connections of a Franka, arm and hand, each in a thread of its own. All of libfranka (franky) is here."""

import socket
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from agent.errors import SpecError, WorldFault
from agent.robots.eye import EyeSettings

if TYPE_CHECKING:
    import franky

Joints = NDArray[np.float64]

EMULATED = "emulated"
ARM_PORT = 1337
REACH_SECONDS, CONNECT_SECONDS, CLOSE_SECONDS, RECOVERY_SECONDS = 2.0, 10.0, 0.9, 0.2
ARM_PERIOD, HAND_PERIOD = 0.02, 0.04
"""Seconds between two looks at the robot when nothing is asked of it."""

BREAK_OFF_SECONDS = 0.5
_ABANDONED: list[object] = []


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


class _Link:
    """One connection. Its thread opens it, uses it, and lets go of it; nobody else calls libfranka.

    Such calls may block for seconds when the controller is gone. Callers look at what the thread saw last, and when.
    """

    def __init__(self, name: str, *, period: float, patience_s: float) -> None:
        self._name, self._period, self._patience_s = name, period, patience_s
        self._ready, self._closing, self._wake = threading.Event(), threading.Event(), threading.Event()
        self._fresh = 0.0
        self.fault: str | None = None
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def check(self) -> None:
        """Raise WorldFault when something went wrong or nothing new came for too long."""
        age = time.monotonic() - self._fresh
        if self.fault is None and age > self._patience_s:
            self.fault = f"{self._name} has not answered for {age:.1f} s"
        if self.fault is not None:
            raise WorldFault(self.fault)

    def excuse(self) -> None:
        """Start waiting anew: this thread may have been held up while the other link was opened."""
        self._fresh = time.monotonic()

    def close(self) -> None:
        """End the connection; never raises. A thread that waits for a dead controller is left to its time-out."""
        self._closing.set()
        self._wake.set()
        self._thread.join(CLOSE_SECONDS)

    def _start(self) -> None:
        self._thread.start()
        if not self._ready.wait(CONNECT_SECONDS):
            self.fault = f"{self._name} took the call but is silent; is somebody else connected to it?"
        self._fresh = time.monotonic()
        if self.fault is not None:
            self.close()
            raise WorldFault(self.fault)

    def _run(self) -> None:
        try:
            self._open()
            self._ready.set()
            while not self._closing.is_set() and self.fault is None:
                self._work()
                self._wake.wait(self._period)
                self._wake.clear()
        except franka_errors() as error:
            self.fault = self.fault or f"{self._name}: {one_line(error)}"
        self._ready.set()
        try:
            self._leave()
        except franka_errors() as error:
            self.fault = self.fault or f"{self._name} would not stop: {one_line(error)}"

    def _open(self) -> None:
        raise NotImplementedError

    def _work(self) -> None:
        raise NotImplementedError

    def _leave(self) -> None:
        raise NotImplementedError


class ArmLink(_Link):
    """The arm. Raises WorldFault where it cannot be reached, is in a fault, or does not recover from it."""

    def __init__(self, settings: FrankaSettings, *, recover: bool = False) -> None:
        super().__init__(f"the Franka at {settings.address}", period=ARM_PERIOD, patience_s=settings.patience_s)
        self._settings, self._recover = settings, recover
        self._goal: Joints | None = None
        self._halt = False
        reachable(settings.address)
        self._start()

    def state(self) -> ArmState:
        """Return the newest state; raise WorldFault when there is none."""
        self.check()
        return self._state

    def aim(self, joints: Joints) -> None:
        """Go to `joints` (7,) [rad] as fast as `speed` allows and hold there; replaces what was under way.

        Raises WorldFault when the arm is not well; that it refuses this very motion shows at the next call.
        """
        self.check()
        self._goal, self._halt = np.array(joints, dtype=np.float64), False
        self._wake.set()

    def halt(self) -> None:
        """Brake within the limits and hold; never raises."""
        self._goal, self._halt = None, True
        self._wake.set()

    def _open(self) -> None:
        import franky

        settings = self._settings
        self._robot: franky.Robot | None = franky.Robot(
            settings.address,
            relative_dynamics_factor=settings.speed,
            default_torque_threshold=settings.torque_limit,
            default_force_threshold=settings.force_limit,
            realtime_config=franky.RealtimeConfig.Enforce if settings.realtime else franky.RealtimeConfig.Ignore,
        )
        if self._recover:
            # What it returns may rest on a packet from before; the mode a moment later tells.
            self._robot.recover_from_errors()
            time.sleep(RECOVERY_SECONDS)
        self._state = self._sense(self._robot)

    def _work(self) -> None:
        import franky

        robot = self._robot
        assert robot is not None
        robot.poll_motion()
        goal, self._goal = self._goal, None
        if self._halt:
            self._halt = False
            _brake(robot)
        elif goal is not None:
            # Not with `minimum_time`: replaced halfway, franky's planner then fails now and then (Ruckig's error -111).
            robot.move(franky.JointMotion(goal.tolist(), return_when_finished=False), asynchronous=True)
        state = self._sense(robot)
        if state.robot_time != self._state.robot_time:
            self._state, self._fresh = state, time.monotonic()

    def _leave(self) -> None:
        robot, self._robot = getattr(self, "_robot", None), None
        if robot is not None:
            _brake(robot)
            robot.join_motion(timeout=0.5)

    def _sense(self, robot: "franky.Robot") -> ArmState:
        import franky

        state = robot.state
        if state.robot_mode not in (franky.RobotMode.Idle, franky.RobotMode.Move) and self.fault is None:
            mode, errors = state.robot_mode.name, str(state.current_errors)
            self.fault = f"{self._name} is in mode {mode} {errors}; see to the cause, then recover it"
        return ArmState(np.array(state.q), np.array(state.q_d), float(state.time.to_sec()))


class HandLink(_Link):
    """The gripper. Its orders take long and cannot be replaced, so the old one is broken off first."""

    def __init__(self, settings: FrankaSettings) -> None:
        super().__init__(f"the Franka Hand at {settings.address}", period=HAND_PERIOD, patience_s=settings.patience_s)
        self._settings = settings
        self._goal: float | None = None
        self._ordered: float | None = None
        self._order: franky.BoolFuture | None = None
        self._start()

    def opening(self) -> float:
        """Return how far it is open, 0..1; raise WorldFault when it does not answer."""
        self.check()
        return min(max(self._width / self._full, 0.0), 1.0)

    def go(self, opening: float) -> None:
        """Open or close to `opening`, 0..1; what is in the way is grasped."""
        self._goal = opening
        self._wake.set()

    def _open(self) -> None:
        import franky

        self._hand: franky.Gripper | None = franky.Gripper(self._settings.address)
        self._width, self._full = float(self._hand.width), float(self._hand.max_width)

    def _work(self) -> None:
        hand = self._hand
        assert hand is not None
        self._width, self._fresh = float(hand.width), time.monotonic()
        goal = self._goal
        if goal is None or goal == self._ordered:
            return
        if self._order is not None and not self._order.wait(0.0):
            hand.stop()
        width, speed = goal * self._full, self._settings.hand_speed
        if width >= self._width:
            self._order = hand.move_async(width, speed)
        else:
            # A grasp keeps pressing; with tolerances as wide as the hand it holds whatever it meets, or nothing.
            self._order = hand.grasp_async(width, speed, self._settings.grasp_force, self._full, self._full)
        self._ordered = goal

    def _leave(self) -> None:
        """Break off the last order. A hand that still works at one is kept for good: libfranka's thread uses it."""
        hand, order, self._hand, self._order = getattr(self, "_hand", None), self._order, None, None
        if hand is None or order is None:
            return
        try:
            if not order.wait(0.0):
                hand.stop()
        finally:
            if not order.wait(BREAK_OFF_SECONDS):
                _ABANDONED.append((hand, order))


def _brake(robot: "franky.Robot") -> None:
    import franky

    if robot.is_in_control:
        robot.move(franky.JointStopMotion(), asynchronous=True)


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


def reachable(address: str) -> None:
    """Raise WorldFault when nobody listens there; libfranka itself would wait for a minute."""
    try:
        socket.create_connection((address, ARM_PORT), timeout=REACH_SECONDS).close()
    except OSError as error:
        why = (error.strerror or "no answer").lower()
        raise WorldFault(f"nothing answers as a Franka at {address}:{ARM_PORT} ({why})") from error
