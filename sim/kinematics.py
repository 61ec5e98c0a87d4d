"""The Panda's geometry: where each joint sits, its limits, forward kinematics, Jacobian and inverse kinematics.

No engine is needed. The URDF is generated from the same tables, and a test compares the two through the physics engine.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import atan2, cos, hypot, sin, sqrt
from operator import ge, le

import numpy as np
from scipy.linalg.lapack import dposv

from sim.geometry import Array, Pose, quaternion_from_vector, rotation_matrix


@dataclass(frozen=True)
class Joint:
    """One revolute joint about its own z axis: place [m] and roll [rad] in its parent, limits [rad], torque [N m]."""

    position: tuple[float, float, float]
    roll: float
    low: float
    high: float
    torque: float


QUARTER = float(np.pi / 2)
WRIST_OFFSET = 0.088
"""Sideways from the wrist's centre to the axis of the last joint [m]."""
JOINTS = (
    Joint((0, 0, 0.333), 0.0, -2.8973, 2.8973, 87),
    Joint((0, 0, 0), -QUARTER, -1.7628, 1.7628, 87),
    Joint((0, -0.316, 0), QUARTER, -2.8973, 2.8973, 87),
    Joint((0.0825, 0, 0), QUARTER, -3.0718, -0.0698, 87),
    Joint((-0.0825, 0.384, 0), -QUARTER, -2.8973, 2.8973, 12),
    Joint((0, 0, 0), QUARTER, -0.0175, 3.7525, 12),
    Joint((WRIST_OFFSET, 0, 0), QUARTER, -2.8973, 2.8973, 12),
)
"""Frames and limits as published by the maker (Franka Control Interface documentation, Denavit-Hartenberg table)."""
HAND_OFFSET = 0.107
"""From the frame of link 7 to the hand, along z [m]."""
HAND_YAW = -float(np.pi / 4)
FINGER_OFFSET = 0.0584
"""From the hand to the fingers' frames, along z [m]."""
FINGER_TRAVEL = 0.04
"""How far each finger moves outward from closed [m]; the gripper opens 8 cm."""
TOOL_OFFSET = 0.105
"""From the hand to the tool point between the fingertips, along z [m]; the tips end 7 mm further on."""
TOOL_IN_HAND = Pose((0.0, 0.0, TOOL_OFFSET), (1.0, 0.0, 0.0, 0.0))
"""Half a turn about x: the tool's z points away from the approach, its y along the fingers' travel."""
LOW = np.array([joint.low for joint in JOINTS])
HIGH = np.array([joint.high for joint in JOINTS])
REST = np.array([0.0, -0.40, 0.0, -2.30, 0.0, 1.90, np.pi / 4])
"""Joint angles that the spare degree of freedom is drawn to [rad]: elbow up, in the middle, well inside the limits."""


def _fixed_frames() -> tuple[Array, Array]:
    """Return the joints' frames in their parents (7, 4, 4) and the tool's frame in link 7 (4, 4)."""
    frames = np.zeros((len(JOINTS), 4, 4))
    for frame, joint in zip(frames, JOINTS, strict=True):
        frame[:3, :3] = rotation_matrix(quaternion_from_vector((joint.roll, 0, 0)))
        frame[:3, 3] = joint.position
        frame[3, 3] = 1
    tool = np.eye(4)
    half_turn = rotation_matrix(TOOL_IN_HAND.quaternion)
    tool[:3, :3] = rotation_matrix(quaternion_from_vector((0, 0, HAND_YAW))) @ half_turn
    tool[:3, 3] = (0, 0, HAND_OFFSET + TOOL_OFFSET)
    return frames, tool


_FRAMES, _TOOL = _fixed_frames()
_HAND = np.eye(4)
_HAND[:3, :3] = rotation_matrix(quaternion_from_vector((0, 0, HAND_YAW)))
_HAND[2, 3] = HAND_OFFSET


_ALONG, _ACROSS, _FIXED = np.zeros_like(_FRAMES), np.zeros_like(_FRAMES), np.zeros_like(_FRAMES)
"""A joint's frame at an angle is cos x _ALONG + sin x _ACROSS + _FIXED."""
_ALONG[:, :, :2], _FIXED[:, :, 2:] = _FRAMES[:, :, :2], _FRAMES[:, :, 2:]
_ACROSS[:, :, 0], _ACROSS[:, :, 1] = _FRAMES[:, :, 1], -_FRAMES[:, :, 0]
_BASE, _UPPER, _FORE = JOINTS[0].position[2], JOINTS[2].position[1], JOINTS[4].position[1]
_OUT, _BACK = JOINTS[3].position[0], JOINTS[4].position[0]
_LOWS, _HIGHS = LOW.tolist(), HIGH.tolist()


def tool_matrix_and_jacobian(joints: Array) -> tuple[Array, Array]:
    """Return the tool's frame in the base (4, 4) and its Jacobian (6, 7) at joint angles `joints` (7,) [rad].

    Rows of the Jacobian: velocity of the tool point [m/rad], then angular velocity [rad/rad], both in the base frame.
    JOINTS number by number, as NumPy's calls on so few cost several times as much: a, b, c are the axes of a joint's
    frame, whose roll by a quarter takes c for b and back. The slow twin multiplies matrices
    (tests/sim/test_kinematics.py).
    """
    angles = joints.tolist()
    c1, c2, c3, c4, c5, c6, c7 = map(cos, angles)
    s1, s2, s3, s4, s5, s6, s7 = map(sin, angles)
    axes = [(0.0, 0.0, _BASE, 0.0, 0.0, 1.0), (0.0, 0.0, _BASE, -s1, c1, 0.0)]
    ax, ay, az, bx, by, bz, cx, cy, cz = c2 * c1, c2 * s1, -s2, -s2 * c1, -s2 * s1, -c2, -s1, c1, 0.0
    px, py, pz = _UPPER * bx, _UPPER * by, _BASE + _UPPER * bz
    ax, ay, az, bx, by, bz, cx, cy, cz = (
        *(c3 * ax + s3 * cx, c3 * ay + s3 * cy, c3 * az),
        *(c3 * cx - s3 * ax, c3 * cy - s3 * ay, -s3 * az, -bx, -by, -bz),
    )
    axes.append((px, py, pz, cx, cy, cz))
    px, py, pz = px + _OUT * ax, py + _OUT * ay, pz + _OUT * az
    ax, ay, az, bx, by, bz, cx, cy, cz = (
        *(c4 * ax + s4 * cx, c4 * ay + s4 * cy, c4 * az + s4 * cz),
        *(c4 * cx - s4 * ax, c4 * cy - s4 * ay, c4 * cz - s4 * az, -bx, -by, -bz),
    )
    axes.append((px, py, pz, cx, cy, cz))
    px, py, pz = px + _BACK * ax + _FORE * bx, py + _BACK * ay + _FORE * by, pz + _BACK * az + _FORE * bz
    ax, ay, az, bx, by, bz, cx, cy, cz = (
        *(c5 * ax - s5 * cx, c5 * ay - s5 * cy, c5 * az - s5 * cz),
        *(-c5 * cx - s5 * ax, -c5 * cy - s5 * ay, -c5 * cz - s5 * az, bx, by, bz),
    )
    axes.append((px, py, pz, cx, cy, cz))
    ax, ay, az, bx, by, bz, cx, cy, cz = (
        *(c6 * ax + s6 * cx, c6 * ay + s6 * cy, c6 * az + s6 * cz),
        *(c6 * cx - s6 * ax, c6 * cy - s6 * ay, c6 * cz - s6 * az, -bx, -by, -bz),
    )
    axes.append((px, py, pz, cx, cy, cz))
    px, py, pz = px + WRIST_OFFSET * ax, py + WRIST_OFFSET * ay, pz + WRIST_OFFSET * az
    ax, ay, az, bx, by, bz, cx, cy, cz = (
        *(c7 * ax + s7 * cx, c7 * ay + s7 * cy, c7 * az + s7 * cz),
        *(c7 * cx - s7 * ax, c7 * cy - s7 * ay, c7 * cz - s7 * az, -bx, -by, -bz),
    )
    axes.append((px, py, pz, cx, cy, cz))
    tool = _matrix((ax, bx, cx, px, ay, by, cy, py, az, bz, cz, pz, 0.0, 0.0, 0.0, 1.0)) @ _TOOL
    return tool, _columns(axes, *tool[:3, 3].tolist()).T


def _matrix(numbers: tuple[float, ...]) -> Array:
    """Sixteen numbers, row by row."""
    return np.array(numbers).reshape(4, 4)


def _columns(axes: Sequence[tuple[float, ...]], tx: float, ty: float, tz: float) -> Array:
    """Joint axes (place and direction) and the tool point -> the Jacobian's columns (7, 6)."""
    numbers: list[float] = []
    for x, y, z, u, v, w in axes:
        dx, dy, dz = tx - x, ty - y, tz - z
        numbers += (v * dz - w * dy, w * dx - u * dz, u * dy - v * dx, u, v, w)
    return np.array(numbers).reshape(-1, 6)


def link_frames(joints: Array) -> Array:
    """Return the frames of links 1 to 7 and of the hand in the base (K, 8, 4, 4), for K postures `joints` (K, 7) [rad].

    The slow twin is `tool_matrix_and_jacobian`, one posture at a time.
    """
    cosine, sine = np.cos(joints)[:, :, None, None], np.sin(joints)[:, :, None, None]
    turned = cosine * _ALONG + sine * _ACROSS + _FIXED
    frames = np.empty((len(joints), len(JOINTS) + 1, 4, 4))
    frames[:, 0] = frame = turned[:, 0]
    for index in range(1, len(JOINTS)):
        frame = np.matmul(frame, turned[:, index], out=frames[:, index])
    np.matmul(frame, _HAND, out=frames[:, -1])
    return frames


def forward(joints: Array) -> Pose:
    """Return where the tool is in the base frame at joint angles `joints` (7,) [rad]."""
    tool, _ = tool_matrix_and_jacobian(joints)
    return Pose(_triple(tool[:3, 3]), _quaternion_from_matrix(tool[:3, :3]))


@dataclass(frozen=True, eq=False)
class Solution:
    """joints: (7,) rad, inside the limits.  position_error [m], rotation_error [rad]: by forward kinematics."""

    joints: Array
    position_error: float
    rotation_error: float

    @property
    def converged(self) -> bool:
        return self.position_error < POSITION_TOLERANCE and self.rotation_error < ROTATION_TOLERANCE


POSITION_TOLERANCE = 2e-5
ROTATION_TOLERANCE = 2e-4
_LONGEST_STEP = 0.4
"""Joint-space length of one iteration [rad]; far targets are approached in several."""
_POSTURE_GAIN = 0.25
_FADED = 12
"""Iterations in which the pull to REST fades to nothing."""
_STUCK, _STUCK_FOR = 0.9, 3
"""A pose that cannot be reached is given up once three iterations leave more than this share of the residual. Of 5,229
poses that all 40 iterations reached, 10 are lost; of those that they did not, a third of the iterations is spent."""


def inverse(target: Pose, start: Array, *, iterations: int = 40) -> Solution:
    """Return joint angles that bring the tool to `target`, near `start` (7,); damped least squares.

    The spare degree of freedom drifts towards REST, so that the posture depends little on the way there. A joint at
    its limit is taken out of the step that would push it further. Gives up early when it gets no nearer. Callers check
    `converged`.
    """
    goal_rotation = rotation_matrix(target.quaternion)
    goal_x, goal_y, goal_z = target.position
    joints = np.minimum(np.maximum(start, LOW), HIGH)
    residuals: list[float] = []
    for iteration in range(iterations + 1):
        tool, jacobian = tool_matrix_and_jacobian(joints)
        x, y, z = tool[:3, 3].tolist()
        way = (goal_x - x, goal_y - y, goal_z - z)
        turn = _vector_from_matrix(goal_rotation @ tool[:3, :3].T)
        gap, twist = hypot(*way), hypot(*turn)
        residuals.append(max(gap / POSITION_TOLERANCE, twist / ROTATION_TOLERANCE))
        stuck = iteration >= _FADED and residuals[-1] > _STUCK * residuals[-1 - _STUCK_FOR]
        if iteration == iterations or (iteration >= 2 and residuals[-1] < 1) or stuck:
            break
        # The pull to REST fades, so that the last iterations only close the residual.
        posture = _POSTURE_GAIN * max(0.0, 1 - iteration / _FADED) * (REST - joints)
        step = _damped_step(joints, jacobian, np.array((*way, *turn)), posture)
        step *= min(1.0, _LONGEST_STEP / max(sqrt(step @ step), 1e-12))
        joints = np.minimum(np.maximum(joints + step, LOW), HIGH)
    return Solution(joints, gap, twist)


def _damped_step(joints: Array, jacobian: Array, error: Array, posture: Array) -> Array:
    """Return the joint step (7,) that removes `error` and otherwise follows `posture`, and drives no joint that stands
    at its limit further."""
    step = _free_step(jacobian, error, posture)
    angles = joints.tolist()
    if any(map(le, angles, _LOWS)) or any(map(ge, angles, _HIGHS)):
        blocked = ((joints <= LOW) & (step < 0)) | ((joints >= HIGH) & (step > 0))
        if blocked.any():
            return _free_step(np.where(blocked, 0.0, jacobian), error, np.where(blocked, 0.0, posture))
    return step


def _free_step(jacobian: Array, error: Array, posture: Array) -> Array:
    normal = jacobian @ jacobian.T
    normal.reshape(-1)[::7] += 1e-6 + 1e-3 * float(error @ error)
    # The matrix is positive definite: Cholesky's way costs less than np.linalg.solve, most of which is checks.
    _, solved, _ = dposv(normal, error - jacobian @ posture)
    step: Array = posture + jacobian.T @ solved
    return step


def _triple(vector: Array) -> tuple[float, float, float]:
    return float(vector[0]), float(vector[1]), float(vector[2])


def _vector_from_matrix(rotation: Array) -> tuple[float, float, float]:
    """Return the rotation vector of a rotation matrix; exact below half a turn, which warm starts keep to."""
    (xx, xy, xz), (yx, yy, yz), (zx, zy, zz) = rotation.tolist()
    x, y, z = zy - yz, xz - zx, yx - xy
    sine = 0.5 * hypot(x, y, z)
    angle = atan2(sine, 0.5 * (xx + yy + zz - 1))
    share = 0.5 if sine < 1e-9 else 0.5 * angle / sine
    return share * x, share * y, share * z


def _quaternion_from_matrix(rotation: Array) -> tuple[float, float, float, float]:
    """Return the unit quaternion xyzw of a rotation matrix, by the largest of its four squared parts."""
    trace = rotation[0, 0] + rotation[1, 1] + rotation[2, 2]
    outer = np.empty((4, 4))
    outer[:3, :3] = rotation + rotation.T
    outer[[0, 1, 2], [0, 1, 2]] = 1 - trace + 2 * np.diag(rotation)
    outer[3, :3] = outer[:3, 3] = (
        rotation[2, 1] - rotation[1, 2],
        rotation[0, 2] - rotation[2, 0],
        rotation[1, 0] - rotation[0, 1],
    )
    outer[3, 3] = 1 + trace
    row = outer[int(np.argmax(np.diag(outer)))]
    x, y, z, w = row / np.linalg.norm(row)
    return float(x), float(y), float(z), float(w)
