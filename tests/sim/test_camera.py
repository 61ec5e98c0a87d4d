"""Pixels, points and depth of the cameras, checked against what the renderer draws."""

import numpy as np
import pybullet
import pytest
from numpy.typing import NDArray

from sim.arm import PandaArm
from sim.camera import FAR, FRONT, NEAR, CameraView, Light, metric_depth, wrist_view
from sim.geometry import BodySpec, Box, Part, Pose
from sim.physics import Physics, Picture

SIZE = (96, 128)


def draw(physics: Physics, view: CameraView, size: tuple[int, int]) -> Picture:
    return physics.render(view.view_matrix(), view.projection_matrix(size[1] / size[0]), size, Light())


def small_box(physics: Physics, position: tuple[float, float, float]) -> int:
    part = Part(Box((0.008, 0.008, 0.008)), colour=(1.0, 0.0, 0.0))
    return physics.add_body(BodySpec(collision=(), visual=(part,), mass=0), Pose(position))


def test_matrices_agree_with_the_engines_own() -> None:
    view = np.array(pybullet.computeViewMatrix(FRONT.eye, FRONT.target, FRONT.up)).reshape(4, 4).T
    projection = np.array(pybullet.computeProjectionMatrixFOV(FRONT.fov, 1.5, NEAR, FAR)).reshape(4, 4).T
    assert np.allclose(FRONT.view_matrix(), view, atol=1e-6)
    assert np.allclose(FRONT.projection_matrix(1.5), projection, atol=1e-5)


@pytest.mark.parametrize("camera", ["front", "wrist"])
@pytest.mark.parametrize("position", [(0.45, 0.0, 0.05), (0.52, 0.07, 0.02), (0.48, -0.06, 0.09)])
def test_a_box_is_drawn_where_pixel_of_says(camera: str, position: tuple[float, float, float]) -> None:
    physics = Physics()
    view = FRONT if camera == "front" else wrist_view(PandaArm(physics).tool_pose())
    box = small_box(physics, position)
    picture = draw(physics, view, SIZE)
    rows, columns = np.nonzero(picture.bodies == box)
    u, v, depth = view.pixel_of(position, SIZE)
    assert abs(columns.mean() + 0.5 - u) < 0.6
    assert abs(rows.mean() + 0.5 - v) < 0.6
    assert picture.rgb[int(v), int(u), 0] > 2 * int(picture.rgb[int(v), int(u), 1])
    seen = metric_depth(picture.depth)[int(v), int(u)]
    assert depth - 0.016 < seen < depth, "the near face, not the centre"
    physics.close()


def test_point_of_inverts_pixel_of() -> None:
    rng = np.random.default_rng(0)
    points = rng.uniform((0.3, -0.3, 0.0), (0.7, 0.3, 0.3), size=(50, 3))
    view = wrist_view(Pose((0.5, 0.1, 0.4), (0.1, 0.0, 0.2, float(np.sqrt(0.95)))))
    for camera in (FRONT, view):
        u, v, depth = camera.pixel_of(points, SIZE).T
        assert np.allclose(camera.point_of(u, v, depth, SIZE), points, atol=1e-9)


@pytest.mark.parametrize("up", [(0.0, 0.0, 1.0), (0.0, 1.0, 0.4)])
def test_every_table_pixel_lifts_to_height_zero(up: tuple[float, float, float]) -> None:
    physics = Physics()
    top = Part(Box((0.4, 0.5, 0.02)), Pose((0.5, 0.0, -0.02)))
    table = physics.add_body(BodySpec(collision=(), visual=(top,), mass=0), Pose())
    view = CameraView(FRONT.eye, FRONT.target, up, FRONT.fov)
    picture = draw(physics, view, (64, 64))
    rows, columns = np.nonzero((picture.bodies == table) & (view_of_top(view, (64, 64))))
    depth = metric_depth(picture.depth)[rows, columns]
    heights = view.point_of(columns + 0.5, rows + 0.5, depth, (64, 64))[:, 2]
    assert len(heights) > 1500
    assert np.abs(heights).max() < 2e-4, "half a pixel off would be 4 mm"
    physics.close()


def view_of_top(view: CameraView, size: tuple[int, int]) -> NDArray[np.bool_]:
    """Where the ray of a pixel meets the plane z = 0 well inside the table's edges."""
    height, width = size
    v, u = np.mgrid[0:height, 0:width] + 0.5
    far = view.point_of(u, v, np.ones(size), size) - view.eye
    met = np.asarray(view.eye) + far * (-view.eye[2] / far[..., 2])[..., None]
    return np.asarray((abs(met[..., 0] - 0.5) < 0.38) & (abs(met[..., 1]) < 0.48))


def test_front_shows_negative_y_on_the_left_and_larger_x_lower() -> None:
    left, right = FRONT.pixel_of(np.array([(0.5, -0.2, 0.0), (0.5, 0.2, 0.0)]), SIZE)
    behind, before = FRONT.pixel_of(np.array([(0.4, 0.0, 0.0), (0.6, 0.0, 0.0)]), SIZE)
    assert left[0] < right[0]
    assert behind[1] < before[1]


def test_wrist_sees_the_fingertips_low_and_what_lies_below_in_the_middle() -> None:
    physics = Physics()
    arm = PandaArm(physics)
    view = wrist_view(arm.tool_pose())
    tip = view.pixel_of(arm.tool_pose().position, (64, 64))
    below = view.pixel_of(np.subtract(arm.tool_pose().position, (0, 0, 0.12)), (64, 64))
    assert 0.65 * 64 < tip[1] < 0.95 * 64
    assert 0.4 * 64 < below[1] < 0.65 * 64
    drawn = draw(physics, view, (64, 64)).bodies == arm.body
    assert drawn[48:].sum() > 50, "the fingers are in the picture"
    assert drawn[16:40].sum() == 0, "and leave the middle free"
    physics.close()


def test_depth_of_nothing_is_the_far_plane() -> None:
    assert metric_depth(np.array([0.0, 1.0], dtype=np.float32)) == pytest.approx([NEAR, FAR], rel=1e-4)
