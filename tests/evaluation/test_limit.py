"""A policy that really hangs fails its episode, is replaced, and the run goes on."""

import itertools
import signal
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest

from agent.doubles import PointSeer
from agent.errors import PolicyFault
from agent.evaluation.limit import PolicyHung, within
from agent.evaluation.play import BoothJob, Ended, Player, PoolPlayer, SerialPlayer, Served
from agent.evaluation.session import evaluate
from agent.evaluation.store import RunStore
from agent.ports import Policy, World
from agent.types import ActionChunk, Observation, Outcome
from tests.evaluation.point import CONDITIONS, Sleepy, make_sleepy, make_world, trials

TRIALS = trials(5)
RED = {index for index, trial in enumerate(TRIALS) if trial.row == "red square"}
LIMIT_S = 0.4


class Stuck(PointSeer):
    """Falls over the red square into native code that never ends and lets no other Python run."""

    def act_batch(self, observations: Sequence[Observation]) -> list[ActionChunk]:
        if "red" in observations[0].instruction:
            deque(itertools.repeat(0), maxlen=0)
        return super().act_batch(observations)


def make_stuck() -> tuple[World, Policy]:
    world = make_world()
    return world, Stuck(world.embodiment)


def play(player: Player) -> list[Ended]:
    with player:
        return sorted(player.play(range(len(TRIALS))), key=lambda ended: ended.index)


def check(ended: list[Ended], detail: str) -> None:
    assert 1 <= len(RED) < len(TRIALS)
    for each in ended:
        if each.index in RED:
            assert (each.episode.outcome, each.episode.detail) == (Outcome.FAILURE, detail)
        else:
            assert each.episode.outcome is Outcome.SUCCESS


@pytest.mark.parametrize("way", ["serial", "served"])
def test_an_alarm_wakes_a_policy_that_sleeps(way: str) -> None:
    job = BoothJob(make_sleepy, tuple(TRIALS), execute=1, limit_s=LIMIT_S)
    serving = Served(make_world, Sleepy(make_world().embodiment))
    ended = play(SerialPlayer(job) if way == "serial" else PoolPlayer(job, workers=2, served=serving))
    check(ended, "the policy did not answer within 0.4 s")
    # Where it hung is kept.
    assert all("time.sleep(3600)" in str(ended[index].traceback) for index in RED)


@pytest.mark.timeout(100)
def test_native_code_that_never_comes_back_is_killed_with_its_process_and_both_are_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = BoothJob(make_stuck, tuple(TRIALS), execute=1, limit_s=LIMIT_S)
    with RunStore(tmp_path / "run.db") as store:
        played = list(evaluate(TRIALS, CONDITIONS, store, PoolPlayer(job, workers=1)))
    sentence = "the policy did not answer within 0.4 s; its process was killed"
    check([Ended(TRIALS.index(each.trial), each.episode) for each in played], sentence)
    with closing(sqlite3.connect(tmp_path / "run.db")) as db:
        kept = db.execute("SELECT DISTINCT outcome, detail FROM episodes WHERE row = 'red square'").fetchall()
    assert kept == [("failure", sentence)]


def test_a_hung_policy_is_built_anew() -> None:
    built: list[int] = []

    def make_counted() -> tuple[World, Policy]:
        built.append(1)
        return make_sleepy()

    play(SerialPlayer(BoothJob(make_counted, tuple(TRIALS), execute=1, limit_s=LIMIT_S)))
    # Not after the last one: nothing follows it.
    assert len(built) == 1 + len(RED - {len(TRIALS) - 1})


def test_what_ends_in_time_is_left_alone_and_other_alarms_too() -> None:
    rung: list[int] = []
    before = signal.signal(signal.SIGALRM, lambda *_: rung.append(1))
    left, _ = signal.setitimer(signal.ITIMER_REAL, 0.25)
    try:
        with within(0.2):
            time.sleep(0.01)
        with within(None):
            pass
        assert rung == []
        time.sleep(0.4)
        assert rung == [1]
    finally:
        signal.signal(signal.SIGALRM, before)
        signal.setitimer(signal.ITIMER_REAL, left)


def test_elsewhere_than_in_the_main_thread_there_is_no_alarm() -> None:
    ended: list[bool] = []

    def take_longer() -> None:
        with within(0.01):
            time.sleep(0.05)
        ended.append(True)

    thread = threading.Thread(target=take_longer)
    thread.start()
    thread.join()
    assert ended == [True]


def test_a_hang_is_the_policys_fault() -> None:
    with pytest.raises(PolicyFault, match=r"did not answer within 0\.05 s"), within(0.05):
        time.sleep(5)
    assert issubclass(PolicyHung, PolicyFault)
