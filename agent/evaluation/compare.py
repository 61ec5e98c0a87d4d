"""Two runs, paired episode by episode: is one policy better, by how much, and how sure is that."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.stats import binomtest

from agent.errors import SpecError
from agent.evaluation.records import EpisodeRecord
from agent.evaluation.statistics import Z_95, Interval

Pair = tuple[EpisodeRecord, EpisodeRecord]
RESAMPLES = 4000
_BESIDE = 1e-9


@dataclass(frozen=True)
class Table:
    """Counts of pairs by who succeeded: both, only the first policy, only the second, neither."""

    both: int
    only_a: int
    only_b: int
    neither: int

    @property
    def pairs(self) -> int:
        return self.both + self.only_a + self.only_b + self.neither

    @property
    def difference(self) -> float:
        """Rate of the first minus rate of the second, in [-1, 1]; 0 without pairs."""
        return (self.only_a - self.only_b) / self.pairs if self.pairs else 0.0

    @property
    def discordance(self) -> float:
        """Share of the pairs that the two policies ended differently, in [0, 1]."""
        return (self.only_a + self.only_b) / self.pairs if self.pairs else 0.0


@dataclass(frozen=True)
class Compared:
    """One row of a comparison.

    p: McNemar's exact two-sided p.  p_holm: the same, adjusted for the number of rows (the overall row is not among
    them).  tango: score interval for independent pairs.  bootstrap: percentile interval over whole scenes, the one to
    read when a scene was played several times.
    """

    row: str
    table: Table
    scenes: int
    p: float
    p_holm: float
    tango: Interval
    bootstrap: Interval


@dataclass(frozen=True)
class Comparison:
    """Every row, the overall one, and what was not paired: `alone_*` have no twin, `broken` lost it to an error."""

    rows: tuple[Compared, ...]
    overall: Compared
    alone_a: int
    alone_b: int
    broken: int


@dataclass(frozen=True)
class Paired:
    """Pairs in the order of their seeds, and the counts of what is left over."""

    pairs: tuple[Pair, ...]
    alone_a: int
    alone_b: int
    broken: int


def pair(first: Iterable[EpisodeRecord], second: Iterable[EpisodeRecord]) -> Paired:
    """Match episodes that put the same question (record.pairing); repeats are matched in order.

    A pair in which the world broke on either side is dropped and counted: it says nothing about the policies.
    Raises SpecError when nothing matches.
    """
    waiting: dict[object, list[EpisodeRecord]] = defaultdict(list)
    for record in second:
        waiting[record.pairing].append(record)
    pairs, alone_a, broken = [], 0, 0
    for record in first:
        twins = waiting[record.pairing]
        if not twins:
            alone_a += 1
            continue
        twin = twins.pop(0)
        if record.counts and twin.counts:
            pairs.append((record, twin))
        else:
            broken += 1
    alone_b = sum(map(len, waiting.values()))
    if not pairs:
        raise SpecError(
            f"the two runs share no episode with task, seed and instruction alike ({alone_a} against {alone_b} "
            f"without a twin, {broken} lost to errors); run both with the same --suite, --seed and --episodes"
        )
    return Paired(tuple(sorted(pairs, key=lambda each: each[0].seed)), alone_a, alone_b, broken)


def compare(paired: Paired, *, seed: int = 0) -> Comparison:
    """Compare row by row and overall. seed: of the bootstrap."""
    names = sorted({a.row for a, _ in paired.pairs})
    groups = [[each for each in paired.pairs if each[0].row == name] for name in names]
    adjusted = holm([mcnemar(table_of(group)) for group in groups])
    rows = [_compared(name, group, p_holm, seed) for name, group, p_holm in zip(names, groups, adjusted, strict=True)]
    overall = _compared("overall", paired.pairs, None, seed)
    return Comparison(tuple(rows), overall, paired.alone_a, paired.alone_b, paired.broken)


def _compared(name: str, pairs: Sequence[Pair], p_holm: float | None, seed: int) -> Compared:
    table = table_of(pairs)
    clusters = by_scene(pairs)
    p = mcnemar(table)
    return Compared(
        row=name,
        table=table,
        scenes=len(clusters),
        p=p,
        p_holm=p if p_holm is None else p_holm,
        tango=tango(table),
        bootstrap=cluster_bootstrap(clusters, seed=seed),
    )


def table_of(pairs: Iterable[Pair]) -> Table:
    """Count who succeeded."""
    ends = [(a.succeeded, b.succeeded) for a, b in pairs]
    return Table(
        ends.count((True, True)), ends.count((True, False)), ends.count((False, True)), ends.count((False, False))
    )


def mcnemar(table: Table) -> float:
    """Return McNemar's exact two-sided p: are the discordant pairs a fair coin's? 1 when there are none."""
    discordant = table.only_a + table.only_b
    return float(binomtest(table.only_a, discordant).pvalue) if discordant else 1.0


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p values adjusted by Holm's step-down method: all below 0.05 hold together at 5 %."""
    if not p_values:
        return []
    # Takes a second to import; only a comparison pays it.
    from statsmodels.stats.multitest import multipletests

    return [float(p) for p in multipletests(list(p_values), method="holm")[1]]


def tango(table: Table) -> Interval:
    """Return Tango's 95 % score interval of the paired difference (Tango 1998, Statistics in Medicine 17, 891-908).

    The ends are where the score statistic, with the discordant rate at its most likely value under that difference,
    equals the normal quantile. [-1, 1] without pairs.
    """
    if not table.pairs:
        return Interval(-1.0, 1.0)

    def distance(delta: float, side: float) -> float:
        gap = table.only_a - table.only_b - table.pairs * delta
        return gap - side * Z_95 * sqrt(_tango_variance(table, delta))

    # At the estimate itself both sides can be zero, without any discordant pair for one; the ends lie beside it.
    below, above = table.difference - _BESIDE, table.difference + _BESIDE
    low = -1.0 if below <= -1 else brentq(distance, -1.0, below, args=(1.0,))
    high = 1.0 if above >= 1 else brentq(distance, above, 1.0, args=(-1.0,))
    return Interval(float(low), float(high))


def _tango_variance(table: Table, delta: float) -> float:
    """Variance of only_a - only_b when the true difference is `delta`, at the constrained maximum likelihood."""
    only_a, only_b, n = table.only_a, table.only_b, table.pairs
    linear = -only_a - only_b + (2 * n - only_a + only_b) * delta
    constant = -only_b * delta * (1 - delta)
    rate_b = (sqrt(max(linear**2 - 8 * n * constant, 0.0)) - linear) / (4 * n)
    return max(n * (2 * rate_b + delta * (1 - delta)), 0.0)


def by_scene(pairs: Iterable[Pair]) -> list[tuple[int, int]]:
    """Return one (sum of differences, number of pairs) a scene."""
    sums: dict[int, tuple[int, int]] = {}
    for a, b in pairs:
        total, count = sums.get(a.scene, (0, 0))
        sums[a.scene] = (total + a.succeeded - b.succeeded, count + 1)
    return list(sums.values())


def cluster_bootstrap(clusters: Sequence[tuple[int, int]], *, seed: int, resamples: int = RESAMPLES) -> Interval:
    """Return the percentile interval (95 %) of the difference when whole scenes are drawn with replacement."""
    if not clusters:
        return Interval(-1.0, 1.0)
    kinds: NDArray[np.int64]
    kinds, copies = np.unique(np.asarray(clusters, dtype=np.int64), axis=0, return_counts=True)
    # Scenes of one kind are interchangeable, so a resample is a multinomial draw over the few kinds.
    drawn = np.random.default_rng(seed).multinomial(len(clusters), copies / copies.sum(), size=resamples)
    differences = (drawn @ kinds[:, 0]) / (drawn @ kinds[:, 1])
    low, high = np.quantile(differences, (0.025, 0.975))
    return Interval(float(low), float(high))
