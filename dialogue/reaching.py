"""Whether the arm can take its hand to a place: inside the box that commands stay in, and solved by its kinematics."""

import numpy as np

from dialogue.standing import hollow
from sim.commander import WORKSPACE_HIGH, WORKSPACE_LOW
from sim.geometry import Pose, Vector3, yaw_quaternion
from sim.kinematics import REST, inverse
from sim.objects import ObjectKind, ReceptacleKind

OVER_RIM = 0.05
"""m; how far above a vessel's rim the tool is when it lets go."""
YAWS = (0.0, 0.8, -0.8, 1.57)
"""rad; how the hand may be turned where nobody knows how a thing lies: it is enough that one will do."""
STEPS = 100
"""Iterations of the kinematics, as many as when the arm is put somewhere at once."""


def can_take(position: Vector3, yaw: float) -> bool:
    """Say whether the arm can take the tool to `position` [m, base frame], pointing down, turned by `yaw` [rad]."""
    if np.any(position < WORKSPACE_LOW) or np.any(position > WORKSPACE_HIGH):
        return False
    return inverse(Pose(position, yaw_quaternion(yaw)), REST, iterations=STEPS).converged


def can_reach(kind: ObjectKind | ReceptacleKind, x: float, y: float) -> bool:
    """Say whether the hand gets to a thing of this kind whose middle stands at x, y on the table [m, base frame]: down
    to where it is taken, or over what it holds."""
    position = hand_at(kind, x, y)
    return any(can_take(position, yaw) for yaw in YAWS)


def hand_at(kind: ObjectKind | ReceptacleKind, x: float, y: float) -> Vector3:
    """Return where the tool would go to for a thing whose middle stands at x, y on the table [m, base frame]."""
    if isinstance(kind, ReceptacleKind):
        aside = hollow(kind)
        return x + aside[0], y + aside[1], kind.interior().rim_z + OVER_RIM
    return x, y, max(kind.rest_height() + kind.grasp().offset[2], float(WORKSPACE_LOW[2]))
