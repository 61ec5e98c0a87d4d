"""Stores recordings as raw training frames (`policies.data`): no films to encode or decode, so training reads fast."""

import json
from pathlib import Path

from agent.errors import SpecError
from agent.recording.episode import Recording
from agent.recording.lock import FolderLock
from policies.data import EpisodeFrames, FrameWriter

_SEEDS = "seeds.txt"


class FrameStoreSink:
    """An `EpisodeSink` over a frame store; every process fills a part of its own.

    A part's seeds.txt has one line an episode, written before its frames: lines beyond the episodes that part.json
    counts belong to an episode that a kill cut off.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = Path(folder)
        self._lock = FolderLock(self.folder)
        self._writer: FrameWriter | None = None
        self._stored: set[int] = set()

    def __reduce__(self) -> tuple[type["FrameStoreSink"], tuple[Path]]:
        return FrameStoreSink, (self.folder,)

    def open(self) -> None:
        self._lock.take()

    def seeds(self) -> set[int]:
        seeds: list[int] = []
        for path in sorted(self.folder.glob("*/part.json")):
            counted = int(json.loads(path.read_text(encoding="utf-8"))["episodes"])
            names = path.with_name(_SEEDS)
            lines = names.read_text(encoding="utf-8").splitlines() if names.exists() else []
            if len(lines) < counted:
                raise SpecError(f"{names} names {len(lines)} of the {counted} episodes beside it")
            seeds.extend(int(line) for line in lines[:counted])
        return set(seeds)

    def add(self, recording: Recording) -> None:
        if self._writer is None:
            self._stored = self.seeds()
            self._writer = FrameWriter(self.folder, recording.embodiment, part=self._claim_part())
        if recording.episode.seed in self._stored:
            return
        with (self._writer.folder / _SEEDS).open("a", encoding="utf-8") as file:
            file.write(f"{recording.episode.seed}\n")
        self._writer.append_episode(_frames(recording))
        self._stored.add(recording.episode.seed)

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None
        self._lock.release()

    def _claim_part(self) -> str:
        """Make the first part folder that no other process has."""
        number = 0
        while True:
            name = f"part-{number:04d}"
            try:
                (self.folder / name).mkdir(parents=True)
            except FileExistsError:
                number += 1
            else:
                return name


def _frames(recording: Recording) -> EpisodeFrames:
    if recording.notes is None:
        raise SpecError("training frames need notes on what is true of the scene, and this recording has none")
    return EpisodeFrames(
        images=recording.images,
        state=recording.state,
        action=recording.action,
        by_expert=recording.by_expert,
        notes=recording.notes,
    )
