"""How demonstrations are rolled: who acts when, what is noted, and that it follows from the seed."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from agent.doubles import FixedPolicy, PointTeacher, PointWorld, point_task
from agent.errors import SpecError
from agent.recording.demonstrate import Coached, Coaching, Disturber, Drift, Learner, NoisyTeacher
from agent.recording.episode import EpisodeRecorder, Recording
from agent.runtime import run_episode
from agent.types import Outcome

COACHING = Coaching(teacher_rows=(4, 6), roll_in_rows=(2, 3), calm_after=1000)


def demonstrate(seed: int, disturber: str | None, coaching: Coaching, steps: int = 60) -> Recording:
    """Run one coached episode of at most `steps`."""
    world = PointWorld()
    task = replace(point_task(seed), max_steps=steps)
    action = world.embodiment.action
    turn = np.array([[0, 0, 0, 0.1, 0, 0, 0], [0, 0, 0, 0.2, 0, 0, 0]], dtype=np.float32)
    known: dict[str | None, Sequence[tuple[float, Disturber]]] = {
        None: (),
        "noise": [(1.0, NoisyTeacher(action))],
        "drift": [(1.0, Drift(action))],
        "learner": [(1.0, Learner(FixedPolicy(world.embodiment, turn), execute=2))],
    }
    policy = Coached(PointTeacher(world), known[disturber], coaching=coaching)
    recorder = EpisodeRecorder(world.embodiment, note=policy.note)
    episode = run_episode(world, policy, task, seed=seed, execute=1, observers=[recorder])
    return recorder.finish(episode, family="points")


def segments(by_expert: np.ndarray) -> list[tuple[bool, int]]:
    edges = [0, *(np.flatnonzero(np.diff(by_expert)) + 1), len(by_expert)]
    return [(bool(by_expert[a]), int(b - a)) for a, b in pairwise(edges)]


@pytest.mark.parametrize("disturber", ["noise", "drift", "learner"])
def test_segments_alternate_with_their_lengths(disturber: str) -> None:
    coaching = replace(COACHING, clean_share=0.0)
    starts, lengths = set(), {True: set[int](), False: set[int]()}
    for seed in range(25):
        found = segments(demonstrate(seed, disturber, coaching).by_expert)
        starts.add(found[0][0])
        for expert, length in found[:-1]:
            lengths[expert].add(length)
    assert starts == {True, False}
    assert lengths[True] <= {4, 5, 6} and len(lengths[True]) > 1
    assert lengths[False] == {2, 3}


def test_calm_and_clean_episodes_are_the_teachers() -> None:
    assert demonstrate(1, None, COACHING).by_expert.all()
    assert demonstrate(1, "noise", replace(COACHING, clean_share=1.0)).by_expert.all()
    early = [demonstrate(seed, "drift", replace(COACHING, calm_after=5)).by_expert for seed in range(10)]
    assert all(by_expert[8:].all() for by_expert in early)
    assert not all(by_expert.all() for by_expert in early)


def test_expert_frames_hold_the_teachers_own_action() -> None:
    for disturber in ("noise", "drift", "learner"):
        recording = demonstrate(4, disturber, replace(COACHING, clean_share=0.0, disturbed_start_share=1.0))
        expert, other = recording.action[recording.by_expert], recording.action[~recording.by_expert]
        world = PointWorld()
        world.reset(recording.episode.task, seed=4)
        teacher = PointTeacher(world)
        wanted = []
        for state in recording.state:
            world.dot = state[:3]
            wanted.append(teacher.act(world.step(np.zeros(7, np.float32)).observation).actions[0])
            world.dot = state[:3]
        np.testing.assert_allclose(expert, np.array(wanted)[recording.by_expert], atol=1e-6)
        assert np.abs(other - np.array(wanted)[~recording.by_expert]).max() > 0.005


def test_the_learner_keeps_to_its_own_chunk() -> None:
    recording = demonstrate(2, "learner", replace(COACHING, clean_share=0.0, disturbed_start_share=1.0))
    first = recording.action[: segments(recording.by_expert)[0][1], 3]
    assert not recording.by_expert[0] and len(first) >= 2
    np.testing.assert_allclose(first, [0.1, 0.2, 0.1][: len(first)])


def test_aims_are_those_before_the_step() -> None:
    recording = demonstrate(3, "noise", COACHING)
    assert np.isnan(recording.aims[:, :3]).all()
    world = PointWorld()
    world.reset(recording.episode.task, seed=3)
    assert world.target is not None
    np.testing.assert_array_equal(recording.aims[:, 3:], np.tile(world.target, (len(recording), 1)))


def test_an_episode_follows_from_its_seed() -> None:
    coaching = replace(COACHING, clean_share=0.0)
    one, two = demonstrate(6, "noise", coaching), demonstrate(6, "noise", coaching)
    assert one.action.tobytes() == two.action.tobytes()
    assert one.images["front"].tobytes() == two.images["front"].tobytes()
    assert one.action.tobytes() != demonstrate(7, "noise", coaching).action.tobytes()


def test_disturbed_episodes_still_succeed() -> None:
    coaching = Coaching(calm_after=20, clean_share=0.0)
    outcomes = [demonstrate(seed, "drift", coaching).episode.outcome for seed in range(20)]
    assert outcomes == [Outcome.SUCCESS] * 20


def test_impossible_settings_are_refused() -> None:
    with pytest.raises(SpecError, match="teacher_rows"):
        Coaching(teacher_rows=(5, 4))
    with pytest.raises(SpecError, match="clean_share"):
        Coaching(clean_share=1.5)
    world = PointWorld()
    with pytest.raises(SpecError, match="weights"):
        Coached(PointTeacher(world), [(0.0, Drift(world.embodiment.action))])
