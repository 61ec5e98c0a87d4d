"""Patterns lie on the table and in the background, not on the picture."""

from typing import get_args

import numpy as np
import pytest

from agent.types import CameraSpec
from sim.camera import FRONT, CameraView
from sim.perturb import at_level, draw_setting
from sim.setting import TABLE_COLOUR, Setting
from sim.surfaces import Pattern, PatternKind, paint_table, rays
from sim.tasks import NAMED_TASKS
from sim.world import TabletopWorld

CHECKS = Pattern("checks", (0.9, 0.1, 0.1), (0.1, 0.1, 0.9), size=0.05, turn=0.4)


def test_painting_agrees_with_one_pixel_at_a_time() -> None:
    size = (12, 16)
    rgb = np.random.default_rng(0).integers(40, 120, (*size, 3), dtype=np.uint8)
    mask = np.random.default_rng(1).random(size) < 0.5
    painted = paint_table(rgb, mask, FRONT, CHECKS, plain=TABLE_COLOUR)
    for v in range(size[0]):
        for u in range(size[1]):
            if not mask[v, u]:
                assert np.array_equal(painted[v, u], rgb[v, u])
                continue
            near = FRONT.point_of(u + 0.5, v + 0.5, 1.0, size)
            share = FRONT.eye[2] / (FRONT.eye[2] - near[2])
            point = np.asarray(FRONT.eye) + share * (near - FRONT.eye)
            assert abs(point[2]) < 1e-9
            wanted = rgb[v, u] / np.asarray(TABLE_COLOUR) * CHECKS.at(point[None, :2])[0]
            assert np.array_equal(painted[v, u], np.clip(wanted, 0, 255).astype(np.uint8))


@pytest.mark.parametrize("kind", get_args(PatternKind))
def test_every_pattern_mixes_its_two_colours(kind: PatternKind) -> None:
    points = np.random.default_rng(2).uniform(-0.5, 0.5, (500, 2))
    colours = Pattern(kind, (0.2, 0.4, 0.6), (0.8, 0.1, 0.3), seed=3).at(points)
    assert colours.shape == (500, 3)
    assert colours.min() >= 0.1 and colours.max() <= 0.8
    assert (len(np.unique(colours, axis=0)) == 1) == (kind == "plain")


def test_only_table_and_background_are_painted() -> None:
    world = TabletopWorld((CameraSpec("front", 64, 64),))
    plain = world.reset(NAMED_TASKS["eggplant_in_bowl"], seed=3).images["front"]
    bodies = world.render("front", 64, 64).bodies
    setting = draw_setting(at_level("texture", 5), seed=3)
    painted = world.reset(NAMED_TASKS["eggplant_in_bowl"], seed=3, setting=setting).images["front"]
    changed = np.any(plain != painted, axis=2)
    table = bodies[60, 2]
    assert not np.any(changed & (bodies != table) & (bodies >= 0))
    assert np.mean(changed[bodies == table]) > 0.9
    world.close()


def test_rays_point_at_what_the_pixels_show() -> None:
    view = CameraView((1.0, 0.2, 0.7), (0.4, 0.0, 0.0), (0.0, 0.0, 1.0), 50.0)
    directions = rays(view, (20, 30))
    spot = np.asarray(view.eye) + 0.8 * directions[7, 11]
    assert view.pixel_of(spot, (20, 30)) == pytest.approx([11.5, 7.5, 0.8])


def test_a_plain_setting_paints_nothing() -> None:
    rgb = np.zeros((4, 4, 3), dtype=np.uint8)
    assert Setting().dress(rgb, np.zeros((4, 4), dtype=np.int32), FRONT, table=0) is rgb
