"""Meshes are closed, face outwards, weigh what they should and survive being written."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from sim import meshes
from sim.meshes import TriangleMesh


def edges(mesh: TriangleMesh) -> Counter[tuple[int, int]]:
    return Counter((int(face[k]), int(face[(k + 1) % 3])) for face in mesh.faces for k in range(3))


CLOSED = {
    "lathe": meshes.lathe([(0.0, -1.0), (0.8, -0.5), (0.8, 0.5), (0.0, 1.0)], 9),
    "tube": meshes.tube(np.array([(0, 0, 0), (1, 0.2, 0.1), (2, 0.6, 0.1)]), np.array([0.0, 0.3, 0.2]), 7),
    "upright tube": meshes.tube(
        np.array([(0, 0, 0), (0.5, 0, 0.5), (0.5, 0, 1.5)]), np.full(3, 0.1), 6, up=(0.0, 1.0, 0.0)
    ),
    "extrude": meshes.extrude([(1, 0), (0, 1), (-1, 0), (0, -1)], 0.0, 0.5),
    "bevelled box": meshes.bevelled_box((1.0, 2.0, 3.0), 0.1),
    "shell": meshes.lathe([(0.0, 0.0), (1.0, 0.0), (1.2, 1.0), (1.1, 1.0), (0.9, 0.1), (0.0, 0.1)], 12),
}


@pytest.mark.parametrize("mesh", CLOSED.values(), ids=CLOSED)
def test_closed_and_facing_outwards(mesh: TriangleMesh) -> None:
    count = edges(mesh)
    assert all(times == 1 and count[(b, a)] == 1 for (a, b), times in count.items())
    assert meshes.volume_and_centroid(mesh)[0] > 0


def test_volume_and_centroid_of_a_box_and_of_a_ball() -> None:
    box = meshes.moved(meshes.bevelled_box((1.0, 2.0, 3.0), 1e-5), (0.5, -1.0, 2.0))
    volume, centre = meshes.volume_and_centroid(box)
    assert volume == pytest.approx(48.0, rel=1e-4)
    np.testing.assert_allclose(centre, (0.5, -1.0, 2.0), atol=1e-4)
    angles = np.linspace(-np.pi / 2, np.pi / 2, 40)
    ball = meshes.lathe([(0.0, -1.0), *((np.cos(a), np.sin(a)) for a in angles[1:-1]), (0.0, 1.0)], 60)
    assert meshes.volume_and_centroid(ball)[0] == pytest.approx(4 / 3 * np.pi, rel=0.01)


def test_hull_holds_every_point_and_refuses_too_many_vertices() -> None:
    points = np.random.default_rng(0).normal(size=(60, 3))
    hull = meshes.convex_hull(points)
    a, b, c = (hull.vertices[hull.faces[:, k]] for k in range(3))
    normals = np.cross(b - a, c - a)
    heights = np.einsum("fj,pfj->pf", normals, points[:, None, :] - a[None])
    assert heights.max() < 1e-5
    with pytest.raises(ValueError, match="at most 8"):
        meshes.convex_hull(points, most=8)


def test_normals_are_smooth_on_round_things_and_sharp_on_boxes() -> None:
    rod = meshes.lathe([(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)], 16)
    normals = meshes.corner_normals(rod)
    np.testing.assert_allclose(np.linalg.norm(normals, axis=2), 1.0, atol=1e-9)
    side = np.abs(normals[:, :, 2]) < 0.5
    corners = rod.vertices[rod.faces][side]
    np.testing.assert_allclose(normals[side][:, :2], corners[:, :2], atol=0.2)
    assert np.all((np.abs(normals[:, :, 2]) < 1e-9) | (np.abs(normals[:, :, 2]) > 1 - 1e-9))


def test_obj_round_trip(tmp_path: Path) -> None:
    mesh = CLOSED["shell"]
    meshes.write_obj(tmp_path / "a.obj", mesh)
    back = meshes.read_obj(tmp_path / "a.obj")
    np.testing.assert_allclose(back.vertices, mesh.vertices, atol=1e-5)
    np.testing.assert_array_equal(back.faces, mesh.faces)


def test_turn_about_moves_x_to_y() -> None:
    np.testing.assert_allclose(meshes.turn_about("z", 90) @ (1, 0, 0), (0, 1, 0), atol=1e-12)
    np.testing.assert_allclose(meshes.turn_about("y", 90) @ (0, 0, 1), (1, 0, 0), atol=1e-12)
    np.testing.assert_allclose(meshes.turn_about("x", 90) @ (0, 1, 0), (0, 0, 1), atol=1e-12)
