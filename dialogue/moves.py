"""Small scripted motions that no instruction asks a policy for: hold over a point, shift a little, set down here.

They read the tool's place from the observation's state and speak `ee_delta`; other bodies are told that they cannot.
"""

from collections.abc import Sequence

import numpy as np

from agent.errors import SpecError
from agent.types import ActionChunk, Control, Embodiment, FloatArray, Observation

STRIDE = 0.04
"""m; longest way in one control step."""
ARRIVED = 0.012
"""m; as near as this is there."""
HOVER = 0.22
"""m; height of the tool when it points at something."""
SHUT = 0.95
"""Opening below which the gripper is told to stay closed."""
OPENING_TICKS = 2


class Moves:
    """A Policy that brings the tool through waypoints, one after another, and then stays.

    waypoints: (x, y, z, gripper): metres in the base frame, NaN for as it is; gripper 1 open, 0 closed, NaN as it is.
    Raises SpecError for a body that is not commanded so or does not show x, y, z in its state.
    """

    def __init__(self, embodiment: Embodiment, waypoints: Sequence[tuple[float, float, float, float]]) -> None:
        names = embodiment.state.names
        if embodiment.control is not Control.EE_DELTA or not {"x", "y", "z"} <= set(names):
            raise SpecError(f"'{embodiment.name}' takes {embodiment.control} actions; small moves need ee_delta")
        self.embodiment = embodiment
        self._columns = [names.index(axis) for axis in ("x", "y", "z")]
        self._gripper = names.index("gripper") if "gripper" in names else None
        self._waypoints = list(waypoints)
        self._goal: FloatArray | None = None
        self._at = self._dwelt = 0
        self._grip = 1.0

    @property
    def done(self) -> bool:
        """Whether the last waypoint was reached."""
        return self._at == len(self._waypoints)

    def reset(self, *, seed: int) -> None:
        self._at = self._dwelt = 0
        self._goal = None

    def act(self, observation: Observation) -> ActionChunk:
        """Return one row towards the present waypoint; the gripper moves only when the tool is there."""
        tool = observation.state[self._columns]
        if self._goal is None:
            opening = 1.0 if self._gripper is None else float(observation.state[self._gripper])
            self._grip = 1.0 if opening >= SHUT else 0.0
            self._goal = self._next(tool)
        if not self.done and float(np.abs(self._goal - tool).max()) < ARRIVED:
            wanted = self._waypoints[self._at][3]
            if np.isfinite(wanted) and wanted != self._grip:
                self._grip, self._dwelt = wanted, 0
            elif self._dwelt >= (OPENING_TICKS if np.isfinite(wanted) else 0):
                self._at, self._dwelt = self._at + 1, 0
                self._goal = self._next(tool)
            else:
                self._dwelt += 1
        way = np.clip(self._goal - tool, -STRIDE, STRIDE)
        row = np.array([*way, 0.0, 0.0, 0.0, self._grip], dtype=np.float32)
        return ActionChunk(self.embodiment.action.clip(row)[None])

    def _next(self, tool: FloatArray) -> FloatArray:
        if self.done:
            return tool if self._goal is None else self._goal
        wanted = np.asarray(self._waypoints[self._at][:3], dtype=np.float32)
        return np.where(np.isfinite(wanted), wanted, tool).astype(np.float32)


def hover(embodiment: Embodiment, xy: tuple[float, float]) -> Moves:
    """Point: rise, and hold the tool over x, y."""
    asis = float("nan")
    return Moves(embodiment, [(asis, asis, HOVER, asis), (*xy, HOVER, asis)])


def shift(embodiment: Embodiment, tool: tuple[float, float, float], offset: tuple[float, float, float]) -> Moves:
    """Move the tool by `offset` from where it is [m]."""
    x, y, z = np.add(tool, offset)
    return Moves(embodiment, [(float(x), float(y), max(float(z), 0.01), float("nan"))])


def set_down(embodiment: Embodiment, xy: tuple[float, float], z: float, *, over: float) -> Moves:
    """Bring what is held over x, y at height `over`, lower the tool to z, let go, and rise [m]."""
    asis = float("nan")
    way = [(asis, asis, over, asis), (*xy, over, asis), (*xy, z, 1.0), (*xy, max(over, HOVER), asis)]
    return Moves(embodiment, way)
