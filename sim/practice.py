"""Says goals and names things in the words of `sim.practice_words`: broader than the phrasebook, for training alone.

A learner that hears ten ways to ask learns those ten; one that hears hundreds learns to read (domain randomisation,
for words). Held-out words stay unsaid.
"""

from collections.abc import Mapping
from itertools import pairwise

import numpy as np

from agent.types import Goal
from sim.draws import pick
from sim.grammar import called, filled, nouns_of, one_alternative, slot_words, where_key, written
from sim.nouns import Words
from sim.objects import KINDS, Description
from sim.phrasebook import PHRASES, SEEN
from sim.practice_words import (
    CLOSINGS,
    COLOUR_FORMS,
    MORE_PLACE,
    MORE_POSITIONS,
    MORE_WHERE,
    NOUNS_IN_PRACTICE,
    OPENINGS,
    PRACTICE,
    SORTS,
)
from sim.scene import Entity, Scene

NEW_LINE, NEW_NOUN, NEW_COLOUR, NEW_POSITION = 0.7, 0.4, 0.3, 0.5
"""How often each part of a sentence is in words that the phrasebook lacks."""
FEWEST_TO_JUMBLE = 5
"""Words that a sentence needs for its order to matter."""


def practised(goal: Goal, rng: np.random.Generator, words: Mapping[str, str]) -> str:
    """Return one of very many wordings of `goal`. words: what its entities are called ("red cube" -> "the red one")."""
    new = rng.random() < NEW_LINE
    line = one_alternative(pick(PRACTICE[goal.relation] if new else PHRASES[goal.relation][SEEN], rng), rng)
    said = {"subject": words[goal.subject], "target": words.get(str(goal.target), "")}
    text, draw = filled(line, said, lambda slot: pick(_places(slot, goal), rng)), rng.random()
    if draw < 0.2 and not new:
        text = pick(OPENINGS, rng) + text
    elif draw < 0.35:
        text += pick(CLOSINGS, rng)
    return written(text, rng)


def named(described: Description, rng: np.random.Generator, nouns: Words) -> str:
    """Return words for one entity, "the pen that is red", "the bin up front"; `nouns` are those that fit it."""
    kind, colour, position = described.kind, described.colour, described.position
    noun = pick(NOUNS_IN_PRACTICE[kind], rng) if kind in NOUNS_IN_PRACTICE and rng.random() < NEW_NOUN else None
    if colour and not position and rng.random() < NEW_COLOUR:
        return f"the {pick(COLOUR_FORMS, rng).format(colour=colour, noun=noun or pick(nouns, rng))}"
    if position and rng.random() < NEW_POSITION:
        whole = f"{colour} {noun or pick(nouns, rng)}" if colour else noun or pick(nouns, rng)
        return f"the {pick(MORE_POSITIONS[position], rng).format(noun=whole)}"
    return called(described, rng, (noun,) if noun else nouns)


def sort_of(entity: Entity, scene: Scene, rng: np.random.Generator) -> str | None:
    """Return "the fruit" for the one fruit of the scene; None where that would not mean one thing."""
    alike = [other for other in scene.entities if other.kind.category == entity.kind.category]
    words = SORTS.get(entity.kind.category)
    known = all(other.kind.name in KINDS for other in scene.entities)
    return f"the {pick(words, rng)}" if words and known and len(alike) == 1 else None


def every_noun(kind: str) -> frozenset[str]:
    """Return all that training may call a thing of this kind."""
    return frozenset((*nouns_of(kind)[0], *NOUNS_IN_PRACTICE.get(kind, ())))


def jumbled(text: str, rng: np.random.Generator) -> str | None:
    """Return the words in an order that says nothing; None for a sentence too short to lose its meaning so."""
    words = text.split()
    if len(words) < FEWEST_TO_JUMBLE:
        return None
    mixed = [words[index] for index in rng.permutation(len(words))]
    pairs = set(pairwise(words))
    kept = sum(pair in pairs for pair in pairwise(mixed))
    return " ".join(mixed) if kept <= len(words) // 3 else None


def _places(slot: str, goal: Goal) -> Words:
    seen = slot_words(slot, goal.relation, goal.target)
    more = MORE_PLACE[str(goal.target)] if slot == "place" else MORE_WHERE[where_key(goal.relation, goal.target)]
    return (*seen, *more)
