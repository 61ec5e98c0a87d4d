"""Statistics of a dataset's features, in the form that meta/stats.json and the episode table keep them.

Vectors have statistics of shape (D,), pictures of shape (3, 1, 1) with values in [0, 1].
"""

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from agent.types import ImageArray

Array = NDArray[np.float64]
FeatureStats = dict[str, Array]
"""min, max, mean, std, q01, q10, q50, q90, q99 and count (1,)."""

QUANTILES = {"q01": 0.01, "q10": 0.10, "q50": 0.50, "q90": 0.90, "q99": 0.99}
_AVERAGED = ("mean", *QUANTILES)


def vector_stats(values: Array) -> FeatureStats:
    """Return the statistics of `values` (N, D). NaN means "not defined here" and is left out; all NaN stays NaN.

    count is the number of rows, undefined ones included.
    """
    columns = [column[np.isfinite(column)] for column in np.asarray(values, dtype=np.float64).T]
    stats = {
        "min": [column.min() if len(column) else np.nan for column in columns],
        "max": [column.max() if len(column) else np.nan for column in columns],
        "mean": [column.mean() if len(column) else np.nan for column in columns],
        "std": [column.std() if len(column) else np.nan for column in columns],
    }
    for name, share in QUANTILES.items():
        stats[name] = [np.quantile(column, share) if len(column) else np.nan for column in columns]
    return {name: np.array(values_, dtype=np.float64) for name, values_ in stats.items()} | {
        "count": np.array([len(values)], dtype=np.float64)
    }


def picture_stats(pictures: ImageArray) -> FeatureStats:
    """Return the statistics of each channel of `pictures` (N, H, W, 3), scaled to [0, 1], from a histogram."""
    counts = np.stack([np.bincount(pictures[..., channel].ravel(), minlength=256) for channel in range(3)])
    levels = np.arange(256) / 255.0
    total = counts.sum(axis=1)
    mean = counts @ levels / total
    variance = np.maximum(counts @ levels**2 / total - mean**2, 0.0)
    cumulative = np.cumsum(counts, axis=1) / total[:, None]
    stats = {
        "min": np.array([levels[np.flatnonzero(row)[0]] for row in counts]),
        "max": np.array([levels[np.flatnonzero(row)[-1]] for row in counts]),
        "mean": mean,
        "std": np.sqrt(variance),
    }
    for name, share in QUANTILES.items():
        stats[name] = np.array([levels[np.searchsorted(row, share)] for row in cumulative])
    return {name: value.reshape(3, 1, 1) for name, value in stats.items()} | {
        "count": np.array([len(pictures)], dtype=np.float64)
    }


def merge(parts: Sequence[FeatureStats]) -> FeatureStats:
    """Return the statistics of several disjoint sets from theirs, each weighted by its count.

    min, max, mean and std are exact; quantiles are the weighted mean of the parts' (as the format's own tools do).
    """
    weights = np.array([float(part["count"][0]) for part in parts])
    weights = weights / weights.sum()
    merged = {name: _weighted([part[name] for part in parts], weights) for name in _AVERAGED}
    squares = [part["std"] ** 2 + part["mean"] ** 2 for part in parts]
    merged["std"] = np.sqrt(np.maximum(_weighted(squares, weights) - merged["mean"] ** 2, 0.0))
    merged["min"] = np.min([part["min"] for part in parts], axis=0)
    merged["max"] = np.max([part["max"] for part in parts], axis=0)
    merged["count"] = np.array([sum(float(part["count"][0]) for part in parts)])
    return merged


def defined(stats: FeatureStats) -> bool:
    """Tell whether every value is a number (JSON has no NaN)."""
    return all(bool(np.isfinite(value).all()) for value in stats.values())


def _weighted(values: Iterable[Array], weights: Array) -> Array:
    return np.asarray(np.tensordot(weights, np.stack(list(values)), axes=1), dtype=np.float64)
