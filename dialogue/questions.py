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
from dialogue.reaching import can_reach
from sim.nouns import NOUNS
from sim.objects import COLOURS, KINDS, ReceptacleKind
from sim.relations import BESIDE_DIRECTIONS

Kind = Literal["existence", "colour", "count", "relation", "held", "reachable"]
KINDS_OF_QUESTION: tuple[Kind, ...] = ("existence", "colour", "count", "relation", "held", "reachable")
SIDES = tuple(BESIDE_DIRECTIONS)
SURE, HARDLY = 0.2, 0.02
"""From the first chance on a thing is what is asked about; below the second it is not there. Between them it is only
the likeliest, and whoever asks about a thing mostly sees it."""
COUNTED = 0.25
"""Chance from which a thing is counted."""
CLEARLY = 0.02
"""m; where a thing that far off would change the answer, people would not agree on it, and nobody is asked."""
Answer: TypeAlias = bool | int | str


@dataclass(frozen=True)
class Seen:
    """One thing that was found.

    x, y: base frame [m].  radius: of its footprint [m].  within: index of what it lies in or on, in the same list;
    None for the table.  score: how sure whoever found it is that something is there, from 0 to 1.  maybe: what it may
    be, its own kind and colour among them, each with a probability; empty where that is known.  reachable: whether the
    hand gets there, where somebody tried; None where it has to be worked out from the place.
    """

    kind: str
    colour: str
    x: float
    y: float
    radius: float = 0.03
    within: int | None = None
    held: bool = False
    score: float = 1.0
    maybe: tuple[tuple[str, str, float], ...] = ()
    reachable: bool | None = None


@dataclass(frozen=True)
class What:
    """A thing as words describe it. colour: None for any."""

    kind: str
    colour: str | None = None

    def fits(self, seen: Seen) -> bool:
        return seen.kind == self.kind and self.colour in (None, seen.colour)

    def chance(self, seen: Seen) -> float:
        """Return how likely it is that such a thing was seen there, from 0 to 1."""
        named = seen.maybe or ((seen.kind, seen.colour, 1.0),)
        fitting = (chance for kind, colour, chance in named if kind == self.kind and self.colour in (None, colour))
        return seen.score * sum(fitting)

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


def answer(question: Question, seen: Sequence[Seen]) -> Answer:
    """Return the answer from what was seen.

    About several things that fit, "is it" means whether it is so of one of them; of what is not there nothing is true,
    and its colour is "none". Where nothing is surely what is asked about, what is likeliest to be it is taken for it.
    """
    what = question.what
    if question.kind == "count":
        return sum(what.chance(thing) >= COUNTED for thing in seen)
    found = meant(what, seen)
    match question.kind:
        case "existence":
            return bool(found)
        case "colour":
            return _colour_of(what.kind, found[0]) if found else "none"
        case "held":
            return any(thing.held for thing in found)
        case "reachable":
            return any(_in_reach(thing) for thing in found)
    assert question.relation is not None and question.other is not None
    others = meant(question.other, seen)
    return any(_stands(one, question.relation, two, seen) for one in found for two in others if one is not two)


def _in_reach(thing: Seen) -> bool:
    return can_reach(KINDS[thing.kind], thing.x, thing.y) if thing.reachable is None else thing.reachable


def meant(what: What, seen: Sequence[Seen]) -> list[Seen]:
    """Return the things that words may mean, the likeliest first: all that surely fit, otherwise the likeliest one, and
    nothing where even that is hardly likely."""
    chances = sorted(((what.chance(thing), -number) for number, thing in enumerate(seen)), reverse=True)
    sure = [seen[-number] for chance, number in chances if chance >= SURE]
    return sure or [seen[-number] for chance, number in chances[:1] if chance >= HARDLY]


def _colour_of(kind: str, thing: Seen) -> str:
    """The likeliest colour of a thing that is taken for one of this kind."""
    fitting = [(chance, colour) for other, colour, chance in thing.maybe if other == kind]
    return max(fitting)[1] if fitting else thing.colour


def draw_questions(seen: Sequence[Seen], rng: np.random.Generator) -> tuple[tuple[Question, Answer], ...]:
    """Return balanced questions about a table with their true answers: every yes has its no beside it.

    seen: the truth, all scores 1.

    What is absent is, in turn by chance: a kind and a colour that are on the table, only not together; a kind that is
    there in another colour that it comes in; or a kind that is not there at all.
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
    """One that is true and one that is not, both clearly; none where only one of the two can be had."""
    chosen: list[Question] = []
    for truth in (True, False):
        able = [question for question in asked if answer(question, seen) is truth]
        shuffled = (able[int(number)] for number in rng.permutation(len(able)))
        chosen += next(([question] for question in shuffled if _is_clear(question, seen)), [])
    return chosen if len(chosen) == 2 else []


def _is_clear(question: Question, seen: Sequence[Seen]) -> bool:
    """Whether the answer stays the same when what is asked about stands CLEARLY elsewhere, in any direction."""
    if question.relation not in SIDES and question.kind != "reachable":
        return True
    said = answer(question, seen)
    for dx, dy in ((CLEARLY, 0.0), (-CLEARLY, 0.0), (0.0, CLEARLY), (0.0, -CLEARLY)):
        moved = [
            replace(one, x=one.x + dx, y=one.y + dy, reachable=None) if question.what.fits(one) else one for one in seen
        ]
        if answer(question, moved) is not said:
            return False
    return True


def _absent(seen: Sequence[Seen], rng: np.random.Generator) -> What:
    there = {(one.kind, one.colour) for one in seen}
    kinds, colours = sorted({kind for kind, _ in there}), sorted({colour for _, colour in there})
    crossed = [What(kind, colour) for kind in kinds for colour in colours if (kind, colour) not in there]
    repainted = [What(kind, colour) for kind in kinds for colour in KINDS[kind].colours if (kind, colour) not in there]
    other = [What(kind) for kind in KINDS if kind not in kinds]
    pools = [pool for pool in (crossed, repainted, other) if pool]
    pool = pools[int(rng.integers(len(pools)))]
    return pool[int(rng.integers(len(pool)))]


def _stands(one: Seen, relation: str, two: Seen, seen: Sequence[Seen]) -> bool:
    if one.held:
        return False
    if relation in ("in", "on"):
        return one.within is not None and seen[one.within] is two
    offset = np.array([one.x - two.x, one.y - two.y])
    along = float(offset @ BESIDE_DIRECTIONS[relation])
    across = float(np.linalg.norm(offset - along * BESIDE_DIRECTIONS[relation]))
    touching = any(a.within is not None and seen[a.within] is b for a, b in ((one, two), (two, one)))
    return along > 0.0 and across <= along and not touching


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
