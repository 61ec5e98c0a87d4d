"""The overlay: heat where the map is warm, a path where the points are, tokens beside the picture."""

import numpy as np
import pytest

from agent.recording.explain import COLOURS, PANEL, Overlay, enlarged, heated, peak
from agent.types import Explanation, FloatArray, HeatMap

PICTURE = np.full((96, 120, 3), 100, dtype=np.uint8)
NO_TOKENS, NO_PATH, NO_OPENING = np.zeros((0, 0), np.float32), np.zeros((0, 3), np.float32), np.zeros(0, np.float32)


def at_cell(row: int, column: int, *, label: str = "subject", camera: str = "front") -> HeatMap:
    heat = np.full((8, 10), 0.001, dtype=np.float32)
    heat[row, column] = 1.0
    return HeatMap(camera, label, heat / heat.sum())


def straight(points: FloatArray) -> FloatArray:
    """100 pixels a metre, all of it one metre before the camera; negative x lies behind it."""
    return np.stack([100 * points[:, 1], 100 * points[:, 2], np.sign(points[:, 0])], axis=1)


def changed(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    return np.argwhere((one != other).any(axis=2))


def test_the_tint_lies_on_the_warm_cell_in_the_labels_colour() -> None:
    tinted = heated(PICTURE, [at_cell(2, 7)]).astype(int) - 100
    warmest = np.unravel_index(np.abs(tinted).sum(axis=2).argmax(), (96, 120))
    assert np.abs(np.subtract(warmest, (2.5 * 12, 7.5 * 12))).max() <= 6
    towards = np.sign(np.array(COLOURS["subject"]) - 100)
    assert (np.sign(tinted[warmest]) == towards).all()
    assert np.abs(tinted[80:, :40]).max() < np.abs(tinted).max() / 5


def test_the_peak_is_the_middle_of_its_cell_and_of_the_enlarged_map() -> None:
    heat = at_cell(5, 3).heat
    u, v = peak(heat, (96, 120))
    assert (u, v) == (42.0, 66.0)
    assert enlarged(heat, (96, 120))[int(v), int(u)] == pytest.approx(1.0, abs=0.1)
    assert enlarged(heat, (96, 120)).shape == (96, 120)


def test_nothing_is_drawn_on_the_picture_without_an_explanation_or_for_another_camera() -> None:
    overlay = Overlay("front", straight)
    blank = overlay.draw(PICTURE, None)
    assert blank.shape == (96, 120 + PANEL, 3)
    np.testing.assert_array_equal(blank[:, :120], PICTURE)
    other = Explanation((at_cell(1, 1, camera="wrist"),), NO_TOKENS, NO_PATH, NO_OPENING)
    np.testing.assert_array_equal(overlay.draw(PICTURE, other)[:, :120], PICTURE)


def test_the_path_goes_through_its_points_and_ends_behind_the_camera() -> None:
    path = np.array([[1, 0.20, 0.20], [1, 0.50, 0.20], [1, 0.50, 0.70], [-1, 0.9, 0.2]], dtype=np.float32)
    explanation = Explanation((), NO_TOKENS, path, np.array([1, 1, 0, 0], dtype=np.float32))
    drawn = Overlay("front", straight).draw(PICTURE, explanation)[:, :120]
    touched = {(int(u), int(v)) for v, u in changed(drawn, PICTURE)}
    assert {(35, 20), (50, 45)} <= touched
    assert max(u for u, _ in touched) <= 53
    green, red = drawn[20, 20].astype(int), drawn[70, 50].astype(int)
    assert green[1] > green[0] and red[0] > red[1]
    without = Overlay("front", None).draw(PICTURE, explanation)[:, :120]
    np.testing.assert_array_equal(without, PICTURE)


@pytest.mark.parametrize("shape", [(4, 7), (1, 24), (8, 3), (1, 1), (16, 7)])
def test_sure_tokens_are_greener_than_unsure_ones(shape: tuple[int, int]) -> None:
    overlay = Overlay("front", None)
    panels = []
    for chance in (0.02, 0.98):
        explanation = Explanation((), np.full(shape, chance, np.float32), NO_PATH, NO_OPENING)
        panels.append(overlay.draw(PICTURE, explanation)[:, 120:].astype(int))
    differs = changed(*panels)
    assert len(differs) > 20
    greener = (panels[1] - panels[0])[..., 1]
    assert greener[differs[:, 0], differs[:, 1]].mean() > 0


def test_drawing_leaves_the_given_picture_alone() -> None:
    before = PICTURE.copy()
    Overlay("front", straight).draw(PICTURE, Explanation((at_cell(0, 0),), NO_TOKENS, NO_PATH, NO_OPENING))
    np.testing.assert_array_equal(PICTURE, before)
