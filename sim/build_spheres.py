"""Write balls that cover the collision shape of every moving link of the Panda: `python -m sim.build_spheres`.

Whoever must know quickly how near the arm is to something measures balls, not meshes. The result is committed, so this
runs only when the meshes or the recipe change.
"""

import json

import numpy as np
from scipy.spatial import ConvexHull

from sim.build_panda import ASSETS, FINGER_BOXES
from sim.decimate import TriangleMesh, read_obj
from sim.geometry import Array
from sim.kinematics import FINGER_OFFSET, FINGER_TRAVEL

BALLS = {"link1": 8, "link2": 8, "link3": 8, "link4": 8, "link5": 12, "link6": 7, "link7": 5, "hand": 10, "fingers": 10}
"""How many balls each link gets; the fingers' cover their whole travel, in the hand's frame."""
SPACING = 0.005
"""Longest distance [m] from any point of a surface to the nearest sampled one; added to every radius."""


def main() -> None:
    rows = {}
    for link, count in BALLS.items():
        hull = fingers_hull() if link == "fingers" else read_hull(link)
        rows[link] = [[round(float(value), 5) for value in ball] for ball in cover(surface(hull), count)]
    text = json.dumps(rows, indent=1) + "\n"
    (ASSETS / "spheres.json").write_text(text, encoding="utf-8")


def read_hull(link: str) -> TriangleMesh:
    return next(iter(read_obj(ASSETS / f"{link}_hull.obj").values()))


def fingers_hull() -> TriangleMesh:
    """Return the convex hull of both fingers over their whole travel, in the hand's frame."""
    corners = []
    for centre, half in FINGER_BOXES:
        signs = np.array(np.meshgrid((-1, 1), (-1, 1), (-1, 1))).reshape(3, 8).T
        box = np.asarray(centre) + signs * np.asarray(half) + np.array([0, 0, FINGER_OFFSET])
        for travel in (0.0, FINGER_TRAVEL):
            moved = box + np.array([0, travel, 0])
            corners += [moved, moved * np.array([1, -1, 1])]
    points = np.concatenate(corners)
    return TriangleMesh(points, ConvexHull(points).simplices.astype(np.int64))


def surface(mesh: TriangleMesh) -> Array:
    """Return points (P, 3) on the surface, none of which is further than SPACING from the next."""
    points = []
    for a, b, c in mesh.vertices[mesh.faces]:
        count = int(np.ceil(max(np.linalg.norm(b - a), np.linalg.norm(c - a), np.linalg.norm(c - b)) / SPACING)) + 1
        u, v = np.meshgrid(np.linspace(0, 1, count), np.linspace(0, 1, count))
        inside = u + v <= 1 + 1e-9
        points.append(a + u[inside][:, None] * (b - a) + v[inside][:, None] * (c - a))
    return np.concatenate(points)


def cover(points: Array, count: int, *, rounds: int = 60) -> Array:
    """Return `count` balls (count, 4: x, y, z, radius) that hold every point, each with SPACING to spare.

    Farthest points begin, then each ball is drawn round the points nearest to its surface (Lloyd's rounds with the
    smallest enclosing ball in the place of the mean). The best round by the sum of the cubed radii is kept.
    """
    chosen = [int(np.argmax(np.linalg.norm(points - points.mean(0), axis=1)))]
    for _ in range(count - 1):
        nearest = np.min(np.linalg.norm(points[:, None] - points[chosen], axis=2), axis=1)
        chosen.append(int(np.argmax(nearest)))
    centres, best, best_cost = points[chosen], np.empty((0, 4)), np.inf
    for _ in range(rounds):
        owner = np.argmin(np.linalg.norm(points[:, None] - centres, axis=2), axis=1)
        groups = [points[owner == number] for number in range(len(centres))]
        balls = np.array([enclosing_ball(group) for group in groups if len(group)])
        centres = balls[:, :3]
        cost = float((balls[:, 3] ** 3).sum())
        if cost < best_cost:
            best, best_cost = balls, cost
    best[:, 3] += SPACING
    return best


def enclosing_ball(points: Array, *, rounds: int = 300) -> Array:
    """Return a ball (4,) round all points, within a few per cent of the smallest (Badoiu and Clarkson, 2003)."""
    centre = points.mean(axis=0)
    for number in range(1, rounds + 1):
        farthest = points[np.argmax(((points - centre) ** 2).sum(axis=1))]
        centre = centre + (farthest - centre) / (number + 1)
    return np.array([*centre, np.sqrt(((points - centre) ** 2).sum(axis=1).max())])


if __name__ == "__main__":
    main()
