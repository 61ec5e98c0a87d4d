"""UR e-series arms through the library `ur_rtde` (extra `ur`): RTDE 30004, dashboard 29999, script 30003.

Connecting uploads the library's control program, which moves nothing. Actions become joint targets here, with the
maker's published kinematics; servoJ is fed at 125 Hz by `Stream`. A protective stop, a lost line or an ended program is
a WorldFault, and only disconnecting and connecting again recovers.
"""

import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from agent.errors import SpecError, WorldFault
from agent.robots.aim import Aim, action_spec, state_of, state_spec
from agent.robots.chain import Array, matrix_from_vector, vector_from_matrix
from agent.robots.eye import Eye
from agent.robots.opencv_eye import eyes_for
from agent.robots.ur_arm import URConfig, check_controller, ur_chain, ur_chain_as_controller
from agent.robots.ur_release import pinned, release
from agent.robots.ur_stream import Stream
from agent.types import Embodiment, FloatArray, Reading

_REACH = 1.7
_VARIABLES = ["timestamp", "actual_q", "actual_TCP_pose", "robot_status_bits", "safety_status_bits"]
_VARIABLES += ["runtime_state", "actual_digital_output_bits", "robot_mode"]
_TCP_TOLERANCE = 0.005
_PROTECTIVE, _EMERGENCY = 0b100, 0b1110_0000
"""Bits of RTDE's safety_status_bits."""
_PROGRAM_RUNNING = 0b10


class UR:
    """RobotDriver of one UR arm. eyes: None for OpenCV's, as the settings name them."""

    def __init__(self, config: URConfig, *, eyes: Sequence[Eye] | None = None) -> None:
        self._config, self._eyes = config, eyes_for(config.cameras, eyes)
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
            self._receive = pinned(rtde_receive.RTDEReceiveInterface(self._config.host, 125.0, _VARIABLES))
            self._check_tool()
            self._control = pinned(rtde_control.RTDEControlInterface(self._config.host, 125.0))
            if self._config.gripper_output is not None:
                self._io = pinned(rtde_io.RTDEIOInterface(self._config.host))
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
        things = [thing for thing in (self._control, self._receive, self._io) if thing is not None]
        self._receive = self._control = self._io = None
        release(things, patience=1.5 if alive else 0.8, destroy=alive)

    def _check(self) -> None:
        """Raise WorldFault in one sentence when the arm cannot be read or moved."""
        if self._stream is None:
            raise self._fault("it is not connected; call connect first")
        waited_from = time.monotonic()
        while True:
            # The stream's fault is read first: what is heard after it is newer than the refusal that caused it.
            refused = self._stream.fault
            if not self._hear():
                raise self._fault("the controller does not answer any more")
            cause = self._why_stopped()
            if cause is not None:
                raise self._fault(cause)
            if refused is None:
                return
            # The reply to a command overtakes the packages that say why the arm has stopped.
            if time.monotonic() - waited_from > self._config.silence_s:
                raise self._fault(refused)

    def _why_stopped(self) -> str | None:
        """Say why the controller's last package has the arm stopped, or None when it has it running."""
        safety = int(self._receive.getSafetyStatusBits())
        if safety & _EMERGENCY:
            return "the emergency stop is pressed"
        if safety & _PROTECTIVE:
            return "it made a protective stop: unlock it at the pendant, then connect again"
        if not int(self._receive.getRobotStatus()) & _PROGRAM_RUNNING:
            return "its control program has ended: connect again to go on"
        return None

    def _fault(self, what: str) -> WorldFault:
        return WorldFault(f"the {self._config.model} at {self._config.host}: {what}")

    def _is_alive(self) -> bool:
        """Say, without waiting, whether the controller was heard lately."""
        receive, control = self._receive, self._control
        if receive is None:
            # A stream that did not end in time asks once more after everything was let go.
            return False
        now, stamp = time.monotonic(), float(receive.getTimestamp())
        if stamp != self._stamp:
            self._stamp, self._heard_at = stamp, now
        connected = receive.isConnected() and (control is None or control.isConnected())
        return bool(connected) and now - self._heard_at < self._config.silence_s

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
                f"its tool is {1000 * off:.0f} mm and {np.degrees(turned):.0f}° from where model "
                f"'{self._config.model}' and tcp put it; set them as at the controller"
            )
