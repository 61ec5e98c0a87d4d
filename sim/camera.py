"""Pinhole cameras: where they stand, their OpenGL matrices, and the way between pixels and points in the base frame."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from sim.geometry import Array, Pose, Vector3, rotation_matrix, transform

NEAR = 0.02
FAR = 4.0
"""Nearest and farthest distance [m] that a camera sees, along its axis."""
_SAMPLE_RIGHT, _SAMPLE_DOWN = 0.5, -0.5
"""The software renderer samples a pixel at its lower left corner, so pictures lie half a pixel up and to the right."""


@dataclass(frozen=True)
class Light:
    """Lamp of the renderer. direction: towards the lamp. ambient, diffuse, specular: coefficients in [0, 1]."""

    direction: tuple[float, float, float] = (0.6, -0.5, 1.6)
    colour: tuple[float, float, float] = (1.0, 1.0, 1.0)
    ambient: float = 0.62
    diffuse: float = 0.42
    specular: float = 0.04
    shadow: bool = False


@dataclass(frozen=True)
class CameraView:
    """A camera at `eye`, looking at `target`, `up` upwards in the picture [m, base frame]; `fov`: vertical, degrees.

    Pixels: u to the right and v downwards from the picture's upper left corner; the middle of the first pixel is
    (0.5, 0.5). Depth is the distance along the camera's axis [m], not along the ray. Sizes are (height, width).
    """

    eye: Vector3
    target: Vector3
    up: Vector3
    fov: float

    @cached_property
    def axes(self) -> Array:
        """Rows: the picture's right, its up, and backwards out of the camera; unit vectors in the base frame."""
        backward = np.subtract(self.eye, self.target)
        backward = backward / np.linalg.norm(backward)
        right = np.cross(self.up, backward)
        right /= np.linalg.norm(right)
        return np.stack([right, np.cross(backward, right), backward])

    def view_matrix(self) -> Array:
        """Return the base-to-camera transform (4, 4), OpenGL convention (the camera looks along -z)."""
        matrix = np.eye(4)
        matrix[:3, :3] = self.axes
        matrix[:3, 3] = -self.axes @ np.asarray(self.eye)
        return matrix

    def projection_matrix(self, aspect: float) -> Array:
        """Return the OpenGL projection (4, 4) for a picture `aspect` = width / height."""
        scale = 1 / np.tan(np.radians(self.fov) / 2)
        matrix = np.zeros((4, 4))
        matrix[0, 0] = scale / aspect
        matrix[1, 1] = scale
        matrix[2, 2] = (FAR + NEAR) / (NEAR - FAR)
        matrix[2, 3] = 2 * FAR * NEAR / (NEAR - FAR)
        matrix[3, 2] = -1
        return matrix

    def pixel_of(self, point_in_base: Array | Vector3, size: tuple[int, int]) -> Array:
        """Return (u, v, depth) of points (..., 3), same shape; at depth <= 0 (behind the camera) u and v mislead."""
        height, width = size
        local = (np.asarray(point_in_base, dtype=np.float64) - self.eye) @ self.axes.T
        depth = -local[..., 2]
        focal = 0.5 * height / np.tan(np.radians(self.fov) / 2)
        u = 0.5 * width + _SAMPLE_RIGHT + focal * local[..., 0] / depth
        v = 0.5 * height + _SAMPLE_DOWN - focal * local[..., 1] / depth
        return np.stack([u, v, depth], axis=-1)

    def point_of(self, u: float | Array, v: float | Array, depth: float | Array, size: tuple[int, int]) -> Array:
        """Return the points (..., 3) in the base frame seen at (u, v) and `depth` [m]; inverse of `pixel_of`."""
        height, width = size
        away = np.asarray(depth, dtype=np.float64)
        focal = 0.5 * height / np.tan(np.radians(self.fov) / 2)
        right = (np.asarray(u) - _SAMPLE_RIGHT - 0.5 * width) / focal * away
        upward = (0.5 * height + _SAMPLE_DOWN - np.asarray(v)) / focal * away
        local: Array = np.stack([right, upward, -away], axis=-1)
        in_base: Array = local @ self.axes + np.asarray(self.eye)
        return in_base


FRONT = CameraView(eye=(1.05, 0.0, 0.80), target=(0.475, 0.0, 0.04), up=(0.0, 0.0, 1.0), fov=40.0)
"""Opposite the robot: picture left is -y, picture right +y, and what is nearer the camera is +x."""

WRIST_FOV = 80.0


@dataclass(frozen=True)
class WristMount:
    """How the hand's camera is fixed: eye and target in the tool frame [m], vertical field of view in degrees.

    By default before the hand, tilted 30 degrees so that it sees the tips and what lies below them.
    """

    eye: Vector3 = (0.10, 0.0, 0.075)
    target: Vector3 = (0.0567, 0.0, 0.0)
    fov: float = WRIST_FOV


def wrist_view(tool_pose: Pose, mount: WristMount = WristMount()) -> CameraView:
    """Return the hand's camera for the tool at `tool_pose`; the fingers come in at the picture's lower edge."""
    eye, target = transform(tool_pose, np.array([mount.eye, mount.target])).tolist()
    up = rotation_matrix(tool_pose.quaternion)[:, 0].tolist()
    return CameraView(eye=tuple(eye), target=tuple(target), up=tuple(up), fov=mount.fov)


def metric_depth(buffer: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return distances along the camera's axis [m] from a depth buffer in [0, 1]; 1 (nothing hit) gives FAR."""
    return (FAR * NEAR / (FAR - (FAR - NEAR) * buffer.astype(np.float64))).astype(np.float32)
