"""Paired comparison against slower ways of saying the same, and against published values."""

from itertools import product

import numpy as np
import pytest
from scipy.optimize import brentq, minimize_scalar
from statsmodels.stats.contingency_tables import mcnemar as mcnemar_of_statsmodels

from agent.errors import SpecError
from agent.evaluation.compare import (
    Table,
    by_scene,
    cluster_bootstrap,
    compare,
    holm,
    mcnemar,
    pair,
    table_of,
    tango,
)
from agent.evaluation.records import EpisodeRecord
from agent.types import Outcome


def record(row: str, seed: int, good: bool | None, words: str = "do it") -> EpisodeRecord:
    outcome = {True: Outcome.SUCCESS, False: Outcome.TIMEOUT, None: Outcome.ERROR}[good]
    return EpisodeRecord(row, words, seed, outcome)


def runs(ends: list[tuple[bool, bool]], row: str = "cube") -> tuple[list[EpisodeRecord], list[EpisodeRecord]]:
    first = [record(row, seed, a) for seed, (a, _) in enumerate(ends)]
    return first, [record(row, seed, b) for seed, (_, b) in enumerate(ends)]


def test_episodes_are_paired_by_task_seed_and_instruction_whatever_their_order() -> None:
    first = [
        record("cube", 1, True),
        record("cube", 2, False),
        record("cube", 3, True, "lift"),
        record("ball", 1, True),
    ]
    second = [record("cube", 3, True, "raise"), record("cube", 2, True), record("cube", 1, False)]
    paired = pair(first, second)
    assert [(a.seed, b.seed) for a, b in paired.pairs] == [(1, 1), (2, 2)]
    assert table_of(paired.pairs) == Table(both=0, only_a=1, only_b=1, neither=0)
    assert (paired.alone_a, paired.alone_b, paired.broken) == (2, 1, 0)


def test_a_world_fault_on_either_side_drops_the_pair() -> None:
    paired = pair(
        [record("cube", n, n != 1) for n in range(3)], [record("cube", n, None if n == 2 else True) for n in range(3)]
    )
    assert (len(paired.pairs), paired.broken) == (2, 1)


def test_repeats_of_one_scene_are_paired_in_order_and_count_as_one_scene() -> None:
    first = [record("cube", 5, True), record("cube", 5, False), record("cube", 6, True)]
    second = [record("cube", 5, True), record("cube", 5, True), record("cube", 6, False)]
    paired = pair(first, second)
    assert table_of(paired.pairs) == Table(1, 1, 1, 0)
    assert sorted(by_scene(paired.pairs)) == [(-1, 2), (1, 1)]
    assert compare(paired).overall.scenes == 2


def test_runs_that_share_nothing_are_refused() -> None:
    with pytest.raises(SpecError, match="share no episode"):
        pair([record("cube", 1, True)], [record("cube", 2, True)])


def test_mcnemar_agrees_with_statsmodels() -> None:
    for only_a, only_b in product(range(0, 12, 3), range(0, 15, 4)):
        theirs = mcnemar_of_statsmodels([[7, only_a], [only_b, 5]], exact=True).pvalue if only_a + only_b else 1.0
        assert mcnemar(Table(7, only_a, only_b, 5)) == pytest.approx(theirs)


def test_tango_gives_the_published_interval() -> None:
    """Airway hyper-responsiveness of Bentur et al. 2009: table 8.8 of Fagerland, Lydersen and Laake (2017)."""
    interval = tango(Table(both=1, only_a=1, only_b=7, neither=12))
    assert (interval.low, interval.high) == pytest.approx((-0.517, -0.026), abs=5e-4)


@pytest.mark.parametrize("table", [Table(20, 9, 3, 18), Table(0, 4, 0, 6), Table(30, 1, 2, 1), Table(0, 2, 11, 40)])
def test_tango_solves_its_defining_equation(table: Table) -> None:
    """At both ends the score statistic is the normal quantile, its nuisance rate maximised numerically."""

    def statistic(delta: float) -> float:
        def cost(rate_b: float) -> float:
            rate_a = rate_b + delta
            rest = 1 - rate_a - rate_b
            parts = ((table.only_a, rate_a), (table.only_b, rate_b), (table.both + table.neither, rest))
            return -sum(count * np.log(max(rate, 1e-300)) for count, rate in parts)

        low, high = max(0.0, -delta), (1 - delta) / 2
        rate_b = minimize_scalar(cost, bounds=(low, high), method="bounded", options={"xatol": 1e-13}).x
        variance = table.pairs * (2 * rate_b + delta - delta**2)
        return (table.only_a - table.only_b - table.pairs * delta) / np.sqrt(variance)

    estimate, interval = table.difference, tango(table)
    low = brentq(lambda delta: statistic(delta) - 1.959964, -0.999, estimate - 1e-6)
    high = brentq(lambda delta: statistic(delta) + 1.959964, estimate + 1e-6, 0.999)
    assert (interval.low, interval.high) == pytest.approx((low, high), abs=2e-4)


@pytest.mark.parametrize("table", [Table(5, 0, 0, 5), Table(0, 10, 0, 0), Table(0, 0, 10, 0), Table(0, 0, 0, 0)])
def test_tango_never_claims_certainty(table: Table) -> None:
    interval = tango(table)
    assert interval.high - interval.low > 0.4
    assert table.difference in interval
    assert interval.low >= -1 and interval.high <= 1


def test_swapping_the_policies_mirrors_everything() -> None:
    ends = [(True, False)] * 9 + [(False, True)] * 3 + [(True, True)] * 20
    there, back = (compare(pair(*order)).overall for order in (runs(ends), runs(ends)[::-1]))
    assert there.p == back.p
    assert (there.tango.low, there.tango.high) == pytest.approx((-back.tango.high, -back.tango.low))
    assert there.table.difference == -back.table.difference


def test_holm_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([]) == []


def test_rows_are_adjusted_for_their_number_and_the_overall_row_is_not() -> None:
    good = [(True, False)] * 8 + [(False, True)]
    cube, ball = runs(good, "cube"), runs(good, "ball")
    result = compare(pair(cube[0] + ball[0], cube[1] + ball[1]))
    assert [row.row for row in result.rows] == ["ball", "cube"]
    assert [row.p_holm for row in result.rows] == pytest.approx([2 * row.p for row in result.rows])
    assert result.overall.p_holm == result.overall.p < min(row.p for row in result.rows)


def test_the_bootstrap_draws_whole_scenes_like_its_slow_twin() -> None:
    generator = np.random.default_rng(3)
    clusters = [
        (int(total), int(count))
        for total, count in zip(generator.integers(-2, 3, 40), generator.integers(2, 4, 40), strict=True)
    ]
    fast = cluster_bootstrap(clusters, seed=0)
    drawn = []
    for _ in range(3000):
        picked = [clusters[index] for index in generator.integers(0, len(clusters), len(clusters))]
        drawn.append(sum(total for total, _ in picked) / sum(count for _, count in picked))
    assert (fast.low, fast.high) == pytest.approx(np.quantile(drawn, (0.025, 0.975)), abs=0.02)


def test_the_bootstrap_is_wider_when_the_episodes_of_a_scene_agree() -> None:
    alone = cluster_bootstrap([(1, 1)] * 30 + [(-1, 1)] * 20 + [(0, 1)] * 50, seed=0)
    in_fives = cluster_bootstrap([(5, 5)] * 6 + [(-5, 5)] * 4 + [(0, 5)] * 10, seed=0)
    assert in_fives.high - in_fives.low > 2 * (alone.high - alone.low)
