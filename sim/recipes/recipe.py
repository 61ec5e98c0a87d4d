"""What a recipe gives, and the moulds that several recipes share."""

from dataclasses import dataclass

import numpy as np

from sim.geometry import Array
from sim.meshes import TriangleMesh, convex_hull, lathe, loft, pole, tube

HULL_MARGIN = 0.001
"""The engine inflates a hull by this much [m], so hulls are made smaller by it."""
HULL_VERTICES = 32
ACROSS = (np.pi / 2,)
"""Long things lie along x, so the fingers close along y."""


@dataclass(frozen=True)
class Recipe:
    """The shape of one kind at scale 1, lying or standing on z = 0, in metres.

    visual: part name -> mesh; "body" takes the colour that the kind is asked for, other parts have their own.
    collision: convex pieces.
    closing_yaws: directions [rad from +x] along which the fingers may close; None when any will do.
    grasp_height: height above the table at which to close them; None for the middle, or near the top of tall things.
    grasp_xy: where to close them, seen from above; None for above the centre of mass.
    """

    visual: dict[str, TriangleMesh]
    collision: tuple[TriangleMesh, ...]
    closing_yaws: tuple[float, ...] | None = None
    grasp_height: float | None = None
    grasp_xy: tuple[float, float] | None = None


def hull(points: Array) -> TriangleMesh:
    """Return the collision hull of points (n, 3)."""
    return convex_hull(points, most=HULL_VERTICES)


def lying(xs: list[float], radii: list[float], *, sides: int = 12, y: float = 0.0) -> TriangleMesh:
    """Return a round thing along x, with `radii` [m] at `xs` [m], that touches the table all along."""
    widest = np.asarray(radii, dtype=np.float64)
    return tube(np.array([(x, y, r) for x, r in zip(xs, radii, strict=True)]), widest, sides)


def lying_hull(xs: list[float], radii: list[float]) -> TriangleMesh:
    """Return the hull for `lying`: eight-sided with a flat side down and upright flat sides for the fingers."""
    flat = np.asarray(radii, dtype=np.float64) - HULL_MARGIN
    centres = np.array([(x, 0.0, r) for x, r in zip(xs, radii, strict=True)])
    return hull(tube(centres, flat / np.cos(np.pi / 8), 8, phase=np.pi / 8).vertices)


def standing_hull(profile: list[tuple[float, float]], *, sides: int = 8) -> TriangleMesh:
    """Return the hull of a turned thing: `profile` of (radius, z), flat sides facing x and y."""
    top = max(z for _, z in profile)
    corners = [
        ((radius - HULL_MARGIN) / np.cos(np.pi / sides), float(np.clip(z, HULL_MARGIN, top - HULL_MARGIN)))
        for radius, z in profile
    ]
    return hull(lathe(corners, sides, phase=np.pi / sides).vertices)


def box_hull(low: tuple[float, float, float], high: tuple[float, float, float]) -> TriangleMesh:
    """Return the box between two corners as a hull."""
    inside = np.array([low]) + HULL_MARGIN, np.array([high]) - HULL_MARGIN
    corners = [[inside[k][0, 0], inside[j][0, 1], inside[i][0, 2]] for i in (0, 1) for j in (0, 1) for k in (0, 1)]
    return hull(np.array(corners))


def ball(radius: float, *, sides: int = 12, rings: int = 4) -> TriangleMesh:
    """Return a sphere centred on the origin."""
    angles = np.linspace(-np.pi / 2, np.pi / 2, rings + 2)[1:-1]
    profile = [(radius * float(np.cos(angle)), radius * float(np.sin(angle))) for angle in angles]
    return lathe([(0.0, -radius), *profile, (0.0, radius)], sides)


def star_leaves(*, radius: float, z: float, points: int) -> TriangleMesh:
    """Return a pointed star that sags at its tips, seen from above as the leaves of a tomato."""
    angles = np.pi * np.arange(2 * points) / points
    reach = np.where(np.arange(2 * points) % 2 == 0, radius, 0.4 * radius)
    sag = np.where(np.arange(2 * points) % 2 == 0, 0.006, 0.0)
    ring = np.stack([reach * np.cos(angles), reach * np.sin(angles), z - sag], axis=1)
    return loft([pole(z - 0.006), ring, pole(z + 0.002)])


def square_ring(half_x: float, half_y: float, z: float) -> Array:
    """Return the four corners (4, 3) of a rectangle, counter-clockwise seen from above."""
    return np.array([(half_x, half_y, z), (-half_x, half_y, z), (-half_x, -half_y, z), (half_x, -half_y, z)])
