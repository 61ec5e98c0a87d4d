"""The SO-101 that emulated servos move: the joints of its own URDF, the jaw among them, as a body with weight."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from agent.robots.chain import Array, Chain, chain_from_urdf, frame_of
from agent.robots.so101 import URDF
from sim.physics import TIME_STEP
from tests.emulators.arm_body import ArmBody, Rod
from tests.emulators.feetech import Servo

RADIANS = 2 * np.pi / 4095
"""A step, as LeRobot counts them."""
TORQUE = 2.94
"""N m that an STS3215 gives at 12 V before it stalls (30 kg cm, the maker's data sheet)."""
FRICTION = 0.05
"""N m of a servo without torque; a guess."""
RODS = tuple(Rod(mass, 0.02, TORQUE) for mass in (0.100, 0.103, 0.104, 0.079, 0.087, 0.012))
"""Masses of the maker's model (TheRobotStudio/SO-ARM100, Simulation/SO101); radii are rounded."""
JAW = (0.08, -0.019, -0.005)
"""Its tip in the frame of its joint [m]."""
JAW_RANGE = 2.2
"""rad; the servos of the bench are calibrated for a little more than the maker's model opens."""


def so101_with_jaw() -> Chain:
    """The five joints of the arm and the jaw's."""
    *arm, jaw = chain_from_urdf(URDF, tip="moving_jaw").joints
    return Chain([*arm, replace(jaw, high=jaw.low + JAW_RANGE)], frame_of(JAW))


class ServoBody:
    """Turns the shafts of six servos as their registers say and as the arm's weight allows.

    zeros (6,): where each shaft stands when its joint's angle is zero [steps of the encoder].
    """

    def __init__(self, servos: Sequence[Servo], zeros: Sequence[float]) -> None:
        self._servos, self._zeros = list(servos), np.array(zeros)
        self._seen = self._turned()
        self.arm = ArmBody(so101_with_jaw(), RODS, self._angles(self._seen))
        self._wanted = self._seen

    def advance(self, passed: float) -> list[float]:
        """See `Turned.advance`. A shaft that was turned meanwhile by whoever holds the servos stands where it is."""
        if (self._turned() != self._seen).any():
            self.arm.put(self._angles(self._turned()))
        steps = self.arm.due(passed)
        for _ in range(steps):
            self._step()
        angles, speeds = self.arm.measure()
        if steps:
            for servo, turned in zip(self._servos, self._steps(angles).tolist(), strict=True):
                servo.turned = turned
        self._seen = self._turned()
        return (np.abs(speeds) / RADIANS).tolist()

    def close(self) -> None:
        self.arm.close()

    def _step(self) -> None:
        """One physics step: goals are approached at each servo's limit of speed; without torque a shaft only rubs."""
        driven = np.array([servo.driven for servo in self._servos])
        here = self._steps(self.arm.measure()[0])
        wanted = np.where(driven, self._wanted, here)
        most = TIME_STEP * np.array([servo.fastest for servo in self._servos])
        way = np.clip(np.array([servo.goal for servo in self._servos]) - wanted, -most, most)
        way[~driven] = 0.0
        friction = np.where(driven, np.nan, FRICTION)
        self.arm.step(self._angles(wanted), way * RADIANS / TIME_STEP, friction=friction)
        self._wanted = wanted + way
        self._keep_in()

    def _keep_in(self) -> None:
        """Keep shafts where something solid keeps them."""
        here = self._steps(self.arm.measure()[0])
        ends = [servo.blocked_at or (-np.inf, np.inf) for servo in self._servos]
        kept = np.clip(here, *np.array(ends).T)
        if (kept != here).any():
            self.arm.put(self._angles(kept))

    def _turned(self) -> Array:
        return np.array([servo.turned for servo in self._servos])

    def _angles(self, steps: Array) -> Array:
        return (steps - self._zeros) * RADIANS

    def _steps(self, angles: Array) -> Array:
        return angles / RADIANS + self._zeros
