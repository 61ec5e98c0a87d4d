"""Every player gives what the serial one gives; what raises or dies costs its own episode only."""

import time
from collections.abc import Callable, Sequence

import numpy as np
import pytest

from agent.doubles import FixedPolicy, PointSeer, PointWorld
from agent.errors import SpecError, WorldFault
from agent.evaluation.play import BoothJob, Ended, MakePair, Player, PoolPlayer, SerialPlayer, Served, play_one
from agent.ports import ActionChunk, Observation
from agent.types import Outcome
from tests.evaluation import point
from tests.evaluation.point import make_world, trials

TRIALS = trials(8)
RED = {index for index, trial in enumerate(TRIALS) if trial.row == "red square"}


def play(player: Player) -> list[Ended]:
    with player:
        return sorted(player.play(range(len(TRIALS))), key=lambda ended: ended.index)


def facts(ended: Ended) -> tuple[object, ...]:
    episode = ended.episode
    return ended.index, episode.outcome, episode.steps, episode.detail, episode.status, episode.task, episode.seed


def job(make_pair: MakePair = point.make_seer) -> BoothJob:
    return BoothJob(make_pair, tuple(TRIALS), execute=1)


class Counting(PointSeer):
    """Notes how many looks it was asked for at a time."""

    def __init__(self) -> None:
        super().__init__(make_world().embodiment)
        self.sizes: list[int] = []

    def act_batch(self, observations: Sequence[Observation]) -> list[ActionChunk]:
        self.sizes.append(len(observations))
        # While one batch is thought about, the looks of the others come in, however the machine is loaded.
        time.sleep(0.02)
        return super().act_batch(observations)


def test_the_tests_have_something_to_lose() -> None:
    assert 2 <= len(RED) <= len(TRIALS) - 2


def test_served_and_separate_processes_give_what_one_process_gives() -> None:
    serial = [facts(ended) for ended in play(SerialPlayer(job()))]
    assert [outcome for _, outcome, *_ in serial].count(Outcome.SUCCESS) >= 6
    policy = Counting()
    assert [facts(e) for e in play(PoolPlayer(job(), workers=3, served=Served(make_world, policy)))] == serial
    assert [facts(e) for e in play(PoolPlayer(job(), workers=2))] == serial
    assert max(policy.sizes) > 1


@pytest.mark.parametrize("served", [False, True])
def test_a_policy_that_raises_fails_its_episode_and_leaves_its_traceback(served: bool) -> None:
    moody = point.Moody(make_world().embodiment)
    serving = Served(make_world, moody)
    player = PoolPlayer(job(), workers=2, served=serving) if served else SerialPlayer(job(point.make_moody))
    for index, ended in enumerate(play(player)):
        if index not in RED:
            assert (ended.episode.outcome, ended.traceback) == (Outcome.SUCCESS, None)
            continue
        assert ended.episode.outcome is Outcome.FAILURE
        assert ended.episode.detail == "the policy raised KeyError: 'red is not my colour'"
        assert ended.traceback is not None
        assert 'raise KeyError("red is not my colour")' in ended.traceback


def test_a_world_that_raises_is_an_error_and_is_built_anew() -> None:
    for index, ended in enumerate(play(SerialPlayer(job(point.make_fragile)))):
        if index not in RED:
            assert (ended.episode.outcome, ended.traceback) == (Outcome.SUCCESS, None)
            continue
        assert ended.episode.outcome is Outcome.ERROR
        assert ended.episode.detail == "the world raised RuntimeError: the thread snapped"
        assert "the thread snapped" in str(ended.traceback)


@pytest.mark.parametrize("served", [False, True])
def test_a_world_that_takes_its_process_along_is_an_error_and_the_run_goes_on(served: bool) -> None:
    serving = Served(point.make_deadly_world, PointSeer(make_world().embodiment)) if served else None
    ended = play(PoolPlayer(job(point.make_deadly), workers=2, served=serving))
    assert {e.index for e in ended if e.episode.outcome is Outcome.ERROR} == RED
    assert {e.episode.detail for e in ended if e.index in RED} == {"the process died with exit code -9"}
    assert {e.episode.outcome for e in ended if e.index not in RED} == {Outcome.SUCCESS}


class Reluctant(PointSeer):
    """Refuses, or says that the request is wrong."""

    def __init__(self, error: Callable[[], Exception]) -> None:
        super().__init__(make_world().embodiment)
        self.error = error

    def act_batch(self, observations: Sequence[Observation]) -> list[ActionChunk]:
        raise self.error()


def test_a_served_refusal_stays_a_refusal() -> None:
    still = FixedPolicy(make_world().embodiment, point.still(), refusal="I would rather not")
    reluctant = Reluctant(lambda: _refusal(still))
    ended = play(PoolPlayer(job(), workers=2, served=Served(make_world, reluctant)))
    assert {(e.episode.outcome, e.episode.detail) for e in ended} == {(Outcome.REFUSED, "I would rather not")}


def test_a_wrong_request_stops_the_run() -> None:
    wrong = Reluctant(lambda: SpecError("the picture does not fit"))
    with pytest.raises(SpecError, match="the picture does not fit"):
        play(PoolPlayer(job(), workers=2, served=Served(make_world, wrong)))


def test_a_policy_that_answers_too_little_is_at_fault() -> None:
    class Lazy(PointSeer):
        def act_batch(self, observations: Sequence[Observation]) -> list[ActionChunk]:
            return []

    ended = play(PoolPlayer(job(), workers=2, served=Served(make_world, Lazy(make_world().embodiment))))
    assert {e.episode.outcome for e in ended} == {Outcome.FAILURE}


def _refusal(policy: FixedPolicy) -> Exception:
    from agent.errors import Refusal

    world = make_world()
    try:
        policy.act(world.reset(TRIALS[0].task, seed=0))
    except Refusal as refusal:
        return refusal
    raise AssertionError("it did not refuse")


def test_a_server_that_is_gone_is_an_error_and_no_failure_of_the_policy() -> None:
    class Gone(FixedPolicy):
        def act(self, observation: Observation) -> ActionChunk:
            raise WorldFault("the policy server closed the connection")

    world = PointWorld()
    still = world.embodiment.action.clip(np.zeros((1, 7), dtype=np.float32))
    episode, traceback = play_one(world, Gone(world.embodiment, still), TRIALS[0], execute=1)
    assert episode.outcome is Outcome.ERROR
    assert traceback is not None
