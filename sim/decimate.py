"""Triangle meshes made light: weld, collapse edges by quadric error, shade, write OBJ.

The collapse follows Garland and Heckbert, Surface Simplification Using Quadric Error Metrics (1997): every vertex
carries the sum of squared distances to the planes of its faces, and the cheapest edge goes first.
"""

import heapq
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sim.geometry import Array

Faces = NDArray[np.int64]
BORDER_WEIGHT = 3.0
"""How much dearer it is to move an open border than to move a surface."""
FLIP_COSINE = 0.2
"""A collapse is refused when a face would turn by more than about 80 degrees."""


@dataclass(frozen=True, eq=False)
class TriangleMesh:
    """vertices: (V, 3) metres.  faces: (F, 3) vertex numbers, anticlockwise seen from outside."""

    vertices: Array
    faces: Faces

    def face_normals(self) -> Array:
        """Return (F, 3) unit normals; zero for a face without area."""
        a, b, c = (self.vertices[self.faces[:, corner]] for corner in range(3))
        normals = np.cross(b - a, c - a)
        unit: Array = normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-15)
        return unit

    def areas(self) -> Array:
        """Return the area (F,) of every face [m2]."""
        a, b, c = (self.vertices[self.faces[:, corner]] for corner in range(3))
        areas: Array = 0.5 * np.linalg.norm(np.cross(b - a, c - a), axis=1)
        return areas

    def select(self, keep: NDArray[np.bool_]) -> "TriangleMesh":
        """Return the mesh of the faces where `keep` (F,) is true, without stray vertices."""
        used, faces = np.unique(self.faces[keep], return_inverse=True)
        return TriangleMesh(self.vertices[used], faces.reshape(-1, 3).astype(np.int64))


def weld(mesh: TriangleMesh, *, grid: float = 2e-5) -> TriangleMesh:
    """Join vertices closer than about `grid` [m] and drop faces that collapse."""
    _, first, number = np.unique(
        np.round(mesh.vertices / grid).astype(np.int64), axis=0, return_index=True, return_inverse=True
    )
    faces = number.reshape(-1)[mesh.faces]
    alive = (faces[:, 0] != faces[:, 1]) & (faces[:, 1] != faces[:, 2]) & (faces[:, 2] != faces[:, 0])
    return TriangleMesh(mesh.vertices[first], faces[alive])


def sphere_directions(count: int) -> Array:
    """Return (count, 3) unit vectors spread evenly (a Fibonacci spiral)."""
    turn = np.arange(count)
    z = 1 - (2 * turn + 1) / count
    angle = turn * np.pi * (3 - np.sqrt(5))
    radius = np.sqrt(1 - z * z)
    return np.stack([radius * np.cos(angle), radius * np.sin(angle), z], axis=1)


def simplify(mesh: TriangleMesh, target_faces: int) -> TriangleMesh:
    """Return a mesh of about `target_faces` triangles: cheapest edges collapse first."""
    work = _Collapse(mesh)
    work.run(target_faces)
    alive = np.array(sorted(work.faces), dtype=np.int64)
    faces = np.array([work.faces[int(face)] for face in alive], dtype=np.int64).reshape(-1, 3)
    return TriangleMesh(np.array(work.vertices), faces).select(np.ones(len(faces), dtype=bool))


class _Collapse:
    """The state of one simplification: live faces, faces round each vertex, quadrics and the queue of edges."""

    def __init__(self, mesh: TriangleMesh) -> None:
        self.vertices = [np.array(vertex) for vertex in mesh.vertices]
        self.faces = {number: tuple(int(v) for v in face) for number, face in enumerate(mesh.faces)}
        self.round: list[set[int]] = [set() for _ in self.vertices]
        for number, face in self.faces.items():
            for vertex in face:
                self.round[vertex].add(number)
        self.quadrics = _quadrics(mesh)
        self.version = [0] * len(self.vertices)
        self.queue: list[tuple[float, int, int, int, int]] = []
        for a, b in sorted({tuple(sorted(e)) for f in self.faces.values() for e in zip(f, f[1:] + f[:1], strict=True)}):
            self._push(a, b)

    def run(self, target_faces: int) -> None:
        while len(self.faces) > target_faces and self.queue:
            _, a, b, version_a, version_b = heapq.heappop(self.queue)
            if (version_a, version_b) == (self.version[a], self.version[b]):
                self._collapse(a, b)

    def _best(self, a: int, b: int) -> tuple[float, Array]:
        quadric = self.quadrics[a] + self.quadrics[b]
        start, end = self.vertices[a], self.vertices[b]
        options = [start, end, (start + end) / 2]
        matrix = quadric[:3, :3]
        if abs(np.linalg.det(matrix)) > 1e-6 * max(np.trace(matrix), 1e-30) ** 3:
            best = np.linalg.solve(matrix, -quadric[:3, 3])
            if np.linalg.norm(best - options[2]) < 2 * np.linalg.norm(end - start):
                options.append(best)
        costs = [float(p @ matrix @ p + 2 * quadric[:3, 3] @ p + quadric[3, 3]) for p in options]
        choice = int(np.argmin(costs))
        # A touch of length keeps flat regions from collapsing into slivers.
        return costs[choice] + 1e-9 * float(np.sum((end - start) ** 2)), options[choice]

    def _push(self, a: int, b: int) -> None:
        cost, _ = self._best(a, b)
        heapq.heappush(self.queue, (cost, a, b, self.version[a], self.version[b]))

    def _collapse(self, a: int, b: int) -> None:
        _, point = self._best(a, b)
        shared = self.round[a] & self.round[b]
        if any(self._flips(face, a if a in self.faces[face] else b, point) for face in self.round[a] ^ self.round[b]):
            return
        for face in shared:
            for vertex in self.faces.pop(face):
                self.round[vertex].discard(face)
        for face in self.round[b]:
            self.faces[face] = tuple(a if vertex == b else vertex for vertex in self.faces[face])
        self.round[a] |= self.round[b]
        self.round[b] = set()
        self.vertices[a] = point
        self.quadrics[a] = self.quadrics[a] + self.quadrics[b]
        self.version[a] += 1
        self.version[b] += 1
        for neighbour in sorted({vertex for face in self.round[a] for vertex in self.faces[face]} - {a}):
            self._push(min(a, neighbour), max(a, neighbour))

    def _flips(self, face: int, vertex: int, point: Array) -> bool:
        corners = [self.vertices[number] for number in self.faces[face]]
        moved = [point if number == vertex else self.vertices[number] for number in self.faces[face]]
        before = np.cross(corners[1] - corners[0], corners[2] - corners[0])
        after = np.cross(moved[1] - moved[0], moved[2] - moved[0])
        return bool(before @ after < FLIP_COSINE * np.linalg.norm(before) * np.linalg.norm(after))


def _quadrics(mesh: TriangleMesh) -> list[Array]:
    """Return each vertex's 4 x 4 error quadric, area-weighted, with walls along open borders."""
    quadrics = np.zeros((len(mesh.vertices), 4, 4))
    normals, areas = mesh.face_normals(), mesh.areas()

    def add(vertex: int, normal: Array, point: Array, weight: float) -> None:
        plane = np.append(normal, -normal @ point)
        quadrics[vertex] += weight * np.outer(plane, plane)

    edges: dict[tuple[int, int], list[int]] = {}
    for number, face in enumerate(mesh.faces.tolist()):
        for vertex in face:
            add(vertex, normals[number], mesh.vertices[face[0]], float(areas[number]))
        for a, b in zip(face, face[1:] + face[:1], strict=True):
            edges.setdefault((min(a, b), max(a, b)), []).append(number)
    for (a, b), owners in edges.items():
        if len(owners) == 1:
            along = mesh.vertices[b] - mesh.vertices[a]
            wall = np.cross(along, normals[owners[0]])
            wall /= max(float(np.linalg.norm(wall)), 1e-15)
            for vertex in (a, b):
                add(vertex, wall, mesh.vertices[a], BORDER_WEIGHT * float(along @ along))
    return list(quadrics)


def corner_normals(mesh: TriangleMesh, *, crease_degrees: float) -> Array:
    """Return (F, 3, 3): a normal for every corner, averaged over neighbours that bend less than the crease angle."""
    normals, areas = mesh.face_normals(), mesh.areas()
    round_vertex: list[list[int]] = [[] for _ in mesh.vertices]
    for number, face in enumerate(mesh.faces.tolist()):
        for vertex in face:
            round_vertex[vertex].append(number)
    limit = np.cos(np.radians(crease_degrees))
    result = np.zeros((len(mesh.faces), 3, 3))
    for number, face in enumerate(mesh.faces.tolist()):
        for corner, vertex in enumerate(face):
            near = [other for other in round_vertex[vertex] if normals[other] @ normals[number] > limit]
            total = (normals[near] * areas[near, None]).sum(axis=0)
            result[number, corner] = total / max(float(np.linalg.norm(total)), 1e-15)
    return result


def read_obj(path: Path) -> dict[str, TriangleMesh]:
    """Read an OBJ file as one mesh a material; faces before any `usemtl` are under the empty name."""
    vertices: list[list[float]] = []
    groups: dict[str, list[list[int]]] = {}
    material = ""
    for line in path.read_text().splitlines():
        words = line.split()
        if not words:
            continue
        if words[0] == "v":
            vertices.append([float(word) for word in words[1:4]])
        elif words[0] == "usemtl":
            material = words[1]
        elif words[0] == "f":
            groups.setdefault(material, []).append([int(word.split("/")[0]) - 1 for word in words[1:4]])
    points = np.array(vertices)
    return {name: TriangleMesh(points, np.array(faces, dtype=np.int64)) for name, faces in groups.items()}


def write_obj(path: Path, mesh: TriangleMesh, *, crease_degrees: float = 50.0) -> None:
    """Write vertices, corner normals and faces; metres to a hundredth of a millimetre, so that rebuilding is exact."""
    rounded = np.round(corner_normals(mesh, crease_degrees=crease_degrees), 3) + 0.0
    unique, index = np.unique(rounded.reshape(-1, 3), axis=0, return_inverse=True)
    numbers = index.reshape(-1, 3) + 1
    lines = [f"v {x:.5f} {y:.5f} {z:.5f}" for x, y, z in mesh.vertices]
    lines += [f"vn {x:.3f} {y:.3f} {z:.3f}" for x, y, z in unique]
    for face, normal in zip(mesh.faces + 1, numbers, strict=True):
        lines.append("f " + " ".join(f"{v}//{n}" for v, n in zip(face, normal, strict=True)))
    path.write_text("\n".join(lines) + "\n")
