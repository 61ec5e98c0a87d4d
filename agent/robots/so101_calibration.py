"""Calibration files of LeRobot's SO-100 and SO-101, and its units: degrees, gripper 0..100.

One JSON object: motor name -> id, drive_mode, homing_offset, range_min, range_max, as `lerobot-calibrate` writes it.
Formulas as in LeRobot's `MotorsBus._normalize`: 0 degrees is the middle of a joint's range, one turn is 4095 steps.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from agent.errors import SpecError, unknown_name
from agent.robots.feetech import RESOLUTION

ARM = ("shoulder_pan", "shoulder_lift", "elbow_flex", "wrist_flex", "wrist_roll")
GRIPPER = "gripper"
MOTORS = (*ARM, GRIPPER)
_FIELDS = ("id", "drive_mode", "homing_offset", "range_min", "range_max")
_LIMITS = {"id": (1, 252), "drive_mode": (0, 1), "homing_offset": (-2047, 2047)}
_STEPS_A_TURN = RESOLUTION - 1


@dataclass(frozen=True)
class MotorCalibration:
    """One motor. homing_offset: steps taken off the encoder.  range_min, range_max: where the joint ends [steps].

    drive_mode 1 turns the gripper round; LeRobot ignores it for joints in degrees, and so do we.
    """

    id: int
    drive_mode: int
    homing_offset: int
    range_min: int
    range_max: int

    @property
    def middle(self) -> float:
        return (self.range_min + self.range_max) / 2

    def radians(self, steps: float) -> float:
        """Return the joint angle [rad] at a position [steps]."""
        return (steps - self.middle) * 2 * np.pi / _STEPS_A_TURN

    def steps(self, radians: float) -> int:
        """Return the position [steps] nearest to a joint angle [rad], inside the range."""
        return self._inside(radians * _STEPS_A_TURN / (2 * np.pi) + self.middle)

    def opening(self, steps: float) -> float:
        """Return how far the gripper is open, 0 closed to 1 open, at a position [steps]."""
        share = (min(max(steps, self.range_min), self.range_max) - self.range_min) / (self.range_max - self.range_min)
        return 1 - share if self.drive_mode else share

    def steps_of_opening(self, opening: float) -> int:
        """Return the position [steps] of an opening, 0 closed to 1 open."""
        share = 1 - opening if self.drive_mode else opening
        return self._inside(share * (self.range_max - self.range_min) + self.range_min)

    def _inside(self, steps: float) -> int:
        return min(max(round(steps), self.range_min), self.range_max)


def load_calibration(path: Path) -> dict[str, MotorCalibration]:
    """Return motor name -> calibration; raise SpecError naming the motor and the field that is missing or wrong."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SpecError(
            f"cannot read the calibration {path}: {error.strerror}; lerobot-calibrate writes one under "
            "~/.cache/huggingface/lerobot/calibration/robots/so101_follower/"
        ) from error
    except ValueError as error:
        raise SpecError(f"the calibration {path} is not JSON: {error}") from error
    if not isinstance(content, dict):
        raise SpecError(f"the calibration {path} must hold motors by name")
    for name in content:
        if name not in MOTORS:
            raise SpecError(f"{path}: {unknown_name('motor', str(name), MOTORS)}")
    missing = [name for name in MOTORS if name not in content]
    if missing:
        raise SpecError(f"the calibration {path} lacks {', '.join(missing)}")
    calibration = {name: _motor(path, name, content[name]) for name in MOTORS}
    if len({motor.id for motor in calibration.values()}) != len(MOTORS):
        raise SpecError(f"the calibration {path} gives two motors the same id")
    return calibration


def _motor(path: Path, name: str, entry: object) -> MotorCalibration:
    if not isinstance(entry, dict) or sorted(entry) != sorted(_FIELDS):
        raise SpecError(f"the calibration {path}: {name} must hold {', '.join(_FIELDS)}")
    for field in _FIELDS:
        low, high = _LIMITS.get(field, (0, _STEPS_A_TURN))
        value = entry[field]
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise SpecError(
                f"the calibration {path}: {field} of {name} must be a whole number from {low} to {high}, not {value!r}"
            )
    motor = MotorCalibration(**entry)
    if motor.range_min >= motor.range_max:
        raise SpecError(f"the calibration {path}: {name} has range_min {motor.range_min} not below {motor.range_max}")
    return motor


def to_lerobot(joints: Mapping[str, float], opening: float) -> dict[str, float]:
    """Return LeRobot's dictionary: `shoulder_pan.pos` ... [degrees], `gripper.pos` 0..100; from radians and 0..1."""
    return {f"{name}.pos": float(np.degrees(joints[name])) for name in ARM} | {f"{GRIPPER}.pos": 100 * float(opening)}


def from_lerobot(values: Mapping[str, float]) -> tuple[dict[str, float], float]:
    """Return joints by name [rad] and the opening 0..1; raise SpecError for a missing key. Inverts `to_lerobot`."""
    missing = [f"{name}.pos" for name in MOTORS if f"{name}.pos" not in values]
    if missing:
        raise SpecError(f"the action lacks {', '.join(missing)}")
    return {name: float(np.radians(values[f"{name}.pos"])) for name in ARM}, float(values[f"{GRIPPER}.pos"]) / 100
