"""The safety filter without its short cuts, to compare it with: frames by products of matrices, inverse kinematics in
NumPy's plain words, zones one after the other."""

import numpy as np

from agent.safety.body import Motion
from agent.safety.checks import NEARLY, Checker, Grip, Problem, _Balls
from agent.safety.filter import SafetyFilter
from agent.types import FloatArray
from sim.body_model import PandaBody
from sim.commander import REACH, SHOULDER, TABLE_CLEARANCE, WORKSPACE_HIGH, WORKSPACE_LOW
from sim.geometry import Array, Pose, multiply, quaternion_from_vector, rotation_matrix
from sim.kinematics import (
    _FRAMES,
    _HAND,
    _TOOL,
    HAND_OFFSET,
    HIGH,
    LOW,
    POSITION_TOLERANCE,
    REST,
    ROTATION_TOLERANCE,
    TOOL_OFFSET,
    WRIST_OFFSET,
    tool_matrix_and_jacobian,
)

TIPS = np.array([(x, y, -0.007) for x in (-0.010, 0.010) for y in (-0.055, 0.055)])


def chain(joints: Array) -> list[Array]:
    """The frames of links 1 to 7 and of the hand (4, 4) at `joints` (7,) [rad]."""
    frames, frame = [], np.eye(4)
    for fixed, angle in zip(_FRAMES, joints, strict=True):
        turn = np.eye(4)
        turn[:2, :2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
        frame = frame @ fixed @ turn
        frames.append(frame)
    return [*frames, frame @ _HAND]


def tool_and_jacobian(joints: Array) -> tuple[Array, Array]:
    frames = chain(joints)[:7]
    tool = frames[-1] @ _TOOL
    columns = [[*np.cross(each[:3, 2], tool[:3, 3] - each[:3, 3]), *each[:3, 2]] for each in frames]
    return tool, np.transpose(columns)


def inverse(target: Pose, start: Array, iterations: int = 40) -> tuple[Array, bool]:
    """The joints and whether they reach the target, as `sim.kinematics.inverse` finds them."""
    joints, residuals = np.clip(start, LOW, HIGH), list[float]()
    for iteration in range(iterations + 1):
        # Itself compared with `tool_and_jacobian`.
        tool, jacobian = tool_matrix_and_jacobian(joints)
        turn = vector_from_matrix(rotation_matrix(target.quaternion) @ tool[:3, :3].T)
        error = np.concatenate([np.asarray(target.position) - tool[:3, 3], turn])
        gap, twist = np.linalg.norm(error[:3]), np.linalg.norm(error[3:])
        residuals.append(float(max(gap / POSITION_TOLERANCE, twist / ROTATION_TOLERANCE)))
        stuck = iteration >= 12 and residuals[-1] > 0.9 * residuals[-4]
        if iteration == iterations or (iteration >= 2 and residuals[-1] < 1) or stuck:
            break
        posture = 0.25 * max(0.0, 1 - iteration / 12) * (REST - joints)
        step = free_step(jacobian, error, posture)
        blocked = ((joints <= LOW) & (step < 0)) | ((joints >= HIGH) & (step > 0))
        if blocked.any():
            step = free_step(np.where(blocked, 0.0, jacobian), error, np.where(blocked, 0.0, posture))
        joints = np.clip(joints + step * min(1.0, 0.4 / max(float(np.linalg.norm(step)), 1e-12)), LOW, HIGH)
    return joints, residuals[-1] < 1


def vector_from_matrix(rotation: Array) -> Array:
    axis = 0.5 * np.array(
        [rotation[2, 1] - rotation[1, 2], rotation[0, 2] - rotation[2, 0], rotation[1, 0] - rotation[0, 1]]
    )
    sine = float(np.linalg.norm(axis))
    return axis if sine < 1e-9 else axis * np.arctan2(sine, 0.5 * (np.trace(rotation) - 1)) / sine


def free_step(jacobian: Array, error: Array, posture: Array) -> Array:
    normal = jacobian @ jacobian.T + (1e-6 + 1e-3 * float(error @ error)) * np.eye(6)
    return posture + jacobian.T @ np.linalg.solve(normal, error - jacobian @ posture)


def plan(commanded: Pose, joints: Array, action: FloatArray) -> tuple[Pose, Array]:
    """See `sim.commander.plan`."""
    values = np.asarray(action, dtype=np.float64)
    if not values[:6].any():
        return commanded, joints
    turned = multiply(quaternion_from_vector(values[3:6]), np.array(commanded.quaternion))
    turned /= np.linalg.norm(turned)
    for quaternion in (tuple(turned.tolist()), commanded.quaternion):
        target = Pose(clamp_position(np.asarray(commanded.position) + values[:3], quaternion), quaternion)
        reached, converged = inverse(target, joints)
        if converged:
            return target, reached
    return commanded, joints


def clamp_position(position: Array, quaternion: tuple[float, ...]) -> tuple[float, ...]:
    rotation, low = rotation_matrix(np.array(quaternion)), WORKSPACE_LOW.copy()
    low[2] = max(low[2], TABLE_CLEARANCE - float((rotation @ TIPS.T)[2].min()))
    clamped = np.clip(position, low, WORKSPACE_HIGH)
    arm = clamped + rotation[:, 2] * (TOOL_OFFSET + HAND_OFFSET) - SHOULDER
    along = float(arm @ rotation[:, 2])
    sideways = arm - along * rotation[:, 2]
    farthest = WRIST_OFFSET + np.sqrt(max(REACH**2 - along**2, 0.0))
    distance = np.linalg.norm(sideways)
    if distance > farthest:
        clamped = np.clip(clamped - sideways * (1 - farthest / distance), low, WORKSPACE_HIGH)
    return tuple(clamped.tolist())


class PlainBody(PandaBody):
    """A PandaBody that solves and places as this file does."""

    def predict(self, state: FloatArray, action: FloatArray) -> Motion:
        pose, target = plan(self._commanded, self._joints, action)
        self._planned = action.copy(), pose, target
        way = [self._joints + share * (target - self._joints) for share in self._shares]
        return self.motion(np.stack([np.asarray(state[7:14], dtype=np.float64), *way]))

    def motion(self, joints: Array) -> Motion:
        frames = np.array([chain(posture) for posture in joints])
        centres = (frames[:, self._frames] @ self._offsets[:, :, None])[:, :, :3, 0]
        tool = (frames[:, -1] @ [0.0, 0.0, TOOL_OFFSET, 1.0])[:, :3]
        return Motion(joints, self._radii, self._links, lambda: (tool, centres))

    def accept(self, action: FloatArray) -> None:
        self._commanded, self._joints = plan(self._commanded, self._joints, action)


class PlainChecker(Checker):
    """A Checker that looks at the whole motion and measures every ball from every zone."""

    def _joint_problem(self, motion: Motion) -> Problem | None:
        margin = self._limits.joint_margin
        if margin is None:
            return None
        beyond = np.maximum(LOW + margin - motion.joints, motion.joints - (HIGH - margin))
        worse = (beyond[-1] > 1e-6) & (beyond[-1] > beyond[1] + 1e-9)
        if not worse.any():
            return None
        share = np.maximum(-beyond[1], 0.0) / np.maximum(beyond[-1] - beyond[1], 1e-9)
        return Problem(
            "joint_margin", "a joint would come too near its limit", factor=NEARLY * float(share[worse].min())
        )

    def _zone_problem(self, motion: Motion, grip: Grip) -> Problem | None:
        keep_out = self._config.keep_out
        centres, radii, links = motion.centres, motion.radii, motion.links
        if grip.during and keep_out.held_radius > 0:
            centres = np.concatenate([centres, motion.tool[:, None]], axis=1)
            radii, links = np.append(radii, keep_out.held_radius), (*links, "held object")
        ways = np.linalg.norm(np.diff(centres, axis=0), axis=2)
        slack = ways[1:].max(axis=0) / 2 + ways[0]
        for zone in self.zones:
            exact = zone.distance(centres) - radii
            exact[:, [link in zone.spares for link in links]] = np.inf
            swept = exact[1:] - slack
            if swept.min() < keep_out.margin:
                balls = _Balls(motion, keep_out.held_radius if grip.during else 0.0)
                problem = self._trespass(zone, balls, exact, swept, grip)
                if problem is not None:
                    return problem
        return None


class PlainFilter(SafetyFilter):
    """A SafetyFilter with a PlainChecker; give it a PlainBody."""

    def __init__(self, *arguments: object, **named: object) -> None:
        super().__init__(*arguments, **named)  # type: ignore[arg-type]
        limits = self._body.joint_limits if self._body else (np.zeros(0), np.zeros(0))
        self._checker = PlainChecker(self.config, limits, self.embodiment.rate_hz)
