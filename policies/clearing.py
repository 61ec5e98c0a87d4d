"""A clear view: before a thing is said not to be there, the hand gets out of the picture and the policy looks again.

Where words are given to an arm that stands at home nothing is in the way. Where a task follows another one, the hand
stands where that one ended and may hide, or hold, what is asked for.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agent.types import FloatArray
from policies.following import Memory, checksum

HOME = np.array([0.42, 0.0, 0.28])
"""m, base frame; demonstrations begin about here, with an open hand."""
ABOUT_HOME = np.array([0.06, 0.09, 0.06])
"""m; no further from home than this, the hand stands as it does where demonstrations begin."""
ASIDE = 0.2
"""m; so far to the other side the hand goes where it must get out of the way: what it stood above or before is seen."""
THERE = 0.03
"""m off which the hand has gone aside."""
DOUBT = 0.3
"""From this chance on that a thing is not there, a look past a hand that is in the way does not count."""
LIKELY = 0.5
"""So likely must it be for a refusal where the hand stood at home from the beginning."""
SURE = 0.8
"""So sure must it be where the hand was in the way at first: with the arm aside the policy is less certain."""
UNHEARD = 0.9
"""So sure must it be where the instruction has a word that training never said: that no thing seems to be meant by such
a word says less about whether it is there."""
MOST_LOOKS = 16
"""Looks that are spent on a clear view at most: to put down what is held, and to go aside from the furthest corner."""
ABOVE_THINGS = 0.20
"""m; below, the hand only rises: it may stand among things."""
TRAVEL = 0.045
"""m an axis a row, as the demonstrations move."""
SOFT_TRAVEL, SOFT_BELOW = 0.02, 0.13
"""m; so little at a time does the hand go down below this height, for it does not know how long the held thing is."""
FLOOR, GIVES_WAY = 0.03, 0.01
"""m; a held thing stands when the hand is so low, or came no further down than this since the last look."""
NOTHING, WIDE_OPEN = 0.02, 0.95
"""Openings between which something is between the fingers."""
LENGTH = 4


@dataclass(frozen=True)
class Search:
    """looks: how many were spent on a clear view before this one.  height: of the hand at the last of them [m], NaN
    before the first.  side: y that the hand goes to [m]."""

    looks: int = 0
    height: float = float("nan")
    side: float = ASIDE


def search_of(memory: Memory | None, instruction: str, hand: FloatArray, *, first: bool) -> Search | None:
    """Return how far the search for a clear view is; None where the policy acts already.

    hand (4,): x, y, z [m, base frame] and opening.  first: an episode begins with this look.
    """
    if first:
        return Search(side=ASIDE if hand[1] < 0 else -ASIDE)
    if memory is None or memory.shape != (LENGTH,) or memory[0] != checksum(instruction):
        return None
    # It may have come over a wire.
    looks = int(np.clip(np.nan_to_num(memory[1], nan=MOST_LOOKS), 1, MOST_LOOKS))
    return Search(looks, float(memory[2]), ASIDE if memory[3] > 0 else -ASIDE)


def remember_search(search: Search, hand: FloatArray, instruction: str) -> Memory:
    """What the next look should know of this one, (LENGTH,); hand (4,): x, y, z [m] and opening."""
    return np.array([checksum(instruction), search.looks + 1, hand[2], search.side])


def is_clear(hand: FloatArray, search: Search) -> bool:
    """Whether a look with the hand (4,) there must do: it stands at home as an episode begins, or has gone aside, and
    holds nothing; or enough was tried."""
    home = search.looks == 0 and bool((np.abs(hand[:3] - HOME) <= ABOUT_HOME).all())
    aside = abs(hand[1] - search.side) <= THERE and hand[2] >= ABOVE_THINGS
    return ((home or aside) and not grips(float(hand[3]))) or search.looks >= MOST_LOOKS


def refusable(search: Search, *, clear: bool, unheard: bool = False) -> float:
    """Return from which chance on that a thing is not there a look counts as not having seen it.

    unheard: whether the instruction has a word that training never said.
    """
    if not clear:
        return DOUBT
    if unheard:
        return UNHEARD
    return LIKELY if search.looks == 0 else SURE


def way_out(hand: FloatArray, search: Search, rows: int) -> FloatArray:
    """Return rows (rows, 4) that lead to a clear view: dx, dy, dz [m], and the gripper (0 closed, 1 open).

    What is held is put down where it hangs; then the hand rises, and goes aside above the things.
    """
    if grips(float(hand[3])):
        return _down(hand, search, rows)
    position, opening = hand[:3].astype(np.float64), 0.0 if hand[3] < NOTHING else 1.0
    goal = np.array([HOME[0], search.side, HOME[2]])
    steps = []
    for _ in range(rows):
        way = goal - position
        if position[2] < ABOVE_THINGS:
            way[:2] = 0.0
        else:
            opening = 1.0
        way *= min(1.0, TRAVEL / max(float(np.abs(way).max()), 1e-9))
        position += way
        steps.append([*way, opening])
    return np.array(steps, dtype=np.float32)


def _down(hand: FloatArray, search: Search, rows: int) -> FloatArray:
    stands = hand[2] < FLOOR or search.height - hand[2] < GIVES_WAY
    down: NDArray[np.float32] = np.zeros((rows, 4), dtype=np.float32)
    if stands:
        down[:, 3] = 1.0
    else:
        down[:, 2] = -(TRAVEL if hand[2] > SOFT_BELOW else SOFT_TRAVEL)
    return down


def grips(opening: float) -> bool:
    """Say whether a hand that is so far open (0 closed, 1 open) has something between its fingers."""
    return NOTHING < opening < WIDE_OPEN
