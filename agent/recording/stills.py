"""Collects still pictures beside demonstrations: many scenes, nobody acting, everything true of them noted."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from agent.errors import SpecError
from agent.notes import SceneNote
from agent.recording.collect import Attempt, Collected, missing_seeds, run_job
from agent.recording.episode import EpisodeSink, Recording
from agent.types import Embodiment, Episode, Observation, Outcome, Task


class Photographer(Protocol):
    """Builds a scene and takes pictures of it."""

    def __call__(self, task: Task, *, seed: int) -> list[tuple[Observation, SceneNote]]:
        """Return at least one picture with what is true of it."""
        ...


@dataclass(frozen=True)
class Studio:
    """What a worker needs: built once in every worker process. task_for: seed -> the task whose scene is built."""

    embodiment: Embodiment
    photographer: Photographer
    task_for: Callable[[int], Task]


@dataclass(frozen=True)
class StillJob:
    """Made in the parent, called in a worker: `job()` builds the studio and returns seed -> Attempt."""

    factory: Callable[[], Studio]
    sinks: tuple[EpisodeSink, ...]

    def __call__(self) -> Callable[[int], Attempt]:
        studio = self.factory()

        def attempt(seed: int) -> Attempt:
            task = studio.task_for(seed)
            try:
                taken = studio.photographer(task, seed=seed)
            except SpecError as problem:  # a crowded scene that found no room; others will
                return Attempt(Outcome.ERROR, str(problem), 0, stored=False)
            recording = _recorded(studio.embodiment, task, seed, taken)
            for sink in self.sinks:
                sink.add(recording)
            return Attempt(Outcome.SUCCESS, "photographed", len(recording), stored=True)

        return attempt


def collect_stills(
    factory: Callable[[], Studio],
    seeds: Sequence[int],
    sinks: Sequence[EpisodeSink],
    *,
    attempts_file: Path,
    workers: int = 2,
) -> Collected:
    """Photograph the scene of every seed once; may be killed and started again, as `collect`."""
    result = Collected()
    opened: list[EpisodeSink] = []
    try:
        for sink in sinks:
            sink.open()
            opened.append(sink)
        missing = missing_seeds(seeds, sinks, attempts_file)
        result.already_there = len(seeds) - len(missing)
        if missing:
            run_job(StillJob(factory, tuple(sinks)), missing, attempts_file, result, workers=min(workers, len(missing)))
        result.stored = len(set.intersection(*(sink.seeds() for sink in sinks)) & set(seeds))
    finally:
        for sink in opened:
            sink.close()
    return result


def _recorded(
    embodiment: Embodiment, task: Task, seed: int, taken: Sequence[tuple[Observation, SceneNote]]
) -> Recording:
    count = len(taken)
    return Recording(
        embodiment=embodiment,
        episode=Episode(task, seed, Outcome.SUCCESS, count, "photographed", 0.0),
        family="stills",
        images={
            camera.name: np.stack([seen.images[camera.name] for seen, _ in taken]) for camera in embodiment.cameras
        },
        state=np.stack([seen.state for seen, _ in taken]),
        action=np.zeros((count, len(embodiment.action)), np.float32),
        by_expert=np.zeros(count, dtype=np.bool_),
        aims=np.full((count, 6), np.nan, np.float32),
        notes=tuple(note for _, note in taken),
    )
