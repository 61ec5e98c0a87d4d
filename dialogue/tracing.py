"""Which thing of one picture is which of another: named in the first, followed into the last."""

from collections.abc import Sequence

import numpy as np
from scipy.optimize import linear_sum_assignment

from dialogue.questions import SURE, Seen, What, meant
from sim.objects import RECEPTACLES, parse_name

ALIKE = 0.08
"""How alike two sightings must be to be of one thing: the chance that both are called the same."""
STILL = 0.035
"""m; what is seen this near to where a thing stood is still that thing."""
CLEAR = 0.3
"""Score from which something is there that need not look like what is sought."""
EDGES = {"left": ("y", -1), "right": ("y", 1), "front": ("x", 1), "back": ("x", -1)}
"""Where the one of several stands that a position names: axis and sign."""


class Unseen(Exception):
    """Something could not be found; its text is the reason."""


def named(name: str, seen: Sequence[Seen]) -> Seen:
    """What a name of the scene means in a picture: "red cube", "left bowl", "mug b"."""
    words = name.split()
    if len(words) > 1 and len(words[-1]) == 1:
        words.pop()
    told = parse_name(" ".join(words))
    found = meant(What(told.kind, told.colour), seen)
    if not found:
        raise Unseen(f"I did not see the {name} when it began")
    if told.position is None:
        return found[0]
    axis, sign = EDGES[told.position]
    return max(found, key=lambda thing: sign * float(getattr(thing, axis)))


def lay_in(vessel: Seen, name: str, then: Sequence[Seen]) -> Seen | None:
    """What lay in the vessel and may be what a name means: more than half hidden it looks like many things."""
    told = parse_name(name)
    inside = [one for one in then if one.within is not None and then[one.within] is vessel]
    found = meant(What(told.kind, told.colour), inside)
    return found[0] if found else None


def came_out(name: str, vessel: Seen, then: Sequence[Seen], now: Sequence[Seen], followed: dict[Seen, Seen]) -> Seen:
    """What a name means now and was not seen outside the vessel before, where it had been hidden from view.

    Raises Unseen when there is no such thing.
    """
    told = parse_name(name)
    what = What(told.kind, told.colour)
    outside = [one for one in then if one.within is None or then[one.within] is not vessel]
    stood = {followed[one] for one in outside if one in followed}
    new = [one for one in now if one not in stood and what.chance(one) >= SURE]
    if not new:
        raise Unseen(f"I do not see that the {name} came out")
    return max(new, key=what.chance)


def follow(then: Sequence[Seen], now: Sequence[Seen]) -> dict[Seen, Seen]:
    """Which thing is which now: all together, by what they look like and how little they moved."""
    if not then or not now:
        return {}
    alike = np.array([[_likeness(one, other) for other in now] for one in then])
    apart = np.array([[_apart(one, other) for other in now] for one in then])
    worth = np.where(alike >= ALIKE, alike + 1.0 - apart, 0.0)
    pairs = zip(*linear_sum_assignment(worth, maximize=True), strict=True)
    return {then[row]: now[column] for row, column in pairs if alike[row, column] >= ALIKE}


def appeared(thing: Seen, others: Sequence[Seen], now: Sequence[Seen], followed: dict[Seen, Seen]) -> Seen | None:
    """What came up anew while this thing vanished from its place: in a vessel or under the hand it looks otherwise.

    others: what stood there before besides it and what it was to go to.
    """
    if any(_apart(thing, one) < STILL for one in now if not one.held):
        return None
    known = set(followed.values())
    new = [
        one
        for one in now
        if one not in known
        and one.score >= CLEAR
        and (one.kind in RECEPTACLES) == (thing.kind in RECEPTACLES)
        and (one.held or not any(_apart(other, one) < STILL for other in others))
    ]
    return max(new, key=lambda one: one.score, default=None)


def stayed(thing: Seen, now: Sequence[Seen], subject: Seen) -> Seen:
    """What stands where this thing stood, whatever it looks like now; the thing as it was where nothing does."""
    near = [one for one in now if one is not subject and _apart(thing, one) < STILL]
    return min(near, key=lambda one: _apart(thing, one), default=thing)


def _likeness(one: Seen, other: Seen) -> float:
    """The chance that both are called the same."""
    names = {(kind, colour): chance for kind, colour, chance in one.maybe}
    return sum(chance * names.get((kind, colour), 0.0) for kind, colour, chance in other.maybe)


def _apart(one: Seen, other: Seen) -> float:
    return float(np.hypot(one.x - other.x, one.y - other.y))
