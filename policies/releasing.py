"""Carrying on to where it was meant: what is held goes neither down nor out of the hand on the way.

Where to end is aimed at within millimetres long before the hand is there, but the head that writes actions sometimes
goes down a row early, two centimetres short of it, and lets go there. A cube that is set down so falls off the other
one; a thing that was let go just outside of where it belongs is neither done nor worth another grasp, and the hand
hovers over it.
"""

import numpy as np

from agent.types import FloatArray
from policies.clearing import TRAVEL, grips

CLOSE_ENOUGH = 0.01
"""m in the plane; what is no further from its place goes down and is let go as the head says. Aims are as good."""
DESCENDS = 0.02
"""m; a row that goes down more than this sets down what is held."""
HELD = 0.5
"""Chance that the subject is in the hand, from which on opening means letting go of it."""


def hold_until_there(steps: FloatArray, way: FloatArray, *, held: float, opening: float) -> FloatArray:
    """Return rows (T, 4) in which the hand goes on to where it should let go before it goes down or opens.

    steps (T, 4): dx, dy, dz [m] and the gripper as the head wrote them.  way (2,): how far what is held is from its
    place in x and y [m].  held: the chance that the subject is in the hand.  opening: of the hand now.
    """
    settles = np.flatnonzero((steps[:, 3] > 0.5) | (steps[:, 2] < -DESCENDS))
    if len(settles) == 0 or held < HELD or not grips(opening):
        return steps
    first = int(settles[0])
    left = way - steps[: first + 1, :2].sum(axis=0)
    if float(np.linalg.norm(left)) <= CLOSE_ENOUGH:
        return steps
    count = int(np.ceil(np.abs(left).max() / TRAVEL))
    on = np.zeros((count, 4), dtype=np.float32)
    on[:, :2] = left / count
    return np.concatenate([steps[:first], on, steps[first:]])[: len(steps)]
