"""A spot on the table as a goal's target: "0.520 -0.100", or with the yaw that a thing shall have, "0.520 -0.100 1.57".

Metres and radians in the base frame; a yaw means the same turned by half a turn.
"""

from dataclasses import dataclass

import numpy as np

from agent.errors import SpecError
from sim.geometry import Array

SPOT_TOLERANCE = 0.015
"""m; how near to its spot a thing counts as put there."""
YAW_TOLERANCE = 0.35
"""rad."""


@dataclass(frozen=True, eq=False)
class Spot:
    """xy (2,) [m].  yaw [rad] of the thing itself; None when it does not matter."""

    xy: Array
    yaw: float | None = None

    @property
    def target(self) -> str:
        """The text that `read_spot` reads back, to the millimetre and the milliradian."""
        turn = "" if self.yaw is None else f" {self.yaw:.3f}"
        return f"{self.xy[0]:.3f} {self.xy[1]:.3f}{turn}"

    def holds(self, xy: Array, yaw: float) -> bool:
        """Say whether a thing at `xy`, turned by `yaw`, is there."""
        near = float(np.hypot(*(np.asarray(xy) - self.xy))) <= SPOT_TOLERANCE
        return near and (self.yaw is None or abs(half_turn(yaw - self.yaw)) <= YAW_TOLERANCE)


def read_spot(target: str) -> Spot:
    """Return the spot that a goal's target names; raise SpecError when it is no spot.

    >>> read_spot("0.52 -0.1").target
    '0.520 -0.100'
    """
    try:
        numbers = [float(word) for word in target.split()]
    except ValueError:
        numbers = []
    if len(numbers) not in (2, 3) or not np.isfinite(numbers).all():
        raise SpecError(f"'{target}' is no spot on the table; a spot is 'x y' or 'x y yaw' in metres and radians")
    return Spot(np.array(numbers[:2]), numbers[2] if len(numbers) == 3 else None)


def half_turn(angle: float) -> float:
    """Return `angle` [rad] modulo half a turn, in [-pi/2, pi/2)."""
    return float((angle + np.pi / 2) % np.pi - np.pi / 2)
