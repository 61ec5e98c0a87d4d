"""Exact power against simulated experiments and against the published figure."""

import numpy as np
import pytest
from scipy.stats import binomtest

from agent.errors import SpecError
from agent.evaluation.power import independent_discordance, largest_tail, pairs_needed, power


@pytest.mark.parametrize(("pairs", "difference", "discordance"), [(60, 0.2, 0.4), (200, -0.1, 0.3), (25, 0.3, 0.3)])
def test_power_is_the_share_of_simulated_experiments_that_reject(
    pairs: int, difference: float, discordance: float
) -> None:
    chances = [(discordance + difference) / 2, (discordance - difference) / 2, 1 - discordance]
    drawn = np.random.default_rng(0).multinomial(pairs, chances, size=2000)
    tested = {
        (a, b): bool(a + b) and binomtest(int(a), int(a + b)).pvalue <= 0.05 for a, b, _ in np.unique(drawn, axis=0)
    }
    simulated = np.mean([tested[a, b] for a, b, _ in drawn])
    exact = power(pairs, difference=difference, discordance=discordance)
    assert exact == pytest.approx(simulated, abs=4 * np.sqrt(0.25 / 2000))


def test_the_rejection_region_is_the_tests_own() -> None:
    for discordant in range(1, 60):
        tail = int(largest_tail(np.array([discordant]), 0.05)[0])
        rejected = [wins for wins in range(discordant // 2 + 1) if binomtest(wins, discordant).pvalue <= 0.05]
        assert tail == (max(rejected) if rejected else -1)


@pytest.mark.parametrize(("difference", "discordance"), [(0.05, 0.1), (0.1, 0.3), (0.35, 0.5)])
def test_so_many_pairs_are_enough_and_much_fewer_are_not(difference: float, discordance: float) -> None:
    pairs = pairs_needed(difference=difference, discordance=discordance)
    assert pairs is not None
    assert power(pairs, difference=difference, discordance=discordance) >= 0.8
    assert power(int(0.9 * pairs), difference=difference, discordance=discordance) < 0.8


def test_no_difference_needs_no_number_and_a_tiny_one_too_many() -> None:
    assert pairs_needed(difference=0.0, discordance=0.2) is None
    assert pairs_needed(difference=0.001, discordance=0.5) is None
    assert power(100, difference=0.0, discordance=0.0) == 0.0


def test_an_impossible_discordance_is_refused() -> None:
    with pytest.raises(SpecError, match=r"needs between 0\.3 and 1"):
        power(50, difference=0.3, discordance=0.1)


def test_pairing_scenes_saves_episodes() -> None:
    """35 against 70 %: 37 pairs even if the scene made no difference, far fewer when the better one keeps every win."""
    assert pairs_needed(difference=0.35, discordance=independent_discordance(0.35, 0.7)) == 37
    assert pairs_needed(difference=0.35, discordance=0.35) < 30  # type: ignore[operator]
