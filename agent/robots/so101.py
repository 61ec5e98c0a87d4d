"""SO-101, LeRobot's arm of six Feetech servos: five joints and a gripper on one serial line.

The motors hold their calibration themselves; it must be the one in the file, which LeRobot's tools write and read. The
torque comes on with the first action, so that connecting and reading move nothing, and goes off when disconnecting: the
arm then sinks, so it should stand where it may.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from agent.errors import SpecError, WorldFault
from agent.robots.aim import Aim, action_spec, state_of, state_spec
from agent.robots.chain import Array, Chain, Joint, chain_from_urdf
from agent.robots.eye import Eye, EyeSettings
from agent.robots.feetech import MODEL_NUMBER, RESOLUTION, FeetechBus, ServoState
from agent.robots.opencv_eye import eyes_for
from agent.robots.so101_calibration import ARM, GRIPPER, MOTORS, MotorCalibration, load_calibration
from agent.types import Control, Embodiment, FloatArray, Reading

URDF = Path(__file__).parent / "assets" / "so101.urdf"
_REACH = 0.6
_GAINS = {"Return_Delay_Time": 0, "Operating_Mode": 0, "P_Coefficient": 16, "I_Coefficient": 0, "D_Coefficient": 32}
_GRIPPER_LIMITS = {"Max_Torque_Limit": 500, "Protection_Current": 250, "Overload_Torque": 25}
"""Registers as LeRobot sets them: soft gains against shaking, half the gripper's torque and current against burning."""
_ACCELERATION = 50
"""In units of 100 steps/s²: about 7.7 rad/s²."""
_CALIBRATION_REGISTERS = {
    "Homing_Offset": "homing_offset",
    "Min_Position_Limit": "range_min",
    "Max_Position_Limit": "range_max",
}


@dataclass(frozen=True)
class SO101Config:
    """port: serial port of the arm's board.  calibration: file that lerobot-calibrate wrote for this arm.

    control: what one action is.  rate_hz: actions a second.  max_speed: of any joint [rad/s], which the servos keep to
    as well.  gripper_speed: of the gripper's servo [rad/s].
    margin: how far from the end of its calibrated range a joint stays [rad].  write_calibration: write the file's
    calibration into the motors when they hold another, instead of refusing.  relax: torque off when disconnecting.
    answer_s: how much longer than the vendor's library a servo's answer is waited for, three times at most [s].
    """

    port: str = "/dev/ttyACM0"
    calibration: Path = Path("so101.json")
    control: Control = Control.EE_DELTA
    rate_hz: float = 5.0
    max_speed: float = 1.0
    gripper_speed: float = 3.0
    margin: float = 0.03
    write_calibration: bool = False
    relax: bool = True
    answer_s: float = 0.0
    cameras: tuple[EyeSettings, ...] = ()

    def __post_init__(self) -> None:
        for name in ("rate_hz", "max_speed", "gripper_speed"):
            if getattr(self, name) <= 0:
                raise SpecError(f"{name} must be above 0, got {getattr(self, name):g}")
        for name in ("margin", "answer_s"):
            if getattr(self, name) < 0:
                raise SpecError(f"{name} must not be below 0, got {getattr(self, name):g}")


def so101_chain(calibration: dict[str, MotorCalibration], *, margin: float = 0.0) -> Chain:
    """Return the arm's kinematics, its limits cut to the calibrated ranges less `margin` [rad] at either end."""
    chain = chain_from_urdf(URDF, tip="tool")
    joints = []
    for joint in chain.joints:
        motor = calibration[joint.name]
        low, high = max(joint.low, motor.radians(motor.range_min)), min(joint.high, motor.radians(motor.range_max))
        if low + margin >= high - margin:
            raise SpecError(f"the calibrated range of {joint.name} leaves it no way to move")
        joints.append(Joint(joint.name, joint.frame, joint.axis, low + margin, high - margin))
    return Chain(joints, chain.tool)


class SO101:
    """RobotDriver of one SO-101. Raises SpecError when the calibration file is missing or wrong.

    eyes: None for OpenCV's, as the settings name them.
    """

    def __init__(self, config: SO101Config, *, eyes: Sequence[Eye] | None = None) -> None:
        self._config, self._eyes = config, eyes_for(config.cameras, eyes)
        self._calibration = load_calibration(config.calibration)
        self._chain = so101_chain(self._calibration, margin=config.margin)
        self._aim = Aim(self._chain, config.control, longest_step=config.max_speed / config.rate_hz)
        names = {motor.id: name for name, motor in self._calibration.items()}
        self._bus = FeetechBus(config.port, names, answer_s=config.answer_s)
        self._ids = [motor.id for motor in self._calibration.values()]
        self._gripping = False

    @property
    def embodiment(self) -> Embodiment:
        return Embodiment(
            name="so101",
            cameras=tuple(eye.spec for eye in self._eyes),
            state=state_spec(self._chain, reach=_REACH),
            action=action_spec(self._chain, self._config.control),
            control=self._config.control,
            rate_hz=self._config.rate_hz,
        )

    def connect(self) -> None:
        if self._bus.is_open:
            return
        self._bus.open()
        try:
            self._check_motors()
            self._configure()
            for eye in self._eyes:
                eye.open()
        except WorldFault:
            self.disconnect()
            raise

    def read(self) -> Reading:
        joints, opening = self._measure()
        state = state_of(self._chain, joints, opening)
        taken = time.monotonic()
        return Reading({eye.spec.name: eye.look() for eye in self._eyes}, state, taken)

    def send(self, action: FloatArray) -> FloatArray:
        """Command the servos; raises ValueError when the action is not legal, WorldFault when the arm is gone."""
        problem = self.embodiment.action.problem(action)
        if problem:
            raise ValueError(f"the action is not legal: {problem}")
        measured, _ = self._measure()
        if not self._gripping:
            self._torque_on()
        joints, executed = self._aim.at(action, measured)
        goals = {name: self._calibration[name].steps(joint) for name, joint in zip(ARM, joints, strict=True)}
        goals[GRIPPER] = self._calibration[GRIPPER].steps_of_opening(float(action[-1]))
        self._set_goals(goals)
        return executed

    def stop(self) -> None:
        self._aim.forget()
        if not (self._bus.is_open and self._gripping):
            return
        try:
            self._hold_here()
        except WorldFault:
            # A servo that cannot be asked cannot be told either; the caller meets the fault at the next reading.
            return

    def disconnect(self) -> None:
        self.stop()
        if self._bus.is_open and self._gripping and self._config.relax:
            self._torque_off()
        self._gripping = False
        for eye in self._eyes:
            eye.close()
        self._bus.close()

    def _set_goals(self, goals: Mapping[str, int]) -> None:
        """Send goals [steps] with the servos' own speed limits: the joints' lies above ours, so that they keep up."""
        speeds = dict.fromkeys(ARM, 1.25 * self._config.max_speed) | {GRIPPER: self._config.gripper_speed}
        steps = {name: round(speed * RESOLUTION / (2 * np.pi)) for name, speed in speeds.items()}
        self._bus.sync_write_goals({self._calibration[name].id: (goal, steps[name]) for name, goal in goals.items()})

    def _measure(self) -> tuple[Array, float]:
        """Return the joints (5,) [rad] and the gripper's opening; raise WorldFault when a motor reports a fault."""
        states = self._bus.sync_read(self._ids)
        for name, motor in self._calibration.items():
            _check_health(name, states[motor.id])
        joints = [self._calibration[name].radians(states[self._calibration[name].id].position) for name in ARM]
        gripper = self._calibration[GRIPPER]
        return np.array(joints), gripper.opening(states[gripper.id].position)

    def _check_motors(self) -> None:
        models = {name: self._bus.ping(motor.id) for name, motor in self._calibration.items()}
        silent = [f"{name} (id {self._calibration[name].id})" for name, model in models.items() if model is None]
        if len(silent) == len(MOTORS):
            raise WorldFault(f"no motor answers on {self._config.port}; is the arm's power on?")
        if silent:
            raise WorldFault(f"{', '.join(silent)} on {self._config.port} does not answer, the other motors do")
        for name, model in models.items():
            if model != MODEL_NUMBER:
                raise WorldFault(f"{name} is model {model}, not an STS3215 ({MODEL_NUMBER})")

    def _configure(self) -> None:
        """Check or write the calibration, set gains; the torque is off meanwhile and EPROM is locked afterwards."""
        for name, motor in self._calibration.items():
            self._bus.write("Torque_Enable", motor.id, 0)
            differing = self._differing(motor)
            if differing and not self._config.write_calibration:
                register, held, wanted = differing[0]
                raise WorldFault(
                    f"{name} holds {register} {held}, the calibration file says {wanted}: use the file of this arm, or "
                    "set write_calibration"
                )
            self._bus.write("Lock", motor.id, 0)
            for register, _, wanted in differing:
                self._bus.write(register, motor.id, wanted)
            for register, value in (_GAINS | (_GRIPPER_LIMITS if name == GRIPPER else {})).items():
                if self._bus.read(register, motor.id) != value:
                    # EPROM wears out: only what differs is written.
                    self._bus.write(register, motor.id, value)
            self._bus.write("Lock", motor.id, 1)
            self._bus.write("Acceleration", motor.id, _ACCELERATION)
        self._gripping = False

    def _differing(self, motor: MotorCalibration) -> list[tuple[str, int, int]]:
        held = {register: self._bus.read(register, motor.id) for register in _CALIBRATION_REGISTERS}
        wanted = {register: int(getattr(motor, field)) for register, field in _CALIBRATION_REGISTERS.items()}
        return [(register, held[register], wanted[register]) for register in held if held[register] != wanted[register]]

    def _hold_here(self) -> None:
        states = self._bus.sync_read(self._ids)
        self._set_goals(
            {
                name: min(max(states[motor.id].position, motor.range_min), motor.range_max)
                for name, motor in self._calibration.items()
            }
        )

    def _torque_on(self) -> None:
        """Hold where the arm is: the goal is set first, or it would jump to an old one."""
        self._hold_here()
        self._gripping = True
        for motor in self._calibration.values():
            self._bus.write("Torque_Enable", motor.id, 1)

    def _torque_off(self) -> None:
        """Let go of every motor that still listens."""
        for motor in self._calibration.values():
            try:
                self._bus.write("Torque_Enable", motor.id, 0, tries=1)
            except WorldFault:
                continue


def _check_health(name: str, state: ServoState) -> None:
    if state.alarms:
        raise WorldFault(
            f"{name} reports {' and '.join(state.alarms)} (load {state.load:.0%}, {state.voltage:.1f} V, "
            f"{state.temperature} °C)"
        )
