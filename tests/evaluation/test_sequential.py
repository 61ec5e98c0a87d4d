"""The betting test keeps its error rate however often one looks, and the interval its coverage; by simulation."""

from itertools import pairwise

import numpy as np
import pytest
from scipy.stats import binom

from agent.errors import SpecError
from agent.evaluation.sequential import MEANS, NO_DIFFERENCE, SHARES, Bettor, bet, capital

ALPHA = 0.05


def draws(difference: float, discordance: float, shape: tuple[int, int], seed: int = 0) -> np.ndarray:
    chances = [(discordance - difference) / 2, 1 - discordance, (discordance + difference) / 2]
    return np.random.default_rng(seed).choice([-1, 0, 1], size=shape, p=chances)


def ever_rejected(seen: np.ndarray) -> float:
    """Share of experiments that ever reach 1 / alpha, looked at after every pair."""
    wins, losses = (np.cumsum(seen == side, axis=1) for side in (1, -1))
    return float(np.mean([(capital(won, lost) >= 1 / ALPHA).any() for won, lost in zip(wins, losses, strict=True)]))


@pytest.mark.parametrize("discordance", [0.2, 1.0])
def test_looking_after_every_pair_keeps_the_error_rate(discordance: float) -> None:
    """3,000 experiments of 300 pairs without a difference; McNemar's p, looked at as often, would err far more."""
    assert ever_rejected(draws(0.0, discordance, (3000, 300))) <= ALPHA


def test_a_difference_is_found() -> None:
    assert ever_rejected(draws(0.2, 0.4, (200, 300))) > 0.9


def test_the_mean_capital_without_a_difference_is_one() -> None:
    """Exactly, over all 2^12 sequences: the game is fair."""
    wins = np.arange(13)
    ways = np.array([float(np.prod(np.arange(13 - w, 13)) / np.prod(np.arange(1, w + 1))) for w in wins])
    assert np.sum(ways * capital(wins, 12 - wins)) / 2**12 == pytest.approx(1.0)


def test_betting_one_by_one_gives_the_capital_of_the_counts() -> None:
    seen = draws(0.1, 0.5, (1, 120))[0]
    fast = capital(np.array(int(np.sum(seen == 1))), np.array(int(np.sum(seen == -1))))
    assert bet(seen).evidence == pytest.approx(float(fast))


def test_the_capital_against_any_mean_is_the_product_of_its_bets() -> None:
    seen, bettor = draws(0.1, 0.5, (1, 40))[0], Bettor(ALPHA)
    for difference in seen:
        bettor.add(int(difference))
    for index in (30, NO_DIFFERENCE, 330):
        mean, total = MEANS[index], 0.0
        for share in SHARES:
            total += np.prod([1 + share / (1 + mean) * (d - mean) for d in seen])
            total += np.prod([1 - share / (1 - mean) * (d - mean) for d in seen])
        assert np.exp(bettor._log_capital()[index]) == pytest.approx(total / (2 * len(SHARES)))


@pytest.mark.parametrize(("difference", "discordance"), [(0.0, 0.3), (0.15, 0.25), (-0.6, 0.8)])
def test_the_interval_holds_the_truth_at_all_times_at_once(difference: float, discordance: float) -> None:
    """The reported interval is the intersection over all times, so holding at the end is holding always.

    An interval that misses at the rate alpha would show more misses than allowed here once in a thousand.
    """
    experiments = draws(difference, discordance, (150, 60), seed=2)
    missed = sum(difference not in bet(seen).interval for seen in experiments)
    assert missed <= binom.ppf(0.999, len(experiments), ALPHA)


def test_the_moment_of_stopping_and_the_interval_agree() -> None:
    one_sided = bet([1] * 30)
    assert one_sided.stopped_at == 8
    assert one_sided.interval.low > 0.6
    none = bet([0] * 50)
    assert (none.stopped_at, none.evidence, none.p) == (None, pytest.approx(1.0), pytest.approx(1.0))
    assert 0.0 in none.interval


def test_an_interval_never_grows_and_refuted_stays_refuted() -> None:
    bettor, widths = Bettor(ALPHA), []
    for difference in [1] * 10 + [-1] * 30:
        bettor.add(difference)
        verdict = bettor.verdict()
        widths.append(verdict.interval.high - verdict.interval.low)
    assert all(later <= earlier for earlier, later in pairwise(widths))
    assert bettor.decided and verdict.p <= ALPHA


@pytest.mark.parametrize("alpha", [0.0, 1.0, -0.1, 5.0])
def test_an_error_rate_outside_of_0_and_1_is_refused(alpha: float) -> None:
    with pytest.raises(SpecError, match="between 0 and 1"):
        Bettor(alpha)
