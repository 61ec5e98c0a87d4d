"""The file under memory: its tables, its version, and plain words for what can be wrong with it."""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from agent.database_file import BUSY, check_owner, read_only, write_ahead
from agent.errors import AubergineError, SpecError

FORMAT = 1
"""Kept in the file's user_version; a higher one was written by a newer program."""
APPLICATION = 0x4155424D
"""Kept in the file's application_id, so that a stranger's database is recognised."""
PATIENCE_S = 10.0
"""How long to wait for another program that holds the database."""

_SCHEMA = f"""
BEGIN IMMEDIATE;
CREATE TABLE IF NOT EXISTS entries (
    id INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, at REAL NOT NULL, session TEXT NOT NULL,
    source TEXT NOT NULL, text TEXT NOT NULL, detail TEXT NOT NULL DEFAULT '',
    because_of INTEGER REFERENCES entries (id) ON DELETE CASCADE
);
CREATE INDEX IF NOT EXISTS entries_by_kind ON entries (kind, id);
CREATE INDEX IF NOT EXISTS entries_by_cause ON entries (because_of);
CREATE TABLE IF NOT EXISTS bindings (
    turn INTEGER NOT NULL REFERENCES entries (id) ON DELETE CASCADE, mention TEXT NOT NULL, name TEXT NOT NULL,
    scene TEXT NOT NULL, PRIMARY KEY (turn, mention)
);
CREATE TABLE IF NOT EXISTS vectors (
    entry INTEGER NOT NULL REFERENCES entries (id) ON DELETE CASCADE, space TEXT NOT NULL, vector BLOB NOT NULL,
    PRIMARY KEY (space, entry)
) WITHOUT ROWID;
CREATE VIRTUAL TABLE IF NOT EXISTS words USING fts5 (
    text, detail, content = 'entries', content_rowid = 'id', tokenize = 'porter unicode61'
);
CREATE TRIGGER IF NOT EXISTS entry_added AFTER INSERT ON entries BEGIN
    INSERT INTO words (rowid, text, detail) VALUES (new.id, new.text, new.detail);
END;
CREATE TRIGGER IF NOT EXISTS entry_gone AFTER DELETE ON entries BEGIN
    INSERT INTO words (words, rowid, text, detail) VALUES ('delete', old.id, old.text, old.detail);
END;
PRAGMA application_id = {APPLICATION};
PRAGMA user_version = {FORMAT};
COMMIT;
"""
_DAMAGED = (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT)


class Database:
    """One connection, shared by threads one at a time.

    Raises SpecError for a file that is damaged, another program's or a newer version's: it is left as it is, to the
    byte. Every other trouble (locked, full disk, read-only) is an AubergineError of one sentence.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.RLock()
        with self._said_plainly():
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise SpecError(f"cannot make the folder {path.parent} for memory: {error.strerror}") from error
            if path.exists():
                self._check()
            self._db = sqlite3.connect(path, timeout=PATIENCE_S, isolation_level=None, check_same_thread=False)
            write_ahead(self._db, patience=PATIENCE_S)
            self._db.executescript(_SCHEMA)
            # A crash of the program loses nothing so; a power cut may lose the last turn, never the file.
            self._db.execute("PRAGMA synchronous = NORMAL")
            self._db.execute("PRAGMA foreign_keys = ON")
            self._db.execute("PRAGMA secure_delete = ON")

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        with self._lock, self._said_plainly():
            yield self._db

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """All or nothing, one writer at a time."""
        with self._lock, self._said_plainly(), self._db:
            self._db.execute("BEGIN IMMEDIATE")
            yield self._db

    def version(self) -> tuple[int, int]:
        """Changes whenever the file's contents do: by others, and by this connection."""
        (theirs,) = self._db.execute("PRAGMA data_version").fetchone()
        return int(theirs), self._db.total_changes

    def scrub(self) -> None:
        """Leave nothing of what was deleted in the file: neither in free pages, nor in the log, nor in the index."""
        with self._lock, self._said_plainly():
            self._db.execute("INSERT INTO words (words) VALUES ('rebuild')")
            self._db.execute("VACUUM")
            self._db.execute("PRAGMA wal_checkpoint (TRUNCATE)")

    def close(self) -> None:
        """Closing twice is allowed."""
        with self._lock:
            self._db.close()

    def _check(self) -> None:
        """Look without writing a byte."""
        check_owner(
            self.path,
            application=APPLICATION,
            format_=FORMAT,
            patience=PATIENCE_S,
            instead="name another file with --memory",
        )
        with closing(read_only(self.path, patience=PATIENCE_S)) as db:
            (sound,) = db.execute("PRAGMA quick_check (1)").fetchone()
        if sound != "ok":
            raise self._damaged(str(sound).splitlines()[-1])

    def _damaged(self, how: str) -> SpecError:
        return SpecError(
            f"{self.path} is damaged or no database ({how}); it was left as it is: restore it from a copy, or name "
            "another file with --memory"
        )

    @contextmanager
    def _said_plainly(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.DatabaseError as error:
            code = getattr(error, "sqlite_errorcode", 0) & 0xFF
            if code in _DAMAGED:
                raise self._damaged(str(error)) from error
            cause = "another program holds it" if code in BUSY else str(error)
            raise AubergineError(f"cannot use the memory {self.path}: {cause}") from error
