"""From a step and a view to one deed: a goal about named things, or the reason why the step does not fit them."""

import numpy as np

from agent.types import Goal
from dialogue.deeds import XY, Deed, Trail, nearest_region
from dialogue.finding import resolve, select, stands
from dialogue.notes import Notes
from dialogue.plan import (
    REGIONS,
    SIDES,
    TABLE,
    At,
    Beside,
    Close,
    Destination,
    It,
    Motion,
    Named,
    Open,
    Pick,
    Place,
    Point,
    Push,
    Return,
    Some,
    There,
    Thing,
)
from dialogue.problem import Kind, Problem, Unfit
from dialogue.view import Item, SceneView
from sim.places import free_spot
from sim.relations import DIRECTIONS, beside_spot

PUSH_LENGTH = 0.09
"""m; how far a push moves a thing."""
TIGHT = 1.0
"""Largest footprint, as a share of a receptacle's room, that may go into it."""


def pick_one(thing: Thing, view: SceneView, notes: Notes, it: str | None, line: int) -> Item:
    """Return the thing that is meant; raise Unfit when none or several are."""
    if isinstance(thing, Named):
        return resolve(thing.name, view, notes.aliases, line)
    if isinstance(thing, It):
        if it is None:
            raise _unfit("type", "`it` means nothing outside a `for each`", line)
        return view[it]
    found = select(thing.selector, view, notes.aliases, line)
    if not found:
        raise _unfit("absent", f"there is no {thing.selector.words} here that fits", line, view.names)
    # One that lies open to the hand before one that does not; then as they are listed.
    free = [item for item in found if not view.upon(item.name)]
    return (free or list(found))[0]


def ground(step: Motion, view: SceneView, notes: Notes, trail: Trail, it: str | None = None) -> Deed:
    """Return the deed that a step asks for as things stand in `view`. Raises Unfit with what would be possible."""
    item = pick_one(step.thing, view, notes, it, step.line)
    line = step.line
    here = (item.x, item.y)
    if isinstance(step, Point):
        return Deed("point", item.name, None, here, line)
    if isinstance(step, Open | Close):
        return _ground_drawer(item, view, opening=isinstance(step, Open), line=line)
    _check_movable(item, view, line)
    if isinstance(step, Pick):
        return Deed("pick", item.name, Goal("lift", item.name), here, line, already=item.held)
    if isinstance(step, Push):
        if item.held or item.support is not None:
            where = "in the gripper" if item.held else f"in or on the {item.support}"
            raise _unfit("precondition", f"the {item.name} is {where}; only what stands on the table is pushed", line)
        way = DIRECTIONS[step.direction] * PUSH_LENGTH
        spot = (item.x + float(way[0]), item.y + float(way[1]))
        return Deed("push", item.name, Goal("push", item.name, step.direction), spot, line)
    return _ground_put(item, _place_of(step, item, trail), view, notes, it, line)


def _ground_drawer(item: Item, view: SceneView, *, opening: bool, line: int) -> Deed:
    verb = "open" if opening else "close"
    if not item.openable:
        able = tuple(f"{verb} {other.name}" for other in view.items if other.openable)
        raise _unfit("type", f"the {item.name} cannot be {verb}ed".replace("eed", "ed"), line, able)
    if view.held is not None:
        raise _hand_full(view.held, line)
    return Deed(verb, item.name, Goal(verb, item.name), (item.x, item.y), line, already=item.open is opening)


def _place_of(step: Place | Return, item: Item, trail: Trail) -> Destination:
    if isinstance(step, Place) and not isinstance(step.where, There):
        return step.where
    if isinstance(step, Place):
        if trail.last is None:
            raise _unfit("precondition", "nothing has been put anywhere yet, so `there` has no meaning", step.line)
        return trail.last
    if item.name not in trail.before:
        raise _unfit("precondition", f"the {item.name} has not been moved, so there is nowhere to return it", step.line)
    return trail.before[item.name]


def _ground_put(item: Item, where: Destination, view: SceneView, notes: Notes, it: str | None, line: int) -> Deed:
    assert not isinstance(where, There)
    if isinstance(where, At):
        already = item.support is None and stands(view, item, "at", where.region)
        if _lies_in_vessel(item, view) and stands(view, item, "at", where.region):
            # Where the vessel stands in that part itself, "move to" would be true before anything moved.
            goal = Goal("take out", item.name, item.support)
            return _put(item, goal, _free(view, item, where.region), line)
        return _put(item, Goal("move to", item.name, where.region), _free(view, item, where.region), line, already)
    if where.thing == Named(TABLE):
        return _onto_table(item, where, view, line)
    if isinstance(where.thing, Some):
        target = _fitting_target(item, where, where.thing, view, notes, line)
    else:
        target = pick_one(where.thing, view, notes, it, line)
    if target.name == item.name:
        raise _unfit("type", f"the {item.name} cannot be put {where.relation} itself", line)
    if where.relation == "out of":
        if item.support != target.name:
            raise _unfit("precondition", f"the {item.name} is not in the {target.name}", line)
        return _put(item, Goal("take out", item.name, target.name), _free(view, item, None), line)
    if where.relation in ("in", "on"):
        return _ground_into(item, where.relation, target, view, line)
    sides = SIDES if where.relation == "next to" else (where.relation,)
    already = any(stands(view, item, side, target.name) for side in sides)
    side = _free_side(item, target, sides, view) if len(sides) > 1 else sides[0]
    if target.held:
        raise _unfit("precondition", f"the {target.name} is in the gripper, so nothing can be put beside it", line)
    return _put(item, Goal(side, item.name, target.name), _side_spot(side, target, item), line, already)


def _lies_in_vessel(item: Item, view: SceneView) -> bool:
    return item.support is not None and not item.held and view[item.support].holds is not None


def _ground_into(item: Item, relation: str, target: Item, view: SceneView, line: int) -> Deed:
    if target.holds is None and relation == "in":
        raise _unfit("type", f"the {target.name} holds nothing", line, _holders(item, view))
    if not target.open:
        offer = (f"open {target.name}",)
        raise _unfit("precondition", f"the {target.name} is closed", line, offer)
    if target.holds is not None:
        if item.radius > target.room * TIGHT:
            raise _unfit("type", f"the {item.name} is too large for the {target.name}", line, _holders(item, view))
        goal = Goal(target.holds, item.name, target.name)
    else:
        if not (item.steady and target.flat):
            which = f"the {item.name}" if not item.steady else f"something on the {target.name}"
            raise _unfit("type", f"{which} would not stay: it rolls or tips", line, _holders(item, view))
        above = [other for other in view.upon(target.name) if other.name != item.name]
        if above:
            offer = (f"place {above[0].name} on table",)
            raise _unfit("precondition", f"the {above[0].name} is on the {target.name} already", line, offer)
        goal = Goal("stack", item.name, target.name)
    return _put(item, goal, (target.x, target.y), line, item.support == target.name and not item.held)


def _fitting_target(item: Item, where: Beside, thing: Some, view: SceneView, notes: Notes, line: int) -> Item:
    """Of "any bowl", one that takes the thing, if one does."""
    found = [other for other in select(thing.selector, view, notes.aliases, line) if other.name != item.name]
    if not found:
        raise _unfit("absent", f"there is no {thing.selector.words} here that fits", line, view.names)
    taking = [
        other
        for other in found
        if where.relation not in ("in", "on")
        or (other.open and (other.room >= item.radius if other.holds else other.flat and not view.upon(other.name)))
    ]
    return (taking or found)[0]


def _onto_table(item: Item, where: Beside, view: SceneView, line: int) -> Deed:
    if where.relation not in ("in", "on", "out of"):
        raise _unfit("type", f"nothing can be put {where.relation} the table", line, tuple(f"at {r}" for r in REGIONS))
    already = item.support is None and not item.held
    if item.support is not None and view[item.support].holds is not None:
        return _put(item, Goal("take out", item.name, item.support), _free(view, item, None), line)
    region = nearest_region(item.x, item.y)
    return _put(item, Goal("move to", item.name, region), _free(view, item, region), line, already)


def _put(item: Item, goal: Goal, spot: XY, line: int, already: bool = False) -> Deed:
    return Deed("put", item.name, goal, spot, line, already)


def _check_movable(item: Item, view: SceneView, line: int) -> None:
    """Raise Unfit unless the hand can take this thing as things stand."""
    if not item.movable:
        movable = tuple(other.name for other in view.items if other.movable)
        raise _unfit("type", f"the {item.name} is too large to be moved", line, movable)
    if view.held is not None and not item.held:
        raise _hand_full(view.held, line)
    above = view.upon(item.name)
    if above:
        offer = (f"place {above[0].name} on table",)
        raise _unfit("precondition", f"the {above[0].name} is on the {item.name}", line, offer)
    around = view.find(item.support) if item.support else None
    if around is not None and not around.open:
        offer = (f"open {around.name}",)
        raise _unfit("precondition", f"the {item.name} is in the {around.name}, which is closed", line, offer)


def _hand_full(held: Item, line: int) -> Unfit:
    offer = (f"place {held.name} on table",)
    return _unfit("precondition", f"the gripper already holds the {held.name}", line, offer)


def _holders(item: Item, view: SceneView) -> tuple[str, ...]:
    able = [other for other in view.items if other.holds and other.open and other.room >= item.radius]
    return tuple(f"place {item.name} {other.holds} {other.name}" for other in able)


def _free(view: SceneView, item: Item, region: str | None) -> XY:
    others = [(np.array([other.x, other.y]), other.radius) for other in view.items if other.name != item.name]
    x, y = free_spot(item.radius, others, region)
    return float(x), float(y)


def _side_spot(side: str, target: Item, item: Item) -> XY:
    x, y = beside_spot(side, np.array([target.x, target.y]), target.radius, item.radius)
    return float(x), float(y)


def _free_side(item: Item, target: Item, sides: tuple[str, ...], view: SceneView) -> str:
    """Return the side with most room: within the table first, then away from other things and zones."""
    (x_low, y_low), (x_high, y_high) = view.footprint

    def room(side: str) -> float:
        x, y = _side_spot(side, target, item)
        others = [other for other in view.items if other.name not in (item.name, target.name)]
        clear = [float(np.hypot(x - other.x, y - other.y)) - other.radius - item.radius for other in others]
        clear += [float(zone.distance(np.array([x, y, 0.1]))) - item.radius for zone in view.zones]
        clear += [x - x_low, x_high - x, y - y_low, y_high - y]
        return min(min(clear), 0.05)

    return max(sides, key=room)


def _unfit(kind: Kind, sentence: str, line: int, offers: tuple[str, ...] = ()) -> Unfit:
    return Unfit(Problem(kind, sentence, line, offers=offers))
