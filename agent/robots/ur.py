"""UR e-series arms through the vendor-neutral library `ur_rtde` (extra `ur`): RTDE 30004, dashboard 29999, script 30003.

Connecting uploads the library's control program, which moves nothing. Actions become joint targets here, with the
maker's published kinematics; servoJ is fed at 125 Hz by `Stream`. A protective stop, a lost line or an ended program is
a WorldFault, and only disconnecting and connecting again recovers.
"""

import socket
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from agent.errors import SpecError, WorldFault, unknown_name
from agent.robots.aim import Aim, action_spec, state_of, state_spec
from agent.robots.chain import Array, Chain, chain_from_dh, frame_of, matrix_from_vector, vector_from_matrix
from agent.robots.eye import Eye
from agent.robots.ur_stream import Stream
from agent.types import Control, Embodiment, FloatArray, Reading

QUARTER = float(np.pi / 2)
JOINTS = ("shoulder_pan", "shoulder_lift", "elbow", "wrist_1", "wrist_2", "wrist_3")
DH = {
    name: ((0.0, d1, QUARTER), (a2, 0.0, 0.0), (a3, 0.0, 0.0), (0.0, d4, QUARTER), (0.0, d5, -QUARTER), (0.0, d6, 0.0))
    for name, d1, a2, a3, d4, d5, d6 in (
        ("ur3e", 0.15185, -0.24355, -0.2132, 0.13105, 0.08535, 0.0921),
        ("ur5e", 0.1625, -0.425, -0.3922, 0.1333, 0.0997, 0.0996),
        ("ur10e", 0.1807, -0.6127, -0.57155, 0.17415, 0.11985, 0.11655),
    )
}
"""Model -> rows a [m], d [m], alpha [rad] (Universal Robots, "DH parameters for calculations of kinematics and dynamics")."""
_REACH = 1.7
_VARIABLES = ["timestamp", "actual_q", "actual_TCP_pose", "robot_status_bits", "safety_status_bits"]
_VARIABLES += ["runtime_state", "actual_digital_output_bits", "robot_mode"]
_SILENCE = 0.3
"""A controller that was not heard for so long [s] is lost; it speaks every 8 ms."""
_TCP_TOLERANCE = 0.005
_PROTECTIVE, _EMERGENCY = 0b100, 0b1110_0000
"""Bits of RTDE's safety_status_bits."""
_PROGRAM_RUNNING = 0b10


@dataclass(frozen=True)
class URConfig:
    """host: the controller's address.  model: ur3e, ur5e or ur10e.  control: what one action is.

    rate_hz: actions a second.  max_speed: of any joint [rad/s].  tcp: tool in the flange, x y z [m] and rotation vector
    [rad], as set at the controller; connecting checks it.  base_yaw: how far the arm's own x axis is turned from forward
    [rad].  gripper_output: digital output 0-7 that works the gripper, or none.  gripper_opens_at: the level that opens
    it.  watchdog_hz: the controller stops the arm by itself without so many signs of life a second.
    """

    host: str = "192.168.0.10"
    model: str = "ur5e"
    control: Control = Control.EE_DELTA
    rate_hz: float = 5.0
    max_speed: float = 0.6
    tcp: tuple[float, float, float, float, float, float] = (0.0, 0.0, 0.12, 0.0, 0.0, 0.0)
    base_yaw: float = 0.0
    gripper_output: int | None = None
    gripper_opens_at: bool = False
    watchdog_hz: float = 4.0

    def __post_init__(self) -> None:
        if self.model not in DH:
            raise unknown_name("UR model", self.model, DH)
        for name in ("rate_hz", "max_speed", "watchdog_hz"):
            if getattr(self, name) <= 0:
                raise SpecError(f"{name} must be above 0, got {getattr(self, name):g}")
        if self.gripper_output is not None and not 0 <= self.gripper_output <= 7:
            raise SpecError(f"gripper_output must be a digital output from 0 to 7, got {self.gripper_output}")


def ur_chain(config: URConfig) -> Chain:
    """Return the arm's kinematics in our base and with our tool: z away from the approach."""
    tcp = frame_of(config.tcp[:3])
    tcp[:3, :3] = matrix_from_vector(np.array(config.tcp[3:]))
    away = frame_of((0.0, 0.0, 0.0), (np.pi, 0.0, 0.0))
    return chain_from_dh(DH[config.model], JOINTS, frame_of((0.0, 0.0, 0.0), (0.0, 0.0, config.base_yaw)), tcp @ away)


class UR:
    """RobotDriver of one UR arm."""

    def __init__(self, config: URConfig, *, eyes: Sequence[Eye] = ()) -> None:
        self._config, self._eyes = config, tuple(eyes)
        self._chain = ur_chain(config)
        self._aim = Aim(self._chain, config.control, longest_step=config.max_speed / config.rate_hz)
        self._receive: Any = None
        self._control: Any = None
        self._io: Any = None
        self._stream: Stream | None = None
        self._stamp, self._heard_at = -1.0, 0.0
        self._gripper_level: bool | None = None

    @property
    def embodiment(self) -> Embodiment:
        return Embodiment(
            name=self._config.model,
            cameras=tuple(eye.spec for eye in self._eyes),
            state=state_spec(self._chain, reach=_REACH),
            action=action_spec(self._chain, self._config.control),
            control=self._config.control,
            rate_hz=self._config.rate_hz,
        )

    def connect(self) -> None:
        if self._stream is not None:
            return
        try:
            import rtde_control
            import rtde_io
            import rtde_receive
        except ImportError as error:
            raise SpecError("a UR arm needs ur_rtde: pip install 'aubergine[ur]'") from error
        check_controller(self._config.host)
        try:
            self._receive = rtde_receive.RTDEReceiveInterface(self._config.host, 125.0, _VARIABLES)
            self._check_tool()
            self._control = rtde_control.RTDEControlInterface(self._config.host, 125.0)
            if self._config.gripper_output is not None:
                self._io = rtde_io.RTDEIOInterface(self._config.host)
            self._heard_at = time.monotonic()
            self._stream = Stream(
                self._control,
                speed=self._config.max_speed,
                watchdog_hz=self._config.watchdog_hz,
                is_alive=self._is_alive,
            )
            for eye in self._eyes:
                eye.open()
        except RuntimeError as error:
            self.disconnect()
            raise self._fault(" ".join(str(error).split())) from error
        except WorldFault:
            self.disconnect()
            raise

    def read(self) -> Reading:
        self._check()
        state = state_of(self._chain, self._measured(), self._opening())
        taken = time.monotonic()
        return Reading({eye.spec.name: eye.look() for eye in self._eyes}, state, taken)

    def send(self, action: FloatArray) -> FloatArray:
        """Set the arm on its way; raises ValueError when the action is not legal, WorldFault when the arm will not go.

        The gripper knows open and closed only: what is sent is 1 from 0.5 upwards, else 0; without one it stays 1.
        """
        problem = self.embodiment.action.problem(action)
        if problem:
            raise ValueError(f"the action is not legal: {problem}")
        self._check()
        assert self._stream is not None
        measured = self._measured()
        joints, executed = self._aim.at(action, measured)
        executed[-1] = self._work_gripper(opened=bool(action[-1] >= 0.5))
        self._stream.aim(joints, measured)
        return executed

    def stop(self) -> None:
        self._aim.forget()
        if self._stream is not None:
            self._stream.hold(timeout=0.5 if self._is_alive() else 0.0)

    def disconnect(self) -> None:
        """Stop, end the program on the controller and let go; takes about a second, which the library sleeps."""
        self._aim.forget()
        alive = self._stream is not None and self._is_alive()
        if self._stream is not None:
            self._stream.close(timeout=0.7 if alive else 0.1)
        for eye in self._eyes:
            eye.close()
        self._stream, self._gripper_level = None, None
        if not alive:
            self._abandon()
        # The library's own destructors close their sockets and end their threads.
        self._receive = self._control = self._io = None

    def _abandon(self) -> None:
        """Disconnect from a controller that is gone: each object waits for it, so side by side and not for ever."""

        def let_go(thing: Any) -> None:
            try:
                thing.disconnect()
            except RuntimeError:
                return

        things = [thing for thing in (self._control, self._receive, self._io) if thing is not None]
        threads = [threading.Thread(target=let_go, args=(thing,), daemon=True) for thing in things]
        for thread in threads:
            thread.start()
        deadline = time.monotonic() + 0.8
        for thread in threads:
            thread.join(max(0.0, deadline - time.monotonic()))

    def _check(self) -> None:
        """Raise WorldFault in one sentence when the arm cannot be read or moved."""
        if self._stream is None:
            raise self._fault("it is not connected; call connect first")
        if not self._hear():
            raise self._fault("the controller does not answer any more")
        safety = int(self._receive.getSafetyStatusBits())
        if safety & _EMERGENCY:
            raise self._fault("the emergency stop is pressed")
        if safety & _PROTECTIVE:
            raise self._fault("it made a protective stop: unlock it at the pendant, then connect again")
        if not int(self._receive.getRobotStatus()) & _PROGRAM_RUNNING:
            raise self._fault("its control program has ended: connect again to go on")
        if self._stream.fault is not None:
            raise self._fault(self._stream.fault)

    def _fault(self, what: str) -> WorldFault:
        return WorldFault(f"the {self._config.model} at {self._config.host}: {what}")

    def _is_alive(self) -> bool:
        """Say, without waiting, whether the controller was heard lately."""
        now, stamp = time.monotonic(), float(self._receive.getTimestamp())
        if stamp != self._stamp:
            self._stamp, self._heard_at = stamp, now
        connected = self._receive.isConnected() and (self._control is None or self._control.isConnected())
        return bool(connected) and now - self._heard_at < _SILENCE

    def _hear(self) -> bool:
        """Wait for a package newer than this call, so that what is read is not from before a cut."""
        before = float(self._receive.getTimestamp())
        while self._is_alive():
            if float(self._receive.getTimestamp()) != before:
                return True
            time.sleep(0.001)
        return False

    def _measured(self) -> Array:
        return np.array(self._receive.getActualQ())

    def _opening(self) -> float:
        if self._config.gripper_output is None:
            return 1.0
        level = bool(int(self._receive.getActualDigitalOutputBits()) >> self._config.gripper_output & 1)
        return float(level == self._config.gripper_opens_at)

    def _work_gripper(self, *, opened: bool) -> float:
        """Set the gripper's output when it changes; return the opening that was sent."""
        if self._io is None:
            return 1.0
        level = self._config.gripper_opens_at if opened else not self._config.gripper_opens_at
        if level != self._gripper_level:
            if not self._io.setStandardDigitalOut(self._config.gripper_output, level):
                raise self._fault(f"digital output {self._config.gripper_output} was not taken")
            self._gripper_level = level
        return float(opened)

    def _check_tool(self) -> None:
        """Refuse when the controller's tool is not where our kinematics put it: another model, or another TCP."""
        ours = ur_chain_as_controller(self._config).forward(self._measured())
        theirs = np.array(self._receive.getActualTCPPose())
        off = float(np.linalg.norm(ours[:3, 3] - theirs[:3]))
        turned = float(np.linalg.norm(vector_from_matrix(ours[:3, :3].T @ matrix_from_vector(theirs[3:]))))
        if off > _TCP_TOLERANCE or turned > 0.02:
            raise self._fault(
                f"its tool is {1000 * off:.0f} mm and {np.degrees(turned):.0f}° from where model '{self._config.model}' "
                "and tcp put it; set them as at the controller"
            )


def ur_chain_as_controller(config: URConfig) -> Chain:
    """Return the kinematics in the controller's own words: its base, its tool."""
    tcp = frame_of(config.tcp[:3])
    tcp[:3, :3] = matrix_from_vector(np.array(config.tcp[3:]))
    return chain_from_dh(DH[config.model], JOINTS, np.eye(4), tcp)


def check_controller(host: str, *, timeout: float = 1.5) -> None:
    """Ask the dashboard whether the arm may be driven; raise WorldFault in one sentence when not.

    The vendor-neutral library waits for ever for a peer that accepts and is silent, so this asks first, with a limit.
    """
    try:
        with socket.create_connection((host, 29999), timeout=timeout) as line, line.makefile("rw", newline="\n") as talk:
            if "Dashboard" not in talk.readline():
                raise WorldFault(f"what answers at {host} port 29999 is not a UR dashboard")

            def ask(question: str) -> str:
                talk.write(question + "\n")
                talk.flush()
                return talk.readline().strip()

            if ask("is in remote control") == "false":
                raise WorldFault(f"the UR at {host} is in local control; switch it to remote control at the pendant")
            mode = ask("robotmode").removeprefix("Robotmode: ")
            if mode != "RUNNING":
                raise WorldFault(f"the UR at {host} is in {mode}; power it on and release its brakes")
            safety = ask("safetystatus").removeprefix("Safetystatus: ")
            if safety not in ("NORMAL", "REDUCED"):
                raise WorldFault(f"the UR at {host} is in {safety}; clear it at the pendant")
        socket.create_connection((host, 30004), timeout=timeout).close()
    except OSError as error:
        raise WorldFault(f"no UR controller answers at {host}: {error.strerror or 'timed out'}") from error
