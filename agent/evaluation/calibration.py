"""Does a policy that says it is 80 % sure succeed 80 times in 100? Reliability by bins, ECE and Brier score."""

from collections.abc import Iterable
from dataclasses import dataclass

from agent.evaluation.records import EpisodeRecord
from agent.evaluation.statistics import Interval, wilson

BINS = 10
"""Of equal width over [0, 1]; an expected calibration error is only comparable between equal bins."""


@dataclass(frozen=True)
class Bin:
    """The episodes whose confidence lies in [low, high), in the last bin in [low, high]; at least one.

    confidence: their mean.
    """

    low: float
    high: float
    episodes: int
    successes: int
    confidence: float

    @property
    def rate(self) -> float:
        return self.successes / self.episodes

    @property
    def interval(self) -> Interval:
        """Wilson's 95 % interval of the rate."""
        return wilson(self.successes, self.episodes)


@dataclass(frozen=True)
class Calibration:
    """How well confidence foretells success, over the episodes that have both.

    bins: those that hold an episode, lowest first.  silent: episodes that count but have no confidence.
    ece: expected calibration error, the mean over episodes of |rate - confidence| of their bin (Naeini et al. 2015).
    brier: mean of (success - confidence) squared (Brier 1950).  base_brier: that of always saying the overall rate.
    The figures are NaN without episodes.
    """

    bins: tuple[Bin, ...]
    silent: int
    ece: float
    brier: float
    base_brier: float

    @property
    def episodes(self) -> int:
        return sum(each.episodes for each in self.bins)

    def as_mapping(self) -> dict[str, object] | None:
        """Return what results.json holds; None for a policy without confidence."""
        if not self.bins:
            return None
        return {
            "episodes": self.episodes,
            "without_confidence": self.silent,
            "ece": round(self.ece, 4),
            "brier": round(self.brier, 4),
            "brier_of_the_overall_rate": round(self.base_brier, 4),
            "bins": [
                {
                    "low": each.low,
                    "high": each.high,
                    "episodes": each.episodes,
                    "successes": each.successes,
                    "confidence": round(each.confidence, 4),
                    "wilson_95": [round(each.interval.low, 4), round(each.interval.high, 4)],
                }
                for each in self.bins
            ],
        }


def calibration(records: Iterable[EpisodeRecord], *, bins: int = BINS) -> Calibration:
    """Compare confidence with success over `records`; the world's errors are left out."""
    return calibrate([(record.confidence, record.succeeded) for record in records if record.counts], bins=bins)


def calibrate(rated: Iterable[tuple[float | None, bool]], *, bins: int = BINS) -> Calibration:
    """Compare (confidence in [0, 1] or None, success) pairs over `bins` bins of equal width."""
    held: dict[int, list[tuple[float, bool]]] = {}
    silent = 0
    for sure, good in rated:
        if sure is None:
            silent += 1
            continue
        held.setdefault(min(int(sure * bins), bins - 1), []).append((sure, good))
    made = tuple(_bin(number, held[number], bins) for number in sorted(held))
    everything = [pair for pairs in held.values() for pair in pairs]
    if not everything:
        return Calibration((), silent, float("nan"), float("nan"), float("nan"))
    count = len(everything)
    rate = sum(good for _, good in everything) / count
    return Calibration(
        bins=made,
        silent=silent,
        ece=sum(each.episodes * abs(each.rate - each.confidence) for each in made) / count,
        brier=sum((good - sure) ** 2 for sure, good in everything) / count,
        base_brier=rate * (1 - rate),
    )


def _bin(number: int, pairs: list[tuple[float, bool]], bins: int) -> Bin:
    return Bin(
        low=number / bins,
        high=(number + 1) / bins,
        episodes=len(pairs),
        successes=sum(good for _, good in pairs),
        confidence=sum(sure for sure, _ in pairs) / len(pairs),
    )
