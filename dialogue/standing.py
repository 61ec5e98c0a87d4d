"""How kinds stand on the table: where a picture shows the middle of each, and where in or on it other things lie."""

from functools import cache

from sim.casting import BASES, STACKABLE
from sim.objects import ObjectKind, ReceptacleKind

STACK_OVERLAP = 0.7
"""Footprint radii; the middles of two stacked things are nearer than this."""


@cache
def middle(kind: ObjectKind | ReceptacleKind) -> float:
    """Return how high the middle of its box is as it stands on the table [m]: a region shows that middle, and with an
    open lid or a cabinet round a drawer it is far above the middle of the walls that hold things."""
    return kind.height() / 2


@cache
def hollow(kind: ObjectKind | ReceptacleKind) -> tuple[float, float]:
    """Return how far beside the middle of its box (x, y) [m, base frame] things lie in or on it.

    An open lid leans back and a drawer comes out towards the front; both hardly turn. What has no joint may be turned
    in any way, and a pan's handle is forgotten.
    """
    if isinstance(kind, ObjectKind) or kind.joint is None:
        return 0.0, 0.0
    interior, (x, y) = kind.interior(), kind.interior().centre
    if interior.link >= 0:
        link = kind.body_at_1.links[interior.link]
        out = link.high if kind.opened > kind.closed else link.low
        x, y = (at + start + out * way for at, start, way in zip((x, y), link.origin.position, link.axis, strict=False))
    (middle_x, middle_y), _ = kind.footprint()
    return x - middle_x, y - middle_y


def top_of(below: ObjectKind | ReceptacleKind, thing: ObjectKind) -> tuple[float, float]:
    """Return how high what lies in or on `below` stands [m], and how far from its middle [m]; 0 where nothing does."""
    if isinstance(below, ReceptacleKind):
        interior = below.interior()
        return interior.floor_z, interior.radius or max(interior.half_extents or (0.0,))
    if below.name in BASES and thing.name in STACKABLE:
        return below.height(), STACK_OVERLAP * below.footprint_radius()
    return 0.0, 0.0
