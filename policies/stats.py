"""Statistics of a data set, and the pair normalize / denormalize, in OpenVLA's dataset_statistics.json layout."""

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from agent.errors import SpecError, unknown_name
from agent.types import FloatArray

DEGENERATE_RANGE = 1e-4
"""A dimension whose values span less than this (m, rad, ...) carries nothing: it normalises to 0."""
_NUMBERS = ("mean", "std", "min", "max", "q01", "q99")


@dataclass(frozen=True)
class VectorStatistics:
    """One entry per dimension. mask: True where the dimension is scaled; False passes values through unchanged."""

    mean: tuple[float, ...]
    std: tuple[float, ...]
    min: tuple[float, ...]
    max: tuple[float, ...]
    q01: tuple[float, ...]
    q99: tuple[float, ...]
    mask: tuple[bool, ...]

    @property
    def degenerate(self) -> NDArray[np.bool_]:
        """(A,) True where a scaled dimension is constant in the data."""
        flat = np.asarray(self.q99) - np.asarray(self.q01) < DEGENERATE_RANGE
        constant: NDArray[np.bool_] = flat & np.asarray(self.mask)
        return constant


@dataclass(frozen=True)
class Statistics:
    """Statistics of the vectors of one data set, by name ("action", "state")."""

    dataset: str
    vectors: dict[str, VectorStatistics]
    frames: int = 0
    episodes: int = 0

    def normalize(self, name: str, values: FloatArray) -> FloatArray:
        """Map `values` (..., A) to [-1, 1]: 2 (x - q01) / (q99 - q01) - 1, clipped; unmasked dimensions unchanged."""
        vector = self.vector(name)
        low, span, mask, flat = _scaling(vector)
        unit = np.clip(2 * (values - low) / span - 1, -1, 1)
        return np.where(mask, np.where(flat, 0.0, unit), values).astype(np.float32)

    def denormalize(self, name: str, unit: FloatArray) -> FloatArray:
        """The inverse of `normalize` for values inside [q01, q99]; constant dimensions return their mean."""
        vector = self.vector(name)
        low, span, mask, flat = _scaling(vector)
        values = np.where(flat, np.asarray(vector.mean), low + (unit + 1) / 2 * span)
        return np.where(mask, values, unit).astype(np.float32)

    def vector(self, name: str) -> VectorStatistics:
        """Return the statistics called `name`; raise SpecError naming those that exist."""
        if name not in self.vectors:
            raise unknown_name(f"statistics in '{self.dataset}' for", name, self.vectors)
        return self.vectors[name]


def _scaling(
    vector: VectorStatistics,
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_], NDArray[np.bool_]]:
    low = np.asarray(vector.q01)
    flat = vector.degenerate
    span = np.where(flat, 1.0, np.asarray(vector.q99) - low)
    return low, np.where(span <= 0, 1.0, span), np.asarray(vector.mask), flat


def measure(values: FloatArray, *, mask: tuple[bool, ...] | None = None) -> VectorStatistics:
    """Statistics of `values` (N, A), N >= 1. mask: dimensions to scale (all when None).

    Where fewer than 1 % of the values differ, the quantiles coincide although something happens there (a rare turn
    of the wrist); the range then spans minimum to maximum instead.
    """
    if values.ndim != 2 or len(values) == 0:
        raise SpecError(f"statistics need values of shape (N, A) with N >= 1, got {values.shape}")
    q01, q99 = np.quantile(values.astype(np.float64), (0.01, 0.99), axis=0)
    low, high = values.min(axis=0), values.max(axis=0)
    rare = q99 - q01 < DEGENERATE_RANGE
    q01, q99 = np.where(rare, low, q01), np.where(rare, high, q99)
    rows = {
        "mean": values.mean(axis=0, dtype=np.float64),
        "std": values.std(axis=0, dtype=np.float64),
        "min": low,
        "max": high,
        "q01": q01,
        "q99": q99,
    }
    numbers = {name: tuple(float(x) for x in row) for name, row in rows.items()}
    return VectorStatistics(**numbers, mask=mask or (True,) * values.shape[1])


def save_statistics(path: Path, statistics: Statistics) -> None:
    """Write `statistics` as the only key of a dataset_statistics.json."""
    entry: dict[str, object] = {name: asdict(vector) for name, vector in statistics.vectors.items()}
    entry |= {"num_transitions": statistics.frames, "num_trajectories": statistics.episodes}
    path.write_text(json.dumps({statistics.dataset: entry}, indent=1) + "\n")


def load_statistics(path: Path, *, dataset: str | None = None) -> Statistics:
    """Read the statistics of `dataset` (the only one when None); SpecError names the keys there are."""
    try:
        read = json.loads(path.read_text())
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise SpecError(f"{path} is not a readable statistics file: {error}") from error
    return statistics_from(read, str(path), dataset=dataset)


def statistics_from(read: object, where: str, *, dataset: str | None = None) -> Statistics:
    """The statistics of `dataset` in {data set: {vector: {mean: [...], ...}}}; see `load_statistics`.

    where: the file, for error sentences.
    """
    if not isinstance(read, dict) or not read:
        raise SpecError(f"{where} holds no data set's statistics")
    if dataset is None:
        if len(read) > 1:
            raise SpecError(f"{where} holds several data sets; name one of: {', '.join(sorted(read))}")
        dataset = next(iter(read))
    if dataset not in read:
        raise unknown_name(f"data set in {where}", dataset, read)
    entry = read[dataset]
    if not isinstance(entry, dict):
        raise SpecError(f"{where}: '{dataset}' is not an object of statistics")
    vectors = {
        name: _read_vector(f"{where}: '{dataset}.{name}'", vector)
        for name, vector in entry.items()
        if isinstance(vector, dict)
    }
    return Statistics(dataset, vectors, int(entry.get("num_transitions", 0)), int(entry.get("num_trajectories", 0)))


def _read_vector(where: str, entry: dict[str, list[float]]) -> VectorStatistics:
    missing = [name for name in _NUMBERS if name not in entry]
    if missing:
        raise SpecError(f"{where} lacks {', '.join(missing)}")
    lengths = {len(entry[name]) for name in _NUMBERS}
    if len(lengths) != 1:
        raise SpecError(f"{where} has vectors of different lengths: {sorted(lengths)}")
    numbers = {name: tuple(float(x) for x in entry[name]) for name in _NUMBERS}
    mask = entry.get("mask", [True] * lengths.pop())
    return VectorStatistics(**numbers, mask=tuple(bool(x) for x in mask))


def renamed(statistics: Statistics, dataset: str) -> Statistics:
    """The same numbers under another data set's name."""
    return replace(statistics, dataset=dataset)
