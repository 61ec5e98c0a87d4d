"""Stopping early counts episodes in the order they were dealt, whatever the order they end in."""

import pytest

from agent.errors import SpecError
from agent.evaluation.early import EarlyStop
from agent.evaluation.records import EpisodeRecord
from agent.evaluation.run import Played
from agent.evaluation.suite import Trial
from agent.types import Episode, Outcome, Task

TASK = Task("cube", "lift the cube", None, 10)
TRIALS = [Trial("cube", TASK, seed) for seed in range(20)]


def played(seed: int, outcome: Outcome = Outcome.SUCCESS) -> Played:
    return Played(TRIALS[seed], Episode(TASK, seed, outcome, 3, "", 0.1))


def losing(*, broken: tuple[int, ...] = ()) -> list[EpisodeRecord]:
    ends = {seed: Outcome.ERROR if seed in broken else Outcome.TIMEOUT for seed in range(20)}
    return [EpisodeRecord("cube", "lift the cube", seed, end) for seed, end in ends.items()]


def test_it_stops_after_the_eighth_win_running() -> None:
    early = EarlyStop(TRIALS, losing(), alpha=0.05)
    assert [early.seen(played(seed)) for seed in range(9)] == [False] * 7 + [True] * 2
    assert early.verdict().stopped_at == 8


def test_an_episode_waits_for_those_dealt_before_it() -> None:
    early = EarlyStop(TRIALS, losing(), alpha=0.05)
    assert not any(early.seen(played(seed)) for seed in range(1, 20))
    assert early.verdict().pairs == 0
    assert early.seen(played(0))
    assert early.verdict().stopped_at == 8


def test_errors_on_either_side_are_passed_over() -> None:
    early = EarlyStop(TRIALS, losing(broken=(0, 1)), alpha=0.05)
    early.seen(played(0))
    early.seen(played(1))
    early.seen(played(2, Outcome.ERROR))
    assert early.verdict().pairs == 0
    assert [early.seen(played(seed)) for seed in range(3, 11)] == [False] * 7 + [True]


def test_a_run_that_shares_nothing_is_refused() -> None:
    with pytest.raises(SpecError, match="has a twin"):
        EarlyStop(TRIALS, [EpisodeRecord("cube", "other words", 0, Outcome.SUCCESS)], alpha=0.05)
