"""Small triangle meshes made from rings of points: turned, bent and hollow things, their hulls, and OBJ files."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import ConvexHull

from sim.geometry import Array, Vector3

Faces = NDArray[np.int64]

CREASE = np.radians(50.0)
"""Edges sharper than this stay sharp when vertex normals are averaged."""


@dataclass(frozen=True, eq=False)
class TriangleMesh:
    """vertices: (N, 3) [m].  faces: (M, 3) vertex numbers, counter-clockwise seen from outside."""

    vertices: Array
    faces: Faces


def loft(rings: Sequence[Array]) -> TriangleMesh:
    """Join consecutive rings of points, each (n, 3), or (1, 3) for a pole, into one skin.

    Rings run counter-clockwise about the direction in which they follow one another.
    """
    starts = np.cumsum([0, *(len(ring) for ring in rings)])
    faces: list[tuple[int, int, int]] = []
    for a, b, first, second in zip(starts[:-2], starts[1:-1], rings[:-1], rings[1:], strict=True):
        count = max(len(first), len(second))
        for i in range(count):
            j = (i + 1) % count
            if len(first) > 1:
                faces.append((a + i, a + j, b + j if len(second) > 1 else b))
            if len(second) > 1:
                faces.append((a + i if len(first) > 1 else a, b + j, b + i))
    return TriangleMesh(np.concatenate(rings), np.array(faces, dtype=np.int64))


def lathe(profile: Sequence[tuple[float, float]], sides: int, *, phase: float = 0.0) -> TriangleMesh:
    """Turn a profile of (radius, z) points about z; a radius of 0 closes the skin at a pole.

    phase: angle [rad] of the first corner; pi / sides puts flat faces, not corners, on the x and y axes.
    """
    angles = phase + 2 * np.pi * np.arange(sides) / sides
    circle = np.stack([np.cos(angles), np.sin(angles), np.zeros(sides)], axis=1)
    rings = []
    for radius, z in profile:
        ring = circle * radius if radius > 0 else np.zeros((1, 3))
        rings.append(raised(ring, z))
    return loft(rings)


def tube(
    centres: Array, radii: Array, sides: int, *, up: Vector3 = (0.0, 0.0, 1.0), phase: float = 0.0
) -> TriangleMesh:
    """Sweep an ellipse along the curve `centres` (n, 3); both ends are closed.

    radii: (n,) or (n, 2) for the half widths across and along `up`; an end with radius 0 is a tip, others are capped.
    up: lies in the plane of every ring, so that a curve with z = radius rests on z = 0 along its whole length.
    """
    centres = np.asarray(centres, dtype=np.float64)
    radii = np.asarray(radii, dtype=np.float64)
    pairs = radii if radii.ndim == 2 else np.stack([radii, radii], axis=1)
    upward = np.asarray(up) / np.linalg.norm(up)
    angles = phase + 2 * np.pi * np.arange(sides) / sides
    tangents = np.gradient(centres, axis=0)
    rings = []
    for centre, tangent, (across, along) in zip(centres, tangents, pairs, strict=True):
        side = np.cross(upward, tangent)
        side /= np.linalg.norm(side)
        ring = across * np.cos(angles)[:, None] * side + along * np.sin(angles)[:, None] * upward
        rings.append(centre + ring if across > 0 else centre[None])
    first = [] if len(rings[0]) == 1 else [centres[:1]]
    last = [] if len(rings[-1]) == 1 else [centres[-1:]]
    return loft([*first, *rings, *last])


def extrude(outline: Sequence[tuple[float, float]], low_z: float, high_z: float) -> TriangleMesh:
    """Raise an outline of (x, y) points, counter-clockwise and star-shaped about its mean, into a prism."""
    flat = np.array([(x, y, 0.0) for x, y in outline])
    middle = flat.mean(axis=0, keepdims=True)
    low, high = np.array((0, 0, low_z)), np.array((0, 0, high_z))
    return loft([middle + low, flat + low, flat + high, middle + high])


def bevelled_box(half_extents: Vector3, bevel: float) -> TriangleMesh:
    """Return a box, centred on the origin, whose edges are cut at 45 degrees by `bevel` [m]."""
    hx, hy, hz = half_extents
    points = [
        (sx * (hx - bx), sy * (hy - by), sz * (hz - bz))
        for sx in (-1, 1)
        for sy in (-1, 1)
        for sz in (-1, 1)
        for bx, by, bz in ((0, bevel, bevel), (bevel, 0, bevel), (bevel, bevel, 0))
    ]
    return convex_hull(np.array(points))


def rounded_rectangle(half_x: float, half_y: float, radius: float, z: float, *, corner: int = 3) -> Array:
    """Return a ring (4 * corner, 3) round a rectangle with rounded corners, counter-clockwise seen from above."""
    points = []
    for quarter, (sx, sy) in enumerate(((1, 1), (-1, 1), (-1, -1), (1, -1))):
        for step in np.linspace(0, np.pi / 2, corner):
            angle = quarter * np.pi / 2 + step
            points.append(
                (sx * (half_x - radius) + radius * np.cos(angle), sy * (half_y - radius) + radius * np.sin(angle), z)
            )
    return np.array(points)


def pole(z: float) -> Array:
    """Return a ring of one point on the z axis, which closes a loft."""
    return np.array([(0.0, 0.0, z)])


def raised(points: Array, z: float) -> Array:
    """Return points (n, 3) shifted up by `z` [m]."""
    shifted: Array = points + np.array((0.0, 0.0, z))
    return shifted


def moved(mesh: TriangleMesh, by: Vector3 = (0.0, 0.0, 0.0), *, turn: Array | None = None) -> TriangleMesh:
    """Return `mesh` turned by the rotation matrix `turn` (3, 3) about the origin, then shifted by `by` [m]."""
    vertices = mesh.vertices if turn is None else mesh.vertices @ turn.T
    return TriangleMesh(vertices + np.asarray(by), mesh.faces)


def turn_about(axis: str, degrees: float) -> Array:
    """Return the rotation matrix (3, 3) about the x, y or z axis."""
    angle = np.radians(degrees)
    i, j = {"x": (1, 2), "y": (2, 0), "z": (0, 1)}[axis]
    matrix = np.eye(3)
    matrix[i, i] = matrix[j, j] = np.cos(angle)
    matrix[i, j], matrix[j, i] = -np.sin(angle), np.sin(angle)
    return matrix


def joined(*meshes: TriangleMesh) -> TriangleMesh:
    """Return several meshes as one."""
    starts = np.cumsum([0, *(len(mesh.vertices) for mesh in meshes)])
    return TriangleMesh(
        np.concatenate([mesh.vertices for mesh in meshes]),
        np.concatenate([mesh.faces + start for mesh, start in zip(meshes, starts, strict=False)]),
    )


def convex_hull(points: Array, *, most: int | None = None) -> TriangleMesh:
    """Return the convex hull of points (n, 3) in sorted order; raise ValueError above `most` vertices."""
    unique = np.unique(np.round(points, 6) + 0.0, axis=0)
    hull = ConvexHull(unique)
    kept = np.sort(hull.vertices)
    if most is not None and len(kept) > most:
        raise ValueError(f"the hull has {len(kept)} vertices; at most {most} are allowed")
    number = np.full(len(unique), -1)
    number[kept] = np.arange(len(kept))
    vertices = unique[kept]
    faces = []
    for simplex, equation in zip(hull.simplices, hull.equations, strict=True):
        a, b, c = unique[simplex]
        corner = number[simplex]
        if np.cross(b - a, c - a) @ equation[:3] < 0:
            corner = corner[::-1]
        faces.append(np.roll(corner, -int(np.argmin(corner))))
    return TriangleMesh(vertices, np.array(sorted(tuple(face) for face in faces), dtype=np.int64))


def volume_and_centroid(mesh: TriangleMesh) -> tuple[float, Array]:
    """Return the volume [m3] and the centre of mass (3,) of a closed mesh of even density."""
    a, b, c = (mesh.vertices[mesh.faces[:, k]] for k in range(3))
    volumes = np.einsum("ij,ij->i", a, np.cross(b, c)) / 6
    volume = float(volumes.sum())
    return volume, (volumes[:, None] * (a + b + c) / 4).sum(axis=0) / volume


def corner_normals(mesh: TriangleMesh) -> Array:
    """Return unit normals (M, 3 corners, 3): smooth across shallow edges, sharp across creases."""
    a, b, c = (mesh.vertices[mesh.faces[:, k]] for k in range(3))
    areas = np.cross(b - a, c - a)
    units = areas / np.maximum(np.linalg.norm(areas, axis=1, keepdims=True), 1e-12)
    around: dict[int, list[int]] = {}
    for face, corners in enumerate(mesh.faces):
        for vertex in corners:
            around.setdefault(int(vertex), []).append(face)
    normals = np.empty((len(mesh.faces), 3, 3))
    for face, corners in enumerate(mesh.faces):
        for k, vertex in enumerate(corners):
            near = [other for other in around[int(vertex)] if units[other] @ units[face] > np.cos(CREASE)]
            total = areas[near].sum(axis=0) if near else units[face]
            normals[face, k] = total / np.linalg.norm(total)
    return normals


def write_obj(path: Path, mesh: TriangleMesh) -> None:
    """Write an OBJ with vertex normals; the same mesh always gives the same bytes."""
    corners = np.round(corner_normals(mesh), 3).reshape(-1, 3) + 0.0
    normals, numbers = np.unique(corners, axis=0, return_inverse=True)
    vertices = np.round(mesh.vertices, 5) + 0.0
    lines = [f"v {x:.5f} {y:.5f} {z:.5f}" for x, y, z in vertices]
    lines += [f"vn {x:.3f} {y:.3f} {z:.3f}" for x, y, z in normals]
    for face, normal in zip(mesh.faces + 1, numbers.reshape(-1, 3) + 1, strict=True):
        lines.append("f " + " ".join(f"{v}//{n}" for v, n in zip(face, normal, strict=True)))
    path.write_text("\n".join(lines) + "\n", encoding="ascii", newline="\n")


def read_obj(path: Path) -> TriangleMesh:
    """Read back the vertices and triangles that `write_obj` wrote."""
    rows = [line.split() for line in path.read_text(encoding="ascii").splitlines()]
    vertices = [[float(value) for value in row[1:]] for row in rows if row[0] == "v"]
    faces = [[int(corner.split("/")[0]) - 1 for corner in row[1:]] for row in rows if row[0] == "f"]
    return TriangleMesh(np.array(vertices), np.array(faces, dtype=np.int64))
