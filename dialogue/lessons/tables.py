"""Tables to talk about: things of the simulator's catalogue as a `SceneView`, drawn from one generator."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

import numpy as np

from dialogue.view import Item, SceneView
from sim.casting import BASES, DRAWER_ROOM, STACKABLE
from sim.grammar import nouns_of
from sim.objects import KINDS, OBJECTS, RECEPTACLES, Description, ReceptacleKind, is_held_out
from sim.scene import TABLE_HIGH, TABLE_LOW

FRAGILE_KINDS = ("egg", "bottle", "mug", "cup")
"""What breaks; as in `dialogue.tabletop`, which needs the simulator."""
CUPBOARD = "drawer"
TRIES = 200
T = TypeVar("T")


def make_item(name: str, kind: str, colour: str, x: float, y: float) -> Item:
    """Return the item for a thing of the catalogue that stands at x, y [m] on the table, called `name`."""
    nouns = nouns_of(kind)
    spec = KINDS[kind]
    common = Item(name, (kind, *(n for n in (*nouns[0], *nouns[1]) if n != kind)), x, y, spec.footprint_radius())
    if isinstance(spec, ReceptacleKind):
        inside = spec.interior()
        room = inside.radius if inside.radius is not None else max(inside.half_extents or (0.05,))
        return replace(
            common,
            colour=colour,
            top=inside.rim_z,
            categories=(spec.category,),
            movable=False,
            holds="in" if spec.support == "in" else "on",
            depth=inside.rim_z - inside.floor_z,
            room=DRAWER_ROOM if spec.handle is not None else room,
            openable=spec.handle is not None,
            open=spec.handle is None,
        )
    return replace(
        common,
        colour=colour,
        top=spec.height(),
        categories=(spec.category,),
        fragile=kind in FRAGILE_KINDS,
        flat=kind in BASES,
        steady=kind in STACKABLE,
    )


@dataclass
class Draw:
    """One generator with the few ways in which lessons use it.

    held_out: also draw things that training never sees.  table: what every lesson is about, instead of a table drawn
    for each.
    """

    rng: np.random.Generator
    held_out: bool = False
    table: SceneView | None = None
    bags: dict[str, list[object]] = field(default_factory=dict)

    def one(self, options: Sequence[T]) -> T:
        if not options:
            raise LookupError("nothing to draw from")
        return options[int(self.rng.integers(len(options)))]

    def some(self, options: Sequence[T], count: int) -> list[T]:
        """Draw `count` different ones."""
        if len(options) < count:
            raise LookupError(f"{count} of {len(options)} cannot be drawn")
        return [options[int(index)] for index in self.rng.permutation(len(options))[:count]]

    def chance(self, probability: float) -> bool:
        return bool(self.rng.random() < probability)

    def between(self, fewest: int, most: int) -> int:
        return int(self.rng.integers(fewest, most + 1))


def looks(draw: Draw, kind: str) -> list[str]:
    """Return the colours of a kind that may be drawn."""
    colours = list(KINDS[kind].colours)
    return [c for c in colours if draw.held_out or not is_held_out(Description(kind, c))] or colours[:1]


def kinds(draw: Draw, table: Sequence[str]) -> list[str]:
    return [kind for kind in table if draw.held_out or not KINDS[kind].held_out]


def draw_view(
    draw: Draw, *, twins: str | None = None, drawer: bool | None = None, full: bool = False, objects: int | None = None
) -> SceneView:
    """Return a table with 2 to 5 objects and 1 to 3 receptacles.

    twins: a kind that is there twice (or, "objects" or "receptacles", any such).  drawer: whether there is one; None
    draws it.  full: something lies in a receptacle.  objects: how many.  Where `draw` has a table already, that one, or
    LookupError when it does not hold the twins.
    """
    if draw.table is not None:
        return _with_twins(draw.table, twins)
    movable = draw.some(kinds(draw, tuple(OBJECTS)), objects or draw.between(2, 5))
    vessels = [kind for kind in kinds(draw, tuple(RECEPTACLES)) if kind != CUPBOARD and KINDS[kind].name == kind]
    holders = draw.some([k for k in vessels if not _joint(k)], draw.between(1, 2))
    if twins == "objects":
        movable.append(draw.one([kind for kind in movable if len(looks(draw, kind)) > 1] or ["cube", "cube"]))
    elif twins == "receptacles":
        holders.append(draw.one([kind for kind in holders if len(looks(draw, kind)) > 1] or ["bowl", "bowl"]))
        if holders.count(holders[-1]) == 1:
            holders.append(holders[-1])
    elif twins is not None:
        (movable if twins in OBJECTS else holders).extend([twins, twins])
    with_drawer = draw.chance(0.15) if drawer is None else drawer
    things = [*movable, *holders, *([CUPBOARD] if with_drawer else [])]
    order = [things[int(i)] for i in draw.rng.permutation(len(things))]
    items = _named(draw, order)
    view = SceneView(tuple(items))
    return _filled(draw, view) if full or draw.chance(0.25) else view


def _with_twins(view: SceneView, twins: str | None) -> SceneView:
    if twins is not None:
        movable = twins == "objects"
        kinds_here = [i.kind for i in view.items if i.movable is movable and not i.openable]
        if len(kinds_here) == len(set(kinds_here)):
            raise LookupError(f"there are no two {twins} alike")
    return view


def _joint(kind: str) -> bool:
    spec = KINDS[kind]
    return isinstance(spec, ReceptacleKind) and spec.joint is not None


def _named(draw: Draw, things: Sequence[str]) -> list[Item]:
    """Give every thing a colour, a place and a name that says no more than it must, most of the time."""
    colours: list[str] = []
    for index, kind in enumerate(things):
        taken = {colours[i] for i in range(index) if things[i] == kind}
        free = [colour for colour in looks(draw, kind) if colour not in taken]
        # Two of one look are told apart by where they are.
        colours.append(draw.one(free) if free and not (taken and draw.chance(0.2)) else draw.one(looks(draw, kind)))
    spots = _spots(draw, things)
    items: list[Item] = []
    for index, (kind, colour, (x, y)) in enumerate(zip(things, colours, spots, strict=True)):
        same_kind = [i for i, other in enumerate(things) if other == kind and i != index]
        same_look = [i for i in same_kind if colours[i] == colour]
        name = kind
        if same_kind or (len(looks(draw, kind)) > 1 and draw.chance(0.6)):
            name = f"{colour} {kind}"
        if same_look:
            side = "left" if all(y < spots[i][1] for i in same_look) else "right"
            name = f"{side} {name}"
        if any(item.name == name for item in items):
            raise LookupError("three of one look")
        items.append(make_item(name, kind, colour, x, y))
    return items


def _spots(draw: Draw, things: Sequence[str]) -> list[tuple[float, float]]:
    spots: list[tuple[float, float]] = []
    for kind in things:
        best, best_room = (0.5, 0.0), -1.0
        for _ in range(TRIES):
            x, y = (float(v) for v in draw.rng.uniform(TABLE_LOW, TABLE_HIGH))
            room = min((_room(k, spot, (x, y)) for k, spot in zip(things, spots, strict=False)), default=1.0)
            if room - KINDS[kind].footprint_radius() > 0.0:
                best = (x, y)
                break
            if room > best_room:
                best, best_room = (x, y), room
        spots.append(best)
    return spots


def _room(kind: str, spot: tuple[float, float], at: tuple[float, float]) -> float:
    """How far `at` is from the rim of a thing that stands at `spot` [m]."""
    return float(np.hypot(at[0] - spot[0], at[1] - spot[1])) - KINDS[kind].footprint_radius()


def _filled(draw: Draw, view: SceneView) -> SceneView:
    """Put one or two things into or onto receptacles."""
    for _ in range(draw.between(1, 2)):
        loose = [i for i in view.items if i.movable and i.support is None]
        able = [(i, h) for i in loose for h in view.items if h.holds and not h.openable and i.radius <= h.room]
        if len(loose) < 2 or not able:
            break
        item, holder = draw.one(able)
        view = view.with_item(
            replace(item, support=holder.name, x=holder.x, y=holder.y, bottom=holder.top - holder.depth)
        )
    return view
