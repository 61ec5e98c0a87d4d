"""The whole policy on the toy task: pictures and a sentence in, the right action out."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from agent.errors import Refusal, SpecError
from agent.types import Observation
from policies.checkpoint import load_policy
from policies.clearing import LIKELY, UNHEARD
from policies.renaming import SEEN
from policies.scripted import HoldPolicy, RandomPolicy
from tests.policies.toy import ACTION, TOY, answer, observation, scene


def test_it_does_what_the_instruction_says_and_swapping_it_swaps_the_answer(trained: Path) -> None:
    policy = load_policy(str(trained))
    policy.reset(seed=0)
    rng = np.random.default_rng(99)
    right, swapped = [], []
    for _ in range(40):
        picture, places = scene(rng)
        for asked, other in (("red", "blue"), ("blue", "red")):
            row = policy.act(observation(picture, asked)).actions[0]
            miss = {name: float(np.abs(row - answer(places[name]))[:2].max()) for name in (asked, other)}
            right.append(miss[asked])
            swapped.append(miss[asked] < miss[other])
    assert np.mean(right) < 0.006
    assert np.mean(swapped) > 0.95


def test_actions_are_legal_and_repeat(trained: Path) -> None:
    policy = load_policy(str(trained), temperature=1.0)
    seen = observation(scene(np.random.default_rng(3))[0], "red")
    runs = []
    for seed in (1, 1, 2):
        policy.reset(seed=seed)
        runs.append(policy.act(seen).actions)
    assert all(ACTION.problem(row) is None for row in runs[0])
    assert (runs[0] == runs[1]).all()
    assert (runs[0] != runs[2]).any()


def test_a_batch_writes_the_tokens_that_one_look_writes(trained: Path) -> None:
    policy = load_policy(str(trained))
    rng = np.random.default_rng(7)
    looks = [observation(scene(rng)[0], colour) for colour in ("red", "blue") * 5]
    alone = [policy.act(look).actions for look in looks]
    assert len({actions.tobytes() for actions in alone}) > 5
    # Equal to the last bit means equal tokens: the codec has one value a token.
    for one, chunk in zip(alone, policy.act_batch(looks), strict=True):
        np.testing.assert_array_equal(one, chunk.actions)


def test_a_policy_that_samples_takes_no_batch(trained: Path) -> None:
    policy = load_policy(str(trained), temperature=1.0)
    with pytest.raises(SpecError, match="one episode at a time"):
        policy.act_batch([observation(scene(np.random.default_rng(0))[0], "red")])


def test_it_knows_where_it_means_to_go(trained: Path) -> None:
    policy = load_policy(str(trained))
    picture, places = scene(np.random.default_rng(5))
    assert policy.aims(observation(picture, "blue"))[0] == pytest.approx(places["blue"], abs=0.05)


def test_what_does_not_fit_is_refused(trained: Path) -> None:
    policy = load_policy(str(trained))
    good = observation(scene(np.random.default_rng(0))[0], "red")
    images, state, text = good.images, good.state, good.instruction
    for bad, words in (
        (Observation({"front": images["front"]}, state, text, 0.0), "no picture of camera 'wrist'"),
        (Observation(images | {"front": images["wrist"]}, state, text, 0.0), "picture of 'front' has shape"),
        (Observation(images, state[:2], text, 0.0), "expected 4 values"),
        (Observation(images, state * np.nan, text, 0.0), "x is nan"),
        (Observation(images, state, "  ", 0.0), "instruction is empty"),
    ):
        with pytest.raises(SpecError, match=words):
            policy.act(bad)


def test_an_unknown_policy_is_named() -> None:
    with pytest.raises(SpecError, match="no policy 'nobody'"):
        load_policy("nobody")


def test_scripted_policies_hold_still_and_wander() -> None:
    seen = observation(scene(np.random.default_rng(0))[0], "red")
    assert HoldPolicy(TOY, chunk=2).act(seen).actions.tolist() == [[0, 0, 0, 0, 1]] * 2
    wander = RandomPolicy(TOY, chunk=3)
    wander.reset(seed=4)
    first = wander.act(seen).actions
    wander.reset(seed=4)
    assert (wander.act(seen).actions == first).all()
    assert all(ACTION.problem(row) is None for row in first)


def test_it_says_how_sure_it_is_alone_and_in_a_batch(trained: Path) -> None:
    greedy, wild = load_policy(str(trained)), load_policy(str(trained), temperature=5.0)
    wild.reset(seed=0)
    looks = [observation(scene(np.random.default_rng(seed))[0], "red") for seed in range(8)]
    sure = np.array([greedy.act(look).confidence for look in looks], dtype=np.float64)
    unsure = np.array([wild.act(look).confidence for look in looks], dtype=np.float64)
    assert ((sure > 0) & (sure <= 1)).all()
    assert unsure.max() < sure.min()
    assert [chunk.confidence for chunk in greedy.act_batch(looks)] == pytest.approx(sure.tolist(), abs=1e-4)


def test_a_look_that_got_nowhere_twice_is_answered_otherwise_and_the_same_each_time(trained: Path) -> None:
    policy = load_policy(str(trained))
    differs = []
    for seed in range(12):
        look = observation(scene(np.random.default_rng(seed))[0], "red")
        greedy = policy.act(look)
        again = policy.act(replace(look, time=0.4).reminded(greedy))
        np.testing.assert_array_equal(again.actions, policy.act(replace(look, time=0.4).reminded(greedy)).actions)
        stuck = replace(look, time=0.8).reminded(again)
        third = policy.act(stuck)
        np.testing.assert_array_equal(third.actions, policy.act(stuck).actions)
        np.testing.assert_allclose(third.actions, policy.act_batch([look, stuck])[1].actions, atol=1e-5)
        differs.append(not np.array_equal(third.actions, again.actions))
    assert any(differs)


def test_a_word_never_heard_makes_it_less_sure_that_a_thing_is_not_there(
    trained: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    policy = load_policy(str(trained))
    chances = []
    monkeypatch.setattr("policies.vla.missing", lambda thought, chance: chances.append(chance))
    home = np.array([0.42, 0.0, 0.28, 1.0], np.float32)
    look = replace(observation(scene(np.random.default_rng(2))[0], "red"), state=home)
    policy.act(look)
    policy.act(replace(look, instruction=f"{look.instruction} xylophone"))
    assert chances == [LIKELY, UNHEARD]


def test_it_goes_out_of_the_way_before_it_refuses(trained: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    policy = load_policy(str(trained))
    monkeypatch.setattr("policies.vla.missing", lambda thought, chance: "object")
    look = observation(scene(np.random.default_rng(2))[0], "red")
    home = replace(look, state=np.array([0.42, 0.0, 0.28, 1.0], np.float32))
    with pytest.raises(Refusal, match="I do not see the object"):
        policy.act(home)
    low = replace(look, state=np.array([0.5, -0.2, 0.05, 1.0], np.float32))
    chunk = policy.act(low)
    assert chunk.confidence is None and (chunk.actions[:, 2] > 0.04).all()
    np.testing.assert_array_equal(chunk.actions, policy.act_batch([low])[0].actions)
    aside = replace(look, state=np.array([0.42, 0.2, 0.28, 1.0], np.float32), time=1.0)
    assert np.isfinite(policy.act(aside).actions).all(), "once it acts, a thing may only be hidden"
    with pytest.raises(Refusal):
        policy.act(aside.reminded(chunk))


def test_an_unheard_noun_is_exchanged_and_the_next_look_is_told(trained: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    policy = load_policy(str(trained))
    # Nothing is there but what a stand-in names.
    monkeypatch.setattr("policies.vla.missing", lambda thought, chance: None if chance == SEEN else "object")
    home = np.array([0.42, 0.0, 0.28, 1.0], np.float32)
    heard = replace(observation(scene(np.random.default_rng(2))[0], "red"), state=home)
    look = replace(heard, instruction="Go to the red rectangle.")
    instead = replace(heard, instruction="Go to the red square.")
    with pytest.raises(Refusal, match="I do not see"):
        policy.act(instead)
    first = policy.act(look)
    np.testing.assert_array_equal(first.actions, policy.act(replace(instead, time=0.2)).actions)
    later = replace(look, time=0.2).reminded(first)
    told = policy.act(later)
    alike = policy.act(replace(instead, time=0.2).reminded(policy.act(replace(instead, time=0.2))))
    np.testing.assert_array_equal(told.actions, alike.actions)
    for alone, chunk in zip((first, told), policy.act_batch([look, later]), strict=True):
        np.testing.assert_allclose(alone.actions, chunk.actions, atol=1e-5)
        np.testing.assert_allclose(alone.memory, chunk.memory, atol=1e-4)
    thesaurus = policy.thesaurus
    _, renaming = thesaurus.recall(told.memory, look.instruction)
    assert renaming is not None and thesaurus.renamed(renaming) == instead.instruction


def test_where_no_stand_in_is_seen_the_words_are_read_as_they_stand(
    trained: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    policy = load_policy(str(trained))
    monkeypatch.setattr("policies.vla.missing", lambda thought, chance: "object" if chance == SEEN else None)
    home = np.array([0.42, 0.0, 0.28, 1.0], np.float32)
    look = replace(observation(scene(np.random.default_rng(2))[0], "red"), state=home)
    look = replace(look, instruction="go to the red rectangle")
    chunk = policy.act(look)
    assert policy.thesaurus.recall(chunk.memory, look.instruction)[1] is None
    np.testing.assert_array_equal(chunk.actions, policy.act(replace(look, time=0.2)).actions)
