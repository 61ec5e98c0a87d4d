"""Resuming, sharing and being killed: nothing finished is lost, nothing is doubled, nothing is run twice."""

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from agent.evaluation.play import BoothJob, Ended, MakePair, PoolPlayer, SerialPlayer
from agent.evaluation.run import Played
from agent.evaluation.session import evaluate
from agent.evaluation.store import RunStore
from agent.evaluation.suite import Trial
from agent.types import Outcome
from tests.evaluation import point
from tests.evaluation.point import CONDITIONS, outcome, trials

ROOT = Path(__file__).parents[2]
TRIALS = trials(6)


class Watched(SerialPlayer):
    """A serial player that notes what it played."""

    def __init__(self, make_pair: MakePair = point.make_seer, over: list[Trial] = TRIALS) -> None:
        super().__init__(BoothJob(make_pair, tuple(over), execute=2))
        self.played: list[int] = []

    def play(self, todo: Iterable[int]) -> Iterator[Ended]:
        for ended in super().play(todo):
            self.played.append(ended.index)
            yield ended


def run(folder: Path, player: SerialPlayer, over: list[Trial] = TRIALS, **options: bool) -> list[Played]:
    with RunStore(folder / "run.db") as store:
        return list(evaluate(over, CONDITIONS, store, player, **options))


def test_the_same_request_plays_nothing_twice_and_a_longer_one_the_rest(tmp_path: Path) -> None:
    first, again, longer = Watched(), Watched(), Watched(over=trials(8))
    whole = run(tmp_path, first)
    assert (first.played, [each.fresh for each in whole]) == ([0, 1, 2, 3, 4, 5], [True] * 6)
    kept = run(tmp_path, again)
    assert (again.played, [each.fresh for each in kept]) == ([], [False] * 6)
    assert list(map(outcome, kept)) == list(map(outcome, whole))
    assert len(run(tmp_path, longer, trials(8))) == 8
    assert longer.played == [6, 7]


def test_stopping_in_the_middle_and_going_on_gives_the_same_as_never_stopping(tmp_path: Path) -> None:
    (tmp_path / "straight").mkdir()
    straight = sorted(map(outcome, run(tmp_path / "straight", Watched())), key=str)
    halting, rest = Watched(), Watched()
    with RunStore(tmp_path / "run.db") as store:
        session = evaluate(TRIALS, CONDITIONS, store, halting)
        for _ in range(2):
            next(session)
        session.close()
    assert sorted(map(outcome, run(tmp_path, rest)), key=str) == straight
    assert (halting.played, rest.played) == ([0, 1], [2, 3, 4, 5])


def test_equal_trials_are_played_once_and_counted_in_every_row(tmp_path: Path) -> None:
    twins = [TRIALS[0], Trial("another row", TRIALS[0].task, TRIALS[0].seed)]
    player = Watched(over=twins)
    played = run(tmp_path, player, twins)
    assert [each.trial.row for each in played] == [TRIALS[0].row, "another row"]
    assert player.played == [0]


def test_tracebacks_are_kept_and_errors_are_run_again_only_on_request(tmp_path: Path) -> None:
    run(tmp_path, Watched(point.make_fragile))
    with closing(sqlite3.connect(tmp_path / "run.db")) as db:
        rows = db.execute("SELECT outcome, traceback FROM episodes WHERE row = 'red square'").fetchall()
    assert rows
    assert all(ended == "error" and "the thread snapped" in trace for ended, trace in rows)
    idle, busy = Watched(), Watched()
    run(tmp_path, idle)
    healed = run(tmp_path, busy, retry_errors=True)
    assert (idle.played, len(busy.played)) == ([], len(rows))
    assert Outcome.ERROR not in {each.episode.outcome for each in healed}


SLOW_RUN = """
import sys
from pathlib import Path
from agent.evaluation.play import BoothJob, PoolPlayer
from agent.evaluation.session import evaluate
from agent.evaluation.store import RunStore
from tests.evaluation.point import CONDITIONS, make_slow, trials
if __name__ == "__main__":
    todo = trials(24)
    player = PoolPlayer(BoothJob(make_slow, tuple(todo), execute=2), workers=2)
    with RunStore(Path(sys.argv[1])) as store:
        for each in evaluate(todo, CONDITIONS, store, player):
            print(each.id, each.fresh, flush=True)
"""


def start(script: Path, database: Path) -> "subprocess.Popen[str]":
    script.write_text(SLOW_RUN, encoding="utf-8")
    env = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    return subprocess.Popen([sys.executable, str(script), str(database)], stdout=subprocess.PIPE, text=True, env=env)


def finished(database: Path) -> list[tuple[str, str]]:
    with closing(sqlite3.connect(database)) as db:
        return db.execute("SELECT id, claimant FROM episodes WHERE outcome IS NOT NULL ORDER BY place").fetchall()


def wait_for(database: Path, count: int, *, claimants: int = 1) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if database.exists():
            try:
                rows = finished(database)
                if len(rows) >= count and len({claimant for _, claimant in rows}) >= claimants:
                    return
            except sqlite3.OperationalError:
                pass
        time.sleep(0.02)
    raise AssertionError(f"{count} episodes did not finish in time")


@pytest.mark.timeout(120)
def test_kill_9_loses_only_what_was_in_flight_and_doubles_nothing(tmp_path: Path) -> None:
    database = tmp_path / "run.db"
    for count in (3, 9):
        process = start(tmp_path / "run.py", database)
        wait_for(database, count)
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
        before = finished(database)
        assert count <= len(before) < 24
        # The workers of the killed run end by themselves: nothing more is written.
        time.sleep(0.3)
        assert finished(database) == before
    process = start(tmp_path / "run.py", database)
    said, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    lines = [line.split() for line in said.splitlines()]
    assert len(lines) == len({id_ for id_, _ in lines}) == 24
    assert {id_ for id_, fresh in lines if fresh == "False"} == {id_ for id_, _ in before}
    assert finished(database)[: len(before)] == before
    straight = run(tmp_path, Watched(point.make_seer, trials(24)), trials(24))
    assert {each.id for each in straight} == {id_ for id_, _ in lines}
    assert not any(each.fresh for each in straight)


@pytest.mark.timeout(120)
def test_two_processes_share_a_run_and_one_takes_over_when_the_other_is_killed(tmp_path: Path) -> None:
    database = tmp_path / "run.db"
    first = start(tmp_path / "run.py", database)
    second = start(tmp_path / "run.py", database)
    wait_for(database, 2, claimants=2)
    os.kill(first.pid, signal.SIGKILL)
    first.communicate()
    said, _ = second.communicate(timeout=60)
    ids = [line.split()[0] for line in said.splitlines()]
    assert len(ids) == len(set(ids)) == len(finished(database)) == 24


def test_a_pool_gives_the_same_run_as_one_process(tmp_path: Path) -> None:
    (tmp_path / "pool").mkdir()
    serial = run(tmp_path, Watched())
    with RunStore(tmp_path / "pool" / "run.db") as store:
        player = PoolPlayer(BoothJob(point.make_seer, tuple(TRIALS), execute=2), workers=2)
        pooled = list(evaluate(TRIALS, CONDITIONS, store, player))
    assert sorted(map(outcome, pooled), key=str) == sorted(map(outcome, serial), key=str)
