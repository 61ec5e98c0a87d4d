"""The Panda in the simulator: end-effector commands in, joint motion out, one control tick at a time."""

from pathlib import Path

import numpy as np

from agent.types import FloatArray
from sim.commander import HOME_POSITION, PandaCommander
from sim.geometry import Array, Pose, Vector3, multiply, transform, vector_from_quaternion, yaw_quaternion
from sim.kinematics import FINGER_TRAVEL, JOINTS, REST, TOOL_IN_HAND, inverse
from sim.physics import TIME_STEP, Physics

URDF = Path(__file__).parent / "assets" / "panda" / "panda.urdf"
RATE_HZ = 5.0
STEPS_PER_TICK = 24
"""Physics steps in one control tick: 24 / 120 s = 1 / 5 Hz."""

ARM_GAIN = 0.6
ARM_TORQUES = [joint.torque for joint in JOINTS]
"""Of each joint [N m], its own weight included."""
PRESS_TORQUES = [20.0, 20.0, 18.0, 18.0, 16.0, 14.0, 12.0]
"""Of each joint [N m] beyond what carries and swings the arm itself; the thresholds at which the examples of libfranka
(`setCollisionBehavior`) let a real one stop. With all of ARM_TORQUES the hand pressed things 6 cm into the table."""
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
        self._commander = PandaCommander()
        self.reset()

    def reset(self, position_in_base: Vector3 = HOME_POSITION, yaw: float = 0.0) -> None:
        """Put the arm there at once, pointing down, turned by `yaw` [rad] about z, at rest, gripper open.

        Raises ValueError when the arm cannot reach that pose.
        """
        pose = Pose(position_in_base, yaw_quaternion(yaw))
        solution = inverse(pose, REST, iterations=100)
        if not solution.converged:
            raise ValueError(f"the arm cannot reach {position_in_base} with yaw {yaw:.2f} rad")
        self._commander.begin_at(solution.joints, opening=1.0, pose=pose)
        self._reached = solution.joints
        opened = np.full(2, FINGER_TRAVEL)
        self._physics.set_joints(self.body, self._all, np.concatenate([solution.joints, opened]))
        self._hold(solution.joints, opened)

    def imitate(self, other: "PandaArm") -> None:
        """Stand as another arm stands, at rest, commanded as that one is."""
        commander = other._commander
        self._commander.begin_at(commander.joints, opening=commander.opening, pose=commander.pose)
        self._reached = other._reached
        self.assume(other.posture())
        self._hold(self._reached, other.posture()[-2:])

    def command(self, action: FloatArray) -> FloatArray:
        """Move the commanded pose by a legal `action` (7,); see `PandaCommander.command`."""
        return self._commander.command(action)

    def follow(self, joints: Array, speeds: Array, *, opening: float, finger_speed: float, force: float) -> None:
        """Run one physics step as the body of another controller, which says where each joint should be by now.

        joints (7,) [rad], speeds (7,) [rad/s].  opening: where the fingers go (0 closed, 1 open), each at most at
        finger_speed [m/s] and with at most `force` [N].  The commanded pose becomes the controller's.
        """
        self._commander.begin_at(joints, opening=opening)
        self._reached = joints
        posture = self.posture()
        longest = finger_speed * TIME_STEP
        # The motors aim at a speed from where the fingers are, so a blocked finger presses with all of `force`.
        moved = np.clip(np.full(2, opening * FINGER_TRAVEL) - posture[7:], -longest, longest)
        carried = self._carrying(posture[:7], speeds, np.zeros(7), posture[7:])
        targets = np.concatenate([joints, posture[7:]])
        self._drive(targets, np.concatenate([speeds, moved / TIME_STEP]), PRESS_TORQUES, force=force, carried=carried)
        self._physics.step()

    def tick(self) -> None:
        """Run one control tick of physics: the joints glide from the last commanded pose to the present one.

        Joint targets follow a minimum-jerk curve that starts and ends at rest, so there is no jerk where ticks meet,
        no overshoot into the table, and the arm stands at its command when the next picture is taken.
        """
        start, end = self._reached, self._commander.joints
        measured = self.posture()
        # Weight and inertia are those of where the arm is, which is not its command while something is in its way.
        behind, fingers = measured[:7] - start, measured[7:]
        joints, speeds = start + _SHARES * (end - start), _RATES * (end - start)
        opening = np.full(2, self._commander.opening * FINGER_TRAVEL) - fingers
        travelled = np.clip(opening, -_TRAVELS, _TRAVELS)
        targets = np.hstack([joints, fingers + travelled[:-1]])
        velocities = np.hstack([speeds, np.diff(travelled, axis=0) / TIME_STEP])
        accelerations = _ACCELERATIONS * (end - start)
        for target, velocity, acceleration in zip(targets, velocities, accelerations, strict=True):
            carried = self._carrying(target[:7] + behind, velocity[:7], acceleration, target[7:])
            self._drive(target, velocity, PRESS_TORQUES, carried=carried)
            self._physics.step()
        self._hold(end, fingers + travelled[-1])
        self._reached = end

    def state(self) -> FloatArray:
        """Return the measured state (14,), as STATE names it."""
        pose = self.tool_pose()
        joints = self._physics.joint_positions(self.body, self._arm)
        vector = vector_from_quaternion(pose.quaternion)
        return np.concatenate([pose.position, vector, [self.gripper_opening()], joints]).astype(np.float32)

    def joints(self) -> tuple[Array, Array]:
        """Return the measured joint angles (7,) [rad] and speeds (7,) [rad/s]."""
        motion = np.array([self._physics.joint_motion(self.body, joint) for joint in self._arm])
        return motion[:, 0], motion[:, 1]

    def posture(self) -> Array:
        """Return all joint positions, arm and fingers (9,) [rad, m]."""
        return self._physics.joint_positions(self.body, self._all)

    def assume(self, posture: Array) -> None:
        """Put all joints (9,) there at once, without physics; what is commanded stays as it was."""
        self._physics.set_joints(self.body, self._all, posture)

    def tool_pose(self) -> Pose:
        """Return the measured pose of the tool: between the fingertips, z up, y along the fingers' travel."""
        hand = self._physics.link_pose(self.body, self._hand)
        x, y, z = transform(hand, np.array(TOOL_IN_HAND.position))
        qx, qy, qz, qw = multiply(hand.quaternion, TOOL_IN_HAND.quaternion)
        return Pose((float(x), float(y), float(z)), (float(qx), float(qy), float(qz), float(qw)))

    def commanded_pose(self) -> Pose:
        """Return the pose that the tool was last told to take."""
        return self._commander.pose

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

    def _hold(self, joints: Array, fingers: Array) -> None:
        """Keep everything there until the next command, with all the motors' force."""
        self._drive(np.concatenate([joints, fingers]), np.zeros(9), ARM_TORQUES)

    def _carrying(self, joints: Array, speeds: Array, accelerations: Array, fingers: Array) -> list[float]:
        """Return the torques (7,) [N m] that carry and swing the arm itself, as its controller adds them."""
        still = np.zeros(2)
        rows = ([joints, fingers], [speeds, still], [accelerations, still])
        return self._physics.joint_torques(self.body, *(np.concatenate(row) for row in rows))[:7]

    def _drive(
        self,
        targets: Array,
        speeds: Array,
        torques: list[float],
        *,
        force: float = FINGER_FORCE,
        carried: list[float] | None = None,
    ) -> None:
        """Set the motors' targets (9,), arm then fingers; `carried` is added to them for one physics step."""
        forces = [*torques, force, force]
        self._physics.drive_joints(self.body, self._all, targets, forces, velocities=speeds, gains=_GAINS)
        if carried is not None:
            self._physics.turn_joints(self.body, self._arm, carried)


def _glide() -> tuple[Array, Array, Array]:
    """Return for each physics step of a tick, (24, 1) each, what of the way to go is covered before it, gained in it a
    second, and the change of that a second: minimum jerk.

    A motor aims at where the joint should be now and at the speed that brings it to its next place in one step.
    """
    t = np.arange(STEPS_PER_TICK + 1) / STEPS_PER_TICK
    share = t**3 * (10 - 15 * t + 6 * t**2)
    rates = np.diff(share) / TIME_STEP
    return share[:-1, None], rates[:, None], np.diff(rates, prepend=0.0)[:, None] / TIME_STEP


_SHARES, _RATES, _ACCELERATIONS = _glide()
_TRAVELS = FINGER_SPEED * TIME_STEP * np.arange(STEPS_PER_TICK + 1)[:, None]
"""How far a finger may have gone [m] before each physics step of a tick, and at its end."""
_GAINS = [ARM_GAIN] * 7 + [FINGER_GAIN] * 2
