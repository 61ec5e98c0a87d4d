"""The Panda in the simulator: end-effector commands in, joint motion out, one control tick at a time."""

from pathlib import Path

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
    transform,
    vector_from_quaternion,
    yaw_quaternion,
)
from sim.kinematics import (
    FINGER_TRAVEL,
    HAND_OFFSET,
    JOINTS,
    REST,
    TOOL_IN_HAND,
    TOOL_OFFSET,
    WRIST_OFFSET,
    inverse,
)
from sim.physics import TIME_STEP, Physics

URDF = Path(__file__).parent / "assets" / "panda" / "panda.urdf"
RATE_HZ = 5.0
STEPS_PER_TICK = 24
"""Physics steps in one control tick: 24 / 120 s = 1 / 5 Hz."""

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

ARM_GAIN = 0.6
ARM_TORQUES = [joint.torque for joint in JOINTS]
FINGER_GAIN = 0.1
FINGER_FORCE = 20.0
"""Of each finger [N]. With anchored pads a 4 cm cube creeps under 0.1 mm in 3 s; without, it turned by 14 degrees."""
FINGER_SPEED = 0.1
"""Of each finger [m/s], as the real hand's: 8 cm open in two ticks."""
PAD_FRICTION = 1.2
PAD_SPINNING_FRICTION = 0.02
"""Spinning friction stands for the pad's area: torque to turn an object held at one contact point, per newton [m]."""


class PandaArm:
    """A Panda bolted to the base frame's origin. Its commanded pose is moved by `command` and reached by `tick`."""

    def __init__(self, physics: Physics) -> None:
        self._physics = physics
        self.body = physics.load_urdf(URDF, Pose())
        numbers = {name: number for number, name in enumerate(physics.joint_names(self.body))}
        self._arm = [numbers[f"panda_joint{number}"] for number in range(1, 8)]
        self._fingers = [numbers["panda_finger_joint1"], numbers["panda_finger_joint2"]]
        self._hand = numbers["panda_hand_joint"]
        for finger in self._fingers:
            physics.change_friction(
                self.body, finger, lateral=PAD_FRICTION, spinning=PAD_SPINNING_FRICTION, anchored=True
            )
        physics.mirror_joints(self.body, self._fingers[0], self._fingers[1], axis=(0, 1, 0))
        self._all = [*self._arm, *self._fingers]
        self.reset()

    def reset(self, position_in_base: Vector3 = HOME_POSITION, yaw: float = 0.0) -> None:
        """Put the arm there at once, pointing down, turned by `yaw` [rad] about z, at rest, gripper open.

        Raises ValueError when the arm cannot reach that pose.
        """
        pose = Pose(position_in_base, yaw_quaternion(yaw))
        solution = inverse(pose, REST, iterations=100)
        if not solution.converged:
            raise ValueError(f"the arm cannot reach {position_in_base} with yaw {yaw:.2f} rad")
        self._commanded = pose
        self._opening = 1.0
        self._joints = solution.joints
        self._reached = solution.joints
        opened = np.full(2, FINGER_TRAVEL)
        self._physics.set_joints(self.body, self._all, np.concatenate([solution.joints, opened]))
        self._drive(solution.joints, np.zeros(7), opened, np.zeros(2))

    def command(self, action: FloatArray) -> FloatArray:
        """Move the commanded pose by a legal `action` (7,) and return what was really commanded (7,).

        The position is held inside the workspace and the arm's reach. A pose that the arm cannot take is tried again
        without the turn, then refused: the commanded pose stays. Raises ValueError when the action breaks ACTION.
        """
        problem = ACTION.problem(action)
        if problem:
            raise ValueError(f"the action is not legal: {problem}")
        before, self._opening = self._commanded, float(action[6])
        self._commanded, self._joints = plan(before, self._joints, action)
        return pose_change(before, self._commanded, self._opening)

    def tick(self) -> None:
        """Run one control tick of physics: the joints glide from the last commanded pose to the present one.

        Joint targets follow a minimum-jerk curve that starts and ends at rest, so there is no jerk where ticks meet,
        no overshoot into the table, and the arm stands at its command when the next picture is taken.
        """
        start, end = self._reached, self._joints
        fingers = self._physics.joint_positions(self.body, self._fingers)
        goal = np.full(2, self._opening * FINGER_TRAVEL)
        longest = FINGER_SPEED * TIME_STEP
        for share, gained in _GLIDE:
            moved = np.clip(goal - fingers, -longest, longest)
            speeds = gained / TIME_STEP * (end - start)
            self._drive(start + share * (end - start), speeds, fingers, moved / TIME_STEP)
            self._physics.step()
            fingers = fingers + moved
        self._drive(end, np.zeros(7), fingers, np.zeros(2))
        self._reached = end

    def state(self) -> FloatArray:
        """Return the measured state (14,), as STATE names it."""
        pose = self.tool_pose()
        joints = self._physics.joint_positions(self.body, self._arm)
        vector = vector_from_quaternion(pose.quaternion)
        return np.concatenate([pose.position, vector, [self.gripper_opening()], joints]).astype(np.float32)

    def tool_pose(self) -> Pose:
        """Return the measured pose of the tool: between the fingertips, z up, y along the fingers' travel."""
        hand = self._physics.link_pose(self.body, self._hand)
        x, y, z = transform(hand, np.array(TOOL_IN_HAND.position))
        qx, qy, qz, qw = multiply(hand.quaternion, TOOL_IN_HAND.quaternion)
        return Pose((float(x), float(y), float(z)), (float(qx), float(qy), float(qz), float(qw)))

    def commanded_pose(self) -> Pose:
        """Return the pose that the tool was last told to take."""
        return self._commanded

    def gripper_opening(self) -> float:
        """Return how far the gripper is open: 0 closed, 1 at 8 cm."""
        fingers = self._physics.joint_positions(self.body, self._fingers)
        return float(np.clip(fingers.sum() / (2 * FINGER_TRAVEL), 0.0, 1.0))

    def holding(self, body: int) -> bool:
        """Say whether both fingers touch the body."""
        return all(self._physics.touching(body, self.body, other_links=(finger,)) for finger in self._fingers)

    def touching(self, body: int) -> bool:
        """Say whether any part of the arm touches the body."""
        return self._physics.touching(body, self.body)

    def _drive(self, joints: Array, joint_speeds: Array, fingers: Array, finger_speeds: Array) -> None:
        drive = self._physics.drive_joints
        drive(self.body, self._arm, joints, ARM_TORQUES, velocities=joint_speeds, gain=ARM_GAIN)
        drive(self.body, self._fingers, fingers, [FINGER_FORCE] * 2, velocities=finger_speeds, gain=FINGER_GAIN)


def plan(commanded: Pose, joints: Array, action: FloatArray) -> tuple[Pose, Array]:
    """Return the pose and the joint angles (7,) that a legal `action` (7,) leads to from a commanded pose.

    The position is held inside the workspace and the arm's reach. A pose that the arm cannot take is tried again
    without the turn, then refused: pose and joints stay.
    """
    values = np.asarray(action, dtype=np.float64)
    turned = multiply(quaternion_from_vector(values[3:6]), np.array(commanded.quaternion))
    turned /= np.linalg.norm(turned)
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
    clamped = np.clip(position, low, WORKSPACE_HIGH)
    # The wrist lies above the tool along the hand, then WRIST_OFFSET inward; pulling it in sideways keeps the height.
    upward = rotation[:, 2]
    arm = clamped + upward * _WRIST_ABOVE_TOOL - SHOULDER
    along = float(arm @ upward)
    sideways = arm - along * upward
    farthest = WRIST_OFFSET + float(np.sqrt(max(REACH**2 - along**2, 0.0)))
    distance = float(np.linalg.norm(sideways))
    if distance > farthest:
        clamped = np.clip(clamped - sideways * (1 - farthest / distance), low, WORKSPACE_HIGH)
    return float(clamped[0]), float(clamped[1]), float(clamped[2])


def pose_change(before: Pose, after: Pose, opening: float) -> FloatArray:
    """Return the action (7,) that moves the commanded pose from `before` to `after`; inverse of commanding it."""
    x, y, z, w = before.quaternion
    turn = vector_from_quaternion(multiply(after.quaternion, (-x, -y, -z, w)))
    return np.array([*np.subtract(after.position, before.position), *turn, opening], dtype=np.float32)


def _glide() -> list[tuple[float, float]]:
    """Return for each physics step of a tick the share of the way covered before it and gained in it: minimum jerk.

    A motor aims at where the joint should be now and at the speed that brings it to its next place in one step.
    """
    t = np.arange(STEPS_PER_TICK + 1) / STEPS_PER_TICK
    share = t**3 * (10 - 15 * t + 6 * t**2)
    return list(zip(share[:-1].tolist(), np.diff(share).tolist(), strict=True))


_GLIDE = _glide()
