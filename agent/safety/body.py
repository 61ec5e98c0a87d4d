"""The body as the filter sees it: what an action would sweep, as balls in the base frame."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from agent.errors import SpecError
from agent.types import Embodiment, FloatArray

Array = NDArray[np.float64]
HELD = "held object"
"""What the filter calls the ball that stands for whatever may be held; no link of a body may be called so."""


@dataclass(frozen=True, eq=False)
class Motion:
    """What one action would sweep, at K moments: first as measured now, then from the commanded pose to the next.

    joints: (K, J) [rad], J = 0 for a body without known joints.  radii: (N,) of the balls that cover the links [m].
    links: (N,) the link each ball belongs to.  place: works out `tool` and `centres`, once and only when they are
    asked for: many motions fail by their joints alone.
    """

    joints: Array
    radii: Array
    links: tuple[str, ...]
    place: Callable[[], tuple[Array, Array]]

    @property
    def tool(self) -> Array:
        """The tool point (K, 3) [m]."""
        return self._placed[0]

    @property
    def centres(self) -> Array:
        """The balls' centres (K, N, 3) [m]."""
        return self._placed[1]

    @cached_property
    def _placed(self) -> tuple[Array, Array]:
        return self.place()


class BodyModel(Protocol):
    """Follows the commanded pose of one robot. What `predict` says must come true within the filter's margin."""

    @property
    def joint_limits(self) -> tuple[Array, Array]:
        """Lowest and highest joint angles (J,), (J,) [rad]."""
        ...

    @property
    def links(self) -> tuple[str, ...]:
        """The names of the links that `Motion.links` has, each once."""
        ...

    def begin(self, state: FloatArray) -> None:
        """An episode begins with this measured state (S,); the commanded pose is the measured one."""
        ...

    def strayed(self, state: FloatArray, most: float) -> str | None:
        """Say which part of the body, measured at `state` (S,), is furthest from where it is commanded if that is more
        than `most` [m] (see `astray`); None when none is."""
        ...

    def predict(self, state: FloatArray, action: FloatArray) -> Motion:
        """Return what a legal `action` (A,) would sweep, when `state` (S,) is measured. Nothing is commanded."""
        ...

    def back(self, state: FloatArray) -> FloatArray:
        """Return the way (A,) from the commanded pose to the measured one, bounds aside; the gripper's entry is 0."""
        ...

    def accept(self, action: FloatArray) -> None:
        """This action (A,) was really commanded."""
        ...


def astray(part: str, gap: float) -> str:
    """Return the sentence about a part that is `gap` [m] away from its place."""
    return f"the {part} is {1000 * gap:.0f} mm from where it is commanded"


class ToolBody:
    """A BodyModel that knows the tool point only: one ball round it, moved by dx dy dz from where it is measured.

    For robots whose kinematics nobody has written down, and for the fake robot. It does not see elbows.
    """

    def __init__(self, embodiment: Embodiment, *, radius: float = 0.10, samples: int = 6) -> None:
        """Raise SpecError when the embodiment's state or action does not name a tool position."""
        state, action = embodiment.state.names, embodiment.action.names
        if not {"x", "y", "z"} <= set(state) or not {"dx", "dy", "dz"} <= set(action):
            raise SpecError(
                f"the robot '{embodiment.name}' does not say where its tool is (state x, y, z; action dx, dy, dz), "
                "so zones and workspace need a body model of its own"
            )
        self._position = [state.index(name) for name in "xyz"]
        self._step = [action.index(name) for name in ("dx", "dy", "dz")]
        self._radii = np.array([radius])
        self._shares = np.linspace(0.0, 1.0, samples)[:, None]
        self._commanded = np.zeros(3)
        self._length = len(action)

    @property
    def joint_limits(self) -> tuple[Array, Array]:
        return np.zeros(0), np.zeros(0)

    @property
    def links(self) -> tuple[str, ...]:
        return ("tool",)

    def begin(self, state: FloatArray) -> None:
        self._commanded = state[self._position].astype(np.float64)

    def strayed(self, state: FloatArray, most: float) -> str | None:
        gap = float(np.linalg.norm(state[self._position] - self._commanded))
        return astray("tool", gap) if gap > most else None

    def predict(self, state: FloatArray, action: FloatArray) -> Motion:
        """A straight line of the tool point."""
        tool = np.concatenate([state[self._position][None], self._commanded + self._shares * action[self._step]])
        return Motion(np.zeros((len(tool), 0)), self._radii, ("tool",), lambda: (tool, tool[:, None]))

    def back(self, state: FloatArray) -> FloatArray:
        row = np.zeros(self._length, dtype=np.float32)
        row[self._step] = state[self._position] - self._commanded
        return row

    def accept(self, action: FloatArray) -> None:
        self._commanded = self._commanded + action[self._step]
