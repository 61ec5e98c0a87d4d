"""Intervals against values published or computed by a slower way, and what counts as a trial."""

import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.stats import binom

from agent.evaluation.statistics import clopper_pearson, tally, wilson
from agent.types import Episode, Outcome, Status, Task


def test_wilson_solves_its_defining_equation() -> None:
    """Both ends p satisfy |rate - p| = z * sqrt(p (1 - p) / n)."""
    for successes, trials in ((187, 200), (1, 10), (29, 30)):
        interval = wilson(successes, trials)
        for end in (interval.low, interval.high):
            assert abs(successes / trials - end) == pytest.approx(
                1.959964 * np.sqrt(end * (1 - end) / trials), rel=1e-6
            )


def test_clopper_pearson_inverts_the_binomial_tails() -> None:
    for successes, trials in ((187, 200), (1, 10), (29, 30)):
        interval = clopper_pearson(successes, trials)
        low = brentq(lambda p: binom.sf(successes - 1, trials, p) - 0.025, 1e-9, 1 - 1e-9)  # noqa: B023
        high = brentq(lambda p: binom.cdf(successes, trials, p) - 0.025, 1e-9, 1 - 1e-9)  # noqa: B023
        assert (interval.low, interval.high) == pytest.approx((low, high), abs=1e-9)


@pytest.mark.parametrize("interval", [wilson, clopper_pearson])
def test_the_ends_of_the_scale(interval) -> None:  # type: ignore[no-untyped-def]
    assert interval(0, 20).low == pytest.approx(0.0, abs=1e-12)
    assert interval(20, 20).high == pytest.approx(1.0, abs=1e-12)
    assert 0 < interval(0, 20).high < 0.2
    nothing = interval(0, 0)
    assert (nothing.low, nothing.high) == (0.0, 1.0)


def episode(outcome: Outcome, **further: object) -> Episode:
    task = Task("t", "do it", None, 10)
    return Episode(task, 0, outcome, 3, "", 0.1, **further)  # type: ignore[arg-type]


def test_errors_are_shown_beside_the_rate_and_never_inside() -> None:
    rows = [episode(Outcome.SUCCESS)] * 187 + [episode(Outcome.TIMEOUT)] * 13 + [episode(Outcome.ERROR)] * 4
    counts = tally(rows)
    assert str(counts) == "187/200 = 93.5 % [89.2, 96.2], 4 errors"
    assert counts.as_mapping()["episodes"] == 204


def test_three_readings_of_success_and_wrong_objects_are_counted_apart() -> None:
    rows = [
        episode(Outcome.SUCCESS, success_any=True, success_last=True, success_held=True),
        episode(Outcome.TIMEOUT, success_any=True),
        episode(Outcome.TIMEOUT, status=Status(wrong_object="banana")),
        episode(Outcome.REFUSED),
    ]
    counts = tally(rows)
    assert (counts.successes, counts.success_last, counts.success_any) == (1, 1, 2)
    assert (counts.wrong_object, counts.refused, counts.trials) == (1, 1, 4)
