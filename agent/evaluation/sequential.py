"""A test that may be looked at after every pair: bets on who wins, and the capital is the evidence.

Against "the mean difference is m", one starts with capital 1 and bets a share of it on every pair: a win multiplies it
by more than 1, a loss by less. If m is the truth the game is fair whatever the bets, so the capital ever reaches
1 / alpha with a probability of at most alpha (Ville 1939): one may stop whenever one likes. The bets are a mixture over
fixed shares, so the order of the pairs seen does not move the capital (Waudby-Smith and Ramdas 2024, J. R. Stat. Soc. B
86, 1-27; for m = 0 it is the beta-binomial mixture over a fair coin).
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agent.errors import SpecError
from agent.evaluation.statistics import Interval

SHARES = (np.arange(64) + 0.5) / 64
"""Shares of the capital that the mixture bets, of the greatest that cannot ruin it."""
STEP = 0.005
MEANS = np.arange(-199, 200) * STEP
"""Differences that the confidence sequence asks about, in steps of half a point; -1 and 1 are never refuted."""
NO_DIFFERENCE = len(MEANS) // 2


@dataclass(frozen=True)
class Sequential:
    """What betting says. stopped_at: after how many pairs alpha was reached, None if never.

    evidence: the capital at the end.  p: anytime-valid p value, 1 / the greatest capital so far.  interval: of the
    difference, valid at all times at once with error rate alpha.
    """

    alpha: float
    pairs: int
    stopped_at: int | None
    evidence: float
    p: float
    interval: Interval


class Bettor:
    """Takes differences (1: only the first policy succeeded, -1: only the second, 0: both or neither) one by one."""

    def __init__(self, alpha: float) -> None:
        """alpha: the error rate, in (0, 1)."""
        if not 0 < alpha < 1:
            raise SpecError(f"the error rate alpha must lie between 0 and 1, got {alpha:g}")
        self._alpha, self._pairs = alpha, 0
        self._stopped_at: int | None = None
        self._gains = {difference: _log_gains(difference) for difference in (-1, 0, 1)}
        self._log_wealth = np.zeros_like(self._gains[0])
        self._greatest = np.zeros(len(MEANS))
        self._standing = MEANS

    def add(self, difference: int) -> None:
        """Settle the bets on one more pair."""
        self._pairs += 1
        self._log_wealth += self._gains[difference]
        self._greatest = np.maximum(self._greatest, self._log_capital())
        # What was refuted once stays refuted, so the interval only shrinks; should nothing be left, it stays as it is.
        standing = MEANS[self._greatest < -np.log(self._alpha)]
        self._standing = standing if len(standing) else self._standing
        if self._stopped_at is None and self._greatest[NO_DIFFERENCE] >= -np.log(self._alpha):
            self._stopped_at = self._pairs

    @property
    def decided(self) -> bool:
        """Whether "no difference" is refuted at the error rate."""
        return self._stopped_at is not None

    def verdict(self) -> Sequential:
        """Say how things stand now."""
        # Each end is the nearest mean that is refuted: the capital is log-convex in the mean, so the truth cannot
        # hide between refuted neighbours.
        low, high = self._standing[0] - STEP, self._standing[-1] + STEP
        return Sequential(
            alpha=self._alpha,
            pairs=self._pairs,
            stopped_at=self._stopped_at,
            evidence=float(np.exp(self._log_capital()[NO_DIFFERENCE])),
            p=float(np.exp(-self._greatest[NO_DIFFERENCE])),
            interval=Interval(max(-1.0, round(float(low), 3)), min(1.0, round(float(high), 3))),
        )

    def _log_capital(self) -> NDArray[np.float64]:
        peak = self._log_wealth.max(axis=1)
        mean: NDArray[np.float64] = np.exp(self._log_wealth - peak[:, None]).mean(axis=1)
        total: NDArray[np.float64] = np.log(mean) + peak
        return total


def bet(differences: Iterable[int], *, alpha: float = 0.05) -> Sequential:
    """Bet on the pairs in the order given, which must not depend on their outcome."""
    bettor = Bettor(alpha)
    for difference in differences:
        bettor.add(difference)
    return bettor.verdict()


def capital(wins: NDArray[np.int64], losses: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the capital against "no difference" after so many wins and losses, any shape, in any order."""
    up = np.multiply.outer(wins, np.log1p(SHARES)) + np.multiply.outer(losses, np.log1p(-SHARES))
    down = np.multiply.outer(wins, np.log1p(-SHARES)) + np.multiply.outer(losses, np.log1p(SHARES))
    mixed: NDArray[np.float64] = (np.exp(up) + np.exp(down)).mean(axis=-1) / 2
    return mixed


def _log_gains(difference: int) -> NDArray[np.float64]:
    """Return the log of what one pair multiplies each bet by: means in rows, bets in columns, upwards, then downwards.

    A bet of share s upwards against mean m stakes s / (1 + m), which the worst outcome, -1, turns into 1 - s.
    """
    up = (1 - SHARES) + SHARES * (1 + difference) / (1 + MEANS)[:, None]
    down = (1 - SHARES) + SHARES * (1 - difference) / (1 - MEANS)[:, None]
    gains: NDArray[np.float64] = np.log(np.concatenate([up, down], axis=1))
    return gains
