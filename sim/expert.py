"""The scripted expert: knows the true state, and is a function of the present state alone.

Having no hidden phase it can take over from any state another policy reached, which is what makes it a teacher.
"""

from dataclasses import dataclass

import numpy as np

from agent.errors import Refusal
from agent.types import ActionChunk, Embodiment, FloatArray, Goal, Observation
from sim.commander import WORKSPACE_LOW
from sim.geometry import (
    Array,
    multiply,
    quaternion_from_vector,
    rotation_matrix,
    transform,
    vector_from_quaternion,
    yaw_of,
)
from sim.goals import PUSH_DISTANCE, is_true
from sim.objects import ReceptacleKind
from sim.places import Place, place_for
from sim.relations import DIRECTIONS
from sim.spots import half_turn
from sim.state import SceneState
from sim.world import TabletopWorld

MAX_TRAVEL, MAX_TURN = 0.045, 0.33
"""m and rad an expert moves in one tick; within the action's bounds of 0.05 and 0.35."""
APPROACH_FUNNEL = ((0.008, 0.03, 0.10), (0.0, 0.07, 0.14))
"""Horizontal distance from the grasp [m] -> height above it [m]: high when far (more over tall things), straight down
at the end."""
PLACE_FUNNEL = ((0.3, 1.0, 3.0, 5.0), (0.0, 0.02, 0.06, 1.0))
"""Horizontal distance from the place, in multiples of its tolerance -> height above it [m] (1 = full carry height)."""
GRASP_TOLERANCE, YAW_TOLERANCE = 0.009, 0.12
CLEARANCE = 0.03
PALM_HEIGHT = 0.039
"""From the tool point up to the hand's body [m]: over a vessel's rim the tool stays this much lower at most."""
FINGER_TIP = 0.009
"""From the fingertips up to the tool point, and a little air [m]."""
LEAST_BITE = 0.012
"""How far below an object's top the tool must reach to hold it [m]."""
RETREAT_HEIGHT = 0.24
TOPPLED = 0.85
"""Cosine between a body's z axis and up below which its catalogued grasp no longer fits."""


@dataclass(frozen=True, eq=False)
class Waypoint:
    """Where the tool should go: position [m] and yaw [rad] in the base frame, and the gripper (1 open, 0 closed)."""

    position: Array
    yaw: float
    gripper: float


class ScriptedExpert:
    """A Policy that reads the world's true state; it solves every family and recovers from slips."""

    def __init__(self, world: TabletopWorld) -> None:
        self._world = world

    @property
    def embodiment(self) -> Embodiment:
        return self._world.embodiment

    def reset(self, *, seed: int) -> None:
        """Nothing to forget: the expert keeps no state."""

    def act(self, observation: Observation) -> ActionChunk:
        """Return one row: the step from here towards the next waypoint. Raises Refusal without a goal."""
        return ActionChunk(self._row(self.waypoint())[None])

    def aims(self) -> FloatArray:
        """Return where the tool will grasp (or push from) and where it will release, (6,) [m] in the base frame."""
        return self.aims_for(self._goal())

    def aims_for(self, goal: Goal) -> FloatArray:
        """Return the aims (6,) that `goal` would have in the scene as it stands, whatever the present task is."""
        state = self._world.state()
        subject = state.entities[goal.subject]
        if goal.relation in ("open", "close"):
            start, end = self._handle_path(goal, state)
        elif goal.relation == "push":
            start, end = self._push_path(goal, state)
        else:
            start = self.grasp(goal.subject, state).position
            place = self._place(goal, state)
            end = np.array([*place.xy, place.bottom + start[2] - subject.low[2]])
        return np.concatenate([start, end]).astype(np.float32)

    def start_yaw_for(self, goal: Goal) -> float:
        """Return how the tool would be turned [rad] where `goal` begins, in the scene as it stands."""
        state = self._world.state()
        if goal.relation in ("open", "close"):
            return nearest_yaw(0.0, state.tool_yaw)
        if goal.relation == "push":
            assert goal.target is not None
            return nearest_yaw(push_yaw(goal.target), state.tool_yaw)
        return self.grasp(goal.subject, state).yaw

    def waypoint(self) -> Waypoint:
        """Return where the tool should go from the present state."""
        goal, state = self._goal(), self._world.state()
        subject = state.entities[goal.subject]
        done = is_true(goal, self._world.scene, state, start=self._world.start_state())
        if goal.relation == "lift":
            return self._carry(goal, state) if subject.held else self._approach(goal.subject, state)
        if goal.relation == "push":
            return self._push(goal, state)
        if goal.relation in ("open", "close"):
            return self._retreat(state, gripper=0.0) if done else self._work_drawer(goal, state)
        if done and not (subject.held and state.gripper_opening < 0.9):
            return self._retreat(state, gripper=1.0)
        return self._carry(goal, state) if subject.held else self._approach(goal.subject, state)

    def _goal(self) -> Goal:
        goal = self._world.task.goal
        if goal is None:
            raise Refusal("the expert needs a goal; the words match no known task, or name what is not there")
        return goal

    def _place(self, goal: Goal, state: SceneState) -> Place:
        return place_for(goal, self._world.scene, state, self._world.start_state())

    def grasp(self, name: str, state: SceneState) -> Waypoint:
        """Return the tool pose that grasps the object as it lies now."""
        grasp, now = self._world.scene[name].grasp, state.entities[name]
        upright = rotation_matrix(now.pose.quaternion)[2, 2]
        if upright > TOPPLED:
            position = transform(now.pose, np.asarray(grasp.offset))
            heading = yaw_of(now.pose.quaternion)
            # The fingers close along the tool's y axis.
            yaws = [0.0] if grasp.yaws is None else [heading + yaw - np.pi / 2 for yaw in grasp.yaws]
        else:
            extent = now.high - now.low
            position = (now.high + now.low) / 2
            yaws = [0.0 if extent[1] < extent[0] else np.pi / 2]
        position[2] = max(position[2], WORKSPACE_LOW[2] + 0.002, self._lowest_grasp(name, state))
        yaw = min((nearest_yaw(yaw, state.tool_yaw) for yaw in yaws), key=lambda y: abs(y - state.tool_yaw))
        return Waypoint(position, yaw, 0.0)

    def _lowest_grasp(self, name: str, state: SceneState) -> float:
        """Return how low the tool may go for an object in or on something: off its floor, the hand off its rim [m]."""
        now = state.entities[name]
        lowest = 0.0
        for holder in self._world.scene.entities:
            if isinstance(holder.kind, ReceptacleKind) and name in state.entities[holder.name].supports:
                interior, base = holder.interior, state.entities[holder.name].pose.position[2]
                off_floor = base + interior.floor_z + FINGER_TIP
                off_rim = min(base + interior.rim_z - PALM_HEIGHT + 0.004, float(now.high[2]) - LEAST_BITE)
                lowest = max(lowest, off_floor, off_rim)
        return lowest

    def _approach(self, name: str, state: SceneState) -> Waypoint:
        """Come down on the object through a funnel and close on it."""
        grasp = self.grasp(name, state)
        offset = float(np.hypot(*(state.tool_position - grasp.position)[:2]))
        misaligned = max(abs(wrap(grasp.yaw - state.tool_yaw)) - YAW_TOLERANCE, 0.0) * 0.1
        distances, (down, near, far) = APPROACH_FUNNEL
        far = max(far, self._obstacle_height(name, state) + CLEARANCE - float(grasp.position[2]))
        height = float(np.interp(offset + misaligned, distances, (down, near, far)))
        position = grasp.position + np.array([0.0, 0.0, height])
        there = np.linalg.norm(state.tool_position - grasp.position) < GRASP_TOLERANCE and misaligned == 0.0
        return self._rise_first(Waypoint(position, grasp.yaw, 0.0 if there else 1.0), state)

    def _carry(self, goal: Goal, state: SceneState) -> Waypoint:
        """Bring the held object over its place, lower it through a funnel, and let go."""
        place, subject = self._place(goal, state), state.entities[goal.subject]
        hang = state.tool_position - np.array([*subject.pose.position[:2], subject.low[2]])
        target = np.array([*place.xy, place.bottom]) + hang
        offset = float(np.hypot(*(state.tool_position - target)[:2]))
        carry_height = max(self._obstacle_height(goal.subject, state) + CLEARANCE + hang[2], target[2])
        drop = float(np.interp(offset / place.tolerance, *PLACE_FUNNEL))
        position = np.array([*target[:2], min(target[2] + drop, carry_height)])
        yaw = state.tool_yaw
        if place.yaw is not None:
            yaw = nearest_yaw(yaw + half_turn(place.yaw - yaw_of(subject.pose.quaternion)), yaw)
        aligned = abs(wrap(yaw - state.tool_yaw)) < YAW_TOLERANCE
        there = aligned and offset < place.tolerance and state.tool_position[2] - target[2] < place.drop
        return self._rise_first(Waypoint(position, yaw, 1.0 if there and place.release else 0.0), state)

    def _obstacle_height(self, carried: str, state: SceneState) -> float:
        return max((float(e.high[2]) for name, e in state.entities.items() if name != carried), default=0.0)

    def _push_path(self, goal: Goal, state: SceneState) -> tuple[Array, Array]:
        """Return the tool positions at which a push begins and ends."""
        assert goal.target is not None
        direction = DIRECTIONS[goal.target]
        subject = state.entities[goal.subject]
        half = np.abs((subject.high - subject.low)[:2] / 2)
        height = np.clip((subject.high[2] + subject.low[2]) / 2, 0.015, 0.03)
        now = np.array(subject.pose.position[:2])
        begin = now - direction * (float(half @ np.abs(direction)) + 0.03)
        end = now + direction * (self._left_to_push(goal, state) - float(half.min()) - 0.01)
        return np.array([*begin, height]), np.array([*end, height])

    def _left_to_push(self, goal: Goal, state: SceneState) -> float:
        """Return how much further [m] the object should go; a little beyond what the goal asks."""
        assert goal.target is not None
        now, then = (s.entities[goal.subject].pose.position for s in (state, self._world.start_state()))
        return PUSH_DISTANCE + 0.02 - float(np.subtract(now, then)[:2] @ DIRECTIONS[goal.target])

    def _push(self, goal: Goal, state: SceneState) -> Waypoint:
        """Come down behind the object with closed fingers, set across the way, and push."""
        assert goal.target is not None
        direction = DIRECTIONS[goal.target]
        left = self._left_to_push(goal, state)
        if left < 0.008:
            return self._retreat(state, gripper=0.0)
        begin, _ = self._push_path(goal, state)
        yaw = nearest_yaw(push_yaw(goal.target), state.tool_yaw)
        offset = state.tool_position - begin
        along = float(offset[:2] @ direction)
        aside = offset[:2] - along * direction
        behind = float((np.array(state.entities[goal.subject].pose.position[:2]) - begin[:2]) @ direction)
        if offset[2] < 0.015 and np.hypot(*aside) < 0.015 and -0.03 < along < behind:
            xy = state.tool_position[:2] - aside + float(np.clip(left, 0.01, 0.03)) * direction
            return Waypoint(np.array([*xy, begin[2]]), yaw, 0.0)
        height = float(np.interp(np.hypot(*offset[:2]), *APPROACH_FUNNEL))
        return self._rise_first(Waypoint(begin + np.array([0.0, 0.0, height]), yaw, 0.0), state)

    def _handle_path(self, goal: Goal, state: SceneState) -> tuple[Array, Array]:
        """Return where the closed fingers enter the drawer's handle, and where they have moved it to."""
        kind, drawer = self._world.scene[goal.subject].kind, state.entities[goal.subject]
        assert isinstance(kind, ReceptacleKind) and kind.handle is not None
        begin = transform(drawer.interior_pose, np.asarray(kind.handle))
        wanted = kind.opened + 0.012 if goal.relation == "open" else kind.closed - 0.010
        return begin, begin + np.array([wanted - drawer.joint, 0.0, 0.0])

    def _work_drawer(self, goal: Goal, state: SceneState) -> Waypoint:
        """Put closed fingers into the handle's gap and move it to where the drawer counts as open or closed."""
        begin, end = self._handle_path(goal, state)
        yaw = nearest_yaw(0.0, state.tool_yaw)
        offset = state.tool_position - begin
        inside_gap = abs(offset[0]) < 0.012 and abs(offset[1]) < 0.03
        if offset[2] < 0.006 and inside_gap:
            step = np.clip(end[0] - begin[0], -0.035, 0.035)
            return Waypoint(np.array([state.tool_position[0] + step, begin[1], begin[2]]), yaw, 0.0)
        height = float(np.interp(np.hypot(*offset[:2]), (0.006, 0.012, 0.05), (0.0, 0.06, 0.10)))
        return self._rise_first(Waypoint(begin + np.array([0.0, 0.0, height]), yaw, 0.0), state)

    def _retreat(self, state: SceneState, *, gripper: float) -> Waypoint:
        """Rise straight up, out of the way."""
        x, y, z = state.tool_position
        return Waypoint(np.array([x, y, max(z, RETREAT_HEIGHT)]), state.tool_yaw, gripper)

    def _rise_first(self, waypoint: Waypoint, state: SceneState) -> Waypoint:
        """Hold back sideways motion while the tool is still far below the height it should travel at."""
        below = waypoint.position[2] - state.tool_position[2]
        share = float(np.clip(1.5 - below / 0.04, 0.0, 1.0))
        xy = state.tool_position[:2] + share * (waypoint.position - state.tool_position)[:2]
        return Waypoint(np.array([*xy, waypoint.position[2]]), waypoint.yaw, waypoint.gripper)

    def _row(self, waypoint: Waypoint) -> FloatArray:
        """Return the action (7,) that moves the commanded pose towards the waypoint, tilt back to vertical."""
        commanded = self._world.arm.commanded_pose()
        travel = waypoint.position - np.asarray(commanded.position)
        travel *= min(1.0, MAX_TRAVEL / max(float(np.abs(travel).max()), 1e-9))
        x, y, z, w = commanded.quaternion
        turn = vector_from_quaternion(
            multiply(quaternion_from_vector((0.0, 0.0, waypoint.yaw)), np.array([-x, -y, -z, w]))
        )
        turn *= min(1.0, MAX_TURN / max(float(np.abs(turn).max()), 1e-9))
        return np.array([*travel, *turn, waypoint.gripper], dtype=np.float32)


def push_yaw(towards: str) -> float:
    """Return the yaw [rad] that sets the closed fingers across the way of a push."""
    return float(np.pi / 2) if abs(DIRECTIONS[towards][1]) > 0.5 else 0.0


def wrap(angle: float) -> float:
    """Return `angle` [rad] in [-pi, pi)."""
    return float((angle + np.pi) % (2 * np.pi) - np.pi)


def nearest_yaw(yaw: float, current: float) -> float:
    """Return `yaw` modulo half a turn, nearest to `current` yet within +-100 degrees.

    A parallel gripper is symmetric, so half a turn makes no difference.
    """
    candidates = [wrap(yaw) + k * np.pi for k in (-2, -1, 0, 1, 2)]
    legal = [c for c in candidates if abs(c) <= np.deg2rad(100)]
    return float(min(legal, key=lambda c: abs(c - current)))
