"""Instructions for goals: `phrase` says a goal in one of many ways. `sim.reading` is the way back.

The words are data (`sim.phrasebook`, `sim.nouns`). With split="seen" nothing that is held out is ever said; with
split="held_out" exactly one element of the sentence is: the line, a noun, the way of pointing, or the politeness.
Its distance from training is 1 (new wording around known words), 2 (a new verb) or 3 (a new noun, an indirect request).
"""

import itertools
import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from types import MappingProxyType
from typing import Literal

import numpy as np

from agent.errors import SpecError, unknown_name
from agent.types import Goal
from sim.draws import pick
from sim.nouns import COLOUR_ENDINGS, NOUNS, PLACE, POSITIONS, REQUEST_CLOSINGS, REQUEST_OPENINGS, TRAILS, WHERE, Words
from sim.objects import KINDS, Description, parse_name
from sim.phrasebook import INDIRECT, PHRASES, SEEN, VERB, WORDING
from sim.reading import entities_mentioned, understand, unknown_in

__all__ = [
    "all_phrasings",
    "called",
    "canonical",
    "entities_mentioned",
    "nouns_of",
    "phrase",
    "plural",
    "understand",
    "unknown_in",
]

Split = Literal["seen", "held_out"]
_Element = Literal["none", "line", "request", "pointing", "noun"]

CANONICAL: dict[str, str] = {
    "in": "put {subject} in {target}",
    "on": "put {subject} on {target}",
    "stack": "stack {subject} on {target}",
    "left of": "put {subject} to the left of {target}",
    "right of": "put {subject} to the right of {target}",
    "in front of": "put {subject} in front of {target}",
    "behind": "put {subject} behind {target}",
    "push": "push {subject} {where}",
    "lift": "lift {subject}",
    "open": "open {subject}",
    "close": "close {subject}",
    "take out": "take {subject} out of {target}",
    "move to": "move {subject} to {where}",
}
"""Relation -> its plain wording, with the first seen words of every slot."""


def canonical(goal: Goal) -> str:
    """Return the plain instruction, "put the eggplant in the bowl". Raises SpecError for an unknown relation."""
    line = _line_of(goal, CANONICAL)
    return _fill(line, goal, {"subject": f"the {goal.subject}", "target": f"the {goal.target}"}, None)


def phrase(
    goal: Goal,
    rng: np.random.Generator,
    *,
    split: Split = "seen",
    distance: int | None = None,
    words: Mapping[str, str] = MappingProxyType({}),
) -> str:
    """Return one wording of `goal`, drawn with `rng`; `sim.reading.understand` reads it back as the same goal.

    distance: with split="held_out", how far from training the held-out element is (1, 2 or 3); None draws one.
    words: for some of the goal's entities, instead of those of the catalogue ("red cube" -> "the red block").
    Raises SpecError for an unknown relation, split or distance.
    """
    _line_of(goal, CANONICAL)
    grade, element = _novelty(goal, rng, split, distance)
    lines = PHRASES[goal.relation][grade if element == "line" else SEEN]
    line = one_alternative(pick(lines, rng), rng)
    novel = int(rng.integers(2)) if element in ("noun", "pointing") and goal.target in _entities(goal) else 0
    said = {
        slot: words.get(name)
        or _say(parse_name(name), rng, element if _is_novel(name, element, index == novel, goal) else "none")
        for index, (slot, name) in enumerate((("subject", goal.subject), ("target", goal.target)))
        if name is not None and name in _entities(goal)
    }
    text = _fill(line, goal, said, rng)
    if grade != INDIRECT or element != "line":
        text = _ask(text, rng, held_out=element == "request")
    return written(text, rng)


def all_phrasings(relation: str, split: Split) -> tuple[str, ...]:
    """Return every wording of `relation`, without politeness, with {subject} and {target} left open.

    Directions and regions are each spelled out ("push {subject} to the left", "push {subject} forward").
    """
    if relation not in PHRASES:
        raise unknown_name("relation", relation, PHRASES)
    grades = (SEEN,) if split == "seen" else (WORDING, VERB, INDIRECT)
    targets = [target for known, target in WHERE if known == relation] or [None]
    texts: dict[str, None] = {}
    for grade, target in itertools.product(grades, targets):
        for line in PHRASES[relation][grade]:
            for text in alternatives(line):
                texts.update(dict.fromkeys(_with_places(text, relation, target)))
    return tuple(texts)


@cache
def nouns_of(kind: str, there: frozenset[str] | None = None) -> tuple[Words, Words]:
    """Return the seen and the held-out nouns for `kind`; none of them names another kind of the catalogue.

    there: the kinds that stand in the scene: only those count as others, so a cube is a block where no block stands.
    """
    seen, held_out = NOUNS.get(kind, ((kind,), ()))
    others = set(KINDS if there is None else there) - {kind}
    free = [tuple(noun for noun in words if noun not in others) for words in (seen, held_out)]
    return free[0], free[1]


def called(described: Description, rng: np.random.Generator, nouns: Words) -> str:
    """Return words for one entity, "the red block", "the block on the left", with one of these nouns."""
    return _say(described, rng, "none", nouns)


def plural(noun: str) -> str:
    """Return "dishes" for "dish"; what a noun that changes its shape is in the plural stands in _PLURALS."""
    if noun in _PLURALS:
        return _PLURALS[noun]
    if noun.endswith(("s", "sh", "ch", "x")):
        return f"{noun}es"
    return f"{noun[:-1]}ies" if noun.endswith("y") and noun[-2] not in "aeiou" else f"{noun}s"


_PLURALS = {
    "die": "dice",
    "dice": "dice",
    "loaf of bread": "loaves of bread",
    "potato": "potatoes",
    "tomato": "tomatoes",
    "corn": "corn cobs",
}


def _line_of(goal: Goal, lines: dict[str, str]) -> str:
    if goal.relation not in lines:
        raise unknown_name("relation", goal.relation, lines)
    if (goal.relation, None) not in WHERE and any(known == goal.relation for known, _ in WHERE):
        targets = [target for known, target in WHERE if known == goal.relation and target is not None]
        if goal.target not in targets:
            raise unknown_name(f"target of '{goal.relation}'", str(goal.target), targets)
    return lines[goal.relation]


def _entities(goal: Goal) -> tuple[str, ...]:
    """The goal's names that are entities; a direction or a region is not."""
    has_entity = goal.target is not None and goal.relation not in ("push", "move to")
    return (goal.subject, goal.target) if has_entity and goal.target else (goal.subject,)


def _novelty(goal: Goal, rng: np.random.Generator, split: str, distance: int | None) -> tuple[int, _Element]:
    """Choose the one element that is held out, and its distance."""
    if split not in ("seen", "held_out"):
        raise unknown_name("split", split, ("seen", "held_out"))
    if split == "seen":
        return SEEN, "none"
    choices: dict[int, list[_Element]] = {WORDING: ["line", "line", "request"], VERB: ["line"], INDIRECT: ["line"]}
    if any(_can_be_novel(name, "pointing") for name in _entities(goal)):
        choices[WORDING].append("pointing")
    if any(_can_be_novel(name, "noun") for name in _entities(goal)):
        choices[INDIRECT].append("noun")
    if distance is None:
        distance = int(rng.integers(WORDING, INDIRECT + 1))
    if distance not in choices:
        raise SpecError(f"a held-out phrasing has distance 1, 2 or 3, not {distance}")
    return distance, pick(choices[distance], rng)


def _can_be_novel(name: str, element: _Element) -> bool:
    described = parse_name(name)
    if element == "noun":
        return bool(nouns_of(described.kind)[1])
    return described.position is not None or described.colour is not None


def _is_novel(name: str, element: _Element, chosen: bool, goal: Goal) -> bool:
    """Whether this entity carries the held-out element: the drawn one does, or the only one that can."""
    if element not in ("noun", "pointing") or not _can_be_novel(name, element):
        return False
    return chosen or sum(_can_be_novel(other, element) for other in _entities(goal)) == 1


def _say(described: Description, rng: np.random.Generator, novel: _Element, nouns: Words = ()) -> str:
    """Return words for one entity: "the red cube", "the block on the left"."""
    noun = pick(nouns or nouns_of(described.kind)[novel == "noun"], rng)
    pointing = novel == "pointing"
    if described.colour is not None:
        # A position is the better place for the new words when there is one.
        ending = COLOUR_ENDINGS[pointing and described.position is None]
        noun = f"{described.colour}{pick(ending, rng)} {noun}"
    if described.position is None:
        return f"the {noun}"
    if rng.random() < 0.5:
        return f"the {noun} {pick(TRAILS[described.position][pointing], rng)}"
    return f"the {pick(POSITIONS[described.position][pointing], rng)} {noun}"


def _fill(line: str, goal: Goal, said: dict[str, str], rng: np.random.Generator | None) -> str:
    """Put words into the slots; without `rng`, the first of each list."""

    def place(slot: str) -> str:
        options = slot_words(slot, goal.relation, goal.target)
        return options[0] if rng is None else pick(options, rng)

    return filled(line, said, place)


def filled(line: str, said: Mapping[str, str], place: Callable[[str], str]) -> str:
    """Put into a line's slots what is said there, and `place(slot)` where nothing is."""
    return re.sub(r"\{([a-z]+\*?)\}", lambda slot: said[slot[1]] if slot[1] in said else place(slot[1]), line)


def slot_words(slot: str, relation: str, target: str | None) -> Words:
    """Return the words for a slot "where" or "place", with a star the held-out ones."""
    held_out = slot.endswith("*")
    if slot.startswith("place"):
        return PLACE[str(target)][held_out]
    return WHERE[where_key(relation, target)][held_out]


def where_key(relation: str, target: str | None) -> tuple[str, str | None]:
    """Return what the words for {where} stand under: sides take any target."""
    return relation, target if (relation, target) in WHERE else None


def alternatives(line: str) -> Iterator[str]:
    """Every text that a line's alternatives allow."""
    parts = [part.split("|") for part in re.split(r"[()]", line)]
    for choice in itertools.product(*parts):
        yield "".join(choice)


def one_alternative(line: str, rng: np.random.Generator) -> str:
    """Say one of the alternatives of a line, "(put|place) it"."""
    return "".join(pick(part.split("|"), rng) for part in re.split(r"[()]", line))


def _with_places(text: str, relation: str, target: str | None) -> Iterator[str]:
    slot = re.search(r"\{((?:where|place)\*?)\}", text)
    if slot is None:
        yield text
        return
    for words in slot_words(slot[1], relation, target):
        yield text.replace(slot[0], words)


def _ask(text: str, rng: np.random.Generator, *, held_out: bool) -> str:
    """Make a request of it: always when the politeness is what is held out, else now and then."""
    if held_out:
        opening = rng.random() < 0.7
        return pick(REQUEST_OPENINGS[1], rng) + text if opening else text + pick(REQUEST_CLOSINGS[1], rng)
    draw = rng.random()
    if draw < 0.25:
        return pick(REQUEST_OPENINGS[0], rng) + text
    return text + pick(REQUEST_CLOSINGS[0], rng) if draw < 0.4 else text


def written(text: str, rng: np.random.Generator) -> str:
    """Spell it as people type: mostly bare, sometimes as a sentence with its mark."""
    text = re.sub(r"\bi\b", "I", text)
    if rng.random() < 0.7:
        return text
    mark = "?" if text.startswith(("could", "can", "would")) else "."
    return text[0].upper() + text[1:] + mark
