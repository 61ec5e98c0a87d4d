"""Decimation keeps the shape: on a sphere, whose area and volume are known."""

from pathlib import Path

import numpy as np

from sim.build_panda import centre_and_inertia, light_hull
from sim.decimate import TriangleMesh, corner_normals, read_obj, simplify, sphere_directions, weld, write_obj


def ball(radius: float = 0.05, count: int = 400) -> TriangleMesh:
    from scipy.spatial import ConvexHull

    points = radius * sphere_directions(count)
    faces = ConvexHull(points).simplices.astype(np.int64)
    mesh = TriangleMesh(points, faces)
    inward = np.einsum("fk,fk->f", mesh.face_normals(), points[faces].mean(axis=1)) < 0
    faces[inward] = faces[inward][:, ::-1]
    return TriangleMesh(points, faces)


def volume(mesh: TriangleMesh) -> float:
    a, b, c = (mesh.vertices[mesh.faces[:, corner]] for corner in range(3))
    return float(np.einsum("fk,fk->f", a, np.cross(b, c)).sum() / 6)


def test_simplify_keeps_area_volume_and_closedness() -> None:
    full = ball()
    light = simplify(full, 150)
    assert 100 <= len(light.faces) <= 150
    assert abs(light.areas().sum() / full.areas().sum() - 1) < 0.04
    assert abs(volume(light) / volume(full) - 1) < 0.04
    edges = np.sort(np.concatenate([light.faces[:, [0, 1]], light.faces[:, [1, 2]], light.faces[:, [2, 0]]]), axis=1)
    assert np.all(np.unique(edges, axis=0, return_counts=True)[1] == 2)


def test_weld_joins_split_vertices() -> None:
    full = ball()
    split = TriangleMesh(full.vertices[full.faces].reshape(-1, 3), np.arange(3 * len(full.faces)).reshape(-1, 3))
    assert len(weld(split).vertices) == len(full.vertices)


def test_normals_of_a_ball_point_outward_and_survive_the_file(tmp_path: Path) -> None:
    light = simplify(ball(), 200)
    normals = corner_normals(light, crease_degrees=60)
    outward = light.vertices[light.faces] / np.linalg.norm(light.vertices[light.faces], axis=2, keepdims=True)
    assert np.all((normals * outward).sum(axis=2) > 0.9)
    write_obj(tmp_path / "ball.obj", light)
    again = read_obj(tmp_path / "ball.obj")[""]
    assert np.array_equal(again.faces, light.faces)
    assert np.allclose(again.vertices, light.vertices, atol=1e-5)


def test_inertia_of_a_ball() -> None:
    centre, inertia = centre_and_inertia(ball(count=2000), 2.0)
    assert np.allclose(centre, 0, atol=1e-5)
    assert np.allclose(inertia, np.eye(3) * 0.4 * 2.0 * 0.05**2, atol=3e-5)


def test_light_hull_faces_outward() -> None:
    hull = light_hull(ball(count=2000).vertices)
    assert volume(hull) > 0.7 * 4 / 3 * np.pi * 0.05**3
    assert len(hull.vertices) <= 48
