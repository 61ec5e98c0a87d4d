"""What training holds fixed about the table: lamp, cameras, surfaces, where the arm starts, how things weigh and slide.

`Setting()` is the world as it is recorded and trained in; `sim.perturb` draws others.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from agent.types import ImageArray
from sim.camera import FRONT, CameraView, Light, WristMount
from sim.geometry import Array, BodySpec, Vector3
from sim.scene import Entity
from sim.surfaces import Pattern, paint_background, paint_table

TABLE_COLOUR = (0.74, 0.63, 0.50)
START_LOW, START_HIGH = np.array([0.30, -0.32, 0.21]), np.array([0.68, 0.32, 0.44])
"""Corners of the box [m] that the tool starts in: above everything on the table, and within reach at every yaw."""


@dataclass(frozen=True)
class Setting:
    """How a tabletop world is lit, looked at and furnished.

    table, background: patterns painted over the plain ones; None: plain.
    start_offset: added to where the tool starts [m]; start_yaw: added to its yaw [rad].
    mass, friction: factors on every object that can be grasped.
    """

    light: Light = Light()
    front: CameraView = FRONT
    wrist: WristMount = WristMount()
    table: Pattern | None = None
    background: Pattern | None = None
    start_offset: Vector3 = (0.0, 0.0, 0.0)
    start_yaw: float = 0.0
    mass: float = 1.0
    friction: float = 1.0

    def start_position(self, usual: Array) -> Vector3:
        """Return where the tool starts, `usual` (3,) being where it would start otherwise [m, base frame]."""
        if not any(self.start_offset):
            x, y, z = usual
        else:
            x, y, z = np.clip(usual + np.asarray(self.start_offset), START_LOW, START_HIGH)
        return float(x), float(y), float(z)

    def weighed(self, entity: Entity) -> BodySpec:
        """Return the entity's body with its mass and friction; receptacles keep their own."""
        spec = entity.body
        if not entity.graspable or (self.mass, self.friction) == (1.0, 1.0):
            return spec
        return replace(spec, mass=spec.mass * self.mass, lateral_friction=spec.lateral_friction * self.friction)

    def dress(self, rgb: ImageArray, bodies: NDArray[np.int32], view: CameraView, *, table: int) -> ImageArray:
        """Return the picture (H, W, 3) with the table and the background painted; `bodies` (H, W) segments it."""
        if self.table is not None:
            rgb = paint_table(rgb, bodies == table, view, self.table, plain=TABLE_COLOUR)
        if self.background is not None:
            rgb = paint_background(rgb, bodies < 0, view, self.background)
        return rgb
