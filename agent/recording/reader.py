"""Reads LeRobotDataset v3.0 folders, this project's own and others', one episode at a time, without torch."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow as pa

from agent.errors import SpecError, unknown_name
from agent.recording import layout
from agent.recording.layout import Json, camera_key
from agent.recording.mp4 import decode
from agent.recording.statistics import FeatureStats
from agent.types import Embodiment, ImageArray

_INFO_KEYS = ("codebase_version", "total_episodes", "total_frames", "fps", "features", "data_path")


@dataclass(frozen=True)
class StoredEpisode:
    """What the dataset says about one episode. seed and the four texts are None where another program recorded it."""

    index: int
    instruction: str
    length: int
    seed: int | None = None
    task_name: str | None = None
    family: str | None = None
    outcome: str | None = None
    detail: str | None = None


class DatasetReader:
    """A dataset folder, checked when opened; frames and films are read only when asked for."""

    def __init__(self, root: Path) -> None:
        """Raises SpecError naming the first file that is missing, cut off or of another format."""
        self.root = Path(root)
        self._info = _checked_info(self.root)
        self.fps = int(self._info["fps"])
        self._rows = self._read_rows()
        self._check_files()

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def total_frames(self) -> int:
        return int(self._info["total_frames"])

    @cached_property
    def cameras(self) -> tuple[str, ...]:
        prefix = camera_key("")
        return tuple(key.removeprefix(prefix) for key, f in self._info["features"].items() if f["dtype"] == "video")

    @cached_property
    def embodiment(self) -> Embodiment:
        """The recorded body; raise SpecError when another program recorded the dataset and did not say."""
        path = self.root / "meta" / "embodiment.json"
        return layout.embodiment_from_json(layout.read_json(path), source=path)

    @cached_property
    def tasks(self) -> tuple[str, ...]:
        """Every instruction, at the position that the task_index column names."""
        return tuple(layout.read_tasks(self.root / "meta" / "tasks.parquet"))

    @cached_property
    def stats(self) -> dict[str, FeatureStats]:
        """Statistics of each feature over the whole dataset, as `statistics` describes them."""
        content = layout.read_json(self.root / "meta" / "stats.json")
        return {key: {name: np.array(value) for name, value in feature.items()} for key, feature in content.items()}

    def episode(self, index: int) -> StoredEpisode:
        """Return what is known about an episode; raise IndexError when there is none."""
        row = self._rows[index]
        return StoredEpisode(
            index=index,
            instruction=str(row["tasks"][0]),
            length=int(row["length"]),
            seed=row.get("seed"),
            task_name=row.get("task_name"),
            family=row.get("family"),
            outcome=row.get("outcome"),
            detail=row.get("detail"),
        )

    def episodes(self) -> Iterator[StoredEpisode]:
        """Yield every episode in order."""
        return (self.episode(index) for index in range(len(self)))

    def column(self, index: int, name: str) -> np.ndarray:
        """Return one feature of an episode: (N, D), or (N,) for single values, in its stored type.

        Raises SpecError when there is no such column or the data file does not hold all N frames.
        """
        columns = [key for key, feature in self._info["features"].items() if feature["dtype"] != "video"]
        if name not in columns:
            raise unknown_name("column", name, columns)
        row = self._rows[index]
        path = self._path("data_path", "data", row)
        column = layout.read_table(path, [name], episode=index).column(name).combine_chunks()
        if len(column) != row["length"]:
            raise SpecError(f"{path} holds {len(column)} of the {row['length']} frames of episode {index}")
        if pa.types.is_fixed_size_list(column.type) or pa.types.is_list(column.type):
            return np.asarray(column.flatten().to_numpy(zero_copy_only=False)).reshape(len(column), -1)
        return np.asarray(column.to_numpy(zero_copy_only=False))

    def images(self, index: int, camera: str) -> ImageArray:
        """Return the film of an episode, uint8 (N, H, W, 3) RGB; raise SpecError when it is damaged."""
        if camera not in self.cameras:
            raise unknown_name("camera", camera, self.cameras)
        row, key = self._rows[index], camera_key(camera)
        first = round(row[f"videos/{key}/from_timestamp"] * self.fps)
        path = self._path("video_path", f"videos/{key}", row)
        return decode(path, first=first, count=row["length"], fps=self.fps)

    def _path(self, pattern: str, kind: str, row: Json) -> Path:
        chunk, file = row[f"{kind}/chunk_index"], row[f"{kind}/file_index"]
        key = kind.removeprefix("videos/")
        return self.root / str(self._info[pattern]).format(chunk_index=chunk, file_index=file, video_key=key)

    def _read_rows(self) -> list[Json]:
        total = int(self._info["total_episodes"])
        files = sorted((self.root / "meta" / "episodes").glob("chunk-*/file-*.parquet"))
        rows: list[Json] = []
        for file in files:
            table = layout.read_table(file)
            kept = [name for name in table.column_names if not name.startswith("stats/")]
            rows.extend(table.select(kept).to_pylist())
        # A kill while joining can leave a file of episodes that info.json does not count yet.
        rows = sorted((row for row in rows if row["episode_index"] < total), key=lambda row: row["episode_index"])
        if [row["episode_index"] for row in rows] != list(range(total)):
            raise SpecError(f"{self.root / 'meta' / 'episodes'} describes {len(rows)} of {total} episodes")
        if sum(row["length"] for row in rows) != self.total_frames:
            raise SpecError(
                f"{self.root / 'meta'} does not agree on the number of frames: info.json says {self.total_frames}"
            )
        return rows

    def _check_files(self) -> None:
        kinds = {"data": "data_path"} | {f"videos/{camera_key(camera)}": "video_path" for camera in self.cameras}
        for kind, pattern in kinds.items():
            for path in sorted({self._path(pattern, kind, row) for row in self._rows}):
                if not path.is_file():
                    raise SpecError(f"{path} does not exist")
                if kind == "data":
                    layout.read_table(path, ["episode_index"])


def _checked_info(root: Path) -> Json:
    path = root / "meta" / "info.json"
    info = layout.read_json(path)
    missing = [key for key in _INFO_KEYS if key not in info]
    if missing:
        raise SpecError(f"{path} is no LeRobot dataset: it lacks {', '.join(missing)}")
    if info["codebase_version"] != layout.VERSION:
        raise SpecError(f"{path} is format {info['codebase_version']}; only {layout.VERSION} is read")
    return info
