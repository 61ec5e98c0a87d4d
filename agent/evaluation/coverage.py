"""How often a "95 %" interval really holds the truth. Computed exactly: every possible count, times its probability."""

from collections.abc import Callable

import numpy as np
from scipy.stats import binom, multinomial

from agent.evaluation.compare import Table, tango
from agent.evaluation.statistics import Interval, clopper_pearson, wilson

RATES = (0.05, 0.5, 0.9, 0.98)
TRIALS = (20, 50, 200)
IntervalOf = Callable[[int, int], Interval]


def coverage(interval: IntervalOf, rate: float, trials: int) -> float:
    """Return the probability that `interval(successes, trials)` holds `rate` when that is the truth."""
    counts = np.arange(trials + 1)
    holds = [rate in interval(int(successes), trials) for successes in counts]
    return float(np.sum(binom.pmf(counts, trials, rate)[holds]))


def simulated_coverage(interval: IntervalOf, rate: float, trials: int, *, runs: int, seed: int) -> float:
    """Return the same by playing `runs` experiments: the slow twin."""
    drawn = np.random.default_rng(seed).binomial(trials, rate, size=runs)
    return float(np.mean([rate in interval(int(successes), trials) for successes in drawn]))


def paired_coverage(difference: float, discordance: float, pairs: int) -> float:
    """Return the probability that Tango's interval holds `difference`, summed over all counts of discordant pairs."""
    only_a, only_b = (discordance + difference) / 2, (discordance - difference) / 2
    total = 0.0
    for a in range(pairs + 1):
        for b in range(pairs - a + 1):
            chance = multinomial.pmf((a, b, pairs - a - b), pairs, (only_a, only_b, 1 - discordance))
            # What is left out sums to less than 1e-6 and would cost most of the time.
            if chance > 1e-11 and difference in tango(Table(0, a, b, pairs - a - b)):
                total += float(chance)
    return total


def markdown_table() -> str:
    """Return exact coverage of both intervals at RATES and TRIALS, in percent, as in docs/statistics.md."""
    lines = ["| true rate | trials | Wilson | Clopper–Pearson |", "|---|---|---|---|"]
    for rate in RATES:
        for trials in TRIALS:
            score, exact = coverage(wilson, rate, trials), coverage(clopper_pearson, rate, trials)
            lines.append(f"| {rate:.2f} | {trials} | {100 * score:.2f} | {100 * exact:.2f} |")
    return "\n".join(lines)
