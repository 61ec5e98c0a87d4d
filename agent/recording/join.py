"""Joins staged episodes into the large files of LeRobotDataset v3.0; what meta/info.json counts is never touched."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from agent.errors import SpecError
from agent.recording import layout
from agent.recording.layout import CHUNK_SIZE, Json
from agent.recording.mp4 import join, stream_key
from agent.recording.staging import StagedEpisode, columns_of
from agent.recording.statistics import FeatureStats, defined, merge, vector_stats

_MEGABYTE = 1024**2
_COPIED = ("instruction", "seed", "task_name", "family", "outcome", "detail", "steps")


@dataclass(frozen=True)
class Committed:
    """What a dataset folder holds for certain: the episodes that info.json counts."""

    root: Path
    total_frames: int
    episodes: list[Json]
    tasks: list[str]

    @staticmethod
    def read(root: Path) -> "Committed":
        """Read what `root` counts; a folder without info.json counts nothing. Raise SpecError naming a bad file."""
        path = root / "meta" / "info.json"
        if not path.exists():
            return Committed(root, 0, [], [])
        info = layout.read_json(path)
        total = int(info["total_episodes"])
        rows: list[Json] = []
        for file in sorted((root / "meta" / "episodes").glob("*/*.parquet")):
            rows.extend(row for row in layout.read_table(file).to_pylist() if row["episode_index"] < total)
        if len(rows) != total or any("seed" not in row for row in rows):
            raise SpecError(f"{root} was not written here or is damaged: {len(rows)} of {total} episodes have a seed")
        return Committed(root, int(info["total_frames"]), rows, layout.read_tasks(root / "meta" / "tasks.parquet"))

    @property
    def keys(self) -> set[int]:
        """What tells the episodes apart: their keys, or seeds where those are enough."""
        return {int(row["seed"] if row.get("key") is None else row["key"]) for row in self.episodes}

    def next_file(self, prefix: str) -> int:
        """Return the number of the first unused file of a kind ("data", "videos/<key>", "meta/episodes")."""
        columns = (f"{prefix}/chunk_index", f"{prefix}/file_index")
        return 1 + max((row[columns[0]] * CHUNK_SIZE + row[columns[1]] for row in self.episodes), default=-1)

    def remove_uncounted_files(self) -> None:
        """Delete the large files that a killed `join_staged` wrote but did not come to count."""
        videos = [folder.name for folder in (self.root / "videos").glob("*")]
        kinds = ["data", "meta/episodes", *(f"videos/{key}" for key in videos)]
        for kind in kinds:
            first = self.next_file(kind)
            for file in (self.root / kind).glob("chunk-*/*"):
                counted = file.stem.removeprefix("file-")
                number = (
                    int(file.parent.name.removeprefix("chunk-")) * CHUNK_SIZE + int(counted)
                    if counted.isdigit()
                    else first
                )
                if number >= first:
                    file.unlink()


def join_staged(root: Path, staged: Sequence[StagedEpisode]) -> None:
    """Append `staged` to the dataset in `root`. Raise SpecError when a staged file is damaged.

    A kill leaves the dataset as it was; the staged units are the caller's to remove.
    """
    committed = Committed.read(root)
    new = [episode for episode in staged if episode.key not in committed.keys]
    if not new:
        return
    embodiment_path = root / "meta" / "embodiment.json"
    embodiment = layout.embodiment_from_json(layout.read_json(embodiment_path), source=embodiment_path)
    features, fps = layout.features_of(embodiment), layout.frames_a_second(embodiment)
    cards = [episode.card() for episode in new]
    tasks = list(dict.fromkeys([*committed.tasks, *(card["instruction"] for card in cards)]))
    rows = _episode_rows(committed, cards)
    _join_frames(committed, new, rows, tasks)
    for key, feature in features.items():
        if feature["dtype"] == "video":
            _join_films(committed, new, rows, key, fps)
    _write_tasks(root, tasks)
    _write_episodes(committed, rows)
    layout.write_json(root / "meta" / "stats.json", _dataset_stats(root, features, [*committed.episodes, *rows]))
    layout.write_json(root / "meta" / "info.json", _info(embodiment.name, features, fps, committed, rows, len(tasks)))


def _episode_rows(committed: Committed, cards: list[Json]) -> list[Json]:
    rows, frame = [], committed.total_frames
    for number, card in enumerate(cards, start=len(committed.episodes)):
        row: Json = {"episode_index": number, "tasks": [card["instruction"]], "length": card["length"]}
        row |= {"dataset_from_index": frame, "dataset_to_index": frame + card["length"]}
        row |= {name: card[name] for name in (*_COPIED, *({"key"} & card.keys()))}
        for key, stats in card["stats"].items():
            row |= {f"stats/{key}/{name}": np.array(value, np.float64).tolist() for name, value in stats.items()}
        rows.append(row)
        frame += card["length"]
    return rows


def _join_frames(committed: Committed, new: Sequence[StagedEpisode], rows: list[Json], tasks: list[str]) -> None:
    """One row group an episode, the counters moved to their place in the dataset; sets the rows' data columns."""
    number_of = {task: number for number, task in enumerate(tasks)}
    number = committed.next_file("data")
    for group in _groups([episode.frames.stat().st_size for episode in new], layout.DATA_MEGABYTES):
        path = _path(committed.root, layout.DATA_PATH, number)
        partial = _partial(path)
        schema = pq.read_schema(new[group[0]].frames)
        with pq.ParquetWriter(partial, schema) as writer:
            for i in group:
                row = rows[i]
                table = layout.read_table(new[i].frames)
                if len(table) != row["length"]:
                    raise SpecError(f"{new[i].frames} holds {len(table)} frames, its card says {row['length']}")
                count = len(table)
                moved = {
                    "episode_index": np.full(count, row["episode_index"], np.int64),
                    "index": np.arange(count, dtype=np.int64) + row["dataset_from_index"],
                    layout.TASK_INDEX: np.full(count, number_of[row["instruction"]], np.int64),
                }
                for name, values in moved.items():
                    table = table.set_column(table.column_names.index(name), name, pa.array(values))
                writer.write_table(table)
                row |= _place("data", number)
        partial.replace(path)
        number += 1


def _join_films(committed: Committed, new: Sequence[StagedEpisode], rows: list[Json], key: str, fps: int) -> None:
    """Join the films of one camera; sets the rows' columns for it."""
    films = [episode.film(key) for episode in new]
    number = committed.next_file(f"videos/{key}")
    for group in _groups(
        [film.stat().st_size for film in films], layout.VIDEO_MEGABYTES, [stream_key(f) for f in films]
    ):
        path = _path(committed.root, layout.VIDEO_PATH, number, key)
        partial = _partial(path)
        join(partial, [films[i] for i in group], fps=fps)
        partial.replace(path)
        shown = 0
        for i in group:
            rows[i] |= _place(f"videos/{key}", number)
            rows[i][f"videos/{key}/from_timestamp"] = shown / fps
            shown += rows[i]["length"]
            rows[i][f"videos/{key}/to_timestamp"] = shown / fps
        number += 1


def _groups(sizes: list[int], megabytes: int, keys: list[bytes] | None = None) -> Iterator[list[int]]:
    """Deal positions 0, 1, ... into runs of at most `megabytes` (at least one position) and of one key."""
    group: list[int] = []
    for i in range(len(sizes)):
        full = sum(sizes[j] for j in group) + sizes[i] > megabytes * _MEGABYTE
        other = keys is not None and bool(group) and keys[i] != keys[group[0]]
        if group and (full or other):
            yield group
            group = []
        group.append(i)
    yield group


def _write_tasks(root: Path, tasks: list[str]) -> None:
    path = root / "meta" / "tasks.parquet"
    pq.write_table(layout.tasks_table(tasks), _partial(path))
    _partial(path).replace(path)


def _write_episodes(committed: Committed, rows: list[Json]) -> None:
    number = committed.next_file("meta/episodes")
    for row in rows:
        row |= _place("meta/episodes", number)
    path = _path(committed.root, layout.EPISODES_PATH, number)
    pq.write_table(pa.Table.from_pylist(rows), _partial(path))
    _partial(path).replace(path)


def _dataset_stats(root: Path, features: Json, rows: list[Json]) -> Json:
    """Exact for numbers (read again from all data files), merged from the episodes for pictures."""
    stats: dict[str, FeatureStats] = {}
    files = sorted((root / "data").glob("*/*.parquet"))
    for key, feature in features.items():
        if feature["dtype"] == "video":
            prefix = f"stats/{key}/"
            names = [name.removeprefix(prefix) for name in rows[0] if name.startswith(prefix)]
            stats[key] = merge([{name: np.array(row[prefix + name]) for name in names} for row in rows])
        else:
            stats[key] = vector_stats(np.concatenate([columns_of(layout.read_table(f, [key]), key) for f in files]))
    # A feature that is undefined in every frame has no statistics: better none than invented ones.
    return {
        key: {name: value.tolist() for name, value in feature.items()}
        for key, feature in stats.items()
        if defined(feature)
    }


def _info(body: str, features: Json, fps: int, committed: Committed, rows: list[Json], tasks: int) -> Json:
    episodes = len(committed.episodes) + len(rows)
    return {
        "codebase_version": layout.VERSION,
        "robot_type": body,
        "total_episodes": episodes,
        "total_frames": rows[-1]["dataset_to_index"],
        "total_tasks": tasks,
        "chunks_size": CHUNK_SIZE,
        "data_files_size_in_mb": layout.DATA_MEGABYTES,
        "video_files_size_in_mb": layout.VIDEO_MEGABYTES,
        "fps": fps,
        "splits": {"train": f"0:{episodes}"},
        "data_path": layout.DATA_PATH,
        "video_path": layout.VIDEO_PATH,
        "features": features,
    }


def _place(kind: str, number: int) -> Json:
    return {f"{kind}/chunk_index": number // CHUNK_SIZE, f"{kind}/file_index": number % CHUNK_SIZE}


def _path(root: Path, pattern: str, number: int, key: str = "") -> Path:
    path = root / pattern.format(chunk_index=number // CHUNK_SIZE, file_index=number % CHUNK_SIZE, video_key=key)
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def _partial(path: Path) -> Path:
    return path.with_name(f".{path.name}.partial")
