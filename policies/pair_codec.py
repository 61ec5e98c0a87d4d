"""The compact chunk code: two neighbouring rows of a dimension share a token; 8 steps x 7 dimensions are 24 tokens."""

import numpy as np
from numpy.typing import NDArray

from agent.errors import SpecError
from agent.types import FloatArray, VectorSpec
from policies.codec import BoolArray, CodecConfig, TokenArray, check_legal, checked
from policies.stats import VectorStatistics

DEFAULT_LEVELS = 79
"""Levels of a dimension without an entry in `CodecConfig.levels`: 1 mm in three axes together for +-45 mm a step."""
MOST_LEVELS = 255


class PairCodec:
    """Each dimension is cut into an odd number of levels with -1, 0 and 1 among them, and a token says the levels of
    two rows at once. Tokens run along the anti-diagonals, there and back (JPEG's zigzag): neighbours differ by one
    level of one or of both rows, and the sum of the rows grows with the token, so near tokens mean near motions.

    What the expert does most, nothing or its top speed, is exact. Everything else inside [-1, 1] is off by at most half
    a level: the bound holds for every chunk, not for typical ones. A gripper's bit a row rides on the tokens of the
    dimensions with the fewest levels: token = bits * levels ** 2 + place on the zigzag.
    """

    def __init__(self, config: CodecConfig) -> None:
        self.config = config
        count = len(config.continuous)
        if count == 0:
            raise SpecError("the pairs codec needs at least one continuous dimension")
        self.levels = config.levels or (DEFAULT_LEVELS,) * count
        if len(self.levels) != count or any(n % 2 == 0 or not 3 <= n <= MOST_LEVELS for n in self.levels):
            raise SpecError(
                f"pairs needs {count} odd numbers of levels, each from 3 to {MOST_LEVELS}; got {self.levels}"
            )
        self.blocks = -(-config.chunk // 2)
        self.carrier, self.sizes = _carriers(self.levels, 2 * len(config.binary))
        """Which dimension's token carries each bit of a block (bits run over the rows, binary dimensions within), and
        how many tokens each dimension has."""
        self.zigzags = [zigzag(n) for n in self.levels]

    @property
    def chunk(self) -> int:
        return self.config.chunk

    @property
    def legal(self) -> BoolArray:
        block = np.arange(max(self.sizes)) < np.array(self.sizes)[:, None]
        return np.tile(block, (self.blocks, 1))

    @property
    def ordinal(self) -> BoolArray:
        """True where a token carries no gripper bit."""
        return np.tile([slot not in self.carrier for slot in range(len(self.levels))], self.blocks)

    def encode(self, actions: FloatArray) -> TokenArray:
        rows = checked(actions, self.config)
        # The last row of an odd chunk stands twice.
        rows = rows[:, np.minimum(np.arange(2 * self.blocks), self.chunk - 1)].reshape(len(rows), self.blocks, 2, -1)
        tokens = np.zeros((len(rows), self.blocks, len(self.levels)), dtype=np.int64)
        bits = (rows[..., list(self.config.binary)] > 0.5).reshape(len(rows), self.blocks, -1)
        for bit, slot in enumerate(self.carrier):
            tokens[..., slot] = 2 * tokens[..., slot] + bits[..., bit]
        for slot, (n, dimension) in enumerate(zip(self.levels, self.config.continuous, strict=True)):
            level = np.rint((np.clip(rows[..., dimension], -1, 1) + 1) / 2 * (n - 1)).astype(np.int64)
            place = self.zigzags[slot][0][level[..., 0], level[..., 1]]
            tokens[..., slot] = tokens[..., slot] * n * n + place
        return tokens.reshape(len(rows), -1)

    def decode(self, tokens: TokenArray) -> FloatArray:
        check_legal(tokens, self.legal)
        blocks = tokens.reshape(len(tokens), self.blocks, -1)
        actions = np.zeros((len(tokens), self.blocks, 2, self.config.action_dim), dtype=np.float32)
        carried = blocks.copy()
        for slot, (n, dimension) in enumerate(zip(self.levels, self.config.continuous, strict=True)):
            carried[..., slot], place = np.divmod(blocks[..., slot], n * n)
            actions[..., dimension] = self.zigzags[slot][1][place] / (n - 1) * 2 - 1
        bits = np.zeros((len(tokens), self.blocks, len(self.carrier)), dtype=np.int64)
        for bit, slot in reversed(list(enumerate(self.carrier))):
            carried[..., slot], bits[..., bit] = np.divmod(carried[..., slot], 2)
        actions[..., list(self.config.binary)] = bits.reshape(len(tokens), self.blocks, 2, -1)
        return actions.reshape(len(tokens), 2 * self.blocks, -1)[:, : self.chunk]

    def weights(self, pad: BoolArray) -> FloatArray:
        """A token counts as much of its two rows as has labels."""
        known = ~pad[:, np.minimum(np.arange(2 * self.blocks), self.chunk - 1)]
        share = known.reshape(len(pad), self.blocks, 2).mean(axis=2)
        return np.repeat(share, len(self.levels), axis=1).astype(np.float32)


def _carriers(levels: tuple[int, ...], bits: int) -> tuple[list[int], list[int]]:
    """Put each bit on the dimension that has the fewest tokens so far, of equal ones on the last."""
    sizes, carrier = [n * n for n in levels], []
    for _ in range(bits):
        slot = min(range(len(sizes)), key=lambda s: (sizes[s], -s))
        carrier.append(slot)
        sizes[slot] *= 2
    return carrier, sizes


def zigzag(levels: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The way through a square of levels: place (n, n) of each pair, and the pair (n * n, 2) at each place."""
    first, second = np.indices((levels, levels)).reshape(2, -1)
    total = first + second
    way = np.lexsort((np.where(total % 2, first, second), total))
    pairs = np.stack([first, second], axis=1)[way].astype(np.int64)
    place = np.empty((levels, levels), dtype=np.int64)
    place[pairs[:, 0], pairs[:, 1]] = np.arange(levels * levels)
    return place, pairs


def levels_for(
    config: CodecConfig, spec: VectorSpec, statistics: VectorStatistics, *, metres: float = 1e-3, degrees: float = 0.5
) -> tuple[int, ...]:
    """Fewest levels a continuous dimension for which a decoded row is off by at most `metres`, as a distance, and
    `degrees`, as the length of the rotation vector's error, whatever the row was inside the statistics' range.

    spec: of the action; its units say which dimensions are lengths and which angles. SpecError for other units and
    when it would take more than 255 levels.
    """
    bounds = {"m": metres, "rad": float(np.radians(degrees))}
    units = [spec.units[dimension] for dimension in config.continuous]
    chosen = []
    for dimension, unit in zip(config.continuous, units, strict=True):
        if unit not in bounds:
            raise SpecError(f"no tolerance is known for {spec.names[dimension]} in '{unit}'; there are: m, rad")
        half_range = (statistics.q99[dimension] - statistics.q01[dimension]) / 2
        each = bounds[unit] / np.sqrt(units.count(unit))
        levels = max(3, int(np.ceil(half_range / each - 1e-9)) + 1)
        levels += levels % 2 == 0
        if levels > MOST_LEVELS:
            raise SpecError(f"{spec.names[dimension]} would need {levels} levels; at most {MOST_LEVELS} are allowed")
        chosen.append(levels)
    return tuple(chosen)
