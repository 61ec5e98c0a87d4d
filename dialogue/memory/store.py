"""Memory: what was said, what it meant, what to go by, and what was tried, with where each comes from.

Everything can be listed and forgotten; forgetting takes along what was drawn from it and scrubs the file.
"""

import re
import sqlite3
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

import numpy as np

from agent.errors import SpecError, unknown_name
from agent.types import Episode, FloatArray
from dialogue.memory.database import Database
from dialogue.memory.entries import Binding, Entry, EntryKind, Hit
from dialogue.memory.vectors import Embedder, Rows, unit
from dialogue.notes import Notes, compile_notes

LONGEST = 4000
"""Characters of one text that are kept."""
RANK_SHIFT = 60
"""Reciprocal rank fusion (Cormack et al. 2009): score = sum over lists of 1 / (60 + rank)."""
_COLUMNS = "id, kind, at, session, source, text, detail, because_of"


class Memory:
    """One memory file; use it as a context manager. Any thread may use it.

    embed: makes a vector of every text, so that search goes by meaning as well as by words.  session: names this run.
    Raises SpecError for a file that is damaged, a stranger's or a newer version's, and leaves that as it is.
    """

    def __init__(
        self,
        path: Path,
        *,
        session: str = "",
        embed: Embedder | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._database = Database(path)
        self._session, self._embed, self._clock = session, embed, clock
        self._cache: dict[str, tuple[tuple[int, int], Rows]] = {}

    def __enter__(self) -> "Memory":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def add_turn(self, source: str, text: str) -> int:
        """Keep what `source` ("person", "robot") said; return the entry's id."""
        return self._add(EntryKind.TURN, source, text)

    def bind(self, turn: int, mention: str, name: str, *, scene: str = "") -> None:
        """Keep that `mention` in this turn meant the thing called `name` in this scene."""
        self.entry(turn)
        with self._database.writing() as db:
            db.execute("INSERT OR REPLACE INTO bindings VALUES (?, ?, ?, ?)", (turn, mention.lower(), name, scene))

    def bindings(self, *, scene: str | None = None, limit: int = 50) -> tuple[Binding, ...]:
        """Return what mentions meant, the latest first; scene: of this one only."""
        where, values = ("WHERE scene = ?", (scene, limit)) if scene is not None else ("", (limit,))
        with self._database.reading() as db:
            rows = db.execute(
                f"SELECT turn, mention, name, scene FROM bindings {where} ORDER BY turn DESC, rowid DESC LIMIT ?",
                values,
            ).fetchall()
        return tuple(Binding(*row) for row in rows)

    def remember(self, text: str, *, source: str = "plan", because_of: int | None = None) -> None:
        """Keep a note; the same words are kept once."""
        if text not in (note.text for note in self.entries(EntryKind.NOTE, limit=None)):
            self._add(EntryKind.NOTE, source, text, because_of=because_of)

    def forget(self, text: str) -> int:
        """Drop the notes that hold all these words; return how many."""
        wanted = _words(text)
        notes = self.entries(EntryKind.NOTE, limit=None)
        gone = [note.id for note in notes if wanted and set(wanted) <= set(_words(note.text))]
        return self.forget_entries(gone) if gone else 0

    def notes(self) -> Notes:
        """Return what plans are held to: constraints and names, later ones over earlier ones."""
        return compile_notes(note.text for note in reversed(self.entries(EntryKind.NOTE, limit=None)))

    def add_episode(
        self,
        episode: Episode,
        *,
        source: str,
        vectors: Mapping[str, FloatArray] = MappingProxyType({}),
        because_of: int | None = None,
    ) -> int:
        """Keep what was tried and what came of it. vectors: space -> (E,), such as features of its pictures."""
        detail = f"{episode.outcome.value}: {episode.detail} (seed {episode.seed}, {episode.steps} steps)"
        text = episode.task.instruction
        return self._add(EntryKind.EPISODE, source, text, detail=detail, vectors=vectors, because_of=because_of)

    def entry(self, number: int) -> Entry:
        """Return one entry; raise SpecError when there is none of this number."""
        with self._database.reading() as db:
            row = db.execute(f"SELECT {_COLUMNS} FROM entries WHERE id = ?", (number,)).fetchone()
            known = [] if row else [r[0] for r in db.execute("SELECT id FROM entries ORDER BY id DESC LIMIT 8")]
        if row is None:
            raise unknown_name("memory", str(number), map(str, known))
        return _entry(row)

    def entries(self, kind: EntryKind | None = None, *, limit: int | None = 50) -> tuple[Entry, ...]:
        """Return the latest entries, the latest first."""
        where, values = ("WHERE kind = ?", [kind.value]) if kind else ("", list[str]())
        with self._database.reading() as db:
            rows = db.execute(
                f"SELECT {_COLUMNS} FROM entries {where} ORDER BY id DESC LIMIT ?",
                (*values, -1 if limit is None else limit),
            ).fetchall()
        return tuple(map(_entry, rows))

    def search(self, text: str, *, kind: EntryKind | None = None, limit: int = 10) -> tuple[Hit, ...]:
        """Return the entries nearest to `text`, by words and, with an embedder, by meaning; the two ranks are fused."""
        rankings = [self._by_words(text, kind, 4 * limit)]
        if self._embed is not None and text.strip():
            found = self._by_vector(self._embed.space, self._embed.embed(text), kind, 4 * limit)
            rankings.append([id_ for id_, _ in found])
        scores: dict[int, float] = {}
        for ranking in rankings:
            for rank, id_ in enumerate(ranking):
                scores[id_] = scores.get(id_, 0.0) + 1.0 / (RANK_SHIFT + rank)
        best = sorted(scores, key=lambda id_: (-scores[id_], -id_))[:limit]
        return tuple(Hit(self.entry(id_), scores[id_]) for id_ in best)

    def search_vector(
        self, space: str, vector: FloatArray, *, kind: EntryKind | None = None, limit: int = 10
    ) -> tuple[Hit, ...]:
        """Return the entries whose vector in `space` is nearest to this one (E,); score: the cosine."""
        return tuple(Hit(self.entry(id_), cosine) for id_, cosine in self._by_vector(space, vector, kind, limit))

    def forget_entries(self, numbers: list[int]) -> int:
        """Delete these entries, all that was drawn from them, and every trace in the file; return how many went.

        Raises SpecError, and deletes nothing, when one of them does not exist.
        """
        for number in numbers:
            self.entry(number)
        with self._database.writing() as db:
            (before,) = db.execute("SELECT count(*) FROM entries").fetchone()
            db.executemany("DELETE FROM entries WHERE id = ?", [(number,) for number in numbers])
            (left,) = db.execute("SELECT count(*) FROM entries").fetchone()
        self._database.scrub()
        return int(before - left)

    def close(self) -> None:
        """Closing twice is allowed."""
        self._database.close()

    def _add(
        self,
        kind: EntryKind,
        source: str,
        text: str,
        *,
        detail: str = "",
        vectors: Mapping[str, FloatArray] = MappingProxyType({}),
        because_of: int | None = None,
    ) -> int:
        kept = _storable(text)
        if not kept:
            raise SpecError("there is nothing to remember: the text is empty")
        rows = {space: unit(vector) for space, vector in vectors.items()}
        if self._embed is not None:
            rows[self._embed.space] = unit(self._embed.embed(kept))
        with self._database.writing() as db:
            cursor = db.execute(
                "INSERT INTO entries (kind, source, text, detail, because_of, at, session) "
                "VALUES (?, ?, ?, ?, ?, ?, ?)",
                (kind.value, source, kept, _storable(detail), because_of, self._clock(), self._session),
            )
            id_ = int(cursor.lastrowid or 0)
            db.executemany(
                "INSERT INTO vectors VALUES (?, ?, ?)", [(id_, space, row.tobytes()) for space, row in rows.items()]
            )
        return id_

    def _by_words(self, text: str, kind: EntryKind | None, count: int) -> list[int]:
        # Every word is quoted, so that nothing in it is an operator of the query language.
        query = " OR ".join(f'"{word}"' for word in _words(text))
        if not query:
            return []
        with self._database.reading() as db:
            rows = db.execute(
                "SELECT entries.id FROM words JOIN entries ON entries.id = words.rowid WHERE words MATCH ? "
                "AND (? IS NULL OR kind = ?) ORDER BY bm25(words), entries.id DESC LIMIT ?",
                (query, kind and kind.value, kind and kind.value, count),
            ).fetchall()
        return [int(row[0]) for row in rows]

    def _by_vector(self, space: str, vector: FloatArray, kind: EntryKind | None, count: int) -> list[tuple[int, float]]:
        return self._rows(space).nearest(unit(vector), kind=kind and kind.value, count=count)

    def _rows(self, space: str) -> Rows:
        """All vectors of a space, kept in RAM until the file changes."""
        with self._database.reading() as db:
            version = self._database.version()
            known = self._cache.get(space)
            if known is None or known[0] != version:
                known = (version, read_rows(db, space))
                self._cache[space] = known
        return known[1]


def read_rows(db: sqlite3.Connection, space: str) -> Rows:
    """Read all vectors of a space from the file."""
    rows = db.execute(
        "SELECT entry, kind, vector FROM vectors JOIN entries ON entries.id = entry WHERE space = ? ORDER BY entry",
        (space,),
    ).fetchall()
    # A space has one width; were an encoder ever changed under its name, the latest width is the one in use.
    width = len(rows[-1][2]) if rows else 0
    kept = [row for row in rows if len(row[2]) == width]
    matrix = np.frombuffer(b"".join(row[2] for row in kept), dtype=np.float32).reshape(len(kept), -1 if kept else 0)
    return Rows(tuple(int(row[0]) for row in kept), tuple(str(row[1]) for row in kept), matrix)


def _entry(row: tuple[int, str, float, str, str, str, str, int | None]) -> Entry:
    id_, kind, *rest = row
    return Entry(id_, EntryKind(kind), *rest)  # type: ignore[arg-type]


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower())[:64]


def _storable(text: str) -> str:
    """The text without control characters and lone surrogates, which a database or a terminal would choke on."""
    kept = "".join(char for char in text[:LONGEST] if char.isprintable() or char in "\n ")
    return kept.strip()
