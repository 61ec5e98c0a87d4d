"""The hand neither goes down nor opens short of where it means to let go."""

import numpy as np
import pytest

from agent.types import FloatArray
from policies.releasing import CLOSE_ENOUGH, DESCENDS, TRAVEL, hold_until_there

SHUT, OPENS, RISES = (0.0, 0.0, -DESCENDS, 0.0), (0.01, 0.0, 0.0, 1.0), (0.0, 0.0, 0.04, 1.0)
DOWN = (0.0, 0.0, -0.04, 0.0)


def rows(*steps: tuple[float, float, float, float]) -> FloatArray:
    return np.array(steps, np.float32)


def changed(steps: FloatArray, x: float, y: float, *, held: float = 0.9, opening: float = 0.6) -> FloatArray:
    return hold_until_there(steps, np.array([x, y], np.float32), held=held, opening=opening)


def test_near_its_place_the_head_decides() -> None:
    steps = rows(SHUT, OPENS, RISES, RISES)
    assert changed(steps, 0.01 + 0.9 * CLOSE_ENOUGH, 0.0) is steps


def test_short_of_it_the_hand_first_goes_on_with_what_it_holds() -> None:
    after = changed(rows(SHUT, OPENS, RISES, RISES), 0.01 + 0.03, -0.04)
    np.testing.assert_allclose(after, rows(SHUT, (0.03, -0.04, 0.0, 0.0), OPENS, RISES), atol=1e-6)


def test_what_is_held_does_not_go_down_before_it_is_above_its_place() -> None:
    carry = (0.0, 0.03, 0.0, 0.0)
    after = changed(rows(carry, DOWN, OPENS, RISES), 0.0, 0.05)
    np.testing.assert_allclose(after, rows(carry, (0.0, 0.02, 0.0, 0.0), DOWN, OPENS), atol=1e-6)
    above = rows(carry, DOWN, OPENS, RISES)
    assert changed(above, 0.0, 0.03 + 0.9 * CLOSE_ENOUGH) is above


def test_a_long_way_takes_several_rows_of_legal_length() -> None:
    after = changed(rows(OPENS, RISES, RISES, RISES), 0.01, 0.3)
    assert after.shape == (4, 4) and not after[:, 3].any()
    assert np.abs(after[:, :2]).max() <= TRAVEL + 1e-6
    assert after[0, 1] == pytest.approx(0.3 / 7)


@pytest.mark.parametrize(("held", "opening"), [(0.2, 0.6), (0.9, 1.0), (0.9, 0.0)])
def test_a_hand_that_holds_nothing_opens_where_it_likes(held: float, opening: float) -> None:
    steps = rows(OPENS, RISES, RISES, RISES)
    assert changed(steps, 0.1, 0.1, held=held, opening=opening) is steps
    shut = rows(SHUT, SHUT)
    assert changed(shut, 0.1, 0.1) is shut
