"""Prefixes and chunks kept on disk or made up: what heads are compared on."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from agent.errors import SpecError
from agent.types import FloatArray
from policies.codec import CodecConfig

PARTS = ("prefixes", "chunks", "weights")


@dataclass(frozen=True, eq=False)
class Cached:
    """prefixes (M, N, D) float16, chunks (M, T, A) float32 as `Head.loss` takes them, weights (M, T) 0 or 1; they may
    be memory-mapped. Neighbouring rows are frames of one episode."""

    prefixes: NDArray[np.float16]
    chunks: FloatArray
    weights: FloatArray

    def __len__(self) -> int:
        return len(self.chunks)

    def part(self, rows: slice) -> "Cached":
        """Some of the rows, not copied."""
        return Cached(self.prefixes[rows], self.chunks[rows], self.weights[rows])

    def split(self, held_out: float) -> tuple["Cached", "Cached"]:
        """Rows to train on and the last share `held_out`, apart in time, so that no episode but one is in both."""
        count = min(len(self) - 1, max(1, round(len(self) * held_out)))
        return self.part(slice(0, len(self) - count)), self.part(slice(len(self) - count, len(self)))

    def batch(self, rows: NDArray[np.int64] | slice) -> tuple[Tensor, Tensor, Tensor]:
        """Prefix (B, N, D), actions (B, T, A) and weights (B, T) of these rows, float32."""
        prefix, actions, weights = (
            torch.from_numpy(np.asarray(part[rows], dtype=np.float32))
            for part in (self.prefixes, self.chunks, self.weights)
        )
        return prefix, actions, weights

    def codec(self, config: CodecConfig) -> CodecConfig:
        """`config` with rows, columns and held columns (constant wherever there is a label) as the chunks have them."""
        known = self.chunks[self.weights > 0]
        if not len(known):
            raise SpecError("the cached chunks hold no row with a label")
        constant = np.flatnonzero(np.ptp(known, axis=0) == 0)
        held = tuple(int(column) for column in constant if column not in config.binary)
        return replace(config, chunk=self.chunks.shape[1], action_dim=self.chunks.shape[2], held=held)


def read_cached(path: Path) -> Cached:
    """Read an .npz file, or a folder with one .npy each (not loaded at once), holding prefixes, chunks and weights.

    Raises SpecError when parts are missing, do not fit together or are not finite.
    """
    try:
        if path.is_dir():
            arrays = {name: np.load(path / f"{name}.npy", mmap_mode="r", allow_pickle=False) for name in PARTS}
        else:
            with np.load(path, allow_pickle=False) as file:
                arrays = {name: file[name] for name in PARTS}
    except (OSError, KeyError, ValueError) as error:
        raise SpecError(f"{path} does not hold {', '.join(PARTS)} as .npz or as a folder of .npy: {error}") from error
    prefixes, chunks, weights = (arrays[name] for name in PARTS)
    if prefixes.ndim != 3 or chunks.ndim != 3 or weights.shape != chunks.shape[:2] or len(prefixes) != len(chunks):
        shapes = ", ".join(f"{name} {arrays[name].shape}" for name in PARTS)
        raise SpecError(f"{path} holds {shapes}; expected (M, N, D), (M, T, A) and (M, T)")
    if len(chunks) < 2 or not np.isfinite(chunks).all():
        raise SpecError(f"{path} holds fewer than two chunks, or chunks that are not finite")
    return Cached(prefixes, chunks.astype(np.float32), weights.astype(np.float32))


def write_cached(path: Path, cached: Cached) -> None:
    """Write a folder that `read_cached` reads."""
    path.mkdir(parents=True, exist_ok=True)
    for name in PARTS:
        np.save(path / f"{name}.npy", getattr(cached, name))


@dataclass(frozen=True)
class ToyConfig:
    """Made-up data: samples, tokens of a prefix and their width, rows of a chunk, noise added to prefixes."""

    count: int = 4000
    tokens: int = 8
    width: int = 128
    rows: int = 4
    noise: float = 0.05
    seed: int = 0


def reach(toy: ToyConfig) -> Cached:
    """One right answer: a motion that glides to a point the prefix tells, and a gripper that shuts on arrival."""
    rng = np.random.default_rng(toy.seed)
    point = rng.uniform(-0.9, 0.9, (toy.count, 5))
    time = np.arange(1, toy.rows + 1) / toy.rows
    chunks = np.zeros((toy.count, toy.rows, 7), dtype=np.float32)
    chunks[:, :, :4] = point[:, None, :4] * np.sin(np.pi / 2 * time)[:, None]
    chunks[:, :, 4] = point[:, [0]] * point[:, [1]] * (1 - time)
    chunks[:, :, 6] = point[:, [4]] < 0.9 - 1.8 * time
    return _labelled(_prefixes(point, toy, rng), chunks)


def two_routes(toy: ToyConfig) -> Cached:
    """Two answers, equally good: past an obstacle on the left, the gripper open, or on the right, the gripper shut.

    Column 0 goes ahead as the prefix tells, column 1 bends out by 0.4 to 0.8, to either side; the prefix does not say
    to which.
    """
    rng = np.random.default_rng(toy.seed)
    point = rng.uniform(-0.9, 0.9, (toy.count, 2))
    side = rng.choice([-1.0, 1.0], size=toy.count)
    return _labelled(_prefixes(point, toy, rng), routes(point, side, toy.rows))


def routes(point: NDArray[np.float64], side: NDArray[np.float64], rows: int) -> FloatArray:
    """point (M, 2) of the prefix, side (M,) -1 or 1 -> chunks (M, T, 7)."""
    bend = np.sin(np.pi * (np.arange(rows) + 1) / (rows + 1))
    chunks = np.zeros((len(point), rows, 7), dtype=np.float32)
    chunks[:, :, 0] = point[:, [0]]
    chunks[:, :, 1] = (side * (0.6 + 0.2 * point[:, 1]))[:, None] * bend
    chunks[:, :, 6] = side[:, None] > 0
    return chunks


def route_shares(chunks: FloatArray, truth: FloatArray) -> dict[str, float]:
    """Shares of chunks (M, T, 7) that pass left, right, or neither way.

    truth: chunks of `two_routes` for the same prefixes. Passing asks for column 1 within 0.25 of one of the two bends
    in every row, and for that side's gripper in every row.
    """
    bend = np.abs(truth[:, :, 1])
    took = {}
    for name, sign in (("left", 1.0), ("right", -1.0)):
        near = (np.abs(chunks[:, :, 1] - sign * bend) < 0.25).all(axis=1)
        took[name] = float((near & ((chunks[:, :, 6] > 0.5) == (sign > 0)).all(axis=1)).mean())
    return {**took, "neither": 1.0 - took["left"] - took["right"]}


def _prefixes(told: NDArray[np.float64], toy: ToyConfig, rng: np.random.Generator) -> NDArray[np.float16]:
    """Spread what is told, (M, K), over N tokens by maps that are the same for every seed."""
    maps = np.random.default_rng(99).normal(size=(told.shape[1], toy.tokens, toy.width))
    spread = np.einsum("mk,knd->mnd", told, maps)
    noisy: NDArray[np.float16] = (spread + rng.normal(scale=toy.noise, size=spread.shape)).astype(np.float16)
    return noisy


def _labelled(prefixes: NDArray[np.float16], chunks: FloatArray) -> Cached:
    return Cached(prefixes, chunks, np.ones(chunks.shape[:2], dtype=np.float32))
