"""The hazard rules and the standing constraints, judged on the geometry of a deed and never on its words.

`verify` is asked twice: for a whole plan before anything moves, and again for each deed on what is seen just then.
Behind it stands agent.safety, which every action passes; what the two forbid together is no one's to switch off here.
"""

from collections.abc import Iterator

import numpy as np

from dialogue.deeds import Deed, Trail
from dialogue.grounding import ground
from dialogue.notes import Notes, is_unreadable_constraint
from dialogue.plan import DIRECTIONS, REGIONS, At, Beside, Forget, Named, Place, Push, Remember
from dialogue.problem import Problem, Unfit
from dialogue.view import Item, SceneView
from dialogue.writing import render_step

DROP = 0.05
"""m; a fragile thing is let go no higher than this above where it lands."""
MARGIN = 0.02
"""m; kept from zones, round the thing that moves."""
CARRY = (0.03, 0.12, 0.22)
"""m; heights at which the way of a carried thing is checked."""
SAMPLES = 13
"""Points along a way."""
OVERLAP = 0.8
"""Footprints are circles round the widest part; closer than this share of their radii, two things touch."""
MOST_OFFERS = 3
_LOOSENING = ("ignore", "disable", "disregard", "override", "bypass", "off", "without")
_GUARDED = ("safety", "rule", "rules", "zone", "zones", "limit", "limits", "filter", "stop")


def verify(deed: Deed, view: SceneView, notes: Notes, *, offer: bool = True) -> Problem | None:
    """Return why `deed` must not be done in `view`, or None. offer: look for what would be possible instead."""
    for check in (_person, _edge, _fragile, _constraint, _in_the_way):
        problem = check(deed, view, notes)
        if problem is not None:
            offers = alternatives(deed, view, notes) if offer else ()
            rule, sentence = problem
            return Problem("rule" if rule else "precondition", sentence, deed.line, rule, offers)
    return None


def verify_note(step: Remember | Forget) -> Problem | None:
    """Return why this must not be remembered or forgotten, or None. Rules are no notes, so forgetting cannot lift them;
    this only keeps the robot from agreeing to it."""
    words = set(step.text.lower().replace("'", " ").split())
    guarded = words & set(_GUARDED)
    if guarded and (isinstance(step, Forget) or words & set(_LOOSENING)):
        sentence = "the safety rules are not mine to change or forget; I can tell you what they are"
        return Problem("rule", sentence, step.line, "safety")
    if isinstance(step, Remember) and is_unreadable_constraint(step.text):
        sentence = (
            "I can only promise a `never` that I can check: never touch, push, open, close, pick, or put something "
            "in, on, beside or at something"
        )
        return Problem("type", sentence, step.line)
    return None


def alternatives(deed: Deed, view: SceneView, notes: Notes) -> tuple[str, ...]:
    """Return at most MOST_OFFERS steps with the same thing that pass all checks, as plan text."""
    offers: list[str] = []
    for step in _candidates(deed, view):
        try:
            other = ground(step, view, notes, Trail())
        except Unfit:
            continue
        if not other.already and verify(other, view, notes, offer=False) is None:
            offers.append(render_step(step))
        if len(offers) == MOST_OFFERS:
            break
    return tuple(offers)


def _candidates(deed: Deed, view: SceneView) -> Iterator[Place | Push]:
    thing = Named(deed.item)
    if deed.verb == "push":
        yield from (Push(thing, direction) for direction in DIRECTIONS if direction != deed.target)
    if deed.verb not in ("put", "push"):
        return
    target = view.find(deed.target) if deed.target else None
    if target is not None and deed.item != target.name:
        yield Place(thing, Beside("next to", Named(target.name)))
    for item in view.items:
        if item.holds and item.name != deed.target:
            yield Place(thing, Beside(item.holds, Named(item.name)))
    yield from (Place(thing, At(region)) for region in ("middle", *REGIONS) if region != deed.target)


_Found = tuple[str | None, str] | None
"""Rule, if any, and sentence."""


def _person(deed: Deed, view: SceneView, notes: Notes) -> _Found:
    """Neither the thing, nor the hand over it, nor the way between its two places may be in a zone."""
    item = view[deed.item]
    reach = (item.radius if deed.verb in ("put", "push", "pick") else 0.03) + MARGIN
    points = _way((item.x, item.y), deed.spot)
    for zone in view.zones:
        if float(zone.distance(points).min()) < reach:
            inside = float(zone.distance(_way(deed.spot, deed.spot)).min()) < reach
            where = "would end" if inside else "leads"
            return ("person", f"that {where} through the zone '{zone.name}', which is kept free")
    return None


def _edge(deed: Deed, view: SceneView, notes: Notes) -> _Found:
    if deed.verb not in ("put", "push"):
        return None
    low, high = np.array(view.footprint)
    spot = np.array(deed.spot)
    if np.all(spot >= low) and np.all(spot <= high):
        return None
    return ("edge", f"the {deed.item} would go where I cannot reach it, towards the table's edge")


def _fragile(deed: Deed, view: SceneView, notes: Notes) -> _Found:
    item = view[deed.item]
    target = view.find(deed.target) if deed.target else None
    if item.fragile and deed.verb == "push":
        return ("fragile", f"the {item.name} is fragile and is not pushed")
    if deed.verb not in ("put", "push"):
        return None
    relation = deed.goal.relation if deed.goal else ""
    if relation == "stack" and target is not None and (target.fragile or item.fragile):
        delicate = target if target.fragile else item
        return ("fragile", f"the {delicate.name} is fragile, so nothing is stacked with it")
    if relation == "in" and item.fragile and target is not None and target.depth > DROP:
        return ("fragile", f"the {item.name} is fragile and would fall {100 * target.depth:.0f} cm")
    for other in view.items:
        if other.fragile and other.name not in (item.name, deed.target) and _meets(deed, item, other):
            return ("fragile", f"that would hit the {other.name}, which is fragile")
    return None


def _constraint(deed: Deed, view: SceneView, notes: Notes) -> _Found:
    item = view[deed.item]
    relation, target = None, None
    if deed.verb == "put" and deed.goal is not None:
        relation = {"stack": "on", "move to": "at", "take out": None}.get(deed.goal.relation, deed.goal.relation)
        target = view.find(str(deed.goal.target)) or deed.goal.target
    for constraint in notes.constraints:
        if constraint.forbids(deed.verb, item, relation, target):
            return ("constraint", f"you told me: {constraint.text}")
    return None


def _in_the_way(deed: Deed, view: SceneView, notes: Notes) -> _Found:
    """No hazard, but it would move another thing."""
    if deed.verb != "push":
        return None
    item = view[deed.item]
    for other in view.items:
        if other.name != item.name and other.support is None and _meets(deed, item, other):
            return (None, f"the {other.name} is in the way")
    return None


def _meets(deed: Deed, item: Item, other: Item) -> bool:
    """Say whether the thing meets another where it comes to stand, or for a push on its way there."""
    if deed.goal is not None and deed.goal.relation in ("in", "on", "stack"):
        return False
    if other.holds is not None and not other.movable and not other.fragile and deed.verb != "push":
        return False
    gap = OVERLAP * (item.radius + other.radius)
    here, end = np.array([item.x, item.y]), np.array(deed.spot)
    there = np.array([other.x, other.y])
    if deed.verb != "push":
        return bool(np.linalg.norm(there - end) < gap)
    way = end - here
    share = float(np.clip((there - here) @ way / (way @ way), 0.0, 1.0))
    # What touches the thing already is met only when it lies ahead.
    ahead = float((there - here) @ way) > 0
    return ahead and bool(np.linalg.norm(there - (here + share * way)) < gap)


def _way(begin: tuple[float, float], end: tuple[float, float]) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """Points (SAMPLES, len(CARRY), 3) from begin to end at every height of CARRY."""
    xy = np.linspace(begin, end, SAMPLES)
    return np.array([[[x, y, z] for z in CARRY] for x, y in xy])
