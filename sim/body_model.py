"""The Panda for the safety filter: what an action sweeps, from the same kinematics that the simulated arm follows."""

import json
from functools import partial
from pathlib import Path

import numpy as np

from agent.safety.body import Motion, astray
from agent.types import FloatArray
from sim.commander import plan, pose_change
from sim.geometry import Array, Pose
from sim.kinematics import HIGH, LOW, REST, TOOL_OFFSET, forward, link_frames

SPHERES = Path(__file__).parent / "assets" / "panda" / "spheres.json"
SAMPLES = 6
"""Moments between two commanded poses; the filter widens every ball by half the way between two of them."""

SPAN = 1.2
"""Metres; no part of the arm is further than this from any joint's axis."""


class PandaBody:
    """A BodyModel of a Panda that is commanded by ee_delta actions and follows them straight in joint space.

    The tool's state columns and the joints' are those of sim.commander.STATE. Links 1 to 7, hand and fingers are
    covered; link 0 does not move.
    """

    def __init__(self) -> None:
        balls = json.loads(SPHERES.read_text(encoding="utf-8"))
        frames = {**{f"link{number}": number - 1 for number in range(1, 8)}, "hand": 7, "fingers": 7}
        rows = [(frames[link], link, ball) for link, each in balls.items() for ball in each]
        self._frames = np.array([frame for frame, _, _ in rows])
        self._offsets = np.array([[*ball[:3], 1.0] for _, _, ball in rows])
        self._spread = _spread(self._frames, self._offsets)
        self._radii = np.array([ball[3] for _, _, ball in rows])
        self._links = tuple(link for _, link, _ in rows)
        self._shares = np.linspace(0.0, 1.0, SAMPLES)[:, None]
        self._commanded, self._joints = forward(REST), REST
        self._planned: tuple[FloatArray, Pose, Array] | None = None

    @property
    def joint_limits(self) -> tuple[Array, Array]:
        return LOW, HIGH

    @property
    def links(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(self._links))

    def begin(self, state: FloatArray) -> None:
        self._joints = _joints_of(state)
        self._commanded, self._planned = forward(self._joints), None

    def strayed(self, state: FloatArray, most: float) -> str | None:
        measured = _joints_of(state)
        if SPAN * float(np.abs(measured - self._joints).sum()) <= most:
            return None
        apart = self.motion(np.stack([measured, self._joints])).centres
        gaps = np.sqrt(((apart[0] - apart[1]) ** 2).sum(axis=-1))
        worst = int(np.argmax(gaps))
        return astray(self._links[worst], float(gaps[worst])) if gaps[worst] > most else None

    def predict(self, state: FloatArray, action: FloatArray) -> Motion:
        pose, target = plan(self._commanded, self._joints, action)
        self._planned = action.copy(), pose, target
        way = self._joints + self._shares * (target - self._joints)
        return self.motion(np.concatenate([_joints_of(state)[None], way]))

    def motion(self, joints: Array) -> Motion:
        """Return the balls at K postures `joints` (K, 7) [rad]."""
        return Motion(joints, self._radii, self._links, partial(self._place, joints))

    def _place(self, joints: Array) -> tuple[Array, Array]:
        """Tool point (K, 3) and balls (K, N, 3) [m] in one product; the slow twin places one ball after the other
        (tests/safety/plain.py)."""
        rows = link_frames(joints)[:, :, :3].transpose(2, 0, 1, 3).reshape(3 * len(joints), -1)
        # Coordinates first in memory, as distances to zones are measured.
        placed = (rows @ self._spread).reshape(3, len(joints), -1).transpose(1, 2, 0)
        return placed[:, -1], placed[:, :-1]

    def back(self, state: FloatArray) -> FloatArray:
        return pose_change(self._commanded, forward(_joints_of(state)), 0.0)

    def accept(self, action: FloatArray) -> None:
        if self._planned is not None and np.abs(self._planned[0] - action).max() < 1e-6:
            _, self._commanded, self._joints = self._planned
        else:
            self._commanded, self._joints = plan(self._commanded, self._joints, action)


def _spread(frames: Array, offsets: Array) -> Array:
    """Frame numbers (N,) and places in them (N, 4) -> (32, N + 1): what the eight frames' rows, one after the other,
    are multiplied by to place every ball and, last, the tool point."""
    spread = np.zeros((8, 4, len(frames) + 1))
    spread[frames, :, np.arange(len(frames))] = offsets
    spread[7, :, -1] = (0.0, 0.0, TOOL_OFFSET, 1.0)
    return spread.reshape(32, -1)


def _joints_of(state: FloatArray) -> Array:
    return np.asarray(state[7:14], dtype=np.float64)
