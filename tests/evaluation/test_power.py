"""Exact power against simulated experiments and against the published figure."""

import numpy as np
import pytest
from scipy.stats import binomtest

from agent.errors import SpecError
from agent.evaluation.power import independent_discordance, largest_tail, pairs_needed, plan, power


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


@pytest.mark.parametrize(("rate", "difference", "wanted"), [(0.8, 0.1, 0.8), (0.5, -0.2, 0.9)])
def test_a_plan_holds_in_simulated_experiments_whatever_the_scene_decides(
    rate: float, difference: float, wanted: float
) -> None:
    """Two policies are played on paper, success by success; the plan knows nothing of how that is done."""
    made = plan(rate=rate, difference=difference, wanted=wanted)
    generator = np.random.default_rng(3)
    independent, _, nested = made.cases
    for case, scene_decides in ((independent, False), (nested, True)):
        assert case.pairs is not None
        found, tested = 0, dict[tuple[int, int], bool]()
        for _ in range(1500):
            luck = generator.uniform(size=(2, case.pairs))
            one = luck[0] < rate
            other = luck[0 if scene_decides else 1] < rate + difference
            wins, losses = int(np.sum(one & ~other)), int(np.sum(~one & other))
            if (wins, losses) not in tested:
                tested[wins, losses] = wins + losses > 0 and binomtest(wins, wins + losses).pvalue <= 0.05
            found += tested[wins, losses]
        assert found / 1500 == pytest.approx(wanted, abs=0.04)


def test_a_plan_costs_less_the_more_the_scene_decides() -> None:
    most, middle, least = (case.pairs for case in plan(rate=0.8, difference=0.05).cases)
    assert most is not None and middle is not None and least is not None
    assert most > middle > least


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        ({"rate": 0.98, "difference": 0.05}, r"rates lie between 0 and 1, got 0\.98 and 1\.03"),
        ({"rate": 0.5, "difference": 0.0}, "no number of episodes finds a difference of 0"),
        ({"rate": 0.5, "difference": 0.1, "wanted": 1.0}, "power must be above 0 and below 1, got 1"),
        ({"rate": 0.5, "difference": 0.1, "alpha": 0.0}, "alpha must be above 0"),
    ],
)
def test_a_plan_that_makes_no_sense_is_refused(asked: dict[str, float], sentence: str) -> None:
    with pytest.raises(SpecError, match=sentence):
        plan(**asked)
