"""Draws arranging problems: what stands where, what is asked for in which words, and one ideal answer."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from imagination.patterns import DRINK, FOOD, PATTERNS, Item, ideal, is_clear, item_of
from sim.geometry import Array
from sim.objects import KINDS, OBJECTS, Description, ReceptacleKind, is_held_out
from sim.scene import TABLE_HIGH, TABLE_LOW

TRAINED_COUNTS = (3, 4, 6, 8)
UNSEEN_COUNTS = (5, 7)
SHARES = (0.25, 0.1, 0.4, 0.25)
"""How often each of PATTERNS is drawn: what is hard to learn more often."""
PLATE_LOW, PLATE_HIGH = np.array([0.54, -0.05]), np.array([0.60, 0.05])
"""m; where a plate stands that a table is set around: there is room on three sides of it."""
COMPACT = 0.036
"""m; things of at most this radius are put in lines and circles of up to eight."""
CUTLERY = ("spoon", "marker", "brush")

WORDS: dict[str, tuple[str, ...]] = {
    "line": (
        "arrange the {what} in a line",
        "put the {what} in a row",
        "line up the {what}",
        "make a straight line of the {what}",
    ),
    "circle": (
        "arrange the {what} in a circle",
        "put the {what} in a ring",
        "form a circle with the {what}",
        "place the {what} around a circle",
    ),
    "sorted": (
        "arrange the {what} sorted by colour",
        "sort the {what} by color",
        "line up the {what} by colour",
        "group the {what} by colour in a row",
    ),
    "table": ("set the table", "lay the table", "set the table for one", "lay the table around the plate"),
}
"""Pattern -> wordings that training uses."""
HELD_OUT_WORDS: dict[str, tuple[str, ...]] = {
    "line": ("get the {what} lined up in a straight row",),
    "circle": ("make a ring out of the {what}",),
    "sorted": ("tidy the {what} into a row by colour",),
    "table": ("please lay the table for dinner",),
}


@dataclass(frozen=True, eq=False)
class Case:
    """items: what stands on the table, at `start` (n, 3).  answer (n, 3): one arrangement as asked."""

    pattern: str
    text: str
    items: tuple[Item, ...]
    start: Array
    answer: Array


def draw_case(
    rng: np.random.Generator, *, counts: Sequence[int] = TRAINED_COUNTS, pattern: str | None = None, words: str = "seen"
) -> Case:
    """Draw a problem with one of `counts` movable items; words: "seen" or "held_out"."""
    while True:
        chosen = pattern or str(rng.choice(PATTERNS, p=SHARES))
        items = _ITEMS[chosen](int(rng.choice(counts)), rng)
        start = scattered(items, rng)
        if start is None:
            continue
        answer = ideal(chosen, items, start, rng)
        if answer is None:
            continue
        table = WORDS if words == "seen" else HELD_OUT_WORDS
        wording = table[chosen][int(rng.integers(len(table[chosen])))]
        return Case(chosen, wording.format(what=what_all_are(items)), items, start, answer)


def scattered(items: Sequence[Item], rng: np.random.Generator, *, tries: int = 60) -> Array | None:
    """Draw a collision-free heap of poses (n, 3), a plate before the middle; None when there was no room."""
    layout = np.zeros((len(items), 3))
    for index, item in enumerate(items):
        for _ in range(tries):
            low, high = (PLATE_LOW, PLATE_HIGH) if item.kind == "plate" else (TABLE_LOW, TABLE_HIGH)
            layout[index] = *rng.uniform(low, high), rng.uniform(-np.pi, np.pi)
            if is_clear(items[: index + 1], layout[: index + 1], margin=0.01):
                break
        else:
            return None
    return layout


def what_all_are(items: Sequence[Item]) -> str:
    """Return what a person calls the movable items together: "cubes", or "things" when they differ."""
    kinds = {item.kind for item in items if not item.fixed}
    return plural(kinds.pop()) if len(kinds) == 1 else "things"


def plural(noun: str) -> str:
    """
    >>> plural("cube"), plural("brush"), plural("dice"), plural("strawberry")
    ('cubes', 'brushes', 'dice', 'strawberries')
    """
    if noun == "dice":
        return noun
    if noun.endswith("y"):
        return noun[:-1] + "ies"
    return noun + ("es" if noun.endswith(("s", "sh", "ch", "x", "tomato", "potato")) else "s")


def compact_kinds() -> list[str]:
    """Return the kinds seen in training that are small enough for lines and circles of eight."""
    return [name for name, kind in OBJECTS.items() if not kind.held_out and kind.footprint_radius(1.0) <= COMPACT]


def _alike_or_mixed(count: int, rng: np.random.Generator) -> tuple[Item, ...]:
    kinds = compact_kinds()
    if rng.random() < 0.5:
        rich = [name for name in kinds if len(_seen_colours(name)) >= 5]
        kind = rich[int(rng.integers(len(rich)))]
        chosen = [kind] * count
    else:
        chosen = [kinds[int(rng.integers(len(kinds)))] for _ in range(count)]
    return tuple(_drawn(kind, rng) for kind in chosen) + _bystanders(rng)


def _to_be_sorted(count: int, rng: np.random.Generator) -> tuple[Item, ...]:
    kinds = [name for name in compact_kinds() if len(_seen_colours(name)) >= 5]
    common = sorted(set.intersection(*(set(_seen_colours(name)) for name in kinds)))
    groups = int(rng.integers(2, 1 + min(3, count - 1)))
    colours = [common[rank] for rank in rng.permutation(len(common))[:groups]]
    spread = [*colours, *(colours[int(rng.integers(groups))] for _ in range(count - groups))]
    return tuple(_drawn(kinds[int(rng.integers(len(kinds)))], rng, colour) for colour in spread) + _bystanders(rng)


def _for_the_table(count: int, rng: np.random.Generator) -> tuple[Item, ...]:
    """A plate, and up to six things of three roles, two of each at most."""
    count = {7: 5, 8: 6}.get(count, count)
    known = [kind for kind in (*DRINK, *FOOD, *CUTLERY) if not KINDS[kind].held_out]
    roles = [[k for k in DRINK if k in known], [k for k in FOOD if k in known], [k for k in CUTLERY if k in known]]
    taken = [0, 0, 0]
    kinds = list[str]()
    while len(kinds) < count:
        role = int(rng.integers(3))
        if taken[role] < 2:
            taken[role] += 1
            kinds.append(roles[role][int(rng.integers(len(roles[role])))])
    return (_drawn("plate", rng), *(_drawn(kind, rng) for kind in kinds))


def _bystanders(rng: np.random.Generator) -> tuple[Item, ...]:
    """Sometimes something that is not to be moved stands in the way."""
    if rng.random() < 0.7:
        return ()
    item = _drawn(("tomato", "can", "duck", "coaster")[int(rng.integers(4))], rng)
    return (Item(item.name, item.kind, item.colour, item.half, True),)


def _drawn(kind: str, rng: np.random.Generator, colour: str | None = None) -> Item:
    known = KINDS[kind]
    colours = _seen_colours(kind)
    colour = colour or colours[int(rng.integers(len(colours)))]
    scale = float(rng.uniform(*known.size_range))
    return item_of(f"{colour} {kind}", kind, colour, scale, fixed=isinstance(known, ReceptacleKind))


def _seen_colours(kind: str) -> list[str]:
    return [colour for colour in KINDS[kind].colours if not is_held_out(Description(kind, colour))]


_ITEMS = {"line": _alike_or_mixed, "circle": _alike_or_mixed, "sorted": _to_be_sorted, "table": _for_the_table}
