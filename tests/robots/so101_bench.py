"""Emulated SO-101s, their calibration file, and the drivers made for them."""

import json
from pathlib import Path

import numpy as np

from agent.robots.pace import Hours
from agent.robots.so101 import SO101, SO101Config
from agent.robots.so101_calibration import MOTORS
from tests.emulators.feetech import FeetechEmulator, Servo
from tests.emulators.servo_body import RADIANS, ServoBody, so101_with_jaw

HOMING = (-120, 35, 0, 412, -7, 1024)
RANGES = ((760, 3400), (810, 3250), (890, 3090), (950, 3150), (0, 4095), (2000, 3400))
STANDING = (0.1, -0.6, 0.7, 0.5, 0.0)
"""Joint angles [rad] in which the emulated arm stands: folded, the tool in front of it."""


PATIENT_S, HURRIED_S = 0.5, 0.15
"""How much longer than 35 ms an answer is waited for, three times; the latter finds a lost arm within a second."""


def write_calibration(folder: Path) -> Path:
    """Write a file as lerobot-calibrate does."""
    motors = {
        name: {"id": number, "drive_mode": 0, "homing_offset": homing, "range_min": low, "range_max": high}
        for number, (name, homing, (low, high)) in enumerate(zip(MOTORS, HOMING, RANGES, strict=True), start=1)
    }
    path = folder / "follower.json"
    path.write_text(json.dumps(motors, indent=4), encoding="utf-8")
    return path


def zeros() -> list[float]:
    """Where the shafts stand when the joints are at zero: the middle of each range, but the jaw begins where it is
    closed."""
    closed = so101_with_jaw().low[-1] / RADIANS
    starts = [(low + high) / 2 for low, high in RANGES[:5]] + [RANGES[5][0] - closed]
    return [start + homing for start, homing in zip(starts, HOMING, strict=True)]


def arm_of_servos(*, calibrated: bool = True) -> list[Servo]:
    """Return six servos that hold the same calibration and stand at STANDING, the gripper a quarter open."""
    servos = []
    for number, (homing, (low, high)) in enumerate(zip(HOMING, RANGES, strict=True), start=1):
        angle = STANDING[number - 1] * 4095 / (2 * np.pi) + (low + high) / 2 if number < 6 else low + (high - low) / 4
        servo = Servo(number, turned=float(angle + homing))
        if calibrated:
            raw = -homing | 0x800 if homing < 0 else homing
            servo.memory[55] = 0
            for address, value in ((31, raw), (9, low), (11, high)):
                servo.store(address, value.to_bytes(2, "little"))
            servo.memory[55] = 1
            servo.writes.clear()
        servos.append(servo)
    return servos


class Bench:
    """Emulators and the drivers that were made for them; ends what it started.

    The servos move while `wait` passes, not by the wall's clock, and drivers are patient with a thread that has to
    share its processor: no test here depends on how busy the machine is.
    """

    def __init__(self, folder: Path) -> None:
        self.calibration = write_calibration(folder)
        self.buses: list[FeetechEmulator] = []
        self.hours = Hours()

    def bus(self, *, calibrated: bool = True) -> FeetechEmulator:
        servos = arm_of_servos(calibrated=calibrated)
        self.buses.append(FeetechEmulator(servos, ServoBody(servos, zeros()), clock=self.hours.clock))
        return self.buses[-1]

    def driver(self, bus: FeetechEmulator | None = None, **settings: object) -> SO101:
        given = {"port": (bus or self.bus()).port, "calibration": self.calibration, "answer_s": PATIENT_S, **settings}
        return SO101(SO101Config(**given))  # type: ignore[arg-type]

    def wait(self, seconds: float) -> None:
        """Let so much time pass for the servos."""
        self.hours.sleep(seconds)

    def close(self) -> None:
        for bus in self.buses:
            bus.close()
