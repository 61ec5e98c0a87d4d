"""What "95 %" means for each interval, computed exactly; the documented table is this one."""

from pathlib import Path

import pytest

from agent.evaluation.coverage import (
    RATES,
    TRIALS,
    coverage,
    markdown_table,
    paired_coverage,
    simulated_coverage,
)
from agent.evaluation.statistics import clopper_pearson, wilson

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "statistics.md"


@pytest.mark.parametrize("trials", TRIALS)
@pytest.mark.parametrize("rate", RATES)
def test_clopper_pearson_never_falls_short(rate: float, trials: int) -> None:
    assert coverage(clopper_pearson, rate, trials) >= 0.95


def test_wilson_falls_short_near_the_ends() -> None:
    assert coverage(wilson, 0.98, 50) == pytest.approx(0.9216, abs=5e-5)
    assert coverage(wilson, 0.05, 20) < 0.93


@pytest.mark.parametrize("interval", [wilson, clopper_pearson])
@pytest.mark.parametrize(("rate", "trials"), [(0.05, 20), (0.5, 50), (0.98, 200)])
def test_the_exact_sum_agrees_with_played_experiments(interval, rate: float, trials: int) -> None:  # type: ignore[no-untyped-def]
    """20,000 experiments: four standard errors are 0.6 points."""
    played = simulated_coverage(interval, rate, trials, runs=20_000, seed=1)
    assert coverage(interval, rate, trials) == pytest.approx(played, abs=0.0065)


def test_the_documented_table_is_the_computed_one() -> None:
    assert markdown_table() in DOCUMENT.read_text(encoding="utf-8")


@pytest.mark.parametrize(("difference", "discordance", "documented"), [(0.0, 0.3, 95.2), (0.2, 0.4, 94.7)])
def test_tangos_coverage_at_twenty_pairs_is_the_documented_one(
    difference: float, discordance: float, documented: float
) -> None:
    covered = 100 * paired_coverage(difference, discordance, 20)
    assert covered == pytest.approx(documented, abs=0.06)
    assert f"{documented:.1f}" in DOCUMENT.read_text(encoding="utf-8")
