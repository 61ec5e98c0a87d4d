"""Calibration files as LeRobot writes them, its units, and what is wrong with files that are wrong."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.errors import SpecError
from agent.robots.so101_calibration import ARM, MOTORS, MotorCalibration, from_lerobot, load_calibration, to_lerobot
from tests.robots.so101_bench import write_calibration


def lerobot_degrees(steps: int, motor: MotorCalibration) -> float:
    """LeRobot's own formula (MotorsBus._normalize, MotorNormMode.DEGREES)."""
    return (steps - (motor.range_min + motor.range_max) / 2) * 360 / 4095


def lerobot_percent(steps: int, motor: MotorCalibration) -> float:
    """LeRobot's own formula (MotorNormMode.RANGE_0_100)."""
    inside = min(motor.range_max, max(motor.range_min, steps))
    percent = (inside - motor.range_min) / (motor.range_max - motor.range_min) * 100
    return 100 - percent if motor.drive_mode else percent


def test_a_file_of_lerobot_loads(tmp_path: Path) -> None:
    motors = load_calibration(write_calibration(tmp_path))
    assert list(motors) == list(MOTORS)
    assert motors["shoulder_pan"] == MotorCalibration(1, 0, -120, 760, 3400)


@given(st.integers(0, 4095), st.integers(0, 1), st.integers(0, 2000), st.integers(2001, 4095))
def test_units_are_lerobots(steps: int, drive_mode: int, low: int, high: int) -> None:
    motor = MotorCalibration(1, drive_mode, 0, low, high)
    assert np.degrees(motor.radians(steps)) == pytest.approx(lerobot_degrees(steps, motor))
    assert 100 * motor.opening(steps) == pytest.approx(lerobot_percent(steps, motor))


@given(st.integers(0, 1), st.integers(0, 2000), st.integers(2001, 4095), st.floats(0, 1))
def test_there_and_back_is_the_same_step(drive_mode: int, low: int, high: int, share: float) -> None:
    motor = MotorCalibration(1, drive_mode, 0, low, high)
    steps = round(low + share * (high - low))
    assert motor.steps(motor.radians(steps)) == steps
    assert motor.steps_of_opening(motor.opening(steps)) == steps


def test_nothing_leads_out_of_the_range() -> None:
    motor = MotorCalibration(1, 0, 0, 1000, 3000)
    assert (motor.steps(-9.0), motor.steps(9.0)) == (1000, 3000)
    assert (motor.steps_of_opening(-0.5), motor.steps_of_opening(1.5)) == (1000, 3000)


def test_lerobots_dictionary_there_and_back() -> None:
    joints = dict(zip(ARM, (0.1, -0.2, 0.3, -0.4, 0.5), strict=True))
    values = to_lerobot(joints, 0.25)
    assert list(values) == [f"{name}.pos" for name in MOTORS]
    assert values["gripper.pos"] == 25.0
    back, opening = from_lerobot(values)
    assert back == pytest.approx(joints)
    assert opening == 0.25
    with pytest.raises(SpecError, match=r"lacks gripper\.pos"):
        from_lerobot({name: value for name, value in values.items() if name != "gripper.pos"})


def _change(name: str, field: str, value: object) -> Callable[[dict[str, Any]], object]:
    def change(motors: dict[str, Any]) -> object:
        motors[name][field] = value
        return motors

    return change


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda motors: [1], "must hold motors by name"),
        (lambda motors: {**motors, "gripepr": {}}, "did you mean 'gripper'"),
        (lambda motors: {k: v for k, v in motors.items() if k != "elbow_flex"}, "lacks elbow_flex"),
        (lambda motors: {**motors, "gripper": {"id": 6}}, "gripper must hold id, drive_mode"),
        (_change("gripper", "range_max", 5000), "range_max of gripper must be a whole number from 0 to 4095, not 5000"),
        (_change("gripper", "homing_offset", 1.5), "homing_offset of gripper must be a whole number"),
        (_change("gripper", "id", True), "id of gripper must be a whole number"),
        (_change("gripper", "range_min", 3400), "range_min 3400 not below 3400"),
        (_change("gripper", "id", 1), "two motors the same id"),
    ],
)
def test_a_wrong_file_is_named(tmp_path: Path, change: Callable[[dict[str, Any]], object], says: str) -> None:
    path = write_calibration(tmp_path)
    path.write_text(json.dumps(change(json.loads(path.read_text(encoding="utf-8")))), encoding="utf-8")
    with pytest.raises(SpecError, match=says):
        load_calibration(path)


def test_a_missing_or_garbled_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="lerobot-calibrate writes one"):
        load_calibration(tmp_path / "none.json")
    (tmp_path / "bad.json").write_text("{", encoding="utf-8")
    with pytest.raises(SpecError, match="is not JSON"):
        load_calibration(tmp_path / "bad.json")
