"""Episodes waiting to be joined: one folder each, moved into place whole; a kill loses only those in the making."""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from agent.errors import SpecError
from agent.recording import layout
from agent.recording.episode import Recording
from agent.recording.layout import Json, camera_key
from agent.recording.mp4 import encode
from agent.recording.statistics import Array, FeatureStats, picture_stats, vector_stats

_PARTIAL = ".partial-"
_UNIT = "seed-"


@dataclass(frozen=True)
class StagedEpisode:
    """A whole episode in the staging folder."""

    folder: Path

    @property
    def key(self) -> int:
        """The recording's key: its seed, where it has no other."""
        return int(self.folder.name.removeprefix(_UNIT))

    @property
    def frames(self) -> Path:
        return self.folder / "frames.parquet"

    def film(self, key: str) -> Path:
        """Where the film of feature `key` is."""
        return self.folder / f"{key}.mp4"

    def card(self) -> Json:
        """Return what is known about the episode: instruction, seed, outcome, length, statistics ..."""
        return layout.read_json(self.folder / "episode.json")


def stage(staging: Path, recording: Recording) -> None:
    """Write `recording` into `staging` unless its key is there already. Raises SpecError on another body."""
    key = recording.episode.seed if recording.key is None else recording.key
    target = staging / f"{_UNIT}{key:012d}"
    if target.exists():
        return
    _claim_body(staging, recording)
    partial = staging / f"{_PARTIAL}{key}-{os.getpid()}"
    partial.mkdir(parents=True, exist_ok=True)
    features = layout.features_of(recording.embodiment)
    table = _frame_table(recording, features)
    pq.write_table(table, partial / "frames.parquet")
    fps = layout.frames_a_second(recording.embodiment)
    stats = {name: vector_stats(columns_of(table, name)) for name in table.column_names}
    for camera, pictures in recording.images.items():
        encode(partial / f"{camera_key(camera)}.mp4", pictures, fps=fps)
        stats[camera_key(camera)] = picture_stats(pictures)
    layout.write_json(partial / "episode.json", _card(recording, stats))
    try:
        partial.rename(target)
    except OSError:
        # Another process staged the same one first: keep one of the two equal episodes.
        shutil.rmtree(partial)


def staged(staging: Path) -> list[StagedEpisode]:
    """Return the whole episodes in `staging`, by key."""
    if not staging.is_dir():
        return []
    found = [StagedEpisode(folder) for folder in staging.iterdir() if folder.name.startswith(_UNIT)]
    return sorted(found, key=lambda episode: episode.key)


def clear_partial(staging: Path) -> None:
    """Remove what a killed process left half-written."""
    for folder in staging.glob(f"{_PARTIAL}*"):
        shutil.rmtree(folder, ignore_errors=True)


def columns_of(table: pa.Table, name: str) -> Array:
    """Return a column of numbers as float64 (N, D)."""
    column = table.column(name).combine_chunks()
    if pa.types.is_fixed_size_list(column.type) or pa.types.is_list(column.type):
        values = column.flatten().to_numpy(zero_copy_only=False)
    else:
        values = column.to_numpy(zero_copy_only=False)
    return np.asarray(values, dtype=np.float64).reshape(len(column), -1)


def _claim_body(staging: Path, recording: Recording) -> None:
    """The first recording decides the body of the whole dataset; raise SpecError when this one has another."""
    path = staging.parent / "meta" / "embodiment.json"
    mine = layout.embodiment_to_json(recording.embodiment)
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        layout.write_json(path, mine)
    if layout.embodiment_from_json(layout.read_json(path), source=path) != recording.embodiment:
        raise SpecError(f"{path} describes another body than '{recording.embodiment.name}' as recorded now")


def _frame_table(recording: Recording, features: Json) -> pa.Table:
    """Frames numbered as if this were the only episode; joining adds the offsets."""
    count, schema = len(recording), layout.frame_schema(features)
    numbers = np.arange(count, dtype=np.int64)
    fps = layout.frames_a_second(recording.embodiment)
    values = {
        layout.STATE: recording.state,
        layout.ACTION: recording.action,
        layout.AIMS: recording.aims,
        layout.BY_EXPERT: recording.by_expert,
        "timestamp": (numbers / fps).astype(np.float32),
        "frame_index": numbers,
        "episode_index": np.zeros(count, dtype=np.int64),
        "index": numbers,
        layout.TASK_INDEX: np.zeros(count, dtype=np.int64),
    }
    columns = [
        pa.FixedSizeListArray.from_arrays(pa.array(values[name].ravel()), values[name].shape[1])
        if values[name].ndim == 2
        else pa.array(values[name])
        for name in schema.names
    ]
    return pa.table(columns, schema=schema)


def _card(recording: Recording, stats: dict[str, FeatureStats]) -> Json:
    episode = recording.episode
    # Only where it says more than the seed: datasets of one kind keep one set of columns.
    key = {} if recording.key is None else {"key": recording.key}
    return key | {
        "seed": episode.seed,
        "instruction": episode.task.instruction,
        "task_name": episode.task.name,
        "family": recording.family,
        "outcome": str(episode.outcome),
        "detail": episode.detail,
        "steps": episode.steps,
        "length": len(recording),
        # JSON has no NaN: null stands for "never defined in this episode".
        "stats": {key: {name: _nested(value) for name, value in feature.items()} for key, feature in stats.items()},
    }


def _nested(value: Array) -> object:
    nested = value.astype(object)
    nested[~np.isfinite(value)] = None
    return nested.tolist()
