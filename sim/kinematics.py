"""The Panda's geometry: where each joint sits, its limits, forward kinematics, Jacobian and inverse kinematics.

Pure numpy. The URDF is generated from the same tables, and a test compares the two through the physics engine.
"""

from dataclasses import dataclass

import numpy as np

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


def tool_matrix_and_jacobian(joints: Array) -> tuple[Array, Array]:
    """Return the tool's frame in the base (4, 4) and its Jacobian (6, 7) at joint angles `joints` (7,) [rad].

    Rows of the Jacobian: velocity of the tool point [m/rad], then angular velocity [rad/rad], both in the base frame.
    """
    cosine, sine = np.cos(joints)[:, None], np.sin(joints)[:, None]
    turned = _FRAMES.copy()
    turned[:, :, 0] = cosine * _FRAMES[:, :, 0] + sine * _FRAMES[:, :, 1]
    turned[:, :, 1] = cosine * _FRAMES[:, :, 1] - sine * _FRAMES[:, :, 0]
    chain = np.empty((len(JOINTS), 4, 4))
    frame = np.eye(4)
    for index in range(len(JOINTS)):
        frame = frame @ turned[index]
        chain[index] = frame
    tool = frame @ _TOOL
    axes, arms = chain[:, :3, 2], tool[:3, 3] - chain[:, :3, 3]
    jacobian = np.empty((6, len(JOINTS)))
    # The cross product written out: np.cross costs six times as much on seven rows.
    jacobian[0] = axes[:, 1] * arms[:, 2] - axes[:, 2] * arms[:, 1]
    jacobian[1] = axes[:, 2] * arms[:, 0] - axes[:, 0] * arms[:, 2]
    jacobian[2] = axes[:, 0] * arms[:, 1] - axes[:, 1] * arms[:, 0]
    jacobian[3:] = axes.T
    return tool, jacobian


def link_frames(joints: Array) -> Array:
    """Return the frames of links 1 to 7 and of the hand in the base (K, 8, 4, 4), for K postures `joints` (K, 7) [rad].

    The slow twin is the chain of `tool_matrix_and_jacobian`, one posture at a time.
    """
    cosine, sine = np.cos(joints)[:, :, None], np.sin(joints)[:, :, None]
    turned = np.broadcast_to(_FRAMES, (len(joints), *_FRAMES.shape)).copy()
    turned[:, :, :, 0] = cosine * _FRAMES[:, :, 0] + sine * _FRAMES[:, :, 1]
    turned[:, :, :, 1] = cosine * _FRAMES[:, :, 1] - sine * _FRAMES[:, :, 0]
    frames = np.empty((len(joints), len(JOINTS) + 1, 4, 4))
    frame = np.broadcast_to(np.eye(4), (len(joints), 4, 4))
    for index in range(len(JOINTS)):
        frame = frame @ turned[:, index]
        frames[:, index] = frame
    frames[:, -1] = frame @ _HAND
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


def inverse(target: Pose, start: Array, *, iterations: int = 40) -> Solution:
    """Return joint angles that bring the tool to `target`, near `start` (7,); damped least squares.

    The spare degree of freedom drifts towards REST, so that the posture depends little on the way there. A joint at
    its limit is taken out of the step that would push it further. Callers check `converged`.
    """
    goal_rotation = rotation_matrix(target.quaternion)
    goal_position = np.asarray(target.position)
    joints = np.clip(start, LOW, HIGH)
    error = np.empty(6)
    for iteration in range(iterations + 1):
        tool, jacobian = tool_matrix_and_jacobian(joints)
        error[:3] = goal_position - tool[:3, 3]
        error[3:] = _vector_from_matrix(goal_rotation @ tool[:3, :3].T)
        solution = Solution(joints, _length(error[:3]), _length(error[3:]))
        if iteration == iterations or (iteration >= 2 and solution.converged):
            break
        # The pull to REST fades, so that the last iterations only close the residual.
        posture = _POSTURE_GAIN * max(0.0, 1 - iteration / 12) * (REST - joints)
        step = _damped_step(jacobian, error, posture)
        blocked = ((joints <= LOW) & (step < 0)) | ((joints >= HIGH) & (step > 0))
        if blocked.any():
            step = _damped_step(np.where(blocked, 0.0, jacobian), error, np.where(blocked, 0.0, posture))
        step *= min(1.0, _LONGEST_STEP / max(_length(step), 1e-12))
        joints = np.minimum(np.maximum(joints + step, LOW), HIGH)
    return solution


def _damped_step(jacobian: Array, error: Array, posture: Array) -> Array:
    """Return the joint step (7,) that removes `error` and otherwise follows `posture`."""
    normal = jacobian @ jacobian.T
    normal.flat[::7] += 1e-6 + 1e-3 * float(error @ error)
    step: Array = posture + jacobian.T @ np.linalg.solve(normal, error - jacobian @ posture)
    return step


def _length(vector: Array) -> float:
    return float(np.sqrt(vector @ vector))


def _triple(vector: Array) -> tuple[float, float, float]:
    return float(vector[0]), float(vector[1]), float(vector[2])


def _vector_from_matrix(rotation: Array) -> Array:
    """Return the rotation vector (3,) of a rotation matrix; exact below half a turn, which warm starts keep to."""
    twice_sine = np.array(
        [rotation[2, 1] - rotation[1, 2], rotation[0, 2] - rotation[2, 0], rotation[1, 0] - rotation[0, 1]]
    )
    sine = 0.5 * _length(twice_sine)
    angle = np.arctan2(sine, 0.5 * (rotation[0, 0] + rotation[1, 1] + rotation[2, 2] - 1))
    return twice_sine * (0.5 if sine < 1e-9 else 0.5 * angle / sine)


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
