"""Writes LeRobotDataset v3.0 so that a kill at any moment loses only the episodes in the making and doubles none.

Parquet and mp4 files become readable only when they are closed. So every episode is first staged as a small whole
unit of its own (by any process); `close` joins the units into the format's large files and counts them in
meta/info.json last. Opening a killed collection again throws away what was half-written and goes on from what is whole.
"""

import shutil
from pathlib import Path

from agent.errors import SpecError
from agent.recording.episode import Recording
from agent.recording.join import Committed, join_staged
from agent.recording.lock import FolderLock
from agent.recording.staging import clear_partial, stage, staged


class DatasetWriter:
    """An `EpisodeSink` that fills one dataset folder. One owner at a time; workers may add to a pickled copy."""

    def __init__(self, root: Path) -> None:
        self.root = Path(root)
        self._lock = FolderLock(self.root)

    def __reduce__(self) -> tuple[type["DatasetWriter"], tuple[Path]]:
        return DatasetWriter, (self.root,)

    @property
    def staging(self) -> Path:
        return self.root / "staging"

    def open(self) -> None:
        """Take the folder and throw away what a killed process left half-written; whole episodes stay.

        Raises SpecError when another process is writing here, or the folder holds something that was not written here.
        """
        meta = self.root / "meta"
        ours = (meta / "embodiment.json").exists()
        if not ours and any((self.root / name).exists() for name in ("meta", "data", "videos")):
            raise SpecError(f"{self.root} already holds something else; choose an empty folder")
        self.staging.mkdir(parents=True, exist_ok=True)
        self._lock.take()
        clear_partial(self.staging)
        if ours:
            committed = Committed.read(self.root)
            committed.remove_uncounted_files()
            for episode in staged(self.staging):
                if episode.key in committed.keys:
                    shutil.rmtree(episode.folder)

    def seeds(self) -> set[int]:
        """Return the seeds (or the keys, for recordings that have one) of every whole episode, joined or staged."""
        joined = Committed.read(self.root).keys if (self.root / "meta" / "info.json").exists() else set()
        return joined | {episode.key for episode in staged(self.staging)}

    def add(self, recording: Recording) -> None:
        """Stage one episode (any process). Raise SpecError when it has no frames or its body is not the dataset's."""
        if len(recording) == 0:
            raise SpecError(f"the episode of seed {recording.episode.seed} has no frames to store")
        stage(self.staging, recording)

    def close(self) -> None:
        """Join what is staged into the dataset and let go of the folder; closing twice is allowed."""
        join_staged(self.root, staged(self.staging))
        shutil.rmtree(self.staging, ignore_errors=True)
        self._lock.release()
