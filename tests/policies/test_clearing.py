"""Before a thing is said not to be there, the hand gets out of the way."""

import numpy as np
import pytest

from agent.types import FloatArray
from policies.clearing import (
    ABOVE_THINGS,
    ASIDE,
    FLOOR,
    HOME,
    MOST_LOOKS,
    Search,
    is_clear,
    refusable,
    remember_search,
    search_of,
    way_out,
)

SAY = "lift the spoon"


def hand(x: float, y: float, z: float, opening: float = 1.0) -> FloatArray:
    return np.array([x, y, z, opening], np.float32)


def cleared(start: FloatArray, *, floor: float = 0.0, executed: int = 2) -> tuple[list[FloatArray], Search]:
    """The hand at every look until its view is clear; what it holds reaches `floor` [m] below it."""
    looks, now = [start], start
    search = search_of(None, SAY, now, first=True)
    assert search is not None
    while not is_clear(now, search):
        memory = remember_search(search, now, SAY)
        for row in way_out(now, search, 4)[:executed]:
            now = np.append(now[:3] + row[:3], now[3])
            now[2] = max(now[2], floor if now[3] < 0.95 else 0.0)
            if row[3] > 0.5 or (row[3] == 0 and now[3] > 0.95):
                now[3] = row[3]
        looks.append(now)
        again = search_of(memory, SAY, now, first=False)
        assert again is not None
        search = again
    return looks, search


def test_a_hand_at_home_is_out_of_the_way_as_an_episode_begins() -> None:
    for offset in ((0.05, 0.08, 0.04), (-0.05, -0.08, -0.04)):
        assert is_clear(hand(*(HOME + offset)), Search())
    assert not is_clear(hand(*HOME), Search(looks=1))


@pytest.mark.parametrize("start", [(0.41, -0.31, 0.05), (0.65, 0.3, 0.03), (0.38, -0.10, 0.24)])
def test_the_hand_rises_then_goes_to_the_other_side(start: tuple[float, float, float]) -> None:
    looks, search = cleared(hand(*start))
    assert looks[-1][1] == pytest.approx(-np.sign(start[1]) * ASIDE, abs=0.03)
    assert looks[-1][2] > ABOVE_THINGS and search.looks < MOST_LOOKS
    low = [look for look in looks if look[2] < ABOVE_THINGS - 0.05]
    assert all(look[:2] == pytest.approx(start[:2], abs=1e-6) for look in low)


@pytest.mark.parametrize("floor", [0.0, 0.08])
def test_what_is_held_is_put_down_where_it_hangs_first(floor: float) -> None:
    looks, search = cleared(hand(0.5, 0.1, 0.18, 0.6), floor=floor)
    opened = next(look for look in looks if look[3] > 0.95)
    assert opened[:2] == pytest.approx([0.5, 0.1], abs=1e-6)
    assert opened[2] <= max(FLOOR, floor) + 0.01
    assert looks[-1][2] > ABOVE_THINGS and search.looks < MOST_LOOKS


def test_it_does_not_look_for_ever() -> None:
    assert is_clear(hand(0.5, 0.1, 0.1, 0.5), Search(looks=MOST_LOOKS))
    for spoiled in (np.nan, np.inf, 1e300):
        memory = remember_search(Search(), hand(*HOME), SAY)
        memory[1] = spoiled
        found = search_of(memory, SAY, hand(*HOME), first=False)
        assert found is not None and found.looks == MOST_LOOKS


def test_only_a_memory_of_a_search_for_these_words_goes_on_with_it() -> None:
    here = hand(*HOME)
    memory = remember_search(Search(looks=2, side=ASIDE), here, SAY)
    found = search_of(memory, SAY, here, first=False)
    assert found is not None and found.looks == 3 and found.side == ASIDE
    assert search_of(memory, "lift the fork", here, first=False) is None
    assert search_of(np.zeros(24), SAY, here, first=False) is None
    assert search_of(None, SAY, here, first=False) is None
    begun = search_of(memory, "lift the fork", here, first=True)
    assert begun is not None and begun.looks == 0 and begun.side == -ASIDE


def test_with_the_hand_in_the_way_a_doubt_is_enough_to_look_again_and_a_refusal_must_be_sure() -> None:
    hidden, fresh, aside = (
        refusable(Search(looks), clear=clear) for looks, clear in ((0, False), (0, True), (5, True))
    )
    assert hidden < fresh < aside
    assert refusable(Search(0), clear=True, unheard=True) > fresh
    assert refusable(Search(0), clear=False, unheard=True) == hidden
