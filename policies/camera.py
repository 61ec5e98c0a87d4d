"""Where the camera that sees the whole table stands, and the way between its picture and the table."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor


@dataclass(frozen=True)
class Pinhole:
    """A camera at `eye` looking at `target` [m, base frame], vertical field of view in degrees."""

    eye: tuple[float, float, float] = (1.05, 0.0, 0.80)
    target: tuple[float, float, float] = (0.475, 0.0, 0.04)
    up: tuple[float, float, float] = (0.0, 0.0, 1.0)
    fov_deg: float = 40.0
    aspect: float = 1.0

    def axes(self) -> Tensor:
        """Rows: the picture's right, its down, and forward out of the camera; unit vectors in the base frame."""
        forward = np.subtract(self.target, self.eye)
        forward = forward / np.linalg.norm(forward)
        right = np.cross(forward, np.asarray(self.up))
        right = right / np.linalg.norm(right)
        return torch.from_numpy(np.stack([right, np.cross(forward, right), forward])).float()

    def project(self, points: Tensor) -> Tensor:
        """points (..., 3) [m] -> (..., 2): u right and v down, in [-1, 1] inside the picture."""
        local = (points - points.new_tensor(self.eye)) @ self.axes().to(points).T
        half = float(np.tan(np.radians(self.fov_deg) / 2))
        scale = local.new_tensor([half * self.aspect, half])
        return local[..., :2] / (local[..., 2:] * scale)

    def on_plane(self, places: Tensor, height: float) -> Tensor:
        """places (..., 2) in the picture -> (..., 3): the points [m] seen there at `height` above the table."""
        half = float(np.tan(np.radians(self.fov_deg) / 2))
        right, down, forward = self.axes().to(places)
        rays = forward + places[..., :1] * half * self.aspect * right + places[..., 1:] * half * down
        eye = places.new_tensor(self.eye)
        # Above the horizon a ray never meets the table; it is bent down a little, since nothing stands there anyway.
        reach = (height - eye[2]) / rays[..., 2:].clamp(max=-0.05)
        points: Tensor = eye + rays * reach
        return points
