"""Arrangements: those that geometry draws hold, those that are spoiled do not."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.errors import SpecError
from imagination.layout_cases import UNSEEN_COUNTS, draw_case, plural
from imagination.patterns import PATTERNS, Item, corners, holds, ideal, is_clear, item_of, on_table, separation

CUBES = [item_of(f"{colour} cube", "cube", colour, 1.0) for colour in ("red", "green", "blue", "yellow")]


@pytest.mark.parametrize("pattern", PATTERNS)
def test_what_geometry_draws_holds_and_is_clear_and_what_is_shuffled_does_not(pattern: str) -> None:
    rng = np.random.default_rng(500_000)
    for number in range(6):
        case = draw_case(rng, counts=UNSEEN_COUNTS if number % 2 else (4, 6), pattern=pattern)
        free = [index for index, item in enumerate(case.items) if not item.fixed]
        assert holds(pattern, case.items, case.answer)
        assert is_clear(case.items, case.answer) and on_table(case.answer[free])
        assert not holds(pattern, case.items, case.start)
        spoiled = case.answer.copy()
        spoiled[free[0], :2] += (0.07, 0.07)
        assert not holds(pattern, case.items, spoiled)
        fixed = [index for index, item in enumerate(case.items) if item.fixed]
        assert np.array_equal(case.answer[fixed], case.start[fixed])


def test_a_line_is_no_circle_and_a_circle_no_line() -> None:
    row = np.array([[0.4 + 0.07 * k, 0.0, 0.0] for k in range(4)])
    ring = np.array([[0.5 + 0.1 * np.cos(a), 0.1 * np.sin(a), 0.0] for a in np.arange(4) * np.pi / 2])
    assert holds("line", CUBES, row) and not holds("circle", CUBES, row)
    assert holds("circle", CUBES, ring) and not holds("line", CUBES, ring)


def test_uneven_gaps_are_no_line() -> None:
    row = np.array([[0.4, y, 0.0] for y in (-0.2, -0.12, -0.04, 0.2)])
    assert not holds("line", CUBES, row)


def test_sorting_asks_for_equal_colours_side_by_side() -> None:
    items = [item_of("a", "cube", c, 1.0) for c in ("red", "blue", "red", "blue")]
    row = np.array([[0.5, -0.15 + 0.1 * k, 0.0] for k in range(4)])
    assert not holds("sorted", items, row)
    assert holds("sorted", items, row[[0, 2, 1, 3]])


def test_a_table_needs_a_plate() -> None:
    with pytest.raises(SpecError, match="a plate"):
        holds("table", CUBES, np.zeros((4, 3)))


def test_the_arrangements_are_named() -> None:
    with pytest.raises(SpecError, match="circle, line, sorted, table"):
        ideal("spiral", CUBES, np.zeros((4, 3)), np.random.default_rng(0))


@settings(max_examples=40, deadline=None)
@given(st.floats(-0.2, 0.2), st.floats(-0.2, 0.2), st.floats(-3, 3), st.floats(-3, 3))
def test_rectangles_overlap_exactly_when_some_point_is_in_both(x: float, y: float, turn: float, other: float) -> None:
    """Against the slow way: a fine grid of points."""
    first, second = Item("a", "block", "red", (0.06, 0.02)), Item("b", "block", "red", (0.05, 0.03))
    poses = np.array([[0.0, 0.0, turn], [x, y, other]])
    apart = separation(corners(first, poses[0]), corners(second, poses[1]))
    steps = np.linspace(-0.1, 0.1, 81)
    points = np.stack(np.meshgrid(steps, steps), axis=-1).reshape(-1, 2)
    shared = bool(np.any(_inside(points, first, poses[0]) & _inside(points, second, poses[1])))
    if abs(apart) > 0.006:  # a grid of 2.5 mm sees no thinner overlap
        assert shared == (apart < 0)


def test_plurals() -> None:
    assert [plural(word) for word in ("cube", "brush", "dice", "strawberry", "tomato")] == [
        "cubes",
        "brushes",
        "dice",
        "strawberries",
        "tomatoes",
    ]


def _inside(points: np.ndarray, item: Item, pose: np.ndarray) -> np.ndarray:
    turn = np.array([[np.cos(pose[2]), np.sin(pose[2])], [-np.sin(pose[2]), np.cos(pose[2])]])
    return np.all(np.abs((points - pose[:2]) @ turn.T) <= np.asarray(item.half), axis=1)
