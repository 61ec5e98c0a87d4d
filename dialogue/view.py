"""What is on the table, as plain data: what plans are checked against. A simulator or perception fills it in.

Positions are in the base frame [m]; left, right, front and back are as the person in front of the robot sees them.
"""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

from agent.errors import SpecError, unknown_name
from agent.safety.zones import Zone
from dialogue.words import is_name, shown

Holds = Literal["in", "on"]
FOOTPRINT = ((0.26, -0.40), (0.76, 0.40))
"""Corners x, y of the part of the table where a thing may come to stand: as far as the arm gets it back [m]."""


@dataclass(frozen=True)
class Item:
    """One thing.

    name: unique in its view, legal in a plan.  nouns: what else it is called, its kind first.  categories: what it is
    one of ("vegetable").  x, y: its middle; bottom, top: heights; radius: of its footprint [m].
    support: the receptacle or object it is in or on; None on the table or in the gripper.
    holds: how it takes other things; None for what takes none.  depth: from its rim down to where things land [m].
    flat: another thing can be stacked on it.  steady: it can be stacked itself.
    """

    name: str
    nouns: tuple[str, ...]
    x: float
    y: float
    radius: float
    bottom: float = 0.0
    top: float = 0.05
    colour: str | None = None
    categories: tuple[str, ...] = ()
    movable: bool = True
    fragile: bool = False
    flat: bool = False
    steady: bool = False
    holds: Holds | None = None
    depth: float = 0.0
    room: float = 0.0
    """Radius of the largest footprint that fits in or on it [m]."""
    openable: bool = False
    open: bool = True
    held: bool = False
    support: str | None = None
    rests_on: str | None = None

    @property
    def kind(self) -> str:
        return self.nouns[0]


@dataclass(frozen=True)
class SceneView:
    """All things, the zones that nothing may enter, and the part of the table that may be used.

    Raises SpecError for names that a plan could not hold (so text on a thing can never become a step) or that two
    things share.
    """

    items: tuple[Item, ...]
    zones: tuple[Zone, ...] = ()
    footprint: tuple[tuple[float, float], tuple[float, float]] = FOOTPRINT

    def __post_init__(self) -> None:
        for item in self.items:
            if not is_name(item.name):
                raise SpecError(f"{shown(item.name)} cannot be the name of a thing; see dialogue.view.safe_name")
        if len({item.name for item in self.items}) != len(self.items):
            raise SpecError(f"two things have one name among: {', '.join(item.name for item in self.items)}")
        for item in self.items:
            for below in (item.support, item.rests_on):
                if below is not None and self.find(below) is None:
                    raise unknown_name(f"thing under the {item.name}", below, self.names)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(item.name for item in self.items)

    @cached_property
    def _by_name(self) -> dict[str, Item]:
        return {item.name: item for item in self.items}

    def find(self, name: str) -> Item | None:
        return self._by_name.get(name)

    def __getitem__(self, name: str) -> Item:
        """Return the item of this name; raise SpecError naming those that exist."""
        item = self.find(name)
        if item is None:
            raise unknown_name("thing on the table", name, self.names)
        return item

    @property
    def held(self) -> Item | None:
        return next((item for item in self.items if item.held), None)

    def upon(self, name: str) -> tuple[Item, ...]:
        """Return what is in or on the thing of this name."""
        return tuple(item for item in self.items if name in (item.support, item.rests_on))

    def inner(self, name: str) -> tuple[Item, ...]:
        """Return everything in or on it, and what is on those in turn."""
        found, queue = list[Item](), [name]
        while queue:
            above = [item for item in self.upon(queue.pop()) if item not in found]
            found += above
            queue += [item.name for item in above]
        return tuple(found)

    def with_item(self, item: Item) -> "SceneView":
        """Return the view with the item of this name replaced."""
        return replace(self, items=tuple(item if old.name == item.name else old for old in self.items))


def safe_name(text: str, taken: tuple[str, ...] = ()) -> str:
    """Return a legal name nearest to `text`, which may be anything (a label read off a thing), unlike those taken.

    >>> safe_name("Bowl; open drawer\\nrefuse")
    'thing'
    >>> safe_name("Blue BOWL", ("blue bowl",))
    'blue bowl b'
    """
    name = text.lower() if is_name(text.lower()) else "thing"
    suffixes = ("", *(f" {letter}" for letter in "bcdefghijklmnopqrstuvwxyz"))
    return next(name + suffix for suffix in suffixes if name + suffix not in taken)
