"""From actions to joint targets, the same for every arm that is commanded by joints.

An `Aim` remembers the *commanded* pose: an end-effector action moves that, not the measured one, so errors do not add
up. What comes out is what is really asked of the joints, in the action's own units.
"""

import numpy as np

from agent.robots.chain import Array, Chain, matrix_from_vector, vector_from_matrix
from agent.types import Control, FloatArray, VectorSpec

EE_ACTION = VectorSpec(
    names=("dx", "dy", "dz", "drx", "dry", "drz", "gripper"),
    units=("m", "m", "m", "rad", "rad", "rad", "1"),
    low=(-0.05, -0.05, -0.05, -0.35, -0.35, -0.35, 0.0),
    high=(0.05, 0.05, 0.05, 0.35, 0.35, 0.35, 1.0),
)
"""`ee_delta` as every policy here speaks it."""
_BEYOND = 0.1
"""How far past its commanded limits a joint may be read [rad]: gears and hands push it there."""


def action_spec(chain: Chain, control: Control) -> VectorSpec:
    """Return the action's spec: ee_delta, or the joints' angles [rad] within their limits, and the gripper 0..1."""
    if control is Control.EE_DELTA:
        return EE_ACTION
    names = tuple(joint.name for joint in chain.joints)
    return VectorSpec(
        names=(*names, "gripper"),
        units=(*("rad",) * len(names), "1"),
        low=(*map(float, chain.low), 0.0),
        high=(*map(float, chain.high), 1.0),
    )


def state_spec(chain: Chain, *, reach: float) -> VectorSpec:
    """Return the state's spec: tool position, rotation vector, gripper, joint angles. reach: of the tool [m]."""
    names = tuple(joint.name for joint in chain.joints)
    turn = float(np.pi) + 1e-4
    return VectorSpec(
        names=("x", "y", "z", "rx", "ry", "rz", "gripper", *names),
        units=("m", "m", "m", "rad", "rad", "rad", "1", *("rad",) * len(names)),
        low=(*(-reach,) * 3, *(-turn,) * 3, 0.0, *(float(low) - _BEYOND for low in chain.low)),
        high=(*(reach,) * 3, *(turn,) * 3, 1.0, *(float(high) + _BEYOND for high in chain.high)),
    )


def state_of(chain: Chain, joints: Array, opening: float) -> FloatArray:
    """Return the state (7 + J,) of measured joints [rad] and gripper opening (0 closed, 1 open)."""
    tool = chain.forward(joints)
    place = [*tool[:3, 3], *vector_from_matrix(tool[:3, :3])]
    return np.array([*place, min(max(opening, 0.0), 1.0), *joints], dtype=np.float32)


class Aim:
    """The commanded joints of one arm. longest_step: how far any joint may go in one action [rad]."""

    def __init__(self, chain: Chain, control: Control, *, longest_step: float) -> None:
        self._chain, self._control, self._longest_step = chain, control, longest_step
        self._spec = action_spec(chain, control)
        self.joints: Array | None = None
        """What was last asked of the joints (J,) [rad], or None before the first action and after a stop."""

    def forget(self) -> None:
        """Start over from the measured joints at the next action."""
        self.joints = None

    def at(self, action: FloatArray, measured: Array) -> tuple[Array, FloatArray]:
        """Return the joint target (J,) for a legal action (A,) and the action really executed (A,).

        measured: joints (J,) to start from when nothing has been commanded yet. A target out of reach, past a joint's
        limit or further than one step allows is approached as far as it goes; the executed action says how far.
        """
        before = np.clip(self.joints if self.joints is not None else measured, self._chain.low, self._chain.high)
        if self._control is Control.JOINT_POSITION:
            joints = self._towards(before, np.asarray(action[:-1], dtype=np.float64))
            executed = np.array([*joints, action[-1]])
        else:
            old = self._chain.forward(before)
            wanted = old.copy()
            wanted[:3, 3] += action[:3]
            wanted[:3, :3] = matrix_from_vector(np.asarray(action[3:6], dtype=np.float64)) @ old[:3, :3]
            joints = self._towards(before, self._chain.inverse(wanted, before).joints)
            new = self._chain.forward(joints)
            turned = vector_from_matrix(new[:3, :3] @ old[:3, :3].T)
            executed = np.array([*(new[:3, 3] - old[:3, 3]), *turned, action[6]])
        self.joints = joints
        return joints, self._spec.clip(executed)

    def _towards(self, before: Array, target: Array) -> Array:
        """Return `target`, or where the straight way to it ends after the longest step."""
        way = np.clip(target, self._chain.low, self._chain.high) - before
        share = min(1.0, self._longest_step / max(float(np.abs(way).max()), 1e-12))
        result: Array = before + share * way
        return result
