"""Training frames on disk: a folder of parts, each a folder of growing .npy arrays. numpy only.

One writer owns one part, so several processes write side by side. A part's `part.json` says how many rows are
complete; it is replaced atomically after the rows are on disk, and whatever a killed writer left beyond it is cut off
when the part is opened for writing again and ignored by readers.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from agent.errors import SpecError
from agent.notes import ENTITY_COLUMNS, MOST_ENTITIES, MOST_QUESTIONS, QUESTION_COLUMNS, SceneNote
from agent.types import CameraSpec, Embodiment, FloatArray, ImageArray

FORMAT = 2
_HEADER_BYTES = 128


@dataclass(frozen=True, eq=False)
class EpisodeFrames:
    """N consecutive frames of one episode.

    images: camera -> uint8 (N, H, W, 3).  state (N, S), action (N, A): float32, physical units; action is what was
    executed.  by_expert (N,): True where the expert chose that action.  notes: what is true of each frame; the first of
    its questions is what was acted on.
    """

    images: dict[str, ImageArray]
    state: FloatArray
    action: FloatArray
    by_expert: NDArray[np.bool_]
    notes: tuple[SceneNote, ...]


@dataclass(frozen=True)
class _Column:
    """A named array of the store: row shape and type."""

    name: str
    shape: tuple[int, ...]
    dtype: str

    @property
    def row_bytes(self) -> int:
        return int(np.prod(self.shape, dtype=np.int64)) * np.dtype(self.dtype).itemsize

    def header(self, rows: int) -> bytes:
        """A .npy header of exactly 128 bytes, so that it can be rewritten as the array grows."""
        text = f"{{'descr': '{self.dtype}', 'fortran_order': False, 'shape': {(rows, *self.shape)}, }}"
        padded = text.ljust(_HEADER_BYTES - 10 - 1) + "\n"
        return b"\x93NUMPY\x01\x00" + (_HEADER_BYTES - 10).to_bytes(2, "little") + padded.encode("latin1")


def _columns(cameras: tuple[CameraSpec, ...], state_dim: int, action_dim: int) -> tuple[_Column, ...]:
    pictures = tuple(_Column(f"image_{c.name}", (c.height, c.width, 3), "|u1") for c in cameras)
    return (
        *pictures,
        _Column("state", (state_dim,), "<f4"),
        _Column("action", (action_dim,), "<f4"),
        _Column("by_expert", (), "|b1"),
        _Column("episode", (), "<i4"),
        _Column("entities", (MOST_ENTITIES, len(ENTITY_COLUMNS)), "<f4"),
        _Column("questions", (MOST_QUESTIONS, len(QUESTION_COLUMNS)), "<f4"),
        _Column("instruction", (MOST_QUESTIONS,), "<i4"),
    )


class FrameWriter:
    """Appends episodes to one part of a store; opening an existing part continues it."""

    def __init__(self, store: Path, embodiment: Embodiment, *, part: str) -> None:
        self.folder = store / part
        self.cameras = embodiment.cameras
        self.columns = _columns(embodiment.cameras, len(embodiment.state), len(embodiment.action))
        self.rows, self.episodes = 0, 0
        self.instructions: dict[str, int] = {}
        self.folder.mkdir(parents=True, exist_ok=True)
        if (self.folder / "part.json").exists():
            self._resume()
        self.files: list[BinaryIO] = []
        for column in self.columns:
            path = self.folder / f"{column.name}.npy"
            file = path.open("r+b" if path.exists() else "w+b")
            file.truncate(_HEADER_BYTES + self.rows * column.row_bytes)
            self.files.append(file)
        self._commit()

    def append_episode(self, frames: EpisodeFrames) -> None:
        """Add one episode of at least one frame, all of it or nothing. SpecError when an array has a wrong shape."""
        count = len(frames.state)
        if len(frames.notes) != count:
            raise SpecError(f"the episode has {count} frames and notes on {len(frames.notes)}")
        said = [text for note in frames.notes for text in note.instructions]
        fresh = [text for text in dict.fromkeys(said) if text not in self.instructions]
        numbers = self.instructions | {text: len(self.instructions) + new for new, text in enumerate(fresh)}
        entities = np.full((count, MOST_ENTITIES, len(ENTITY_COLUMNS)), np.nan, np.float32)
        entities[:, :, :4] = -1
        questions = np.full((count, MOST_QUESTIONS, len(QUESTION_COLUMNS)), np.nan, np.float32)
        instruction = np.full((count, MOST_QUESTIONS), -1, np.int32)
        for row, note in enumerate(frames.notes):
            entities[row, : len(note.entities)] = note.entities
            questions[row, : len(note.questions)] = note.questions
            instruction[row, : len(note.instructions)] = [numbers[text] for text in note.instructions]
        values: dict[str, NDArray[np.generic]] = {
            **{f"image_{name}": picture for name, picture in frames.images.items()},
            "state": frames.state,
            "action": frames.action,
            "by_expert": frames.by_expert,
            "episode": np.full(count, self.episodes),
            "entities": entities,
            "questions": questions,
            "instruction": instruction,
        }
        rows = [self._checked(column, values, count) for column in self.columns]
        for column, file, array in zip(self.columns, self.files, rows, strict=True):
            file.seek(_HEADER_BYTES + self.rows * column.row_bytes)
            file.write(array.tobytes())
            file.flush()
        self.instructions = numbers
        self.rows += count
        self.episodes += 1
        self._commit()

    def close(self) -> None:
        for file in self.files:
            file.close()

    def __enter__(self) -> "FrameWriter":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _checked(self, column: _Column, values: dict[str, NDArray[np.generic]], count: int) -> NDArray[np.generic]:
        if column.name not in values:
            raise SpecError(f"the episode lacks '{column.name}'; it has: {', '.join(sorted(values))}")
        array = values[column.name]
        if array.shape != (count, *column.shape) or count == 0:
            raise SpecError(f"'{column.name}' has shape {array.shape}, expected {(count, *column.shape)}")
        return np.ascontiguousarray(array, dtype=column.dtype)

    def _resume(self) -> None:
        record = _read_record(self.folder)
        if record.columns != self.columns:
            raise SpecError(f"{self.folder} was written for other cameras or vectors than this embodiment's")
        self.rows, self.episodes = record.rows, record.episodes
        self.instructions = {text: number for number, text in enumerate(record.instructions)}

    def _commit(self) -> None:
        """Make everything written so far count."""
        for column, file in zip(self.columns, self.files, strict=True):
            file.seek(0)
            file.write(column.header(self.rows))
            file.flush()
        record = {
            "format": FORMAT,
            "rows": self.rows,
            "episodes": self.episodes,
            "cameras": [[c.name, c.height, c.width] for c in self.cameras],
            "columns": [[c.name, list(c.shape), c.dtype] for c in self.columns],
        }
        _replace(self.folder / "instructions.json", json.dumps(list(self.instructions), ensure_ascii=False))
        _replace(self.folder / "part.json", json.dumps(record))


def _replace(path: Path, text: str) -> None:
    """Write a file that is, at every moment, either the old one or the new one."""
    new = path.with_suffix(".new")
    new.write_text(text, encoding="utf-8")
    new.replace(path)


@dataclass(frozen=True)
class _Record:
    rows: int
    episodes: int
    cameras: tuple[CameraSpec, ...]
    columns: tuple[_Column, ...]
    instructions: tuple[str, ...]


def _read_record(folder: Path) -> _Record:
    """Read what a part says of itself; SpecError names the file that is missing or broken."""
    try:
        read = json.loads((folder / "part.json").read_text())
        texts = json.loads((folder / "instructions.json").read_text(encoding="utf-8"))
        cameras = tuple(CameraSpec(str(name), int(h), int(w)) for name, h, w in read["cameras"])
        columns = tuple(_Column(str(name), tuple(shape), str(dtype)) for name, shape, dtype in read["columns"])
        return _Record(int(read["rows"]), int(read["episodes"]), cameras, columns, tuple(str(t) for t in texts))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SpecError(f"{folder} is not a readable part of a frame store: {error!r}") from error


@dataclass(frozen=True, eq=False)
class _Part:
    name: str
    record: _Record
    arrays: dict[str, NDArray[np.generic]]


def _open_part(folder: Path) -> _Part:
    record = _read_record(folder)
    arrays: dict[str, NDArray[np.generic]] = {}
    for column in record.columns:
        path = folder / f"{column.name}.npy"
        size = path.stat().st_size if path.exists() else -1
        if size < _HEADER_BYTES + record.rows * column.row_bytes:
            raise SpecError(f"{path} is missing or shorter than the {record.rows} rows that part.json promises")
        with path.open("rb") as file:
            if file.read(_HEADER_BYTES)[:6] != b"\x93NUMPY":
                raise SpecError(f"{path} is not a .npy file")
        shape = (record.rows, *column.shape)
        arrays[column.name] = np.memmap(path, dtype=column.dtype, mode="r", offset=_HEADER_BYTES, shape=shape)
    _check_values(folder, record, arrays)
    return _Part(folder.name, record, arrays)


def _check_values(folder: Path, record: _Record, arrays: dict[str, NDArray[np.generic]]) -> None:
    """Raise SpecError where a file of the right size holds what no writer wrote; pictures cannot be told from noise."""
    if not record.rows:
        return
    if int(np.max(arrays["instruction"])) >= len(record.instructions):
        raise SpecError(f"{folder / 'instructions.json'} has fewer instructions than the frames use")
    if int(np.min(arrays["instruction"])) < -1:
        raise SpecError(f"{folder / 'instruction.npy'} holds a number that means no instruction")
    for name in ("action", "state"):
        values = np.asarray(arrays[name], dtype=np.float32).reshape(record.rows, -1)
        broken = int((~np.isfinite(values).all(axis=1)).sum())
        if broken:
            raise SpecError(f"{folder / name}.npy holds NaN or infinity in {broken} of {record.rows} rows")


@dataclass(frozen=True, eq=False)
class Batch:
    """B frames. images: camera -> uint8 (B, H, W, 3); state (B, S); entities (B, M, E) and questions (B, Q, K) as
    `agent.notes` names their columns; instruction (B, Q): indices, -1 where there is none."""

    images: dict[str, ImageArray]
    state: FloatArray
    entities: FloatArray
    questions: FloatArray
    instruction: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Chunks:
    """frames (M,): indices of frames to start from.  rows (M, T): the frames whose actions make the chunk, the last
    good one repeated where pad (M, T) is True: past the expert's segment or the episode's end."""

    frames: NDArray[np.int64]
    rows: NDArray[np.int64]
    pad: NDArray[np.bool_]


class FrameStore:
    """Reads the union of a store's parts. Parts that cannot be read are left out and named in `skipped`."""

    def __init__(self, folder: Path) -> None:
        self.skipped: list[str] = []
        self.parts: list[_Part] = []
        folders = sorted(f for f in folder.iterdir() if f.is_dir()) if folder.is_dir() else []
        for sub in folders:
            try:
                part = _open_part(sub)
            except SpecError as problem:
                self.skipped.append(str(problem))
                continue
            if self.parts and part.record.columns != self.parts[0].record.columns:
                self.skipped.append(f"{sub} has other cameras or vectors than {self.parts[0].name}")
            elif part.record.rows:
                self.parts.append(part)
        if not self.parts:
            detail = f": {self.skipped[0]}" if self.skipped else ""
            raise SpecError(f"{folder} holds no readable training frames{detail}")
        self.starts = np.cumsum([0, *(part.record.rows for part in self.parts)])
        texts = {text: None for part in self.parts for text in part.record.instructions}
        self.instructions = tuple(texts)
        number = {text: index for index, text in enumerate(self.instructions)}
        maps = [np.array([number[text] for text in part.record.instructions]) for part in self.parts]
        self.cameras = self.parts[0].record.cameras
        self.state: FloatArray = self._joined("state").astype(np.float32)
        self.action: FloatArray = self._joined("action").astype(np.float32)
        self.by_expert: NDArray[np.bool_] = self._joined("by_expert").astype(np.bool_)
        self.entities: FloatArray = self._joined("entities").astype(np.float32)
        self.questions: FloatArray = self._joined("questions").astype(np.float32)
        local = [np.asarray(part.arrays["instruction"]) for part in self.parts]
        self.instruction = np.concatenate([np.where(i < 0, -1, m[i]) for m, i in zip(maps, local, strict=True)])
        offsets = np.cumsum([0, *(part.record.episodes for part in self.parts)])
        self.episode = np.concatenate(
            [np.asarray(part.arrays["episode"]) + offset for part, offset in zip(self.parts, offsets, strict=False)]
        )

    def __len__(self) -> int:
        return int(self.starts[-1])

    def chunks(self, length: int) -> Chunks:
        """Every frame at which the expert acts, with the next `length` rows, its own action first."""
        frames = np.flatnonzero(self.by_expert)
        # A run is a stretch of the expert's rows within one episode; its number grows by one where one ends.
        broken = np.ones(len(self), dtype=np.bool_)
        broken[1:] = (self.episode[1:] != self.episode[:-1]) | ~self.by_expert[:-1] | ~self.by_expert[1:]
        run = np.cumsum(broken)
        wanted = frames[:, None] + np.arange(length)
        inside = np.minimum(wanted, len(self) - 1)
        pad = (run[inside] != run[frames][:, None]) | (wanted >= len(self))
        last = length - 1 - pad.sum(axis=1)
        return Chunks(frames, frames[:, None] + np.minimum(np.arange(length), last[:, None]), pad)

    def batch(self, frames: NDArray[np.int64]) -> Batch:
        """Read frames (B,) into memory."""
        return Batch(
            images={camera.name: self._pictures(camera, frames) for camera in self.cameras},
            state=self.state[frames],
            entities=self.entities[frames],
            questions=self.questions[frames],
            instruction=self.instruction[frames],
        )

    def _pictures(self, camera: CameraSpec, frames: NDArray[np.int64]) -> ImageArray:
        out = np.empty((len(frames), camera.height, camera.width, 3), dtype=np.uint8)
        owner = np.searchsorted(self.starts, frames, side="right") - 1
        for number, part in enumerate(self.parts):
            (mine,) = np.nonzero(owner == number)
            if len(mine):
                out[mine] = part.arrays[f"image_{camera.name}"][frames[mine] - self.starts[number]]
        return out

    def _joined(self, name: str) -> NDArray[np.generic]:
        return np.concatenate([np.asarray(part.arrays[name]) for part in self.parts])
