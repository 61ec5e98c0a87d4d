"""The tree of a plan: small frozen values, nothing that can run.

`dialogue.syntax` reads and writes it as text. Names are words that a scene resolves later (`dialogue.view`); the tree
itself knows no scene. Every step keeps the line it was read from, for errors; two steps that differ in nothing else
are equal.
"""

from dataclasses import dataclass, field
from typing import TypeAlias

SIDES = ("left of", "right of", "in front of", "behind")
RELATIONS = ("in", "on", *SIDES, "next to", "out of")
"""Relations that name another thing; "out of" is a destination only."""
REGIONS = ("left side", "right side", "front", "back", "middle")
"""Parts of the table, as the person in front of the robot sees them."""
DIRECTIONS = ("left", "right", "forward", "back")
STATES = ("open", "closed", "held", "there")
RULES = ("person", "fragile", "throw", "edge", "safety", "harm", "constraint", "absent", "impossible")
"""What a refusal may name."""
TABLE = "table"
"""The one name that every scene has."""

MOST_ROUNDS = 20
"""Largest bound of a `while`."""
MOST_OPTIONS = 8
"""Most answers that a question offers."""


@dataclass(frozen=True)
class Named:
    """A thing by name: "red cube", "left bowl", or a name that was remembered."""

    name: str


@dataclass(frozen=True)
class It:
    """The thing that the innermost `for each` is at."""


@dataclass(frozen=True)
class Selector:
    """Things with a property.

    words: "vegetable", "red cube", "red object".  relation, target: where they are ("in", "bowl"; "at", "left side");
    negated turns that round.  excepted: names left out.
    """

    words: str
    relation: str | None = None
    target: str | None = None
    negated: bool = False
    excepted: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if (self.relation is None) != (self.target is None) or (self.negated and self.relation is None):
            raise ValueError("relation and target of a selector come together, and only they can be negated")


@dataclass(frozen=True)
class Some:
    """Any one thing with a property."""

    selector: Selector


Thing: TypeAlias = Named | It | Some


@dataclass(frozen=True)
class Beside:
    """In, on, next to, ... another thing; relation is one of RELATIONS."""

    relation: str
    thing: Thing

    def __post_init__(self) -> None:
        if isinstance(self.thing, Some) and self.thing.selector.relation is not None:
            raise ValueError("a place cannot itself be told by where it is")


@dataclass(frozen=True)
class At:
    """In a part of the table, one of REGIONS."""

    region: str


@dataclass(frozen=True)
class There:
    """Where the last thing was put."""


Destination: TypeAlias = Beside | At | There


@dataclass(frozen=True)
class Pick:
    """Take a thing and hold it up."""

    thing: Thing
    line: int = field(default=0, compare=False)


@dataclass(frozen=True)
class Place:
    """Bring a thing somewhere and let go; it need not be held before."""

    thing: Thing
    where: Destination
    line: int = field(default=0, compare=False)


@dataclass(frozen=True)
class Return:
    """Put a thing back where it was before it was last moved."""

    thing: Thing
    line: int = field(default=0, compare=False)


@dataclass(frozen=True)
class Push:
    """Push a thing about 9 cm in one of DIRECTIONS."""

    thing: Thing
    direction: str
    line: int = field(default=0, compare=False)


@dataclass(frozen=True)
class Open:
    thing: Thing
    line: int = field(default=0, compare=False)


@dataclass(frozen=True)
class Close:
    thing: Thing
    line: int = field(default=0, compare=False)


@dataclass(frozen=True)
class Point:
    """Hold the hand over a thing, touching nothing."""

    thing: Thing
    line: int = field(default=0, compare=False)


@dataclass(frozen=True)
class Look:
    """Look at the table anew."""

    line: int = field(default=0, compare=False)


@dataclass(frozen=True)
class Say:
    text: str
    line: int = field(default=0, compare=False)


@dataclass(frozen=True)
class Ask:
    """Ask the person; options may be empty. The plan ends here: what follows depends on the answer."""

    text: str
    options: tuple[str, ...] = ()
    line: int = field(default=0, compare=False)


@dataclass(frozen=True)
class Correct:
    """Tell the person that what they took for granted is not so."""

    text: str
    line: int = field(default=0, compare=False)


@dataclass(frozen=True)
class Refuse:
    """Decline; rule is one of RULES."""

    rule: str
    text: str
    line: int = field(default=0, compare=False)


@dataclass(frozen=True)
class Remember:
    """Keep a note: "never put anything on glass", "my bowl is blue bowl", or any fact (`dialogue.notes`)."""

    text: str
    line: int = field(default=0, compare=False)


@dataclass(frozen=True)
class Forget:
    """Drop the notes that hold these words."""

    text: str
    line: int = field(default=0, compare=False)


@dataclass(frozen=True)
class Exists:
    """Some thing, or with wanted = False no thing, has the property."""

    selector: Selector
    wanted: bool = True


@dataclass(frozen=True)
class IsState:
    """A thing is, or is not, in one of STATES."""

    thing: Thing
    state: str
    wanted: bool = True


@dataclass(frozen=True)
class IsWhere:
    """A thing is, or is not, in this relation to another or in this region."""

    thing: Thing
    where: Beside | At
    wanted: bool = True


Condition: TypeAlias = Exists | IsState | IsWhere


@dataclass(frozen=True)
class ForEach:
    """Do the body for each thing that has the property when the loop begins; `it` is that thing."""

    selector: Selector
    body: "tuple[Step, ...]"
    line: int = field(default=0, compare=False)


@dataclass(frozen=True)
class If:
    condition: Condition
    then: "tuple[Step, ...]"
    otherwise: "tuple[Step, ...]" = ()
    line: int = field(default=0, compare=False)


@dataclass(frozen=True)
class While:
    """Repeat while the condition holds, at most `most` times (1 to MOST_ROUNDS)."""

    condition: Condition
    most: int
    body: "tuple[Step, ...]"
    line: int = field(default=0, compare=False)


Motion: TypeAlias = Pick | Place | Return | Push | Open | Close | Point
Word: TypeAlias = Say | Ask | Correct | Refuse
Note: TypeAlias = Remember | Forget
Simple: TypeAlias = Motion | Look | Word | Note
Block: TypeAlias = ForEach | If | While
Step: TypeAlias = Simple | Block


@dataclass(frozen=True)
class Plan:
    """Steps in order; never empty when it was read from text."""

    steps: tuple[Step, ...]
