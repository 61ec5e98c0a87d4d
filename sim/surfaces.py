"""Patterns painted over the table and the background of a rendered picture.

The renderer draws both plain. A pattern is a function of the place on the table, or of the direction into the
background, so it stays put when a camera moves and costs no triangles.
"""

from dataclasses import dataclass
from typing import Literal, assert_never

import numpy as np
from numpy.typing import NDArray

from agent.types import ImageArray
from sim.camera import CameraView
from sim.geometry import Array, Colour

PatternKind = Literal["plain", "stripes", "checks", "patches", "grain"]
_WAVES = 12


@dataclass(frozen=True)
class Pattern:
    """Two colours over a plane.

    size: width of a stripe, a check or a patch [m on the table, rad in the background].  turn: of the whole [rad].
    seed: draws where patches and grain lie.
    """

    kind: PatternKind
    colour: Colour
    other: Colour
    size: float = 0.05
    turn: float = 0.0
    seed: int = 0

    def at(self, points: Array) -> Array:
        """Return colours (..., 3) in [0, 1] at the points (..., 2)."""
        share = self._share(points)[..., None]
        return np.asarray((1 - share) * np.asarray(self.colour) + share * np.asarray(self.other))

    def _share(self, points: Array) -> Array:
        """How much of the second colour there is, in [0, 1]."""
        cosine, sine = np.cos(self.turn), np.sin(self.turn)
        u = (points[..., 0] * cosine + points[..., 1] * sine) / self.size
        v = (points[..., 1] * cosine - points[..., 0] * sine) / self.size
        match self.kind:
            case "plain":
                return np.zeros(u.shape)
            case "stripes":
                return np.asarray(np.floor(u) % 2)
            case "checks":
                return np.asarray((np.floor(u) + np.floor(v)) % 2)
            case "patches":
                return np.asarray((self._waves(u, v) > 0).astype(np.float64))
            case "grain":
                return np.asarray(0.5 + 0.5 * np.clip(self._waves(u, 0.12 * v) / 2, -1, 1))
            case _:
                assert_never(self.kind)

    def _waves(self, u: Array, v: Array) -> Array:
        """A smooth random field of unit spread: a sum of plane waves."""
        rng = np.random.default_rng(self.seed)
        waves = rng.uniform((0.0, 0.0, 0.5), (2 * np.pi, 2 * np.pi, 3.0), (_WAVES, 3))
        total = np.zeros(u.shape)
        for angle, phase, rate in waves.tolist():
            total += np.cos(rate * (u * np.cos(angle) + v * np.sin(angle)) + phase)
        return np.asarray(total * np.sqrt(2 / _WAVES))


def paint_table(
    rgb: ImageArray, mask: NDArray[np.bool_], view: CameraView, pattern: Pattern, *, plain: Colour
) -> ImageArray:
    """Return the picture with the table (`mask`, drawn in the colour `plain`) repainted; light and shadow stay."""
    directions = rays(view, mask.shape)[mask]
    reach = -view.eye[2] / np.minimum(directions[:, 2], -1e-6)
    points = np.asarray(view.eye)[:2] + reach[:, None] * directions[:, :2]
    painted = rgb.copy()
    shaded = rgb[mask] / np.asarray(plain) * pattern.at(points)
    painted[mask] = np.clip(shaded, 0, 255).astype(np.uint8)
    return painted


def paint_background(rgb: ImageArray, mask: NDArray[np.bool_], view: CameraView, pattern: Pattern) -> ImageArray:
    """Return the picture with the background (`mask`) painted; the pattern lies on the sphere of directions."""
    directions = rays(view, mask.shape)[mask]
    azimuth = np.arctan2(directions[:, 1], -directions[:, 0])
    elevation = np.arcsin(np.clip(directions[:, 2] / np.linalg.norm(directions, axis=1), -1, 1))
    painted = rgb.copy()
    painted[mask] = np.clip(255 * pattern.at(np.stack([azimuth, elevation], axis=1)), 0, 255).astype(np.uint8)
    return painted


def rays(view: CameraView, size: tuple[int, int]) -> Array:
    """Return the directions (H, W, 3) in the base frame in which the pixels look; 1 along the camera's axis."""
    height, width = size
    v, u = np.mgrid[:height, :width] + 0.5
    return np.asarray(view.point_of(u, v, np.ones(size), size) - np.asarray(view.eye))
