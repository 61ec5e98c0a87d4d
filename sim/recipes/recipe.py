"""What a recipe gives, and the moulds that several recipes share."""

from dataclasses import dataclass

import numpy as np

from sim.geometry import Array
from sim.meshes import TriangleMesh, convex_hull, lathe, tube

HULL_MARGIN = 0.001
"""The engine inflates a hull by this much [m], so hulls are made smaller by it."""
HULL_VERTICES = 32


@dataclass(frozen=True)
class Recipe:
    """The shape of one kind at scale 1, lying or standing on z = 0 as it rests, in metres.

    visual: part name -> mesh; "body" takes the colour that the kind is asked for, other parts have their own.
    collision: convex pieces.
    closing_yaws: directions [rad from +x] along which the fingers may close; None when any will do.
    grasp_height: height above the table at which to close them; None for the middle, or 3 cm below the top of tall things.
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
    """Return a round thing along x, of radius `radii` [m] at `xs` [m], that touches the table along its whole length."""
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
