"""Finds the things that words mean in a view, and says how things stand to one another."""

from collections.abc import Mapping

import numpy as np

from dialogue.plan import SIDES, TABLE, Selector
from dialogue.problem import Kind, Problem, Unfit
from dialogue.view import Item, SceneView
from sim.relations import BESIDE_DIRECTIONS, REGIONS

POSITIONS = {"left": (1, -1.0), "right": (1, 1.0), "front": (0, 1.0), "back": (0, -1.0)}
"""Adjective -> axis and sign of what is largest for that thing among those alike."""
ANYTHING = ("object", "thing", "item", "anything", "everything", "something")
CONTAINERS = ("container", "receptacle")
FRAGILE = ("glass", "fragile")
BESIDE_LIMITS = (0.04, 0.24)
"""m; nearest and furthest distance between centres of things beside each other."""
Aliases = Mapping[str, str]


def resolve(words: str, view: SceneView, aliases: Aliases, line: int = 0) -> Item:
    """Return the one thing that a name means: its own name first, then a remembered one, then a description.

    Raises Unfit, `absent` with what is there or `ambiguous` with exactly those that fit.
    """
    exact = view.find(words)
    if exact is not None:
        return exact
    meant = aliases.get(words, words)
    exact = view.find(meant)
    if exact is not None:
        return exact
    found = described(meant, view)
    if len(found) == 1:
        return found[0]
    if found:
        names = tuple(item.name for item in found)
        raise _unfit(
            "ambiguous", f"there are {len(found)} that could be meant by '{words}': {_and(names)}", line, names
        )
    there = view.names
    near = tuple(item.name for item in view.items if item.kind == words.split()[-1]) or there
    raise _unfit("absent", f"there is no {words} here; there is: {_and(there) if there else 'nothing'}", line, near)


def described(words: str, view: SceneView) -> tuple[Item, ...]:
    """Return the things that `[left|right|front|back] [colour] noun` describes; a position picks one among those."""
    first, _, rest = words.partition(" ")
    if rest and first in POSITIONS:
        found = described(rest, view)
        axis, sign = POSITIONS[first]
        return (max(found, key=lambda item: sign * (item.x, item.y)[axis]),) if found else ()
    return tuple(item for item in view.items if matches(item, words))


def matches(item: Item, words: str) -> bool:
    """Say whether `[colour] noun-or-category`, singular or plural, is said of this thing."""
    colour, _, rest = words.partition(" ")
    if rest and colour in FRAGILE:
        return item.fragile and matches(item, rest)
    return _noun_fits(item, words) or bool(rest and item.colour == colour and _noun_fits(item, rest))


def select(selector: Selector, view: SceneView, aliases: Aliases, line: int = 0) -> tuple[Item, ...]:
    """Return the things with the property, as they are listed in the view; those that are excepted left out.

    Raises Unfit when a thing that the property names is absent or ambiguous.
    """
    left_out = {resolve(name, view, aliases, line).name for name in selector.excepted}
    target = selector.target
    if target is not None and selector.relation != "at" and target != TABLE:
        target = resolve(target, view, aliases, line).name
    found = described(selector.words, view)
    if not found and selector.words in aliases:
        found = (resolve(selector.words, view, aliases, line),)
    return tuple(
        item
        for item in found
        if item.name not in left_out
        and item.name != target
        and (selector.relation is None or stands(view, item, selector.relation, str(target)) is not selector.negated)
    )


def stands(view: SceneView, item: Item, relation: str, target: str) -> bool:
    """Say whether `item` is `relation` the thing (or, for "at", the region; or the table) called `target`."""
    if relation == "at":
        return not item.held and in_region(target, item.x, item.y)
    if target == TABLE:
        return relation in ("in", "on") and item.support is None and not item.held
    if relation in ("in", "on"):
        return item.support == target
    other = view[target]
    sides = SIDES if relation == "next to" else (relation,)
    return not item.held and item.support != target and any(_is_beside(item, other, side) for side in sides)


def in_region(region: str, x: float, y: float) -> bool:
    (x_low, x_high), (y_low, y_high) = REGIONS[region]
    return x_low <= x <= x_high and y_low <= y <= y_high


def _is_beside(item: Item, other: Item, side: str) -> bool:
    offset = np.array([item.x - other.x, item.y - other.y])
    along = float(offset @ BESIDE_DIRECTIONS[side])
    across = float(np.linalg.norm(offset - along * BESIDE_DIRECTIONS[side]))
    return BESIDE_LIMITS[0] <= along <= BESIDE_LIMITS[1] and across <= along


def _noun_fits(item: Item, words: str) -> bool:
    for noun in (words, words.removesuffix("s"), words.removesuffix("es"), words.removesuffix("ies") + "y"):
        if noun in item.nouns or noun in item.categories:
            return True
        if (noun in ANYTHING and item.movable) or (noun in CONTAINERS and item.holds is not None):
            return True
        if noun in FRAGILE and item.fragile:
            return True
    return False


def _unfit(kind: Kind, sentence: str, line: int, offers: tuple[str, ...]) -> Unfit:
    return Unfit(Problem(kind, sentence, line, offers=offers))


def _and(names: tuple[str, ...]) -> str:
    return ", ".join(names)
