"""Letting go where it was meant: the hand does not open on the way.

Where to end is aimed at within millimetres long before the hand is there, but the head that writes actions sometimes
opens centimetres short of it. A thing that was let go just outside of where it belongs is neither done nor worth
another grasp, and the hand hovers over it.
"""

import numpy as np

from agent.types import FloatArray
from policies.clearing import TRAVEL, grips

CLOSE_ENOUGH = 0.018
"""m in the plane; what is no further from its place is let go as the head says."""
HELD = 0.5
"""Chance that the subject is in the hand, from which on opening means letting go of it."""


def hold_until_there(steps: FloatArray, way: FloatArray, *, held: float, opening: float) -> FloatArray:
    """Return rows (T, 4) in which the hand goes on to where it should let go before it opens.

    steps (T, 4): dx, dy, dz [m] and the gripper as the head wrote them.  way (2,): how far what is held is from its
    place in x and y [m].  held: the chance that the subject is in the hand.  opening: of the hand now.
    """
    opens = np.flatnonzero(steps[:, 3] > 0.5)
    if len(opens) == 0 or held < HELD or not grips(opening):
        return steps
    first = int(opens[0])
    left = way - steps[: first + 1, :2].sum(axis=0)
    if float(np.linalg.norm(left)) <= CLOSE_ENOUGH:
        return steps
    count = int(np.ceil(np.abs(left).max() / TRAVEL))
    on = np.zeros((count, 4), dtype=np.float32)
    on[:, :2] = left / count
    return np.concatenate([steps[:first], on, steps[first:]])[: len(steps)]
