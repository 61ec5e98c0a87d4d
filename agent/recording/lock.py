"""One owner a folder: a lock that the kernel frees when its process dies, however it dies."""

import fcntl
import os
from io import TextIOWrapper
from pathlib import Path

from agent.errors import SpecError


class FolderLock:
    """Holds `folder`/.lock from `take` to `release`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file: TextIOWrapper | None = None

    def take(self) -> None:
        """Raise SpecError when another process holds the folder."""
        self._folder.mkdir(parents=True, exist_ok=True)
        file = (self._folder / ".lock").open("w")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            file.close()
            raise SpecError(f"another process is writing to {self._folder}") from error
        file.write(f"{os.getpid()}\n")
        file.flush()
        self._file = file

    def release(self) -> None:
        """Let go; releasing twice is allowed."""
        if self._file is not None:
            self._file.close()
            self._file = None
