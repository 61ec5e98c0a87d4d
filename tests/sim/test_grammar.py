"""What is said can be read back, what is held out is never said, and nothing is guessed."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.errors import SpecError
from agent.types import Goal
from sim.casting import holders
from sim.grammar import all_phrasings, canonical, entities_mentioned, nouns_of, phrase, understand, unknown_in
from sim.nouns import NOUNS, REQUEST_OPENINGS, TRAILS
from sim.objects import KINDS, OBJECTS, RECEPTACLES, Description
from sim.phrasebook import INDIRECT, PHRASES, VERB, WORDING
from sim.reading import readings
from sim.tasks import DIRECTIONS, REGIONS, SIDES


@st.composite
def names(draw: st.DrawFn, kinds: tuple[str, ...] = tuple(OBJECTS)) -> str:
    kind = draw(st.sampled_from(kinds))
    colour = draw(st.sampled_from([None, *KINDS[kind].colours]))
    position = draw(st.sampled_from([None, None, "left", "right", "front", "back"]))
    return Description(kind, colour, position).name


@st.composite
def goals(draw: st.DrawFn) -> Goal:
    relation = draw(st.sampled_from(list(PHRASES)))
    if relation in ("open", "close"):
        return Goal(relation, draw(names(("drawer",))))
    subject = draw(names())
    if relation == "lift":
        return Goal(relation, subject)
    targets = {
        "in": names(holders("in")),
        "on": names(holders("on")),
        "take out": names(tuple(RECEPTACLES)),
        "push": st.sampled_from(DIRECTIONS),
        "move to": st.sampled_from(REGIONS),
        **dict.fromkeys(SIDES, names(tuple(KINDS))),
    }
    return Goal(relation, subject, draw(targets.get(relation, names())))


@settings(max_examples=400, deadline=None)
@given(goals(), st.sampled_from(["seen", "held_out"]), st.integers(0, 2**32))
def test_every_phrase_has_one_reading_and_it_is_the_goal(goal: Goal, split: str, seed: int) -> None:
    text = phrase(goal, np.random.default_rng(seed), split=split)
    assert readings(text) == (goal,), text
    assert understand(canonical(goal)) == goal


@pytest.mark.parametrize("relation", PHRASES)
@pytest.mark.parametrize("split", ["seen", "held_out"])
def test_at_least_twenty_phrasings(relation: str, split: str) -> None:
    phrasings = all_phrasings(relation, split)
    assert len(phrasings) >= 20
    assert all("(" not in text and "|" not in text for text in phrasings)


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_twenty_phrasings_for_each_direction_of_a_push(direction: str) -> None:
    texts = (text.replace("{subject}", "the egg") for text in all_phrasings("push", "seen"))
    assert sum(understand(text) == Goal("push", "egg", direction) for text in texts) >= 20


@pytest.mark.parametrize("relation", PHRASES)
def test_held_out_phrasings_are_never_seen_ones(relation: str) -> None:
    assert not set(all_phrasings(relation, "seen")) & set(all_phrasings(relation, "held_out"))


def seen_vocabulary() -> set[str]:
    texts = [text for relation in PHRASES for text in all_phrasings(relation, "seen")]
    return set(re.findall(r"[a-z]+", " ".join(texts)))


def test_held_out_verbs_are_new_words() -> None:
    seen = seen_vocabulary()
    for relation, lines in PHRASES.items():
        for line in lines[VERB]:
            for verb in re.split(r"[()|]", line.split("{")[0].split(") a (")[-1]):
                words = verb.split()
                assert not words or words == ["give"] or words[0] not in seen, (relation, line, verb)


def test_seen_phrases_use_no_held_out_words() -> None:
    rng = np.random.default_rng(1)
    held_out = [noun for kind in KINDS for noun in nouns_of(kind)[1]]
    held_out += [words for _, group in TRAILS.values() for words in group] + [
        words.strip() for words in REQUEST_OPENINGS[1]
    ]
    # "ear of corn" says corn and "toy duck" duck; the whole phrase is what is held out.
    pattern = re.compile(r"\b(" + "|".join(map(re.escape, held_out)) + r")\b")
    for kind in KINDS:
        for name in (kind, f"left {kind}"):
            text = phrase(Goal("behind", name, "red cube"), rng, split="seen")
            assert not pattern.search(text.lower()), text


@pytest.mark.parametrize("distance", [WORDING, VERB, INDIRECT])
def test_a_held_out_phrase_of_each_distance_differs_from_all_seen_ones(distance: int) -> None:
    goal, rng = Goal("in", "eggplant", "blue bowl"), np.random.default_rng(2)
    seen = {phrase(goal, rng, split="seen") for _ in range(3000)}
    held_out = {phrase(goal, rng, split="held_out", distance=distance) for _ in range(200)}
    assert not seen & held_out


def test_the_same_generator_says_the_same() -> None:
    goal = Goal("in", "eggplant", "bowl")
    first, again = ([phrase(goal, np.random.default_rng(seed)) for seed in range(50)] for _ in range(2))
    assert first == again
    assert len(set(first)) > 20


def test_no_line_speaks_of_a_thing_outside_its_slots() -> None:
    for relation in PHRASES:
        for split in ("seen", "held_out"):
            for text in all_phrasings(relation, split):
                assert entities_mentioned(text.replace("{subject}", "").replace("{target}", "")) == (), text


def test_every_entry_of_the_dictionary_is_a_kind() -> None:
    assert set(NOUNS) <= set(KINDS)


def test_synonyms_never_name_another_kind() -> None:
    said: dict[str, str] = {}
    for kind in KINDS:
        for noun in (*nouns_of(kind)[0], *nouns_of(kind)[1]):
            assert noun == kind or noun not in KINDS
            assert said.setdefault(noun, kind) == kind


@pytest.mark.parametrize(
    ("text", "goal"),
    [
        ("PUT THE EGGPLANT IN THE BOWL!!!", Goal("in", "eggplant", "bowl")),
        ("  put eggplant   in bowl", Goal("in", "eggplant", "bowl")),
        (
            "Hey robot, could you please put the aubergine into the blue bowl for me?",
            Goal("in", "eggplant", "blue bowl"),
        ),
        ("put the big eggplant in the bowl", Goal("in", "eggplant", "bowl")),
        ("stack the green block on the yellow block", Goal("stack", "green block", "yellow block")),
        ("put the green cube on the yellow cube", Goal("stack", "green cube", "yellow cube")),
        ("put the carrot in the plate", Goal("on", "carrot", "plate")),
        ("put the cube on the left on the plate on the right", Goal("on", "left cube", "right plate")),
        ("put the cube to the left of the plate", Goal("left of", "cube", "plate")),
        ("put the cube on the left", Goal("move to", "cube", "left side")),
        ("push the cube to the left", Goal("push", "cube", "left")),
        ("push the cube right now", Goal("push", "cube", "right")),
        ("push the orange orange to the right, please", Goal("push", "orange orange", "right")),
        ("the violet cube doesn't belong in the box.", Goal("take out", "purple cube", "box")),
        ("put the egg in the mug", Goal("in", "egg", "mug")),
    ],
)
def test_reads_what_people_type(text: str, goal: Goal) -> None:
    assert understand(text) == goal


@pytest.mark.parametrize(
    "text",
    [
        "",
        "?!",
        "dance",
        "make me a sandwich",
        "do not put the eggplant in the bowl",
        "put the eggplant in the bowl and the carrot on the plate",
        "put the eggplant",
        "put it in the bowl",
        "put everything in the bowl",
        "open the eggplant",
        "lift your arm",
        "put the left eggplant on the right in the bowl",
    ],
)
def test_does_not_guess(text: str) -> None:
    assert understand(text) is None
    assert unknown_in(text) is None or "open" in text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("put the unicorn in the bowl", "no object 'unicorn'"),
        ("put the eggplnat in the bowl", "did you mean 'eggplant'"),
        ("could you please push the grand piano to the left?", "no object 'grand piano'"),
        ("put the turquoise eggplant in the bowl", "no eggplant that is 'turquoise'"),
        ("put the eggplant in the fridge", "no object 'fridge'"),
    ],
)
def test_names_the_unknown_thing(text: str, message: str) -> None:
    problem = unknown_in(text)
    assert problem is not None
    assert message in str(problem)


def test_what_is_known_has_no_unknown() -> None:
    for relation in PHRASES:
        for text in all_phrasings(relation, "seen"):
            assert unknown_in(text.replace("{subject}", "the drawer").replace("{target}", "the bowl")) is None, text


def test_things_mentioned_in_free_text() -> None:
    assert entities_mentioned("compare the red cube with the mug on the left and the Red Cube") == (
        "red cube",
        "left mug",
    )
    assert entities_mentioned("is there a blue carrot?") == ()


def test_unknown_relations_targets_splits_and_distances_are_refused() -> None:
    rng = np.random.default_rng(0)
    for goal in (Goal("juggle", "egg"), Goal("push", "egg", "up"), Goal("in", "unicorn", "bowl")):
        with pytest.raises(SpecError):
            phrase(goal, rng)
    with pytest.raises(SpecError, match="no split 'sene'; did you mean 'seen'"):
        phrase(Goal("lift", "egg"), rng, split="sene")  # type: ignore[arg-type]
    with pytest.raises(SpecError, match="1, 2 or 3"):
        phrase(Goal("lift", "egg"), rng, split="held_out", distance=4)
    with pytest.raises(SpecError, match="no relation 'jugle'"):
        all_phrasings("jugle", "seen")
