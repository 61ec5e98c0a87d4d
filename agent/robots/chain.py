"""Kinematics of any serial arm of revolute joints: forward, Jacobian, inverse. numpy only, no simulator.

Frames are 4 x 4 homogeneous matrices, metres and radians. An arm comes from a URDF (`chain_from_urdf`) or from a
Denavit-Hartenberg table (`chain_from_dh`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
from numpy.typing import NDArray

from agent.errors import SpecError

Array = NDArray[np.float64]

POSITION_TOLERANCE = 1e-5
ROTATION_TOLERANCE = 1e-4
_LONGEST_STEP = 0.3
_DAMPING = 1e-4


@dataclass(frozen=True, eq=False)
class Joint:
    """A revolute joint. frame: (4, 4) in the one before it.  axis: unit vector (3,) in that frame.  low, high [rad]."""

    name: str
    frame: Array
    axis: Array
    low: float
    high: float


@dataclass(frozen=True, eq=False)
class Solution:
    """joints: (J,) [rad], inside the limits.  position_error [m] and rotation_error [rad]: by forward kinematics."""

    joints: Array
    position_error: float
    rotation_error: float


class Chain:
    """Joints one after another and a tool at the end. tool: (4, 4) in the last joint's frame."""

    def __init__(self, joints: Sequence[Joint], tool: Array) -> None:
        self.joints = tuple(joints)
        self.tool = tool
        self.low = np.array([joint.low for joint in self.joints])
        self.high = np.array([joint.high for joint in self.joints])

    def forward(self, angles: Array) -> Array:
        """Return the tool's frame in the base (4, 4) at joint angles (J,) [rad]."""
        return self.forward_and_jacobian(angles)[0]

    def forward_and_jacobian(self, angles: Array) -> tuple[Array, Array]:
        """Return the tool's frame (4, 4) and Jacobian (6, J): velocity [m/rad], then angular velocity, in the base."""
        frame = np.eye(4)
        axes, origins = np.empty((len(self.joints), 3)), np.empty((len(self.joints), 3))
        for index, (joint, angle) in enumerate(zip(self.joints, angles, strict=True)):
            frame = frame @ joint.frame
            axes[index], origins[index] = frame[:3, :3] @ joint.axis, frame[:3, 3]
            frame[:3, :3] = frame[:3, :3] @ matrix_from_vector(joint.axis * angle)
        tool = frame @ self.tool
        return tool, np.vstack([np.cross(axes, tool[:3, 3] - origins).T, axes.T])

    def inverse(self, target: Array, start: Array, *, iterations: int = 60) -> Solution:
        """Return joint angles near `start` (J,) that bring the tool to `target` (4, 4).

        Damped least squares by priority: the position is met first, the rotation as far as the joints that are left
        allow, so that an arm of five joints reaches a place in the nearest posture. Never raises: look at the errors.
        """
        angles = np.clip(start, self.low, self.high)
        for iteration in range(iterations + 1):
            tool, jacobian = self.forward_and_jacobian(angles)
            error = np.concatenate([target[:3, 3] - tool[:3, 3], vector_from_matrix(target[:3, :3] @ tool[:3, :3].T)])
            near, turned = float(np.linalg.norm(error[:3])), float(np.linalg.norm(error[3:]))
            if iteration == iterations or (near < POSITION_TOLERANCE and turned < ROTATION_TOLERANCE):
                break
            step = _step(jacobian, error)
            blocked = ((angles <= self.low) & (step < 0)) | ((angles >= self.high) & (step > 0))
            if blocked.any():
                step = _step(np.where(blocked, 0.0, jacobian), error)
            step *= min(1.0, _LONGEST_STEP / max(float(np.linalg.norm(step)), 1e-12))
            if np.linalg.norm(step) < 1e-9:
                break
            angles = np.clip(angles + step, self.low, self.high)
        return Solution(angles, near, turned)


def _step(jacobian: Array, error: Array) -> Array:
    """Return the joint step (J,): position first, rotation in what it leaves free (Siciliano & Slotine 1991)."""
    linear, angular = jacobian[:3], jacobian[3:]
    to_place = _damped_inverse(linear)
    step: Array = to_place @ error[:3]
    free = np.eye(jacobian.shape[1]) - np.linalg.pinv(linear, rcond=1e-6) @ linear
    turn: Array = free @ _damped_inverse(angular @ free) @ (error[3:] - angular @ step)
    return step + turn


def _damped_inverse(matrix: Array) -> Array:
    result: Array = matrix.T @ np.linalg.inv(matrix @ matrix.T + _DAMPING * np.eye(len(matrix)))
    return result


def matrix_from_vector(vector: Array) -> Array:
    """Return the rotation matrix (3, 3) of a rotation vector (3,) [rad] (Rodrigues)."""
    angle = float(np.linalg.norm(vector))
    if angle < 1e-12:
        return np.eye(3)
    x, y, z = vector / angle
    cross = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    result: Array = np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * (cross @ cross)
    return result


def vector_from_matrix(matrix: Array) -> Array:
    """Return the rotation vector (3,) [rad], at most pi long, of a rotation matrix (3, 3), through its quaternion."""
    m = matrix
    squares = np.array(
        [
            1 + m[0, 0] + m[1, 1] + m[2, 2],
            1 + m[0, 0] - m[1, 1] - m[2, 2],
            1 - m[0, 0] + m[1, 1] - m[2, 2],
            1 - m[0, 0] - m[1, 1] + m[2, 2],
        ]
    )
    # The largest of w, x, y, z is divided by: the others may be zero (Shepperd 1978).
    table = np.array(
        [
            [squares[0], m[2, 1] - m[1, 2], m[0, 2] - m[2, 0], m[1, 0] - m[0, 1]],
            [m[2, 1] - m[1, 2], squares[1], m[0, 1] + m[1, 0], m[0, 2] + m[2, 0]],
            [m[0, 2] - m[2, 0], m[0, 1] + m[1, 0], squares[2], m[1, 2] + m[2, 1]],
            [m[1, 0] - m[0, 1], m[0, 2] + m[2, 0], m[1, 2] + m[2, 1], squares[3]],
        ]
    )
    quaternion = table[int(np.argmax(squares))]
    quaternion = quaternion / np.linalg.norm(quaternion)
    if quaternion[0] < 0:
        quaternion = -quaternion
    length = float(np.linalg.norm(quaternion[1:]))
    if length < 1e-12:
        return np.zeros(3)
    result: Array = quaternion[1:] / length * 2 * np.arctan2(length, quaternion[0])
    return result


def frame_of(position: Sequence[float], rpy: Sequence[float] = (0.0, 0.0, 0.0)) -> Array:
    """Return the (4, 4) frame of a URDF origin: xyz [m] and roll, pitch, yaw about the fixed axes [rad]."""
    frame = np.eye(4)
    turns = [matrix_from_vector(np.eye(3)[axis] * angle) for axis, angle in enumerate(rpy)]
    frame[:3, :3] = turns[2] @ turns[1] @ turns[0]
    frame[:3, 3] = position
    return frame


def chain_from_urdf(path: Path, *, tip: str) -> Chain:
    """Return the chain of revolute joints from the root of a URDF to its link `tip`; fixed joints are folded in.

    Raises SpecError when the file cannot be read, does not lead to that link or holds another kind of joint on the way.
    """
    try:
        root = ElementTree.parse(path).getroot()
    except OSError as error:
        raise SpecError(f"cannot read the URDF {path}: {error.strerror}") from error
    except ElementTree.ParseError as error:
        raise SpecError(f"{path} is no URDF: {error}") from error
    parents = {child.get("link"): joint for joint in root.iter("joint") if (child := joint.find("child")) is not None}
    way, link = [], tip
    while link in parents:
        way.append(parents[link])
        link = str(parents[link].find("parent").get("link"))  # type: ignore[union-attr]
    if not way:
        raise SpecError(f"{path}: no joint leads to the link '{tip}'; there are: {', '.join(map(str, parents))}")
    joints: list[Joint] = []
    pending = np.eye(4)
    for element in reversed(way):
        origin, kind = element.find("origin"), element.get("type")
        assert origin is not None
        pending = pending @ frame_of(_numbers(origin.get("xyz")), _numbers(origin.get("rpy")))
        if kind == "revolute":
            axis, limit = element.find("axis"), element.find("limit")
            assert axis is not None and limit is not None
            bounds = float(limit.get("lower", "")), float(limit.get("upper", ""))
            joints.append(Joint(str(element.get("name")), pending, np.array(_numbers(axis.get("xyz"))), *bounds))
            pending = np.eye(4)
        elif kind != "fixed":
            raise SpecError(
                f"{path}: joint '{element.get('name')}' is {kind}; only revolute and fixed joints are known"
            )
    return Chain(joints, pending)


def _numbers(text: str | None) -> list[float]:
    return [float(word) for word in (text or "0 0 0").split()]


def chain_from_dh(rows: Sequence[tuple[float, float, float]], names: Sequence[str], base: Array, tool: Array) -> Chain:
    """Return the chain of standard Denavit-Hartenberg rows (a [m], d [m], alpha [rad]); every joint turns ±2 pi.

    base: the arm's own base in ours (4, 4).  tool: the tool in the last flange (4, 4).
    """
    joints, pending = [], base
    for name, (a, d, alpha) in zip(names, rows, strict=True):
        joints.append(Joint(name, pending, np.array([0.0, 0.0, 1.0]), -2 * np.pi, 2 * np.pi))
        pending = frame_of((a, 0.0, d), (alpha, 0.0, 0.0))
    return Chain(joints, pending @ tool)
