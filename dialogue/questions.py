"""Questions about what is on the table, read by rule and answered from a list of things with their places.

    is there a red cube?    what colour is the ball?    how many cubes are there?    is the cube in the bowl?
    is the egg held?        can you reach the plate?

Whoever finds the things (the simulator's truth, or perception in a picture) is not this module's business.
"""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

import numpy as np

from agent.errors import SpecError
from sim.nouns import NOUNS
from sim.objects import COLOURS, KINDS, ReceptacleKind
from sim.relations import BESIDE_DIRECTIONS

Kind = Literal["existence", "colour", "count", "relation", "held", "reachable"]
KINDS_OF_QUESTION: tuple[Kind, ...] = ("existence", "colour", "count", "relation", "held", "reachable")
SIDES = tuple(BESIDE_DIRECTIONS)
REACH = (0.25, 0.78)
"""m; from the robot's base, within which the hand gets hold of things."""
Answer: TypeAlias = bool | int | str


@dataclass(frozen=True)
class Seen:
    """One thing that was found. x, y: base frame [m].  radius: of its footprint [m].  within: index of what it
    lies in or on, in the same list; None for the table.  score: how sure whoever found it is, from 0 to 1."""

    kind: str
    colour: str
    x: float
    y: float
    radius: float = 0.03
    within: int | None = None
    held: bool = False
    score: float = 1.0


@dataclass(frozen=True)
class What:
    """A thing as words describe it. colour: None for any."""

    kind: str
    colour: str | None = None

    def fits(self, seen: Seen) -> bool:
        return seen.kind == self.kind and self.colour in (None, seen.colour)

    def __str__(self) -> str:
        return f"{self.colour} {self.kind}" if self.colour else self.kind


@dataclass(frozen=True)
class Question:
    """relation, other: of a relation question: "in", "on" or one of SIDES, and to what."""

    kind: Kind
    what: What
    relation: str | None = None
    other: What | None = None

    def __str__(self) -> str:
        match self.kind:
            case "existence":
                return f"is there a {self.what}?"
            case "colour":
                return f"what colour is the {self.what}?"
            case "count":
                return f"how many {self.what}s are there?"
            case "held":
                return f"is the {self.what} held?"
            case "reachable":
                return f"can you reach the {self.what}?"
        return f"is the {self.what} {self.relation} the {self.other}?"


def parse_question(text: str) -> Question:
    """Read a question. Raises SpecError naming the forms that there are."""
    plain = " ".join(re.sub(r"[^a-z ]+", " ", text.lower()).split())
    for kind, pattern in _FORMS:
        match = pattern.fullmatch(plain)
        what = _what(next(words for words in match.groups() if words)) if match else None
        if match is None or what is None:
            continue
        if kind != "relation":
            return Question(kind, what)
        other = _what(match["other"])
        if other is not None:
            return Question(kind, what, _RELATIONS[match["relation"]], other)
    forms = "is there a red cube? what colour is the ball? how many cubes are there? is the cube in the bowl? "
    raise SpecError(f"I cannot read '{text[:80]}'; ask such as: {forms}is the egg held? can you reach the plate?")


def answer(question: Question, seen: Sequence[Seen], *, sure: float = 0.5) -> Answer:
    """Return the answer from what was seen with a score of at least `sure`.

    About several things that fit, "is it" means whether it is so of one of them; of what is not there nothing is true,
    and its colour is "none".
    """
    found = [thing for thing in seen if thing.score >= sure and question.what.fits(thing)]
    match question.kind:
        case "existence":
            return bool(found)
        case "count":
            return len(found)
        case "colour":
            return max(found, key=lambda thing: thing.score).colour if found else "none"
        case "held":
            return any(thing.held for thing in found)
        case "reachable":
            return any(REACH[0] <= math.hypot(thing.x, thing.y) <= REACH[1] for thing in found)
    assert question.relation is not None and question.other is not None
    others = [thing for thing in seen if thing.score >= sure and question.other.fits(thing)]
    return any(_stands(one, question.relation, two, seen) for one in found for two in others if one is not two)


def draw_questions(seen: Sequence[Seen], rng: np.random.Generator) -> tuple[tuple[Question, Answer], ...]:
    """Return balanced questions about a table with their true answers: every yes has its no beside it.

    seen: the truth, all scores 1.

    The absent ones are adversarial: a colour or a kind that is on the table, only not together, before one that is not
    there at all.
    """
    drawn: list[Question] = []
    thing = seen[int(rng.integers(len(seen)))]
    what, absent = What(thing.kind, thing.colour), _absent(seen, rng)
    drawn += [Question("existence", what), Question("existence", absent)]
    drawn += [Question("count", What(thing.kind)), Question("count", absent)]
    alone = [one for one in seen if sum(other.kind == one.kind for other in seen) == 1]
    if alone:
        drawn.append(Question("colour", What(alone[int(rng.integers(len(alone)))].kind)))
    for kind in ("held", "reachable"):
        asked = [Question(kind, What(one.kind, one.colour)) for one in seen]
        drawn += _balanced(asked, seen, rng)
    relations = [
        Question("relation", What(one.kind, one.colour), relation, What(two.kind, two.colour))
        for one in seen
        for two in seen
        if one is not two and (one.kind, one.colour) != (two.kind, two.colour)
        for relation in ("in", "on", *SIDES)
    ]
    drawn += _balanced(relations, seen, rng)
    return tuple((question, answer(question, seen)) for question in drawn)


def _balanced(asked: Sequence[Question], seen: Sequence[Seen], rng: np.random.Generator) -> list[Question]:
    """One that is true and one that is not; none where only one of the two can be had."""
    true = [question for question in asked if answer(question, seen)]
    false = [question for question in asked if not answer(question, seen)]
    if not true or not false:
        return []
    return [true[int(rng.integers(len(true)))], false[int(rng.integers(len(false)))]]


def _absent(seen: Sequence[Seen], rng: np.random.Generator) -> What:
    there = {(one.kind, one.colour) for one in seen}
    colours = sorted({one.colour for one in seen})
    crossed = [What(k, c) for k in sorted({one.kind for one in seen}) for c in colours if (k, c) not in there]
    other = [What(kind) for kind in KINDS if kind not in {one.kind for one in seen}]
    pool = crossed or other
    return pool[int(rng.integers(len(pool)))]


def _stands(one: Seen, relation: str, two: Seen, seen: Sequence[Seen]) -> bool:
    if one.held:
        return False
    if relation in ("in", "on"):
        return one.within is not None and seen[one.within] is two
    offset = np.array([one.x - two.x, one.y - two.y])
    along = float(offset @ BESIDE_DIRECTIONS[relation])
    across = float(np.linalg.norm(offset - along * BESIDE_DIRECTIONS[relation]))
    return along > 0.0 and across <= along and not (one.within is not None and seen[one.within] is two)


def _what(words: str) -> What | None:
    """`[colour] noun`, singular or plural, as a kind of the catalogue."""
    words = re.sub(r"^(?:the|a|an|any) ", "", words)
    first, _, rest = words.partition(" ")
    colour, noun = (first, rest) if rest and first in COLOURS else (None, words)
    for single in (noun, noun.removesuffix("s"), noun.removesuffix("es"), noun.removesuffix("ies") + "y"):
        kind = _KIND_OF.get(single)
        if kind is not None:
            return What(kind, colour)
    return None


_KIND_OF = {noun: kind for kind, (seen, held_out) in NOUNS.items() for noun in (*held_out, *seen)} | {
    kind: kind for kind in KINDS
}
_RELATIONS = {
    "in": "in",
    "inside": "in",
    "on": "on",
    "on top of": "on",
    "left of": "left of",
    "to the left of": "left of",
    "right of": "right of",
    "to the right of": "right of",
    "in front of": "in front of",
    "behind": "behind",
}
_SAID = "|".join(sorted(_RELATIONS, key=len, reverse=True))
_FORMS: tuple[tuple[Kind, re.Pattern[str]], ...] = (
    ("existence", re.compile(r"(?:is|are) there (?P<what>.+?)(?: here| on the table)?|do you see (.+)")),
    ("colour", re.compile(r"what colou?r (?:is|are|does) (?P<what>.+?)(?: have)?|which colou?r is (.+)")),
    ("count", re.compile(r"how many (?P<what>.+?)(?: are there| do you see| are here)?(?: on the table)?")),
    ("held", re.compile(r"is (?P<what>.+?) (?:held|in (?:the|your) (?:gripper|hand))|are you holding (.+)")),
    ("reachable", re.compile(r"can you reach (?P<what>.+)|is (.+?) (?:reachable|within reach)")),
    ("relation", re.compile(rf"is (?P<what>.+?) (?P<relation>{_SAID}) (?P<other>.+)")),
)


def with_within(seen: Sequence[Seen]) -> tuple[Seen, ...]:
    """Return the things with `within` told by where they are: a smaller thing over a vessel lies in or on it."""
    placed = []
    for one in seen:
        under = [
            (math.hypot(one.x - two.x, one.y - two.y), index)
            for index, two in enumerate(seen)
            if two is not one and two.radius > one.radius and isinstance(KINDS[two.kind], ReceptacleKind)
        ]
        near = [(distance, index) for distance, index in under if distance < seen[index].radius]
        placed.append(replace(one, within=min(near)[1] if near and not one.held else None))
    return tuple(placed)
