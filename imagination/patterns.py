"""Arrangements of things on the table as plain geometry: how an ideal one is drawn, and whether a given one holds.

A layout is float64 (n, 3): x, y [m, base frame] and yaw [rad], one row an item. Left, right, front and back are those
of the person opposite the robot, as everywhere: left is -y, front is +x.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy.optimize import linear_sum_assignment

from agent.errors import SpecError, unknown_name
from sim.geometry import Array
from sim.objects import KINDS, ReceptacleKind
from sim.scene import TABLE_HIGH, TABLE_LOW

OFF_LINE = 0.015
"""m; how far an item may be from the line, the circle or its place."""
UNEVEN = 1.6
"""Largest ratio between the widest and the narrowest gap that still counts as evenly spaced."""
GAPS = (0.03, 0.06)
"""m; free space between neighbours in an ideal arrangement: room for an open finger."""
CLEAR = 0.004
"""m; free space below which two items count as colliding."""
REACH = 0.02
"""m; centres may lie this far outside the rectangle in which scenes are drawn."""
TRIES = 40
CANDIDATES = 8
"""Arrangements of which the one with the least travel is kept: less to guess for whoever learns from them."""
FOOD = ("bread", "egg", "apple", "tomato", "orange", "lemon", "pear", "cheese", "strawberry", "potato", "onion")
DRINK = ("mug", "cup", "can", "bottle")
PATTERNS = ("line", "circle", "sorted", "table")


@dataclass(frozen=True)
class Item:
    """One thing to arrange. half: half its length and width in its own frame [m].  fixed: it stays where it is."""

    name: str
    kind: str
    colour: str
    half: tuple[float, float]
    fixed: bool = False

    @property
    def radius(self) -> float:
        """Of the circle round it, seen from above [m]."""
        return float(np.hypot(*self.half))


def item_of(name: str, kind: str, colour: str, scale: float, *, fixed: bool = False) -> Item:
    """Return the item for a thing of the catalogue at this scale; receptacles are always fixed."""
    known = KINDS[kind]
    if isinstance(known, ReceptacleKind):
        (x, y), (half_x, half_y) = known.footprint(scale)
        return Item(name, kind, colour, (abs(x) + half_x, abs(y) + half_y), True)
    low, high = known.bounds(scale)
    half = (max(abs(low[0]), abs(high[0])), max(abs(low[1]), abs(high[1])))
    return Item(name, kind, colour, half, fixed)


def ideal(pattern: str, items: Sequence[Item], start: Array, rng: np.random.Generator) -> Array | None:
    """Draw an arrangement of the movable items; the fixed ones stay at `start` (n, 3). None when there is no room.

    Of equal slots each item gets one near to where it stands (least travel). Raises SpecError for an unknown pattern.
    """
    if pattern not in PATTERNS:
        raise unknown_name("arrangement", pattern, PATTERNS)
    free = [index for index, item in enumerate(items) if not item.fixed]
    for _ in range(1 if pattern == "table" else TRIES):
        drawn = [_SLOTS[pattern](items, start, free, rng) for _ in range(1 if pattern == "table" else CANDIDATES)]
        slots = min(
            (each for each in drawn if each is not None),
            key=lambda each: float(np.linalg.norm(each[:, :2] - start[free, :2], axis=1).sum()),
            default=None,
        )
        if slots is None:
            continue
        layout = start.copy()
        layout[free] = slots
        if on_table(layout[free]) and is_clear(items, layout, margin=0.015):
            return layout
    return None


def holds(pattern: str, items: Sequence[Item], layout: Array) -> bool:
    """Say whether the movable items stand as the pattern asks; collisions are judged by `is_clear`."""
    free = [index for index, item in enumerate(items) if not item.fixed]
    spots, moved = layout[free], [items[index] for index in free]
    match pattern:
        case "line":
            return _in_line(spots)
        case "circle":
            return _in_circle(spots)
        case "sorted":
            return _in_line(spots) and _grouped([moved[rank].colour for rank in _along(spots)])
        case "table":
            return _table_is_set(items, layout)
        case _:
            raise unknown_name("arrangement", pattern, PATTERNS)


def is_clear(items: Sequence[Item], layout: Array, *, margin: float = CLEAR) -> bool:
    """Say whether no two items come closer than `margin` [m]; things are rectangles, turned by their yaw."""
    boxes = [corners(item, pose) for item, pose in zip(items, layout, strict=True)]
    return all(
        separation(boxes[first], boxes[second]) >= margin for first in range(len(boxes)) for second in range(first)
    )


def on_table(layout: Array) -> bool:
    """Say whether all centres are where the arm reaches and the camera looks."""
    inside = np.all(layout[:, :2] >= TABLE_LOW - REACH) and np.all(layout[:, :2] <= TABLE_HIGH + REACH)
    return bool(inside)


def corners(item: Item, pose: Array) -> Array:
    """Return the item's four corners (4, 2) on the table [m]."""
    signs = np.array([[1, 1], [-1, 1], [-1, -1], [1, -1]]) * np.asarray(item.half)
    cosine, sine = np.cos(pose[2]), np.sin(pose[2])
    return np.asarray(signs @ np.array([[cosine, sine], [-sine, cosine]]) + pose[:2])


def separation(first: Array, second: Array) -> float:
    """Return a lower bound of the distance [m] between two rectangles (4, 2); negative when they overlap.

    By the separating axis theorem it is positive exactly when they are apart.
    """
    edges = np.stack([first[1] - first[0], first[2] - first[1], second[1] - second[0], second[2] - second[1]])
    normals = np.stack([-edges[:, 1], edges[:, 0]], axis=1)
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)
    a, b = first @ normals.T, second @ normals.T
    return float(np.max(np.maximum(b.min(0) - a.max(0), a.min(0) - b.max(0))))


def _line_slots(items: Sequence[Item], start: Array, free: list[int], rng: np.random.Generator) -> Array | None:
    points = _row(items, free, rng)
    return None if points is None else _nearest(points, start[free])


def _circle_slots(items: Sequence[Item], start: Array, free: list[int], rng: np.random.Generator) -> Array | None:
    count = len(free)
    if count < 3:
        return None
    widest = 2 * max(items[index].radius for index in free)
    least = (widest + float(rng.uniform(*GAPS)) - 0.01) / (2 * np.sin(np.pi / count))
    room = (TABLE_HIGH - TABLE_LOW) / 2
    if least > room.min():
        return None
    radius = float(rng.uniform(max(least, 0.06), min(room.min(), max(least, 0.06) * 1.25)))
    centre = rng.uniform(TABLE_LOW + radius, TABLE_HIGH - radius + 1e-9)
    angles = rng.uniform(0, 2 * np.pi) + 2 * np.pi * np.arange(count) / count
    points = np.stack([centre[0] + radius * np.cos(angles), centre[1] + radius * np.sin(angles), angles], axis=1)
    return _nearest(points, start[free])


def _sorted_slots(items: Sequence[Item], start: Array, free: list[int], rng: np.random.Generator) -> Array | None:
    points = _row(items, free, rng)
    if points is None:
        return None
    places = start[free, :2] @ (points[-1, :2] - points[0, :2])
    colours = list(dict.fromkeys(items[index].colour for index in free))
    members = {c: [at for at, index in enumerate(free) if items[index].colour == c] for c in colours}
    slots, first = np.empty_like(points), 0
    # The groups follow one another as they lie along the line now.
    for colour in sorted(colours, key=lambda c: float(places[members[c]].mean())):
        own = points[first : first + len(members[colour])]
        slots[members[colour]] = _nearest(own, start[[free[at] for at in members[colour]]])
        first += len(own)
    return slots


def _row(items: Sequence[Item], free: list[int], rng: np.random.Generator) -> Array | None:
    """Evenly spaced places (n, 3) on a line, every item with its short side along it."""
    count = len(free)
    if count < 2:
        return None
    widest = 2 * max(min(items[index].half) for index in free)
    room = TABLE_HIGH - TABLE_LOW
    pitch = min(widest + float(rng.uniform(*GAPS)), float(np.hypot(*room)) / (count - 1))
    angle = float(rng.uniform(-np.pi / 2, np.pi / 2))
    span = np.abs(pitch * (count - 1) * np.array([np.cos(angle), np.sin(angle)]))
    if np.any(span > room):
        return None
    centre = rng.uniform(TABLE_LOW + span / 2, TABLE_HIGH - span / 2 + 1e-9)
    steps = (np.arange(count) - (count - 1) / 2) * pitch
    turned = [angle + (0.0 if items[index].half[0] < items[index].half[1] else np.pi / 2) for index in free]
    return np.stack([centre[0] + steps * np.cos(angle), centre[1] + steps * np.sin(angle), turned], 1)


def _table_slots(items: Sequence[Item], start: Array, free: list[int], rng: np.random.Generator) -> Array | None:
    plate = _plate(items)
    slots = np.array([_table_place(items, start, index) for index in free])
    jitter = rng.uniform(-0.003, 0.003, (len(free), 2))
    slots[:, :2] += jitter
    return slots if items[plate].fixed else None


def _table_place(items: Sequence[Item], layout: Array, index: int) -> Array:
    """Where the item belongs: cutlery right of the plate, drinks behind it to the right, food on the left.

    Things of one role follow one another outwards, in the order in which they lie in `layout`. Cutlery and food lie
    along x.
    """
    plate, item = _plate(items), items[index]
    centre, radius = layout[plate, :2], max(items[plate].half)
    role = _role(item.kind)
    side = -1.0 if role == "food" else 1.0
    before = [
        other
        for number, other in enumerate(items)
        if not other.fixed and _role(other.kind) == role and side * (layout[number, 1] - layout[index, 1]) < 0
    ]
    if role == "drink":
        along = 0.03 + sum(2 * max(other.half) + 0.03 for other in before)
        spot = centre + np.array([-radius - max(item.half) - 0.02, along])
        return np.array([*spot, 0.0])
    reach = radius + 0.02 + sum(2 * min(other.half) + 0.03 for other in before) + min(item.half)
    long_axis_is_y = item.half[1] > item.half[0]
    return np.array([centre[0], centre[1] + side * reach, np.pi / 2 if long_axis_is_y else 0.0])


def _role(kind: str) -> str:
    return "drink" if kind in DRINK else "food" if kind in FOOD else "cutlery"


def _plate(items: Sequence[Item]) -> int:
    for index, item in enumerate(items):
        if item.kind == "plate":
            return index
    raise SpecError("a table can be set only where there is a plate")


def _table_is_set(items: Sequence[Item], layout: Array) -> bool:
    wanted = [_table_place(items, layout, index)[:2] for index, item in enumerate(items) if not item.fixed]
    got = [layout[index, :2] for index, item in enumerate(items) if not item.fixed]
    return bool(np.all(np.hypot(*(np.array(got) - np.array(wanted)).T) <= 2 * OFF_LINE))


def _nearest(points: Array, start: Array) -> Array:
    """Return `points` in the order that gives each of the n items at `start` one of them with the least travel."""
    cost = np.linalg.norm(start[:, None, :2] - points[None, :, :2], axis=2)
    _, chosen = linear_sum_assignment(cost)
    return np.asarray(points[chosen])


def _along(spots: Array) -> list[int]:
    """Return the items' order along the line that fits them best."""
    centred = spots[:, :2] - spots[:, :2].mean(0)
    direction = np.linalg.svd(centred)[2][0]
    return [int(rank) for rank in np.argsort(centred @ direction)]


def _in_line(spots: Array) -> bool:
    if len(spots) < 2:
        return False
    centred = spots[:, :2] - spots[:, :2].mean(0)
    axes = np.linalg.svd(centred)[2]
    gaps = np.diff(np.sort(centred @ axes[0]))
    return bool(np.abs(centred @ axes[1]).max() <= OFF_LINE and gaps.max() <= UNEVEN * max(gaps.min(), 1e-9))


def _in_circle(spots: Array) -> bool:
    if len(spots) < 3:
        return False
    xy = spots[:, :2]
    # Least squares: |p|^2 = 2 c.p + (r^2 - |c|^2) (Kasa 1976).
    design = np.column_stack([2 * xy, np.ones(len(xy))])
    solution = np.linalg.lstsq(design, (xy**2).sum(1), rcond=None)[0]
    centre = solution[:2]
    radius = float(np.sqrt(max(solution[2] + centre @ centre, 0.0)))
    angles = np.sort(np.arctan2(*(xy - centre).T[::-1]))
    gaps = np.diff(np.append(angles, angles[0] + 2 * np.pi))
    off = np.abs(np.linalg.norm(xy - centre, axis=1) - radius).max()
    # Points of a straight row fit a huge circle; ours must fit the table.
    return bool(off <= OFF_LINE and radius <= 0.25 and gaps.max() <= UNEVEN * max(gaps.min(), 1e-9))


def _grouped(colours: Sequence[str]) -> bool:
    changes = 1 + sum(one != other for one, other in pairwise(colours))
    return changes == len(set(colours))


_SLOTS: dict[str, Callable[[Sequence[Item], Array, list[int], np.random.Generator], Array | None]] = {
    "line": _line_slots,
    "circle": _circle_slots,
    "sorted": _sorted_slots,
    "table": _table_slots,
}
