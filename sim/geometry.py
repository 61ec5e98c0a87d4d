"""Shapes, poses and bodies as plain data, in metres and quaternions xyzw; knows nothing of the physics engine."""

from dataclasses import dataclass, field
from enum import StrEnum
from math import sqrt
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Vector3 = tuple[float, float, float]
Quaternion = tuple[float, float, float, float]
"""x, y, z, w."""
Colour = tuple[float, float, float]
"""Red, green, blue, each in [0, 1]."""
Array = NDArray[np.float64]

IDENTITY: Quaternion = (0.0, 0.0, 0.0, 1.0)


@dataclass(frozen=True)
class Pose:
    """Where something is: position [m] and orientation, in the base frame unless a name says otherwise."""

    position: Vector3 = (0.0, 0.0, 0.0)
    quaternion: Quaternion = IDENTITY


@dataclass(frozen=True)
class Box:
    half_extents: Vector3


@dataclass(frozen=True)
class Cylinder:
    """Axis along z, centred on the origin."""

    radius: float
    height: float


@dataclass(frozen=True)
class Sphere:
    radius: float


@dataclass(frozen=True)
class Mesh:
    """An OBJ file, scaled. As collision geometry it acts as its convex hull."""

    path: Path
    scale: Vector3 = (1.0, 1.0, 1.0)


Shape = Box | Cylinder | Sphere | Mesh


@dataclass(frozen=True)
class Part:
    """One rigid piece of a body: its shape, pose in the body's frame, and colour (ignored for collision)."""

    shape: Shape
    pose: Pose = Pose()
    colour: Colour = (0.5, 0.5, 0.5)


class JointType(StrEnum):
    PRISMATIC = "prismatic"
    REVOLUTE = "revolute"


@dataclass(frozen=True)
class LinkSpec:
    """A piece that moves against the base along or about `axis` (body's frame), between low and high [m | rad]."""

    name: str
    joint: JointType
    axis: Vector3
    low: float
    high: float
    mass: float
    origin: Pose
    collision: tuple[Part, ...]
    visual: tuple[Part, ...]
    friction: float = 0.3
    """Friction of the joint itself: force [N] or torque [N m] that resists motion."""


@dataclass(frozen=True)
class BodySpec:
    """Everything needed to build one body. mass 0 means fixed to the world."""

    collision: tuple[Part, ...]
    visual: tuple[Part, ...]
    mass: float
    lateral_friction: float = 0.8
    spinning_friction: float = 0.002
    rolling_friction: float = 0.0005
    links: tuple[LinkSpec, ...] = field(default=())


def rotation_matrix(quaternion: Quaternion | Array) -> Array:
    """Return the 3 x 3 rotation of a unit quaternion xyzw."""
    x, y, z, w = map(float, quaternion)
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
    )


def multiply(a: Quaternion | Array, b: Quaternion | Array) -> Array:
    """Return the quaternion (4,) that rotates by `b` first and then by `a`."""
    ax, ay, az, aw = map(float, a)
    bx, by, bz, bw = map(float, b)
    return np.array(
        [
            aw * bx + ax * bw + ay * bz - az * by,
            aw * by - ax * bz + ay * bw + az * bx,
            aw * bz + ax * by - ay * bx + az * bw,
            aw * bw - ax * bx - ay * by - az * bz,
        ]
    )


def quaternion_from_vector(rotation_vector: Array | Vector3) -> Array:
    """Return the quaternion (4,) of a rotation vector (axis x angle) [rad]."""
    vector = np.asarray(rotation_vector, dtype=np.float64)
    angle = sqrt(vector @ vector)
    if angle < 1e-12:
        return np.array([*(vector / 2), 1.0])
    return np.array([*(np.sin(angle / 2) * vector / angle), np.cos(angle / 2)])


def vector_from_quaternion(quaternion: Quaternion | Array) -> Array:
    """Return the rotation vector (3,) of a unit quaternion, angle in [0, pi]; inverse of `quaternion_from_vector`."""
    q = np.asarray(quaternion, dtype=np.float64)
    q = -q if q[3] < 0 else q
    sine = float(np.linalg.norm(q[:3]))
    if sine < 1e-12:
        return np.asarray(2 * q[:3])
    return np.asarray(2 * np.arctan2(sine, q[3]) * q[:3] / sine)


def yaw_quaternion(yaw: float) -> Quaternion:
    """Return the rotation by `yaw` [rad] about z."""
    return (0.0, 0.0, float(np.sin(yaw / 2)), float(np.cos(yaw / 2)))


def yaw_of(quaternion: Quaternion | Array) -> float:
    """Return the heading [rad, -pi..pi] of the rotated x axis in the horizontal plane."""
    x_axis = rotation_matrix(quaternion)[:, 0]
    return float(np.arctan2(x_axis[1], x_axis[0]))


def transform(pose: Pose, points: Array) -> Array:
    """Return `points` (..., 3), given in the frame of `pose`, in the frame that `pose` is given in."""
    return np.asarray(points @ rotation_matrix(pose.quaternion).T + np.asarray(pose.position))


def untransform(pose: Pose, points: Array) -> Array:
    """Inverse of `transform`."""
    return np.asarray((points - np.asarray(pose.position)) @ rotation_matrix(pose.quaternion))
