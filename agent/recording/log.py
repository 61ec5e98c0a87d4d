"""A text record of one episode: a JSON line a step, and a summary at the end."""

import dataclasses
import json
from pathlib import Path
from types import TracebackType

import numpy as np

from agent.types import Episode, FloatArray, Observation, Status, Step


class EpisodeLog:
    """Observer that writes steps.jsonl in `folder`, each line on disk before the next step; then `finish` writes
    episode.json.

    A line holds tick, time [s] of the observation that was acted on, state and executed action (as the embodiment
    names them), and the status after the step. Use it as a context manager; whatever ends the episode, the lines
    written so far can be read.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._file = (folder / "steps.jsonl").open("w", encoding="utf-8", buffering=1)

    def __enter__(self) -> "EpisodeLog":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def on_step(self, tick: int, before: Observation, step: Step) -> None:
        line = {
            "tick": tick,
            "time": round(before.time, 6),
            "state": _rounded(before.state),
            "executed": _rounded(step.executed),
            "status": dataclasses.asdict(step.status),
        }
        self._file.write(json.dumps(line, allow_nan=False) + "\n")

    def finish(self, episode: Episode) -> Path:
        """Write episode.json (task, seed, outcome, detail, steps, the three success readings) and return its path."""
        self._file.close()
        path = self._folder / "episode.json"
        content = dataclasses.asdict(episode) | {"outcome": str(episode.outcome)}
        path.write_text(json.dumps(content, indent=1, allow_nan=False) + "\n", encoding="utf-8")
        return path


def status_words(status: Status) -> str:
    """Return how far the episode has come in one to four words.

    >>> status_words(Status(reached=True, grasped=True))
    'grasped'
    """
    if status.wrong_object:
        return f"moved the {status.wrong_object}"
    for reached, words in (
        (status.held, "done"),
        (status.satisfied, "goal reached"),
        (status.lifted, "lifted"),
        (status.grasped, "grasped"),
        (status.reached, "reached"),
    ):
        if reached:
            return words
    return "on the way"


def _rounded(vector: FloatArray) -> list[float]:
    return [float(value) for value in np.round(vector.astype(np.float64), 6)]
