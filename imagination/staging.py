"""Says where things shall be before anything is drawn: boxes for a caption, and where an instruction's object ends.

A picture is easily drawn from boxes, and hard to get right from words alone.
"""

from collections.abc import Sequence
from functools import cache

import numpy as np

from agent.errors import SpecError
from agent.types import Goal
from imagination.captions import Caption, PlacedBox
from imagination.judge import Found, near_edge_of
from imagination.reading import Box, Seen, apart, find
from imagination.stills import SIDE
from sim.camera import FRONT
from sim.geometry import Array
from sim.meshes import read_obj
from sim.objects import KINDS, Description, ReceptacleKind, is_held_out, parse_name
from sim.places import free_spot
from sim.reading import understand
from sim.relations import BESIDE_DIRECTIONS, REGIONS, beside_spot
from sim.scene import TABLE_HIGH, TABLE_LOW

TRIES, TRIES_EACH = 300, 30
"""Tables begun anew, and spots tried for one thing before that."""
GAP = 0.01
"""m; air between things that stand side by side."""
LEAST_ALONG, ROOM_ALONG = 0.09, 0.10
"""m; how far along a said direction one thing is put from another at least, and up to how much farther than it must."""


def stage_caption(caption: Caption, rng: np.random.Generator) -> list[PlacedBox]:
    """Return a box for every thing of the caption, its relations kept and nothing in anything's way.

    Raises SpecError when the table has no room for all of it.
    """
    things = [_coloured(thing, rng) for thing in caption.things]
    for _ in range(TRIES):
        places = _places(things, caption.relations, rng)
        if places is not None:
            return [
                PlacedBox(thing, box_at(thing.kind, place, yaw=float(rng.uniform(-np.pi, np.pi))))
                for thing, place in zip(things, places, strict=True)
            ]
    raise SpecError("the table has no room for all that the text names; name fewer things, or others")


def box_at(kind: str, place: Array, *, yaw: float) -> Box:
    """Return the box that a thing fills in the front camera's picture, shares of its sides.

    place: x, y, z of the middle of its underside [m].  yaw: how it is turned [rad]; receptacles stand straight.
    """
    outline = _outline(kind)
    turn = np.array([[np.cos(yaw), np.sin(yaw), 0], [-np.sin(yaw), np.cos(yaw), 0], [0, 0, 1]])
    points = outline @ turn + place
    seen = FRONT.pixel_of(points, (SIDE, SIDE))[:, :2] / SIDE
    (x0, y0), (x1, y1) = np.clip(seen.min(axis=0), 0, 1), np.clip(seen.max(axis=0), 0, 1)
    return float(x0), float(y0), float(x1), float(y1)


def stage_goal(text: str, seen: Seen) -> PlacedBox | None:
    """Return where the instruction's object ends, given what the frame shows; None when nobody can say."""
    goal = understand(text)
    subject = None if goal is None else find(parse_name(goal.subject), seen)
    if goal is None or subject is None:
        return None
    end = end_of(goal, subject, seen)
    if end is None:
        return None
    middle = KINDS[subject.kind].height() / 2
    before = FRONT.pixel_of((*subject.xy, middle), (SIDE, SIDE))
    shift = (FRONT.pixel_of(end + np.array([0, 0, middle]), (SIDE, SIDE)) - before)[:2] / SIDE
    x0, y0, x1, y1 = (float(v) for v in np.clip(np.array(subject.box) + np.tile(shift, 2), 0, 1))
    shown = x1 > x0 and y1 > y0
    return PlacedBox(Description(subject.kind, subject.colour), (x0, y0, x1, y1)) if shown else None


def end_of(goal: Goal, subject: Found | None, seen: Seen) -> Array | None:
    """Return where the middle of the underside of the goal's object ends, x, y, z [m], None when nobody can say.

    subject: the object as it is seen; None when it is not.
    """
    radius = KINDS[subject.kind if subject else parse_name(goal.subject).kind].footprint_radius()
    if goal.relation == "move to" and goal.target in REGIONS:
        others = [
            (np.array(found.xy), KINDS[found.kind].footprint_radius()) for found in seen.things if found is not subject
        ]
        return np.array([*free_spot(radius, others, goal.target), 0.0])
    if goal.target is None or goal.relation not in (*BESIDE_DIRECTIONS, "in", "on", "stack"):
        return None
    target = find(parse_name(goal.target), seen, beside=subject)
    if target is None:
        return None
    if goal.relation in BESIDE_DIRECTIONS:
        far = KINDS[target.kind].footprint_radius()
        return np.array([*beside_spot(goal.relation, np.array(target.xy), far, radius), 0.0])
    return np.array([*_mouth_of(target), _surface(target.kind)])


def _mouth_of(target: Found) -> Array:
    """Return x, y of where things go in or on the target [m]. The middle of what is seen says it, unless a lid or a
    drawer sticks out of that; the drawer counts as open."""
    kind = KINDS[target.kind]
    if not isinstance(kind, ReceptacleKind) or kind.joint is None:
        return np.array(target.xy)
    interior = kind.interior()
    if interior.link < 0:
        x, y = near_edge_of(target.mask)
        (middle, _), (half, _) = kind.footprint()
        return np.array([x - middle - half, y]) + interior.entry
    link = kind.body_at_1.links[interior.link]
    spot = min(kind.spots, key=lambda spot: apart(spot, target.xy))
    return np.array(spot) + interior.entry + (np.array(link.origin.position) + link.high * np.array(link.axis))[:2]


def _places(
    things: Sequence[Description], relations: Sequence[tuple[int, str, int]], rng: np.random.Generator
) -> list[Array] | None:
    """Draw x, y, z of every thing [m], None when the draw does not fit."""
    places: dict[int, Array] = {}
    of = {subject: (relation, target) for subject, relation, target in relations}
    radii = [KINDS[thing.kind].footprint_radius() for thing in things]
    # What is said to be beside or in something comes after it; of the rest, the largest first.
    for index in sorted(range(len(things)), key=lambda index: (index in of, -radii[index])):
        relation, target = of.get(index, ("", -1))
        base = places.get(target)
        if base is not None and relation in ("in", "on"):
            places[index] = base + np.array([*rng.normal(0, 0.005, 2), _surface(things[target].kind)])
            continue
        far = {other: radii[index] + radii[other] + GAP for other in places}
        for _ in range(TRIES_EACH):
            xy = _beside(relation, base, far[target], rng) if base is not None else _anywhere(things[index].kind, rng)
            free = all(np.hypot(*(xy - places[other][:2])) >= least for other, least in far.items())
            if free and np.all(xy >= TABLE_LOW - 0.02) and np.all(xy <= TABLE_HIGH + 0.02):
                places[index] = np.array([*xy, 0.0])
                break
        else:
            return None
    return [places[index] for index in range(len(things))]


def _beside(relation: str, base: Array, least: float, rng: np.random.Generator) -> Array:
    along, across = max(LEAST_ALONG, least) + rng.uniform(0, ROOM_ALONG), rng.uniform(-0.4, 0.4)
    direction = BESIDE_DIRECTIONS[relation]
    return np.asarray(base[:2] + along * (direction + across * direction[::-1]))


def _anywhere(kind: str, rng: np.random.Generator) -> Array:
    found = KINDS[kind]
    if isinstance(found, ReceptacleKind) and found.spots:
        return np.array(found.spots[int(rng.integers(len(found.spots)))])
    return np.asarray(rng.uniform(TABLE_LOW, TABLE_HIGH))


@cache
def _outline(kind: str) -> Array:
    """Points (n, 3) [m] that span the thing, about the middle of its underside."""
    found = KINDS[kind]
    if isinstance(found, ReceptacleKind):
        (x, y), (half_x, half_y) = found.footprint()
        round_one = found.interior_at_1.radius is not None
        angles = np.linspace(-np.pi, np.pi, 24 if round_one else 4, endpoint=False) + (0 if round_one else np.pi / 4)
        stretch = 1.0 if round_one else np.sqrt(2)
        rim = np.stack([x + stretch * half_x * np.cos(angles), y + stretch * half_y * np.sin(angles)], axis=1)
        return np.concatenate([np.column_stack([rim, np.full(len(rim), z)]) for z in (0.0, found.height())])
    vertices = np.concatenate([read_obj(path).vertices for path in found.files.values()])
    return np.asarray(vertices + np.array([0, 0, found.rest_height()]))


def _surface(kind: str) -> float:
    """How high above its underside things lie in or on it [m]."""
    found = KINDS[kind]
    return found.interior().floor_z if isinstance(found, ReceptacleKind) else found.height()


def _coloured(thing: Description, rng: np.random.Generator) -> Description:
    """The thing in a colour that was practised, where the words leave it open."""
    if thing.colour is not None:
        return thing
    every = [Description(thing.kind, colour) for colour in KINDS[thing.kind].colours]
    known = [one for one in every if not is_held_out(one)] or every
    return known[int(rng.integers(len(known)))]
