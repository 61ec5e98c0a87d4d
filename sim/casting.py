"""Which things play in a task: what is moved, where it goes, and what else stands there to be told apart."""

from collections.abc import Sequence
from typing import Literal, TypeVar

import numpy as np

from agent.errors import SpecError, unknown_name
from agent.types import Goal
from sim.objects import (
    HELD_OUT_COLOURS,
    HELD_OUT_LOOKS,
    KINDS,
    OBJECTS,
    RECEPTACLES,
    Description,
    is_held_out,
    pair_is_held_out,
    parse_name,
)

SceneSplit = Literal["seen", "held_out_pairs", "held_out_objects"]
STACKABLE = ("cube", "block", "cylinder", "dice", "prism")
"""What can be put on a base and stay."""
BASES = ("cube", "block", "cylinder")
"""What has a flat top wide enough to put another thing on."""
WIDEST_COMPANION = 0.125
"""m; a receptacle of a larger footprint radius leaves no room for a second one."""
MOST_OTHERS = 4
FEWEST_OTHERS = 2
OPPOSITE = {"left": "right", "right": "left", "front": "back", "back": "front"}
STANDS = {"left": "left of", "right": "right of", "front": "in front of", "back": "behind"}

T = TypeVar("T")


def holders(support: str) -> tuple[str, ...]:
    """Return the receptacles that take things "in" or "on" them."""
    return tuple(name for name, kind in RECEPTACLES.items() if kind.support == support)


def fits(moved: str, receptacle: str) -> bool:
    """Say whether an object lies wholly within a receptacle at scale 1, and below the front of the drawer."""
    kind, interior = OBJECTS[moved], RECEPTACLES[receptacle].interior()
    room = interior.radius if interior.half_extents is None else max(interior.half_extents)
    low_enough = receptacle != "drawer" or kind.height() < 0.06
    return room is not None and kind.footprint_radius() <= room and low_enough


def leaves_room(kind: str) -> bool:
    """Say whether the table has room for another receptacle beside this kind; any object leaves it."""
    return kind in OBJECTS or RECEPTACLES[kind].footprint_radius() <= WIDEST_COMPANION


def opposite_position(name: str) -> tuple[str, str]:
    """Return the counterpart of a name with a position, and how `name` stands to it: "right cube", "left of"."""
    described = parse_name(name)
    if described.position is None:
        raise SpecError(f"'{name}' has no position")
    other = Description(described.kind, described.colour, OPPOSITE[described.position])
    return other.name, STANDS[described.position]


class Casting:
    """Draws the things of one task; what is drawn next depends on what is already there.

    split: with "held_out_objects" the thing that the task is about is one that training never sees; with
    "held_out_pairs" its kind and its target, or its colour and its kind, never meet in training.
    arrangement: how the things must stand at reset for "left cube" to mean one of them.
    """

    def __init__(self, rng: np.random.Generator, split: SceneSplit) -> None:
        if split not in ("seen", "held_out_pairs", "held_out_objects"):
            raise unknown_name("split", split, ("seen", "held_out_pairs", "held_out_objects"))
        self.arrangement: list[Goal] = []
        self._rng, self._split = rng, split
        self._others: list[str] = []
        self._there: list[Description] = []

    def one_of(self, options: Sequence[T]) -> T:
        """Draw one."""
        return options[int(self._rng.integers(len(options)))]

    def chance(self, probability: float) -> bool:
        """Draw yes with this probability."""
        return bool(self._rng.random() < probability)

    def subject(self, kinds: Sequence[str] = tuple(OBJECTS)) -> str:
        """Draw the thing that is moved; for the held-out splits one that training never sees (in this look)."""
        if self._split == "held_out_pairs":
            return self._in_a_look([look for look in sorted(HELD_OUT_LOOKS) if look[1] in kinds])
        if self._split == "held_out_objects":
            unseen = [kind for kind in kinds if KINDS[kind].held_out]
            if unseen and self.chance(0.75):
                return self._cast(Description(self.one_of(unseen)))
            return self._in_a_look(
                [(colour, kind) for kind in kinds for colour in _colours(kind) if colour in HELD_OUT_COLOURS]
            )
        return self._named(self.one_of(_seen(kinds)))

    def pair(self, support: str, *, alone: bool = False) -> tuple[str, str]:
        """Draw an object and the receptacle for it. alone: nothing else may share the object's name with a position."""
        if self._split == "held_out_pairs":
            pairs = [
                (moved, receptacle)
                for moved in OBJECTS
                for receptacle in holders(support)
                if pair_is_held_out(Description(moved), Description(receptacle))
            ]
            moved, receptacle = self.one_of(pairs)
            return self._cast(Description(moved)), self._receptacle(receptacle)
        able = [kind for kind in OBJECTS if any(fits(kind, receptacle) for receptacle in holders(support))]
        subject = self._plain(self.one_of(_seen(able))) if alone and self._split == "seen" else self.subject(able)
        kind = parse_name(subject).kind
        fitting = [
            name
            for name in _seen(holders(support))
            if fits(kind, name) and not pair_is_held_out(Description(kind), Description(name))
        ]
        return subject, self._receptacle(self.one_of(fitting))

    def stack(self) -> tuple[str, str]:
        """Draw what is stacked and the thing below it, often the same kind in another colour."""
        subject = self.subject(STACKABLE)
        described = parse_name(subject)
        same = described.kind in BASES and described.colour is not None and described.position is None
        if same and self.chance(0.5):
            taken = {there.colour for there in self._there}
            colours = [colour for colour in _seen_colours(described.kind) if colour not in taken]
            return subject, self._cast(Description(described.kind, self.one_of(colours)))
        free = [kind for kind in BASES if kind not in self._kinds]
        return subject, self._named(self.one_of(free), position=0.0)

    def drawer(self) -> str:
        """Return the drawer; it is seen in training, so the held-out splits have none."""
        if self._split != "seen":
            raise SpecError(f"the drawer family has nothing for the split '{self._split}'; it has: seen")
        return self._plain("drawer")

    def landmark(self) -> str:
        """Draw the thing that another is put beside: an object, or a receptacle that leaves room."""
        receptacles = [name for name in _seen(tuple(RECEPTACLES)) if leaves_room(name)]
        kinds = receptacles if self.chance(0.4) else [kind for kind in _seen(tuple(OBJECTS)) if kind not in self._kinds]
        return self._named(self.one_of(kinds))

    def others(self, goal: Goal) -> list[str]:
        """Return the names that the scene must hold besides the goal's own."""
        return [name for name in self._others if name not in (goal.subject, goal.target)]

    def room_left(self, goal: Goal) -> tuple[int, int]:
        """Return the fewest and most further things: what is named already counts as something to be told apart."""
        named = len(self.others(goal))
        return max(0, FEWEST_OTHERS - named), max(1, MOST_OTHERS - 2 * named)

    def _named(self, kind: str, *, position: float = 0.12) -> str:
        """A name for a seen kind: plain, by its colour, or by where it stands (with this probability)."""
        if leaves_room(kind) and not self.arrangement and self.chance(position):
            colours = _seen_colours(kind)
            colour = self.one_of(colours) if len(colours) > 1 and self.chance(0.25) else None
            name = Description(kind, colour, self.one_of(tuple(OPPOSITE))).name
            other, relation = opposite_position(name)
            self.arrangement.append(Goal(relation, name, other))
            self._others.append(other)
            return self._cast(parse_name(name))
        if len(_seen_colours(kind)) > 1 and self.chance(0.55):
            return self._in_a_look([(colour, kind) for colour in _seen_colours(kind)])
        return self._plain(kind)

    def _plain(self, kind: str) -> str:
        return self._cast(Description(kind))

    def _in_a_look(self, looks: Sequence[tuple[str, str]]) -> str:
        """Name a thing by its colour, and often put the same kind in another colour beside it."""
        if not looks:
            raise SpecError(f"nothing of this family is held out in the split '{self._split}'")
        colour, kind = self.one_of(looks)
        name = self._cast(Description(kind, colour))
        rest = [other for other in _seen_colours(kind) if other != colour]
        if rest and leaves_room(kind) and self.chance(0.6):
            self._others.append(self._cast(Description(kind, self.one_of(rest))))
        return name

    def _receptacle(self, kind: str) -> str:
        """Name the target, and often add a second receptacle that it could have been."""
        before = len(self._others)
        name = self._named(kind, position=0.08)
        if len(self._others) == before and leaves_room(kind) and self.chance(0.5):
            second = [other for other in _seen(tuple(RECEPTACLES)) if leaves_room(other) and other not in self._kinds]
            self._others.append(self._cast(Description(self.one_of(second))))
        return name

    def _cast(self, described: Description) -> str:
        self._there.append(described)
        return described.name

    @property
    def _kinds(self) -> set[str]:
        return {described.kind for described in self._there}


def _seen(kinds: Sequence[str]) -> list[str]:
    return [kind for kind in kinds if not KINDS[kind].held_out]


def _colours(kind: str) -> tuple[str, ...]:
    return tuple(KINDS[kind].colours)


def _seen_colours(kind: str) -> list[str]:
    return [colour for colour in _colours(kind) if not is_held_out(Description(kind, colour))]
