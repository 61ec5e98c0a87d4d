"""Training hears many more words than the phrasebook's, and none of those that are held out."""

import re

import numpy as np
import pytest

from agent.types import Goal
from sim.grammar import all_phrasings, alternatives, nouns_of
from sim.nouns import COLOUR_ENDINGS, NOUNS, PLACE, POSITIONS, REQUEST_CLOSINGS, REQUEST_OPENINGS, TRAILS, WHERE
from sim.objects import HELD_OUT_OBJECTS, HELD_OUT_RECEPTACLES, KINDS, Description
from sim.phrasebook import INDIRECT, PHRASES, SEEN, VERB, WORDING
from sim.practice import every_noun, jumbled, named, practised, sort_of
from sim.practice_words import (
    CLOSINGS,
    COLOUR_FORMS,
    MORE_PLACE,
    MORE_POSITIONS,
    MORE_WHERE,
    NOUNS_IN_PRACTICE,
    OPENINGS,
    PRACTICE,
)
from sim.scene import sample_scene
from sim.tasks import FAMILIES, sample_task


@pytest.mark.parametrize("relation", PHRASES)
def test_no_line_is_a_held_out_one(relation: str) -> None:
    held_out = {
        text for grade in (WORDING, VERB, INDIRECT) for line in PHRASES[relation][grade] for text in alternatives(line)
    }
    held_out |= set(all_phrasings(relation, "held_out"))
    said = {text for line in PRACTICE[relation] for text in alternatives(line)}
    assert len(said) >= 10
    assert not said & held_out
    seen = {text for line in PHRASES[relation][SEEN] for text in alternatives(line)}
    assert not said & seen


def test_no_verb_is_a_held_out_one() -> None:
    """A verb that only held-out lines use stays new."""
    for relation, lines in PHRASES.items():
        words = {word for line in lines[VERB] for text in alternatives(line) for word in re.findall(r"[a-z]+", text)}
        known = {w for grade in (SEEN, WORDING, INDIRECT) for line in lines[grade] for w in re.findall(r"[a-z]+", line)}
        said = {
            word for line in PRACTICE[relation] for text in alternatives(line) for word in re.findall(r"[a-z]+", text)
        }
        assert (words - known) & said == set(), relation


def test_no_noun_or_pointing_is_a_held_out_one() -> None:
    held_out = {noun for _, nouns in NOUNS.values() for noun in nouns} | HELD_OUT_OBJECTS | HELD_OUT_RECEPTACLES
    said = [noun for nouns in NOUNS_IN_PRACTICE.values() for noun in nouns]
    assert not set(said) & held_out
    assert not set(said) & set(KINDS)
    assert len(said) == len(set(said))
    for kind in NOUNS_IN_PRACTICE:
        others = {noun for other in KINDS if other != kind for noun in nouns_of(other)[0]}
        assert not every_noun(kind) & others
    ends = [word.strip() for words in (COLOUR_ENDINGS, *TRAILS.values()) for word in words[1]]
    forms = " | ".join((*COLOUR_FORMS, *(form for forms in MORE_POSITIONS.values() for form in forms)))
    assert not [end for end in ends if end in forms]
    assert not {word for _, words in POSITIONS.values() for word in words} & set(re.findall(r"[a-z-]+", forms))


def test_no_place_or_politeness_is_a_held_out_one() -> None:
    for more, known in ((MORE_WHERE, WHERE), (MORE_PLACE, PLACE)):
        assert set(more) == set(known)
        for key, words in more.items():
            assert not set(words) & {word for pair in known[key] for word in pair}
    assert not set(OPENINGS) & set(REQUEST_OPENINGS[1])
    assert not set(CLOSINGS) & set(REQUEST_CLOSINGS[1])


def test_a_goal_is_said_in_hundreds_of_ways_with_its_things_named() -> None:
    rng = np.random.default_rng(0)
    words = {"eggplant": "the eggplant", "bowl": "the bowl"}
    said = {practised(Goal("in", "eggplant", "bowl"), rng, words).lower() for _ in range(600)}
    assert len(said) > 200
    assert all("the eggplant" in text and "the bowl" in text for text in said)
    assert "{" not in "".join(said)
    region = {practised(Goal("move to", "eggplant", "middle"), rng, words).lower() for _ in range(50)}
    assert all("midd" in text or "center" in text or "midway" in text for text in region)


def test_names_keep_colour_and_place() -> None:
    rng = np.random.default_rng(0)
    for _ in range(200):
        text = named(Description("cube", "red", "left"), rng, ("cube",))
        assert "red" in text and "left" in text
        assert "red" in named(Description("cube", "red"), rng, ("cube",))


def test_the_fruit_is_the_only_fruit() -> None:
    rng, told = np.random.default_rng(0), 0
    for seed in range(500_000, 500_060):
        scene = sample_scene(sample_task(list(FAMILIES)[seed % 9], np.random.default_rng(seed)), rng)
        for entity in scene.entities:
            alike = sum(other.kind.category == entity.kind.category for other in scene.entities)
            if (text := sort_of(entity, scene, rng)) is not None:
                told += 1
                assert alike == 1 and any(word in text for word in ("fruit", "veg", "toy", "plaything"))
    assert told >= 20


def test_a_jumbled_sentence_has_the_same_words_in_an_order_of_no_meaning() -> None:
    rng = np.random.default_rng(0)
    assert jumbled("lift the cube", rng) is None
    text = "put the red cube in the blue bowl"
    mixed = [found for _ in range(50) if (found := jumbled(text, rng))]
    assert len(mixed) >= 20
    assert all(sorted(each.split()) == sorted(text.split()) and each != text for each in mixed)
