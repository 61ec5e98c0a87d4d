"""What every SQLite file that is kept between runs needs: to be recognised as ours, and opened by several at once."""

import sqlite3
import time
from contextlib import closing
from pathlib import Path

from agent.errors import SpecError

BUSY = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
"""Error codes of another program holding the file."""


def check_owner(path: Path, *, application: int, format_: int, patience: float, instead: str) -> None:
    """Look at an existing file without writing a byte; raise SpecError for another program's or a newer version's.

    application: our application_id.  format_: the highest user_version we read.  patience: seconds to wait for others.
    instead: what to do in its place ("choose another folder with --out").
    """
    with closing(read_only(path, patience=patience)) as db:
        (owner,) = db.execute("PRAGMA application_id").fetchone()
        (number,) = db.execute("PRAGMA user_version").fetchone()
        (tables,) = db.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    if owner != application and (owner or number or tables):
        raise SpecError(f"{path} is another program's database; {instead}")
    if number > format_:
        raise SpecError(
            f"{path} was written by a newer version (format {number}, this one reads {format_}); it was left as it "
            f"is: update, or {instead}"
        )


def read_only(path: Path, *, patience: float) -> sqlite3.Connection:
    """Open a file that is not to be changed, nor made."""
    return sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=patience)


def write_ahead(db: sqlite3.Connection, *, patience: float) -> None:
    """Switch to the write-ahead log; SQLite itself does not wait for another process that is just doing the same."""
    until = time.monotonic() + patience
    while True:
        try:
            db.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode not in BUSY or time.monotonic() > until:
                raise
        time.sleep(0.02)
