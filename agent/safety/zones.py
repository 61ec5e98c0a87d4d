"""Places where no part of the robot may be, as signed distances in the base frame [m]."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]
Triple = tuple[float, float, float]


class Zone(Protocol):
    """A place to keep out of."""

    @property
    def name(self) -> str: ...

    def distance(self, points: Points) -> Points:
        """Return how far each of `points` (..., 3) is outside [m], (...); negative inside."""
        ...


@dataclass(frozen=True)
class BoxZone:
    """An upright box between two corners [m]."""

    name: str
    low: Triple
    high: Triple

    def __post_init__(self) -> None:
        if not all(low < high for low, high in zip(self.low, self.high, strict=True)):
            raise ValueError(f"zone '{self.name}': every value of low must be below that of high")

    def distance(self, points: Points) -> Points:
        """Exact outside; inside, minus the way to the nearest face."""
        beyond = np.maximum(np.asarray(self.low) - points, points - np.asarray(self.high))
        outside = np.maximum(beyond, 0.0)
        result: Points = np.sqrt((outside * outside).sum(axis=-1)) + np.minimum(beyond.max(axis=-1), 0.0)
        return result


@dataclass(frozen=True)
class PlaneZone:
    """Everything behind a plane: a point p is inside when normal · p < offset. The normal points to the free side."""

    name: str
    normal: Triple
    offset: float

    def __post_init__(self) -> None:
        length = float(np.linalg.norm(self.normal))
        if not 0.999 < length < 1.001:
            raise ValueError(f"zone '{self.name}': the normal must have length 1, got {length:.3f}")

    def distance(self, points: Points) -> Points:
        result: Points = points @ np.asarray(self.normal) - self.offset
        return result


@dataclass(frozen=True)
class PersonZone:
    """An upright cylinder round a person who stands at x, y, from the floor to `height`; all lengths in metres."""

    name: str
    x: float
    y: float
    radius: float = 0.5
    height: float = 2.2
    floor: float = -1.0

    def __post_init__(self) -> None:
        if self.radius <= 0 or self.height <= self.floor:
            raise ValueError(f"zone '{self.name}': radius must be above 0 and height above floor")

    def distance(self, points: Points) -> Points:
        sideways = np.hypot(points[..., 0] - self.x, points[..., 1] - self.y) - self.radius
        upward = np.maximum(self.floor - points[..., 2], points[..., 2] - self.height)
        outside = np.hypot(np.maximum(sideways, 0.0), np.maximum(upward, 0.0))
        result: Points = outside + np.minimum(np.maximum(sideways, upward), 0.0)
        return result


def way_out(zone: Zone, point: Points) -> Points:
    """Return the unit vector (3,) along which the zone's distance grows fastest at `point` (3,)."""
    step = 1e-4
    gradient = zone.distance(point + step * np.eye(3)) - zone.distance(point - step * np.eye(3))
    result: Points = gradient / max(float(np.linalg.norm(gradient)), 1e-12)
    return result
