"""One recorded episode in memory, the observer that fills it, and the port through which it is stored."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from agent.notes import SceneNote
from agent.types import Embodiment, Episode, FloatArray, ImageArray, Observation, Step

AIM_NAMES = ("grasp_x", "grasp_y", "grasp_z", "release_x", "release_y", "release_z")


@dataclass(frozen=True, eq=False)
class FrameNote:
    """What the teacher adds to a frame.

    by_expert: the executed action is the teacher's own, undisturbed.  aims: float32 (6,), as `Teacher.aims` gives it.
    """

    by_expert: bool = False
    aims: FloatArray = field(default_factory=lambda: np.full(len(AIM_NAMES), np.nan, dtype=np.float32))


@dataclass(frozen=True, eq=False)
class Recording:
    """N frames of one episode: what was seen before each step and what was then really commanded.

    images: camera name -> uint8 (N, H, W, 3) RGB.  state: float32 (N, S).  action: float32 (N, A), the executed rows.
    by_expert: bool (N,).  aims: float32 (N, 6) [m], NaN where undefined.  family: the evaluation row of the task.
    notes: what is true of each frame, None where nobody told; only stores for training here keep them.
    key: a number that a dataset holds once; None: the episode's seed, where no two episodes share one.
    """

    embodiment: Embodiment
    episode: Episode
    family: str
    images: dict[str, ImageArray]
    state: FloatArray
    action: FloatArray
    by_expert: NDArray[np.bool_]
    aims: FloatArray
    notes: tuple[SceneNote, ...] | None = None
    key: int | None = None

    def __len__(self) -> int:
        return len(self.action)


class EpisodeSink(Protocol):
    """Where recordings go. Picklable, so that worker processes can add to it; every episode is stored whole or not."""

    def open(self) -> None:
        """Called once, by the process that owns the collection. Raise SpecError when the place cannot be written."""
        ...

    def seeds(self) -> set[int]:
        """Return the seeds of the episodes that are stored whole."""
        ...

    def add(self, recording: Recording) -> None:
        """Store one episode, from any process; a seed that is stored already is left as it is."""
        ...

    def close(self) -> None:
        """Called once by the owner, after the last `add` and also after Ctrl-C: leave files that can be read."""
        ...


class EpisodeRecorder:
    """Observer that keeps every frame of one episode in memory."""

    def __init__(self, embodiment: Embodiment, *, note: Callable[[], FrameNote] = FrameNote) -> None:
        """note: called after each step for what the acting policy says about it."""
        self._embodiment, self._note = embodiment, note
        self._seen: list[Observation] = []
        self._executed: list[FloatArray] = []
        self._notes: list[FrameNote] = []

    def on_step(self, tick: int, before: Observation, step: Step) -> None:
        if tick != len(self._seen):
            raise ValueError(f"frame {len(self._seen)} is missing: the loop is at tick {tick}")
        self._seen.append(before)
        self._executed.append(np.array(step.executed, dtype=np.float32))
        self._notes.append(self._note())

    def finish(self, episode: Episode, *, family: str, notes: Sequence[SceneNote] | None = None) -> Recording:
        """Return what was recorded; `episode` is what `run_episode` returned."""
        embodiment, count = self._embodiment, len(self._seen)
        sizes = {camera.name: (count, camera.height, camera.width, 3) for camera in embodiment.cameras}
        return Recording(
            embodiment=embodiment,
            episode=episode,
            family=family,
            images={
                name: np.array([seen.images[name] for seen in self._seen], dtype=np.uint8).reshape(size)
                for name, size in sizes.items()
            },
            state=np.array([seen.state for seen in self._seen], np.float32).reshape(count, len(embodiment.state)),
            action=np.array(self._executed, np.float32).reshape(count, len(embodiment.action)),
            by_expert=np.array([note.by_expert for note in self._notes], dtype=np.bool_),
            aims=np.array([note.aims for note in self._notes], np.float32).reshape(count, len(AIM_NAMES)),
            notes=None if notes is None else tuple(notes),
        )
