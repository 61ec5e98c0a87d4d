"""How many pairs a difference needs before McNemar's exact test would find it. Exact sums, no approximation."""

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom

from agent.errors import SpecError

MOST_PAIRS = 100_000


def power(pairs: int, *, difference: float, discordance: float, alpha: float = 0.05) -> float:
    """Return the probability that McNemar's exact two-sided test rejects.

    difference: true rate of one minus the other, in [-1, 1].  discordance: true share of pairs that end differently,
    in [|difference|, 1].
    """
    if not abs(difference) <= discordance <= 1:
        raise SpecError(
            f"a difference of {difference:g} needs between {abs(difference):g} and 1 of the pairs to differ, "
            f"got {discordance:g}"
        )
    if discordance == 0:
        return 0.0
    first = (discordance + difference) / (2 * discordance)
    spread = 10 * np.sqrt(pairs * discordance * (1 - discordance)) + 10
    middle = pairs * discordance
    discordant = np.arange(max(0, int(middle - spread)), min(pairs, int(middle + spread)) + 1)
    tail = largest_tail(discordant, alpha)
    rejects = binom.cdf(tail, discordant, first) + binom.sf(discordant - tail - 1, discordant, first)
    return float(np.sum(binom.pmf(discordant, pairs, discordance) * rejects))


def largest_tail(discordant: NDArray[np.int64], alpha: float) -> NDArray[np.int64]:
    """Return for each number of discordant pairs the most wins of the loser that still reject, or -1."""
    guess = binom.ppf(alpha / 2, discordant, 0.5).astype(np.int64)
    tail: NDArray[np.int64] = np.where(binom.cdf(guess, discordant, 0.5) <= alpha / 2, guess, guess - 1)
    return tail


def pairs_needed(*, difference: float, discordance: float, alpha: float = 0.05, wanted: float = 0.8) -> int | None:
    """Return how many pairs reach the wanted power; None when more than 100,000 would be needed.

    Within 1 % of the fewest: the exact test's power rises in a saw, and halving finds one of its first teeth.
    """
    if difference == 0:
        return None

    def enough(pairs: int) -> bool:
        return power(pairs, difference=difference, discordance=discordance, alpha=alpha) >= wanted

    high = 1
    while not enough(high):
        high *= 2
        if high > MOST_PAIRS:
            return None
    low = high // 2
    while high - low > max(1, high // 100):
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high


def independent_discordance(rate_a: float, rate_b: float) -> float:
    """Return the share of pairs that would differ if the scene made no difference: the pessimist's guess."""
    return rate_a * (1 - rate_b) + rate_b * (1 - rate_a)
