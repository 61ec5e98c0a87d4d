"""Success rates with 95 % intervals. A world's errors are counted beside the rate, never inside it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import sqrt

from scipy.special import betaincinv

from agent.types import Episode, Outcome

Z_95 = 1.959963984540054
"""Two-sided 95 % quantile of the normal distribution."""


@dataclass(frozen=True)
class Interval:
    """Both ends in [0, 1]."""

    low: float
    high: float


def wilson(successes: int, trials: int) -> Interval:
    """Return Wilson's 95 % score interval of a proportion (Wilson 1927); [0, 1] when nothing was tried."""
    if not trials:
        return Interval(0.0, 1.0)
    rate, z2 = successes / trials, Z_95**2
    centre = (rate + z2 / (2 * trials)) / (1 + z2 / trials)
    half = Z_95 / (1 + z2 / trials) * sqrt(rate * (1 - rate) / trials + z2 / (4 * trials**2))
    return Interval(max(0.0, centre - half), min(1.0, centre + half))


def clopper_pearson(successes: int, trials: int) -> Interval:
    """Return the exact 95 % interval of a proportion (Clopper and Pearson 1934); [0, 1] when nothing was tried."""
    if not trials:
        return Interval(0.0, 1.0)
    low = betaincinv(successes, trials - successes + 1, 0.025) if successes else 0.0
    high = betaincinv(successes + 1, trials - successes, 0.975) if successes < trials else 1.0
    return Interval(float(low), float(high))


@dataclass(frozen=True)
class Tally:
    """Counts of one row of a report.

    episodes: all that were run.  errors: those the world broke in; they are no trials.  successes: held to the end
    of three ticks, the reading that counts.  success_any, success_last: satisfied at some step, at the last step.
    """

    episodes: int
    successes: int
    errors: int
    success_any: int
    success_last: int
    wrong_object: int
    refused: int

    @property
    def trials(self) -> int:
        """Episodes that count towards the rate."""
        return self.episodes - self.errors

    @property
    def rate(self) -> float:
        """Successes per trial in [0, 1]; 0 when nothing was tried."""
        return self.successes / self.trials if self.trials else 0.0

    def __str__(self) -> str:
        """For example `187/200 = 93.5 % [89.2, 96.2], 0 errors`, with Wilson's interval."""
        interval = wilson(self.successes, self.trials)
        errors = "1 error" if self.errors == 1 else f"{self.errors} errors"
        percent = f"{100 * self.rate:.1f} % [{100 * interval.low:.1f}, {100 * interval.high:.1f}]"
        return f"{self.successes}/{self.trials} = {percent}, {errors}"

    def as_mapping(self) -> dict[str, object]:
        """Return counts, rate and both intervals for results.json."""
        score, exact = wilson(self.successes, self.trials), clopper_pearson(self.successes, self.trials)
        return {
            "successes": self.successes,
            "episodes": self.episodes,
            "errors": self.errors,
            "rate": round(self.rate, 6),
            "wilson_95": [round(score.low, 6), round(score.high, 6)],
            "clopper_pearson_95": [round(exact.low, 6), round(exact.high, 6)],
            "success_any": self.success_any,
            "success_last": self.success_last,
            "wrong_object": self.wrong_object,
            "refused": self.refused,
        }


def tally(episodes: Iterable[Episode], *, expected: Sequence[Outcome] | None = None) -> Tally:
    """Count the episodes of one row. expected: the outcome that counts as success, for each; None: SUCCESS for all."""
    rows = list(episodes)
    wanted = [Outcome.SUCCESS] * len(rows) if expected is None else expected
    judged = [row for row in rows if row.outcome is not Outcome.ERROR]
    return Tally(
        episodes=len(rows),
        successes=sum(row.outcome is want for row, want in zip(rows, wanted, strict=True)),
        errors=len(rows) - len(judged),
        success_any=sum(row.success_any for row in judged),
        success_last=sum(row.success_last for row in judged),
        wrong_object=sum(row.status.wrong_object is not None for row in judged),
        refused=sum(row.outcome is Outcome.REFUSED for row in judged),
    )
