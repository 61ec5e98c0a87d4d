"""The run database: one SQLite file in the folder of results. A finished episode is kept and never run again.

Several processes may share it. Each is a claimant that shows signs of life; an episode claimed by a claimant that died
is free again. A claimant is dead when its process is gone (same machine) or its last sign of life is older than the
lease. SQLite's write-ahead log needs a local disk: processes on several machines share a run through Ray instead.
"""

import json
import os
import sqlite3
import threading
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from agent.database_file import BUSY, check_owner, write_ahead
from agent.errors import AubergineError, SpecError
from agent.evaluation.identity import Conditions
from agent.evaluation.suite import Trial
from agent.settings import from_mapping, to_mapping
from agent.types import Episode, Outcome, Status, Task

FORMAT = 2
"""Kept in the file's user_version; a higher one was written by a newer program."""
APPLICATION = 0x41554231
"""Kept in the file's application_id, so that a stranger's database is recognised."""
LEASE_S = 60.0
PATIENCE_S = 30.0
"""How long to wait for another program that holds the database."""

_SCHEMA = f"""
BEGIN IMMEDIATE;
CREATE TABLE IF NOT EXISTS claimants (token TEXT PRIMARY KEY, host TEXT, pid INTEGER, started REAL, alive REAL);
CREATE TABLE IF NOT EXISTS conditions (digest TEXT PRIMARY KEY, content TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS commands (began REAL, command TEXT, conditions TEXT);
CREATE TABLE IF NOT EXISTS episodes (
    id TEXT PRIMARY KEY, conditions TEXT NOT NULL, row TEXT NOT NULL, seed INTEGER NOT NULL, trial TEXT NOT NULL,
    claimant TEXT, place INTEGER UNIQUE, outcome TEXT, steps INTEGER, seconds REAL, detail TEXT, status TEXT,
    success_any INTEGER, success_last INTEGER, success_held INTEGER, completed INTEGER, traceback TEXT,
    confidence REAL
) WITHOUT ROWID;
PRAGMA application_id = {APPLICATION};
PRAGMA user_version = {FORMAT};
COMMIT;
"""
_SINCE_1 = "ALTER TABLE episodes ADD COLUMN confidence REAL"
_FOREIGN = (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT)


@dataclass(frozen=True)
class Job:
    """An episode to be had: its id (agent.evaluation.identity) and what to run."""

    id: str
    trial: Trial


@dataclass(frozen=True)
class Kept:
    """A finished episode. traceback: of what the policy or the world raised, if anything."""

    id: str
    episode: Episode
    traceback: str | None = None


class RunStore:
    """One process's hold on a run database; use it as a context manager.

    Raises SpecError for a file that is not this program's or was written by a newer version; it is left untouched.
    Every other trouble with the file (locked, disk full, read-only) is an AubergineError of one sentence; what was
    finished before stays kept.
    """

    def __init__(self, path: Path, *, lease_s: float = LEASE_S, patience_s: float = PATIENCE_S) -> None:
        self.path, self._lease, self._patience = path, lease_s, patience_s
        self._token, self._host = uuid.uuid4().hex, _host()
        self._started = psutil.Process().create_time()
        self._turn = self._news = 0
        self._stop = threading.Event()
        with self._said_plainly():
            if path.exists():
                check_owner(
                    path,
                    application=APPLICATION,
                    format_=FORMAT,
                    patience=self._patience,
                    instead="choose another folder with --out",
                )
            self._db = self._connect()
            self._bring_up_to_date()
            write_ahead(self._db, patience=self._patience)
            self._db.executescript(_SCHEMA)
            # A killed process loses nothing by this, a power failure at most the last episodes: they are played again.
            # Waiting for the disk at every commit costs 20 ms an episode, in which a served policy answers nobody.
            self._db.execute("PRAGMA synchronous = NORMAL")
            self._db.execute("PRAGMA temp_store = MEMORY")
            self._db.execute("CREATE TEMP TABLE wanted (turn INTEGER PRIMARY KEY, id TEXT UNIQUE)")
            self._beat(self._db)
        self._heart = threading.Thread(target=self._keep_beating, daemon=True)
        self._heart.start()

    def __enter__(self) -> "RunStore":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def enroll(self, jobs: Sequence[Job], conditions: Conditions, *, command: str) -> None:
        """Ask for these episodes, in this order; those that the database holds already keep what they have."""
        digest = conditions.digest()
        rows = [(j.id, digest, j.trial.row, j.trial.seed, _json(j.trial)) for j in jobs]
        with self._writing():
            self._db.execute("INSERT OR IGNORE INTO conditions VALUES (?, ?)", (digest, _json(conditions)))
            self._db.execute("INSERT INTO commands VALUES (?, ?, ?)", (time.time(), command, digest))
            self._db.executemany(
                "INSERT OR IGNORE INTO episodes (id, conditions, row, seed, trial) VALUES (?, ?, ?, ?, ?)", rows
            )
            self._db.executemany("INSERT OR IGNORE INTO wanted VALUES (?, ?)", [(n, j.id) for n, j in enumerate(jobs)])

    def claim(self) -> str | None:
        """Take the next free episode of those enrolled and return its id; None when none is free now."""
        with self._writing():
            self._bury_the_dead()
            # Free ones lie before the last turn only where a claimant died: look there when there is no other.
            found = self._next_free(self._turn) or self._next_free(0)
            if found is None:
                return None
            self._turn, id_ = found
            self._db.execute("UPDATE episodes SET claimant = ? WHERE id = ?", (self._token, id_))
        return id_

    def finish(self, kept: Kept) -> bool:
        """Keep what came of an episode; False when another process was first, whose result then stands."""
        episode = kept.episode
        with self._writing():
            changed = self._db.execute(
                "UPDATE episodes SET outcome = ?, steps = ?, seconds = ?, detail = ?, status = ?, success_any = ?, "
                "success_last = ?, success_held = ?, completed = ?, confidence = ?, traceback = ?, claimant = ?, "
                "place = (SELECT coalesce(max(place), 0) + 1 FROM episodes) WHERE id = ? AND outcome IS NULL",
                (
                    *(episode.outcome.value, episode.steps, episode.seconds, episode.detail, _json(episode.status)),
                    *(episode.success_any, episode.success_last, episode.success_held, episode.completed),
                    *(episode.confidence, kept.traceback, self._token, kept.id),
                ),
            )
        return changed.rowcount == 1

    def news(self) -> list[Kept]:
        """Return the enrolled episodes that were finished, by anyone, since the last call; at first, all of them."""
        with self._said_plainly():
            rows = self._db.execute(
                "SELECT place, id, trial, outcome, steps, detail, seconds, status, success_any, success_last, "
                "success_held, completed, confidence, traceback FROM episodes CROSS JOIN wanted USING (id) "
                "WHERE place > ? AND outcome IS NOT NULL ORDER BY place",
                (self._news,),
            ).fetchall()
        if rows:
            self._news = rows[-1][0]
        return [_kept(*row[1:]) for row in rows]

    def forget_errors(self) -> int:
        """Open the enrolled episodes that ended as the world's errors again; return how many."""
        with self._writing():
            changed = self._db.execute(
                "UPDATE episodes SET outcome = NULL, traceback = NULL, claimant = NULL "
                "WHERE outcome = ? AND id IN (SELECT id FROM wanted)",
                (Outcome.ERROR.value,),
            )
        return changed.rowcount

    def close(self) -> None:
        """Let go of what was claimed and not finished; closing twice is allowed."""
        self._stop.set()
        self._heart.join()
        # A claim that cannot be given back frees itself: this process ends, and the lease with it.
        with suppress(sqlite3.Error):
            self._db.execute("DELETE FROM claimants WHERE token = ?", (self._token,))
        self._db.close()

    def _next_free(self, turn: int) -> tuple[int, str] | None:
        """The first one from this turn on that is not finished and that nobody alive has claimed."""
        found = self._db.execute(
            "SELECT turn, id FROM wanted CROSS JOIN episodes USING (id) WHERE turn >= ? AND outcome IS NULL AND "
            "(claimant IS NULL OR claimant NOT IN (SELECT token FROM claimants)) ORDER BY turn LIMIT 1",
            (turn,),
        ).fetchone()
        return found if found is None else (int(found[0]), str(found[1]))

    def _connect(self) -> sqlite3.Connection:
        return sqlite3.connect(self.path, timeout=self._patience, isolation_level=None)

    def _bring_up_to_date(self) -> None:
        """Add to the file of an older format what it lacks; its episodes stay."""
        with self._db:
            self._db.execute("BEGIN IMMEDIATE")
            (number,) = self._db.execute("PRAGMA user_version").fetchone()
            if number == 1:
                self._db.execute(_SINCE_1)
                self._db.execute(f"PRAGMA user_version = {FORMAT}")

    def _beat(self, db: sqlite3.Connection) -> None:
        db.execute(
            "INSERT INTO claimants VALUES (?, ?, ?, ?, ?) ON CONFLICT (token) DO UPDATE SET alive = excluded.alive",
            (self._token, self._host, os.getpid(), self._started, time.time()),
        )

    def _keep_beating(self) -> None:
        while not self._stop.wait(self._lease / 4):
            # A missed beat shortens the lease and nothing else; real trouble shows in the main thread.
            with suppress(sqlite3.Error), closing(self._connect()) as db:
                self._beat(db)

    def _bury_the_dead(self) -> None:
        others = self._db.execute("SELECT token, host, pid, started, alive FROM claimants").fetchall()
        for token, host, pid, started, alive in others:
            gone = host == self._host and not _lives(pid, started)
            if token != self._token and (gone or alive + self._lease < time.time()):
                self._db.execute("DELETE FROM claimants WHERE token = ?", (token,))

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """All or nothing, one writer at a time."""
        with self._said_plainly(), self._db:
            self._db.execute("BEGIN IMMEDIATE")
            yield

    @contextmanager
    def _said_plainly(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.DatabaseError as error:
            code = getattr(error, "sqlite_errorcode", 0) & 0xFF
            if code in _FOREIGN:
                raise SpecError(f"{self.path} is damaged or no database ({error}); choose another folder") from error
            cause = "another program holds it" if code in BUSY else str(error)
            raise AubergineError(
                f"cannot use the run database {self.path}: {cause}; the episodes finished so far are kept: mend this "
                "and give the same command again"
            ) from error


def _kept(id_: str, trial: str, outcome: str, steps: int, *rest: object) -> Kept:
    detail, seconds, status, any_, last, held, completed, confidence, traceback = rest
    asked = json.loads(trial)
    episode = Episode(
        task=from_mapping(Task, asked["task"], where="the run database"),
        seed=asked["seed"],
        outcome=Outcome(outcome),
        steps=steps,
        detail=str(detail),
        seconds=float(str(seconds)),
        status=from_mapping(Status, json.loads(str(status)), where="the run database"),
        success_any=bool(any_),
        success_last=bool(last),
        success_held=bool(held),
        completed=int(str(completed)),
        confidence=None if confidence is None else float(str(confidence)),
    )
    return Kept(id_, episode, None if traceback is None else str(traceback))


def _json(settings: object) -> str:
    return json.dumps(to_mapping(settings), ensure_ascii=False)


def _host() -> str:
    """Name where process numbers mean the same: this boot of this machine, and this container."""
    boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    return f"{boot} {Path('/proc/self/ns/pid').readlink()}"


def _lives(pid: int, started: float) -> bool:
    """Whether the process that began then still runs; its number may have been given to another since."""
    with suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        return abs(process.create_time() - started) < 1.0 and process.status() != psutil.STATUS_ZOMBIE
    return False
