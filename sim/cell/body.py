"""The body behind franky-sim's servers: the simulated Panda of the table-top world instead of MuJoCo's.

franky-sim calls its simulator every millisecond of the robot's time; the world's physics keeps its own step of 1/120 s
and the grasps that go with it, so the arm is stepped at every eighth or ninth call.
"""

import numpy as np
from franky_sim.base_simulator import BaseRobot, BaseSimulator, InnerRobotState, TrackedStateComponent

from sim.arm import FINGER_FORCE, PandaArm
from sim.geometry import Array
from sim.kinematics import FINGER_TRAVEL
from sim.physics import TIME_STEP

CONTROL_PERIOD = 0.001
FINGER_SPEED_LIMIT = 0.05
"""Of each finger [m/s], as the maker states for the Franka Hand."""
FINGER_FORCE_LIMIT = 70.0
"""N, as the maker states for continuous grasping."""


class CellRobot(BaseRobot):  # type: ignore[misc]
    """Joint positions in, joint positions out. Torque commands are refused: the URDF's inertias are not the maker's."""

    def __init__(self, arm: PandaArm) -> None:
        super().__init__()
        # franky-sim's default wants a torque each millisecond, which position motors do not have.
        self._tracked_state_components["tau_J_d"] = TrackedStateComponent(lambda time, state: np.zeros(7))
        self._arm = arm
        self._target, _ = arm.joints()
        self._last_target = self._target
        self._opening = arm.gripper_opening()
        self._finger_speed, self._finger_force = FINGER_SPEED_LIMIT, FINGER_FORCE
        self._sense()

    def step_arm(self) -> None:
        """Let TIME_STEP seconds pass for the arm and everything on the table."""
        self._arm.follow(
            self._target,
            (self._target - self._last_target) / TIME_STEP,
            opening=self._opening,
            finger_speed=self._finger_speed,
            force=self._finger_force,
        )
        self._last_target = self._target
        self._sense()

    def set_hand_goal(self, width: float, max_velocity: float, max_force: float) -> None:
        """width: between the fingers [m].  max_velocity: of the width [m/s], twice a finger's.  max_force: [N]."""
        self._opening = float(np.clip(width / (2 * FINGER_TRAVEL), 0.0, 1.0))
        self._finger_speed = min(max_velocity / 2, FINGER_SPEED_LIMIT)
        self._finger_force = min(max_force, FINGER_FORCE_LIMIT)

    def _sense(self) -> None:
        angles, speeds = self._arm.joints()
        self._inner = InnerRobotState(q=tuple(angles.tolist()), dq=tuple(speeds.tolist()), tau_j=(0.0,) * 7)
        self._width = self._arm.gripper_opening() * 2 * FINGER_TRAVEL

    def _get_state(self) -> InnerRobotState:
        return self._inner

    def _get_hand_width(self) -> float:
        return self._width

    def _joint_position_control(self, target_q: Array) -> None:
        self._target = np.asarray(target_q, dtype=np.float64)

    def _joint_velocity_control(self, target_dq: Array) -> None:
        self._target = self._target + CONTROL_PERIOD * np.asarray(target_dq, dtype=np.float64)

    def _torque_control(self, torques: Array) -> None:
        raise NotImplementedError("the emulated cell takes joint and Cartesian positions and velocities, no torques")


class CellSimulator(BaseSimulator):  # type: ignore[misc]
    """One robot; steps the physics when enough milliseconds have gathered."""

    def __init__(self, robot: CellRobot) -> None:
        super().__init__()
        self._robot = robot
        self._owed = 0.0

    def _get_robots(self) -> list[BaseRobot]:
        return [self._robot]

    def _step(self) -> None:
        self._owed += CONTROL_PERIOD
        if self._owed >= TIME_STEP:
            self._owed -= TIME_STEP
            self._robot.step_arm()
