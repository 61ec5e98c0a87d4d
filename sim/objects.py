"""All kinds of things by name, how their names are read, and which of them training never sees."""

from dataclasses import dataclass

from agent.errors import unknown_name
from sim.catalogue import OBJECTS
from sim.kinds import PALETTE, Grasp, Interior, ObjectKind, ReceptacleKind
from sim.receptacles import RECEPTACLES

__all__ = [
    "COLOURS",
    "HELD_OUT_COLOURS",
    "HELD_OUT_LOOKS",
    "HELD_OUT_OBJECTS",
    "HELD_OUT_PAIRS",
    "HELD_OUT_RECEPTACLES",
    "KINDS",
    "OBJECTS",
    "POSITIONS",
    "RECEPTACLES",
    "Description",
    "Grasp",
    "Interior",
    "ObjectKind",
    "ReceptacleKind",
    "is_held_out",
    "pair_is_held_out",
    "parse_name",
]

KINDS: dict[str, ObjectKind | ReceptacleKind] = {**OBJECTS, **RECEPTACLES}
COLOURS = PALETTE
POSITIONS = ("left", "right", "front", "back")

HELD_OUT_OBJECTS: frozenset[str] = frozenset(name for name, kind in OBJECTS.items() if kind.held_out)
HELD_OUT_RECEPTACLES: frozenset[str] = frozenset(name for name, kind in RECEPTACLES.items() if kind.held_out)
HELD_OUT_COLOURS: frozenset[str] = frozenset({"cyan", "brown"})
HELD_OUT_LOOKS: frozenset[tuple[str, str]] = frozenset(
    {
        ("purple", "cube"),
        ("pink", "block"),
        ("orange", "cylinder"),
        ("black", "mug"),
        ("green", "cup"),
        ("blue", "sponge"),
        ("green", "apple"),
        ("orange", "bowl"),
        ("pink", "plate"),
        ("yellow", "towel"),
    }
)
"""(colour, kind) whose colour and kind are both seen in training, but never together."""
HELD_OUT_PAIRS: frozenset[tuple[str, str]] = frozenset(
    {
        ("banana", "bowl"),
        ("carrot", "basket"),
        ("spoon", "plate"),
        ("tomato", "towel"),
        ("corn", "pan"),
        ("lemon", "tray"),
        ("can", "box"),
        ("duck", "pot"),
        ("potato", "plate"),
        ("mug", "towel"),
        ("sponge", "drawer"),
        ("ball", "basket"),
    }
)
"""(object, receptacle) kinds that are both seen in training, but never one in or on the other."""


@dataclass(frozen=True)
class Description:
    """What a name says of an entity.

    colour: None for any.  position: left, right, front or back among those alike; None when it does not matter.
    """

    kind: str
    colour: str | None = None
    position: str | None = None

    @property
    def name(self) -> str:
        """The name that `parse_name` reads as this description."""
        return " ".join(word for word in (self.position, self.colour, self.kind) if word)


def parse_name(name: str) -> Description:
    """Read `[left|right|front|back] [colour] kind`; raise SpecError naming what exists.

    >>> parse_name("left red cube")
    Description(kind='cube', colour='red', position='left')
    """
    words = name.split()
    position = words.pop(0) if len(words) > 1 and words[0] in POSITIONS else None
    rest = " ".join(words)
    if rest in KINDS:
        return Description(rest, None, position)
    colour, _, kind = rest.partition(" ")
    if not kind or (colour not in COLOURS and kind not in KINDS):
        raise unknown_name("object", rest, KINDS)
    if kind not in KINDS:
        raise unknown_name("object", kind, KINDS)
    if colour not in KINDS[kind].colours:
        raise unknown_name(f"{kind} in colour", colour, KINDS[kind].colours)
    return Description(kind, colour, position)


def is_held_out(description: Description) -> bool:
    """Say whether training never sees this thing: its kind, its colour, or the two together."""
    kind, colour = description.kind, description.colour
    if KINDS[kind].held_out:
        return True
    return colour is not None and (colour in HELD_OUT_COLOURS or (colour, kind) in HELD_OUT_LOOKS)


def pair_is_held_out(subject: Description, target: Description) -> bool:
    """Say whether training never puts one in or on the other."""
    return (subject.kind, target.kind) in HELD_OUT_PAIRS
