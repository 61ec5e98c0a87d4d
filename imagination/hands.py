"""Where the hand will be: what actions come to, in the picture. A sum of motions is hard to draw, a place is not."""

from dataclasses import dataclass

import numpy as np

from agent.types import FloatArray
from sim.camera import FRONT
from sim.commander import WORKSPACE_HIGH, WORKSPACE_LOW
from sim.geometry import multiply, quaternion_from_vector, rotation_matrix

HAND_FEATURES = 6
"""u and v as shares of the picture, height [dm], cosine and sine of the fingers' heading, opening."""
_UNIT = 10_000
"""Pixels of a picture in which the renderer's half a pixel does not count."""


@dataclass(frozen=True, eq=False)
class Motion:
    """Eight actions (8, 7) and, where it is known, the measured pose and opening (7,) that the hand begins with, as in
    `imagination.stills.Still`."""

    actions: FloatArray
    hand: FloatArray | None = None

    @property
    def hands(self) -> FloatArray | None:
        """Where the hand will be after each action, (8, HAND_FEATURES); None where it is not known where it begins."""
        return None if self.hand is None else hands_to_come(self.hand, self.actions)


def hands_to_come(hand: FloatArray, actions: FloatArray) -> FloatArray:
    """Return where the hand should be after each of `actions` (T, 7), (T, HAND_FEATURES).

    The arm lags a little behind what this says, and is stopped by what it runs into.
    """
    position = np.asarray(hand[:3], dtype=np.float64)
    turn = quaternion_from_vector(np.asarray(hand[3:6], dtype=np.float64))
    rows = []
    for action in np.asarray(actions, dtype=np.float64):
        position = np.clip(position + action[:3], WORKSPACE_LOW, WORKSPACE_HIGH)
        turn = multiply(quaternion_from_vector(action[3:6]), turn)
        across = rotation_matrix(turn)[:2, 0]
        u, v, _ = FRONT.pixel_of(position, (_UNIT, _UNIT)) / _UNIT
        rows.append([u, v, 10 * position[2], *across, action[6]])
    return np.array(rows, dtype=np.float32)
