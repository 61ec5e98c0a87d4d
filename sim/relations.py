"""Directions, places beside things, and regions of the table, in the base frame's x-y plane.

Left, right, front and back are as the person sees them who stands opposite the robot, as the front camera does:
left is -y, front is +x.
"""

import numpy as np

from sim.geometry import Array

DIRECTIONS: dict[str, Array] = {
    "left": np.array([0.0, -1.0]),
    "right": np.array([0.0, 1.0]),
    "forward": np.array([1.0, 0.0]),
    "back": np.array([-1.0, 0.0]),
}
"""Directions in the base frame's x-y plane, named as the person in front of the robot sees them."""

BESIDE_DIRECTIONS = {
    "left of": DIRECTIONS["left"],
    "right of": DIRECTIONS["right"],
    "in front of": DIRECTIONS["forward"],
    "behind": DIRECTIONS["back"],
}
TOWARDS = {"left": "left of", "right": "right of", "front": "in front of", "back": "behind"}
"""What a thing is to all others alike when it is the left, right, front or back one."""

REGIONS: dict[str, tuple[tuple[float, float], tuple[float, float]]] = {
    "left side": ((0.33, 0.70), (-0.32, -0.12)),
    "right side": ((0.33, 0.70), (0.12, 0.32)),
    "front": ((0.57, 0.72), (-0.32, 0.32)),
    "back": ((0.30, 0.43), (-0.32, 0.32)),
    "middle": ((0.43, 0.57), (-0.09, 0.09)),
}
"""Table regions: (x low, x high), (y low, y high) in the base frame [m]."""


def beside_spot(relation: str, target_xy: Array, target_radius: float, subject_radius: float) -> Array:
    """Return the x, y at which a thing stands `relation` ("left of", ...) a target, with a finger's width between."""
    distance = min(max(target_radius + subject_radius + 0.03, 0.09), 0.20)
    return target_xy + distance * BESIDE_DIRECTIONS[relation]


def in_region(region: str, xy: Array, *, margin: float = 0.0) -> bool:
    """Say whether x, y lies in the region, at least `margin` [m] from its edge (negative: or that far outside)."""
    bounds = np.array(REGIONS[region])
    return bool(np.all(xy >= bounds[:, 0] + margin) and np.all(xy <= bounds[:, 1] - margin))
