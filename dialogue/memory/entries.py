"""What memory holds, as frozen values."""

from dataclasses import dataclass
from enum import StrEnum


class EntryKind(StrEnum):
    TURN = "turn"
    """What was said, by whom."""
    NOTE = "note"
    """Something to go by from now on: a constraint, a name for a thing, a fact."""
    EPISODE = "episode"
    """What was tried and what came of it."""


@dataclass(frozen=True)
class Entry:
    """One thing remembered.

    at: seconds since 1970.  session: the run of the program it is from.  source: who or what it comes from ("person",
    "robot", "plan", ...).  because_of: the entry it was drawn from; it goes when that one is forgotten.  detail: for an
    episode its outcome in one sentence.
    """

    id: int
    kind: EntryKind
    at: float
    session: str
    source: str
    text: str
    detail: str = ""
    because_of: int | None = None


@dataclass(frozen=True)
class Hit:
    """An entry that a search found; score: higher is nearer, comparable within one search only."""

    entry: Entry
    score: float


@dataclass(frozen=True)
class Binding:
    """A mention in a turn and the thing that it meant in that scene."""

    turn: int
    mention: str
    name: str
    scene: str
