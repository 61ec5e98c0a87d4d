"""Walls and floors of vessels as boxes, which collide cheaply and leave the inside open."""

import numpy as np

from sim.geometry import (
    IDENTITY,
    Box,
    Colour,
    Part,
    Pose,
    Quaternion,
    Vector3,
    multiply,
    quaternion_from_vector,
    yaw_quaternion,
)
from sim.kinds import BODY_PAINT

RING = 10
"""Boxes in the wall of a round vessel."""


def box_part(centre: Vector3, half: Vector3, colour: Colour = BODY_PAINT, turn: Quaternion = IDENTITY) -> Part:
    """Return a box of half extents `half` [m] as a part of a body."""
    return Part(Box(half), Pose(centre, turn), colour)


def leaning(yaw: float, lean: float) -> Quaternion:
    """Return the rotation of a wall that faces `yaw` [rad about z] and leans outwards by `lean` [rad]."""
    x, y, z, w = multiply(yaw_quaternion(yaw), quaternion_from_vector((0.0, lean, 0.0)))
    return (float(x), float(y), float(z), float(w))


def ring_wall(low: tuple[float, float], high: tuple[float, float], thickness: float) -> tuple[Part, ...]:
    """Return boxes round a conical wall whose inner face runs from `low` to `high`, both (radius, z) [m]."""
    (r0, z0), (r1, z1) = low, high
    slant = float(np.hypot(r1 - r0, z1 - z0))
    lean = float(np.arctan2(r1 - r0, z1 - z0))
    out = np.array([np.cos(lean), -np.sin(lean)]) * thickness / 2
    radius, z = (r0 + r1) / 2 + out[0], (z0 + z1) / 2 + out[1]
    width = (r1 + thickness) * float(np.tan(np.pi / RING))
    parts = []
    for index in range(RING):
        yaw = 2 * np.pi * index / RING
        centre = (float(radius * np.cos(yaw)), float(radius * np.sin(yaw)), float(z))
        parts.append(box_part(centre, (thickness / 2, width, slant / 2), turn=leaning(yaw, lean)))
    return tuple(parts)


def disc(radius: float, height: float) -> tuple[Part, ...]:
    """Return three crossed boxes that fill a disc standing on z = 0; boxes rest more calmly than a cylinder."""
    half_x, half_y = radius * float(np.cos(np.pi / 12)), radius * float(np.sin(np.pi / 12))
    narrow = max(half_y, radius * 0.5)
    return tuple(
        box_part((0.0, 0.0, height / 2), (half_x, narrow, height / 2), turn=yaw_quaternion(yaw))
        for yaw in (0.0, np.pi / 3, 2 * np.pi / 3)
    )


def tub_walls(
    half_low: tuple[float, float], half_high: tuple[float, float], height: float, wall: float
) -> tuple[Part, ...]:
    """Return a floor and four leaning walls; half extents are those of the inside at the floor and at the rim [m]."""
    parts = [box_part((0.0, 0.0, 0.003), (half_low[0] + wall, half_low[1] + wall, 0.003))]
    for index, (low, high, across) in enumerate(
        ((half_low[0], half_high[0], half_high[1]), (half_low[1], half_high[1], half_high[0])) * 2
    ):
        yaw = index * np.pi / 2
        lean = float(np.arctan2(high - low, height))
        out = (low + high) / 2 + wall / 2 * np.cos(lean)
        upright = height / 2 - wall / 2 * float(np.sin(lean))
        centre = (float(out * np.cos(yaw)), float(out * np.sin(yaw)), height / 2)
        half = (wall / 2, across + wall, upright / float(np.cos(lean)))
        parts.append(box_part(centre, half, turn=leaning(yaw, lean)))
    return tuple(parts)
