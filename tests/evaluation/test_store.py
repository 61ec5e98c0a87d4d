"""The run database: claims, deaths, first come first kept, and files that are locked, full, foreign or newer."""

import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from agent.errors import AubergineError, SpecError
from agent.evaluation import store as module
from agent.evaluation.identity import episode_id
from agent.evaluation.store import FORMAT, Job, Kept, RunStore
from agent.types import Episode, Outcome, Status
from tests.evaluation.point import CONDITIONS, trials

ROOT = Path(__file__).parents[2]
TRIALS = trials(3)
JOBS = [Job(episode_id(trial, CONDITIONS), trial) for trial in TRIALS]


def ended(number: int, outcome: Outcome = Outcome.SUCCESS, *, traceback: str | None = None) -> Kept:
    trial = TRIALS[number]
    status = Status(satisfied=True, held=True, reached=True, wrong_object="cube")
    episode = Episode(trial.task, trial.seed, outcome, 9, "done", 0.25, status, True, False, True)
    return Kept(JOBS[number].id, episode, traceback)


def open_store(path: Path, *, lease_s: float = 60.0) -> RunStore:
    store = RunStore(path, lease_s=lease_s, patience_s=0.05)
    store.enroll(JOBS, CONDITIONS, command="aubergine eval")
    return store


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "run.db"


@pytest.fixture
def store(path: Path) -> Iterator[RunStore]:
    with open_store(path) as made:
        yield made


def test_a_finished_episode_comes_back_whole(path: Path, store: RunStore) -> None:
    store.claim()
    kept = ended(0, traceback="Traceback: here")
    assert store.finish(kept)
    store.close()
    with open_store(path) as later:
        assert later.news() == [kept]
        assert later.news() == []


def test_two_claimants_never_hold_one_episode_and_finish_all(path: Path, store: RunStore) -> None:
    with open_store(path) as other:
        claims = [store.claim(), other.claim(), store.claim(), other.claim(), store.claim()]
        assert claims == [JOBS[0].id, JOBS[1].id, JOBS[2].id, None, None]
        other.finish(ended(1))
        assert store.news() == [ended(1)]


def test_what_was_claimed_and_not_finished_is_free_after_closing(path: Path, store: RunStore) -> None:
    store.claim()
    with open_store(path) as other:
        assert other.claim() == JOBS[1].id
        store.close()
        assert [other.claim(), other.claim()] == [JOBS[2].id, JOBS[0].id]


def test_a_claimant_without_a_sign_of_life_is_dead(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(RunStore, "_keep_beating", lambda self: None)
    with open_store(path) as silent, open_store(path) as other:
        assert silent.claim() == JOBS[0].id
        assert other.claim() == JOBS[1].id
        now = module.time.time()
        monkeypatch.setattr(module.time, "time", lambda: now + 59)
        assert other.claim() == JOBS[2].id
        monkeypatch.setattr(module.time, "time", lambda: now + 61)
        assert other.claim() == JOBS[0].id
        # Both finish it; the first one stands.
        assert other.finish(ended(0))
        assert not silent.finish(replace(ended(0, Outcome.FAILURE)))
        assert [kept.episode.outcome for kept in silent.news()] == [Outcome.SUCCESS]


def test_a_beating_claimant_keeps_its_claim_beyond_the_lease(path: Path) -> None:
    with open_store(path, lease_s=0.4) as living, open_store(path, lease_s=0.4) as other:
        assert living.claim() == JOBS[0].id
        living._stop.wait(1.0)
        assert [other.claim(), other.claim(), other.claim()] == [JOBS[1].id, JOBS[2].id, None]


def test_a_claimant_whose_process_was_killed_is_dead_at_once(path: Path) -> None:
    code = (
        "import os, signal; from pathlib import Path; from tests.evaluation.test_store import open_store\n"
        f"open_store(Path({str(path)!r})).claim(); os.kill(os.getpid(), signal.SIGKILL)"
    )
    ended_with = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)})
    assert ended_with.returncode == -9
    with open_store(path) as store:
        assert store.claim() == JOBS[0].id


def test_errors_can_be_forgotten_and_nothing_else(store: RunStore) -> None:
    for number, outcome in enumerate((Outcome.SUCCESS, Outcome.ERROR, Outcome.FAILURE)):
        assert store.claim() == JOBS[number].id
        store.finish(ended(number, outcome))
    assert len(store.news()) == 3
    assert store.forget_errors() == 1
    assert store.news() == []
    assert store.claim() == JOBS[1].id
    store.finish(ended(1))
    assert store.news() == [ended(1)]


def test_a_newer_database_is_named_and_left_alone(path: Path) -> None:
    open_store(path).close()
    with closing(sqlite3.connect(path)) as db:
        db.execute(f"PRAGMA user_version = {FORMAT + 1}")
        db.execute("PRAGMA journal_mode = DELETE")
    before = path.read_bytes()
    with pytest.raises(SpecError, match=rf"was written by a newer version \(format {FORMAT + 1}, this one reads"):
        RunStore(path)
    assert path.read_bytes() == before
    assert [file.name for file in path.parent.iterdir()] == ["run.db"]


def test_a_file_of_the_first_format_gains_what_it_lacks_and_keeps_its_episodes(path: Path) -> None:
    with open_store(path) as store:
        store.claim()
        store.finish(ended(0))
    with closing(sqlite3.connect(path)) as db:
        db.execute("ALTER TABLE episodes DROP COLUMN confidence")
        db.execute("PRAGMA user_version = 1")
    sure = replace(ended(1), episode=replace(ended(1).episode, confidence=0.25))
    with open_store(path) as store:
        assert store.claim() == JOBS[1].id
        store.finish(sure)
        assert store.news() == [ended(0), sure]


def test_strangers_files_are_refused_and_left_alone(path: Path) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TABLE songs (title)")
    for content, words in ((path.read_bytes(), "another program's database"), (b"no database" * 99, "or no database")):
        path.write_bytes(content)
        with pytest.raises(SpecError, match=words):
            RunStore(path)
        assert path.read_bytes() == content


def test_a_locked_database_stops_with_one_sentence_and_loses_nothing(path: Path, store: RunStore) -> None:
    store.claim()
    store.finish(ended(0))
    with closing(sqlite3.connect(path, isolation_level=None)) as holder:
        holder.execute("BEGIN EXCLUSIVE")
        with pytest.raises(AubergineError, match=r"another program holds it; the episodes finished so far are kept"):
            store.finish(ended(1))
        holder.execute("ROLLBACK")
    assert store.finish(ended(1))
    assert store.news() == [ended(0), ended(1)]


FULL = """
import resource, sys
from pathlib import Path
from agent.errors import AubergineError
from agent.evaluation.store import RunStore
from tests.evaluation.test_store import CONDITIONS, JOBS, ended
path = Path(sys.argv[1])
with RunStore(path) as store:
    store.enroll(JOBS, CONDITIONS, command="")
    store.claim(); store.finish(ended(0)); store.claim()
    size = path.with_name("run.db-wal").stat().st_size
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + 100, resource.RLIM_INFINITY))
    try:
        store.finish(ended(1))
    except AubergineError as error:
        print(error)
"""


def test_a_full_disk_stops_with_one_sentence_and_loses_nothing(path: Path) -> None:
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    said = subprocess.run([sys.executable, "-c", FULL, str(path)], cwd=ROOT, env=env, capture_output=True, text=True)
    assert said.returncode == 0, said.stderr
    assert said.stdout.startswith(f"cannot use the run database {path}: ")
    assert "kept" in said.stdout
    with open_store(path) as store:
        assert store.news() == [ended(0)]
        assert store.claim() == JOBS[1].id
