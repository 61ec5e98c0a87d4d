"""What a Panda is told in end-effector terms: the commanded pose, its limits, and the joints that take it there.

Pure arithmetic, the same for the simulated arm and a real one; the commanded pose is moved, never the measured one.
"""

from math import sqrt

import numpy as np

from agent.types import FloatArray, VectorSpec
from sim.geometry import (
    Array,
    Pose,
    Quaternion,
    Vector3,
    multiply,
    quaternion_from_vector,
    rotation_matrix,
    vector_from_quaternion,
)
from sim.kinematics import HAND_OFFSET, JOINTS, REST, TOOL_OFFSET, WRIST_OFFSET, forward, inverse

ACTION = VectorSpec(
    names=("dx", "dy", "dz", "drx", "dry", "drz", "gripper"),
    units=("m", "m", "m", "rad", "rad", "rad", "1"),
    low=(-0.05, -0.05, -0.05, -0.35, -0.35, -0.35, 0.0),
    high=(0.05, 0.05, 0.05, 0.35, 0.35, 0.35, 1.0),
)
"""Moves the commanded tool pose in the base frame; gripper is absolute, 0 closed, 1 open."""

_PI = float(np.pi)
STATE = VectorSpec(
    names=("x", "y", "z", "rx", "ry", "rz", "gripper", *(f"joint_{number}" for number in range(1, 8))),
    units=("m", "m", "m", "rad", "rad", "rad", "1", *("rad",) * 7),
    low=(-1.0, -1.0, -0.2, -_PI, -_PI, -_PI, 0.0, *(joint.low - 0.05 for joint in JOINTS)),
    high=(1.0, 1.0, 1.3, _PI, _PI, _PI, 1.0, *(joint.high + 0.05 for joint in JOINTS)),
)
"""Measured tool pose in the base frame (rotation vector), gripper opening, joint angles."""

HOME_POSITION: Vector3 = (0.42, 0.0, 0.28)
WORKSPACE_LOW = np.array([0.25, -0.40, 0.008])
WORKSPACE_HIGH = np.array([0.75, 0.40, 0.50])
"""Corners of the box that the commanded tool position stays in [m]."""
SHOULDER = np.array([0.0, 0.0, 0.333])
REACH = 0.708
"""Longest distance from shoulder to wrist [m]; the box's far corners lie beyond. At 0.719 the elbow is straight."""
_WRIST_ABOVE_TOOL = TOOL_OFFSET + HAND_OFFSET
TABLE_CLEARANCE = 0.001
_TIPS = np.array([(x, y, -0.007) for x in (-0.010, 0.010) for y in (-0.055, 0.055)])
"""Lowest points of the open fingers in the tool frame [m]: a tilted hand must stay higher above the table."""


class PandaCommander:
    """Turns `ee_delta` actions into joint targets. It begins at REST; `begin_at` tells it where the arm really is."""

    state, action = STATE, ACTION

    def __init__(self) -> None:
        self.begin_at(REST, opening=1.0)

    @property
    def pose(self) -> Pose:
        """The pose that the tool was last told to take, in the base frame."""
        return self._pose

    @property
    def joints(self) -> Array:
        """Joint angles (7,) of that pose [rad]."""
        return self._joints

    @property
    def opening(self) -> float:
        """What the gripper was last told: 0 closed, 1 open."""
        return self._opening

    def begin_at(self, joints: Array, *, opening: float, pose: Pose | None = None) -> None:
        """Take the arm as it stands at `joints` (7,) [rad] for what was commanded; `pose`: theirs, when known."""
        self._joints = np.asarray(joints, dtype=np.float64)
        self._pose = pose or forward(self._joints)
        self._opening = opening

    def command(self, action: FloatArray) -> FloatArray:
        """Move the commanded pose by a legal `action` (7,) and return what was really commanded (7,); see `plan`.

        Raises ValueError when the action breaks ACTION.
        """
        problem = ACTION.problem(action)
        if problem:
            raise ValueError(f"the action is not legal: {problem}")
        before, self._opening = self._pose, float(action[6])
        self._pose, self._joints = plan(before, self._joints, action)
        return pose_change(before, self._pose, self._opening)

    def tool_vector(self, joints: Array) -> Array:
        """Return the tool's position and rotation vector (6,) in the base frame at `joints` (7,) [rad]."""
        pose = forward(joints)
        return np.array([*pose.position, *vector_from_quaternion(pose.quaternion)])


def plan(commanded: Pose, joints: Array, action: FloatArray) -> tuple[Pose, Array]:
    """Return the pose and the joint angles (7,) that a legal `action` (7,) leads to from a commanded pose.

    The position is held inside the workspace and the arm's reach. A pose that the arm cannot take is tried again
    without the turn, then refused: pose and joints stay. So do they when no motion is asked for, and no joint moves:
    the same pose solved anew would let the elbow drift by up to 0.2 rad.
    """
    values = np.asarray(action, dtype=np.float64)
    if not values[:6].any():
        return commanded, joints
    turned = multiply(quaternion_from_vector(values[3:6]), np.array(commanded.quaternion))
    turned /= sqrt(turned @ turned)
    rotation: Quaternion = (float(turned[0]), float(turned[1]), float(turned[2]), float(turned[3]))
    for quaternion in (rotation, commanded.quaternion):
        target = Pose(clamp_position(np.asarray(commanded.position) + values[:3], quaternion), quaternion)
        solution = inverse(target, joints)
        if solution.converged:
            return target, solution.joints
    return commanded, joints


def clamp_position(position: Array, quaternion: Quaternion) -> Vector3:
    """Return `position` (3,) moved into the workspace box, above the table for this tilt, and within reach."""
    rotation = rotation_matrix(quaternion)
    low = WORKSPACE_LOW.copy()
    low[2] = max(low[2], TABLE_CLEARANCE - float((rotation @ _TIPS.T)[2].min()))
    clamped = np.minimum(np.maximum(position, low), WORKSPACE_HIGH)
    # The wrist lies above the tool along the hand, then WRIST_OFFSET inward; pulling it in sideways keeps the height.
    upward = rotation[:, 2]
    arm = clamped + upward * _WRIST_ABOVE_TOOL - SHOULDER
    along = float(arm @ upward)
    sideways = arm - along * upward
    farthest = WRIST_OFFSET + sqrt(max(REACH**2 - along**2, 0.0))
    distance = sqrt(sideways @ sideways)
    if distance > farthest:
        pulled = clamped - sideways * (1 - farthest / distance)
        clamped = np.minimum(np.maximum(pulled, low), WORKSPACE_HIGH)
    return float(clamped[0]), float(clamped[1]), float(clamped[2])


def pose_change(before: Pose, after: Pose, opening: float) -> FloatArray:
    """Return the action (7,) that moves the commanded pose from `before` to `after`; inverse of commanding it."""
    x, y, z, w = before.quaternion
    turn = vector_from_quaternion(multiply(after.quaternion, (-x, -y, -z, w)))
    return np.array([*np.subtract(after.position, before.position), *turn, opening], dtype=np.float32)
