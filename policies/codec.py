"""Action codecs: a chunk of actions in [-1, 1] to a fixed-length row of tokens, and back.

A dimension is one of three kinds. *Continuous* dimensions lie in [-1, 1]. *Binary* ones (a gripper, 0 closed and 1
open) are told apart at 0.5. *Held* ones are constant in the training data: they have no token and decode to 0, which
`Statistics.denormalize` turns into that constant.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from agent.errors import SpecError, unknown_name
from agent.types import FloatArray

TokenArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]
EDGES = 256
"""Bin edges a dimension, as OpenVLA has them."""
MOST_BITS = 10
"""Rows of a gripper that one token of `dct` can say: 1,024 choices."""


class ActionCodec(Protocol):
    """Turns chunks (B, T, A) in [-1, 1] into token rows (B, L), and back."""

    @property
    def chunk(self) -> int:
        """T, the rows of a chunk."""
        ...

    @property
    def legal(self) -> BoolArray:
        """(L, V): which tokens may stand at each position."""
        ...

    @property
    def ordinal(self) -> BoolArray:
        """(L,): True where neighbouring tokens mean neighbouring values."""
        ...

    def encode(self, actions: FloatArray) -> TokenArray:
        """(B, T, A) -> (B, L) int64."""
        ...

    def decode(self, tokens: TokenArray) -> FloatArray:
        """(B, L) legal tokens -> (B, T, A) float32; SpecError on an illegal token."""
        ...

    def weights(self, pad: BoolArray) -> FloatArray:
        """pad (B, T), True at rows without a label -> (B, L): how much each token counts in the loss."""
        ...


@dataclass(frozen=True)
class CodecConfig:
    """kind: `bins`, `dct`, `openvla` or `pairs`.  chunk: rows T.  binary, held: dimensions of that kind.  kept:
    coefficients a continuous dimension that `dct` keeps, lowest frequencies first (1 to chunk).  levels: of each
    continuous dimension, for `pairs` (see `policies.pair_codec.levels_for`)."""

    kind: str = "bins"
    chunk: int = 4
    action_dim: int = 7
    binary: tuple[int, ...] = (6,)
    held: tuple[int, ...] = ()
    kept: int = 4
    levels: tuple[int, ...] = ()

    @property
    def continuous(self) -> tuple[int, ...]:
        return tuple(d for d in range(self.action_dim) if d not in self.binary and d not in self.held)


def make_codec(config: CodecConfig) -> ActionCodec:
    """Build the codec that `config.kind` names; SpecError names those that exist."""
    # These two are built on this module.
    from policies.openvla_codec import OpenVlaCodec
    from policies.pair_codec import PairCodec

    kinds: dict[str, Callable[[CodecConfig], ActionCodec]] = {
        "bins": BinCodec,
        "dct": DctCodec,
        "openvla": OpenVlaCodec,
        "pairs": PairCodec,
    }
    if config.kind not in kinds:
        raise unknown_name("action codec", config.kind, kinds)
    return kinds[config.kind](config)


class Bins:
    """Uniform bins over [-1, 1]: 256 edges, hence 255 bins with 255 centres.

    OpenVLA's off-by-one: np.digitize over 256 edges answers 1 ... 256, where 256 happens for exactly 1.0 alone, and
    its decoder clips that back to the last centre. Two ids for one value would split the probability of the commonest
    clipped action, so here 1.0 falls into bin 254 at once: ids run 0 ... 254 and decode to the same centres.
    """

    count = EDGES - 1

    def __init__(self) -> None:
        edges = np.linspace(-1.0, 1.0, EDGES)
        self.edges = edges
        self.centres = ((edges[:-1] + edges[1:]) / 2).astype(np.float32)

    def encode(self, values: NDArray[np.floating]) -> TokenArray:
        digits = np.digitize(np.clip(values, -1.0, 1.0), self.edges)
        ids: TokenArray = np.minimum(digits - 1, self.count - 1)
        return ids

    def decode(self, ids: TokenArray) -> FloatArray:
        values: FloatArray = self.centres[ids]
        return values


class BinCodec:
    """One token per row and dimension, rows first. Tokens 0 ... 254 are bins, 255 is closed, 256 is open."""

    def __init__(self, config: CodecConfig) -> None:
        self.config = config
        self.bins = Bins()
        self.closed, self.size = Bins.count, Bins.count + 2
        self.written = tuple(sorted((*config.continuous, *config.binary)))
        self.is_binary = np.array([d in config.binary for d in self.written])

    @property
    def chunk(self) -> int:
        return self.config.chunk

    @property
    def legal(self) -> BoolArray:
        row = np.zeros((len(self.written), self.size), dtype=np.bool_)
        row[~self.is_binary, : self.closed] = True
        row[self.is_binary, self.closed :] = True
        return np.tile(row, (self.chunk, 1))

    @property
    def ordinal(self) -> BoolArray:
        return np.tile(~self.is_binary, self.chunk)

    def encode(self, actions: FloatArray) -> TokenArray:
        values = checked(actions, self.config)[:, :, list(self.written)]
        tokens: TokenArray = np.where(self.is_binary, self.closed + (values > 0.5), self.bins.encode(values))
        return tokens.reshape(len(actions), -1).astype(np.int64)

    def decode(self, tokens: TokenArray) -> FloatArray:
        check_legal(tokens, self.legal)
        rows = tokens.reshape(len(tokens), self.chunk, -1)
        bins = self.bins.decode(np.minimum(rows, Bins.count - 1))
        actions = np.zeros((len(tokens), self.chunk, self.config.action_dim), dtype=np.float32)
        actions[:, :, list(self.written)] = np.where(self.is_binary, rows - self.closed, bins)
        return actions

    def weights(self, pad: BoolArray) -> FloatArray:
        return np.repeat(~pad, len(self.written), axis=1).astype(np.float32)


class DctCodec:
    """Orthonormal DCT-II over time; the lowest `kept` coefficients of each dimension, one token each, low first.

    Coefficient j lies within +- the sum of the absolute values of its basis vector; that range is cut into 255 bins.
    Each binary dimension is one last token that says all its rows, one bit a row, so it is exact. Tokens 0 ... 254 are
    bins, those from 255 on are binary.
    """

    def __init__(self, config: CodecConfig) -> None:
        if not 1 <= config.kept <= config.chunk:
            raise SpecError(
                f"dct keeps 1 to {config.chunk} coefficients of a chunk of {config.chunk}, not {config.kept}"
            )
        if config.binary and config.chunk > MOST_BITS:
            raise SpecError(f"dct writes binary dimensions of at most {MOST_BITS} rows, not {config.chunk}")
        self.config = config
        self.bins = Bins()
        self.row_bits = 1 << np.arange(config.chunk)
        self.first_binary, self.size = Bins.count, Bins.count + (1 << config.chunk if config.binary else 0)
        self.basis = dct_basis(config.chunk)[: config.kept]
        self.bound = np.abs(self.basis).sum(axis=1)

    @property
    def chunk(self) -> int:
        return self.config.chunk

    @property
    def legal(self) -> BoolArray:
        continuous = self.config.kept * len(self.config.continuous)
        legal = np.zeros((continuous + len(self.config.binary), self.size), dtype=np.bool_)
        legal[:continuous, : self.first_binary] = True
        legal[continuous:, self.first_binary :] = True
        return legal

    @property
    def ordinal(self) -> BoolArray:
        return self.legal[:, 0]

    def encode(self, actions: FloatArray) -> TokenArray:
        checked(actions, self.config)
        motion = np.clip(actions[:, :, list(self.config.continuous)], -1, 1)
        coefficients = np.einsum("kt,btd->bkd", self.basis, motion)
        tokens = self.bins.encode(coefficients / self.bound[:, None]).reshape(len(actions), -1)
        is_open = actions[:, :, list(self.config.binary)] > 0.5
        switch = self.first_binary + np.einsum("t,btd->bd", self.row_bits, is_open)
        return np.concatenate([tokens, switch], axis=1).astype(np.int64)

    def decode(self, tokens: TokenArray) -> FloatArray:
        check_legal(tokens, self.legal)
        split = self.config.kept * len(self.config.continuous)
        scaled = self.bins.decode(tokens[:, :split]).reshape(len(tokens), self.config.kept, -1)
        actions = np.zeros((len(tokens), self.chunk, self.config.action_dim), dtype=np.float32)
        motion = np.einsum("kt,bkd->btd", self.basis, scaled * self.bound[:, None])
        actions[:, :, list(self.config.continuous)] = np.clip(motion, -1, 1)
        written = tokens[:, None, split:] - self.first_binary
        actions[:, :, list(self.config.binary)] = (written & self.row_bits[:, None]) > 0
        return actions

    def weights(self, pad: BoolArray) -> FloatArray:
        """Coefficients mix rows: a chunk counts when at least half of it has labels."""
        counts = (pad.mean(axis=1) <= 0.5).astype(np.float32)
        return np.repeat(counts[:, None], len(self.legal), axis=1)


def dct_basis(length: int) -> NDArray[np.float64]:
    """Orthonormal DCT-II basis (length, length), one frequency a row: its transpose is its inverse."""
    time, frequency = np.arange(length), np.arange(length)[:, None]
    basis: NDArray[np.float64] = np.cos(np.pi * (time + 0.5) * frequency / length) * np.sqrt(2 / length)
    basis[0] /= np.sqrt(2)
    return basis


def checked(actions: FloatArray, config: CodecConfig) -> FloatArray:
    """`actions` as they are; SpecError when they have another shape or are not finite."""
    if actions.ndim != 3 or actions.shape[1:] != (config.chunk, config.action_dim):
        raise SpecError(f"expected actions of shape (B, {config.chunk}, {config.action_dim}), got {actions.shape}")
    if not np.isfinite(actions).all():
        raise SpecError("cannot encode actions that hold NaN or infinity")
    return actions


def check_legal(tokens: TokenArray, legal: BoolArray) -> None:
    """Raise SpecError when the rows (B, L) hold a token that may not stand where it stands."""
    if tokens.ndim != 2 or tokens.shape[1] != len(legal):
        raise SpecError(f"expected token rows of length {len(legal)}, got shape {tokens.shape}")
    inside = (tokens >= 0) & (tokens < legal.shape[1])
    if not inside.all() or not legal[np.arange(len(legal)), tokens].all():
        raise SpecError("the row holds a token that is not legal at its position")
