"""How many pairs a difference needs before McNemar's exact test would find it. Exact sums, no approximation."""

from dataclasses import dataclass

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


@dataclass(frozen=True)
class Case:
    """How many pairs are needed if so large a share of the scenes ends differently; None: more than 100,000."""

    name: str
    discordance: float
    pairs: int | None


@dataclass(frozen=True)
class Plan:
    """What a difference between two paired policies takes to be found."""

    rate: float
    difference: float
    alpha: float
    wanted: float
    cases: tuple[Case, ...]

    def as_mapping(self) -> dict[str, object]:
        """Return what --json prints."""
        return {
            "rate": self.rate,
            "difference": self.difference,
            "alpha": self.alpha,
            "power": self.wanted,
            "cases": [{"name": c.name, "discordance": round(c.discordance, 6), "pairs": c.pairs} for c in self.cases],
        }


def plan(*, rate: float, difference: float, alpha: float = 0.05, wanted: float = 0.8) -> Plan:
    """Return how many pairs find that a policy of `rate` + `difference` differs from one of `rate`.

    How much the scene decides is not known beforehand, so there are three cases: from nothing (the share of pairs that
    differ is that of independent policies) to everything (the better policy loses no scene that the other wins), and
    half way between. Raises SpecError when a rate is not in [0, 1], the difference is 0, or a chance not inside (0, 1).
    """
    other = rate + difference
    if not 0 <= rate <= 1 or not 0 <= other <= 1:
        raise SpecError(f"rates lie between 0 and 1, got {rate:g} and {other:g}")
    if difference == 0:
        raise SpecError("no number of episodes finds a difference of 0")
    for name, chance in (("power", wanted), ("alpha", alpha)):
        if not 0 < chance < 1:
            raise SpecError(f"{name} must be above 0 and below 1, got {chance:g}")
    most, least = independent_discordance(rate, other), abs(difference)
    # Rounding must not put the most below the least.
    most = max(most, least)
    shares = (
        ("as if the scene made no difference", most),
        ("half way between", (most + least) / 2),
        ("as if the better one kept every win of the other", least),
    )
    cases = (
        Case(name, share, pairs_needed(difference=difference, discordance=share, alpha=alpha, wanted=wanted))
        for name, share in shares
    )
    return Plan(rate, difference, alpha, wanted, tuple(cases))
