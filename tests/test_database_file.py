"""Several programs may open a kept database at the same moment."""

import sqlite3
import threading
from pathlib import Path

import pytest

from agent.database_file import write_ahead


def test_switching_to_the_log_waits_for_whoever_holds_the_file(tmp_path: Path) -> None:
    path = tmp_path / "kept.db"
    holder = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    holder.execute("CREATE TABLE t (x)")
    holder.execute("BEGIN EXCLUSIVE")
    other = sqlite3.connect(path, timeout=0.0, isolation_level=None)
    with pytest.raises(sqlite3.OperationalError, match="locked"):
        write_ahead(other, patience=0.05)
    release = threading.Timer(0.2, lambda: holder.execute("COMMIT"))
    release.start()
    write_ahead(other, patience=10.0)
    release.join()
    assert other.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    holder.close()
    other.close()
