"""Places where no part of the robot may be, as signed distances in the base frame [m]."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]
Triple = tuple[float, float, float]


class Zone(Protocol):
    """A place to keep out of. spares: links of the body model that may be in it all the same, as fingers on a table."""

    @property
    def name(self) -> str: ...

    @property
    def spares(self) -> tuple[str, ...]: ...

    def distance(self, points: Points) -> Points:
        """Return how far each of `points` (..., 3) is outside [m], (...); negative inside."""
        ...


@dataclass(frozen=True)
class BoxZone:
    """An upright box between two corners [m]."""

    name: str
    low: Triple
    high: Triple
    spares: tuple[str, ...] = ()

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
    spares: tuple[str, ...] = ()

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
    spares: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.radius <= 0 or self.height <= self.floor:
            raise ValueError(f"zone '{self.name}': radius must be above 0 and height above floor")

    def distance(self, points: Points) -> Points:
        sideways = np.hypot(points[..., 0] - self.x, points[..., 1] - self.y) - self.radius
        upward = np.maximum(self.floor - points[..., 2], points[..., 2] - self.height)
        outside = np.hypot(np.maximum(sideways, 0.0), np.maximum(upward, 0.0))
        result: Points = outside + np.minimum(np.maximum(sideways, upward), 0.0)
        return result


class ZoneSet:
    """Many zones, measured together: one pass for all boxes, one for all planes, one for all people.

    The slow twin is each zone's own `distance`. `zones` are in the order of the rows of `distances`.
    """

    def __init__(self, zones: tuple[Zone, ...]) -> None:
        boxes = [zone for zone in zones if isinstance(zone, BoxZone)]
        planes = [zone for zone in zones if isinstance(zone, PlaneZone)]
        people = [zone for zone in zones if isinstance(zone, PersonZone)]
        self._others = tuple(zone for zone in zones if not isinstance(zone, BoxZone | PlaneZone | PersonZone))
        self.zones: tuple[Zone, ...] = (*boxes, *planes, *people, *self._others)
        self._boxes, self._planes, self._people = len(boxes), len(planes), len(people)
        self._spared: dict[tuple[str, ...], Points] = {}
        self._low = np.array([box.low for box in boxes])[:, :, None] if boxes else np.empty((0, 3, 1))
        self._high = np.array([box.high for box in boxes])[:, :, None] if boxes else np.empty((0, 3, 1))
        self._normals = np.array([plane.normal for plane in planes])
        self._offsets = np.array([plane.offset for plane in planes])[:, None]
        upright = [(person.x, person.y, person.radius, person.floor, person.height) for person in people]
        self._upright = np.array(upright).T[:, :, None] if people else np.empty((5, 0, 1))

    def distances(self, points: Points) -> Points:
        """Return how far each of `points` (3, ...) is outside each of the Z zones [m], (Z, ...); negative inside."""
        flat = np.ascontiguousarray(points.reshape(3, -1))
        rows = []
        if self._boxes:
            beyond = np.maximum(self._low - flat, flat - self._high)
            outside = np.maximum(beyond, 0.0)
            rows.append(np.sqrt((outside * outside).sum(axis=1)) + np.minimum(beyond.max(axis=1), 0.0))
        if self._planes:
            rows.append(self._normals @ flat - self._offsets)
        if self._people:
            x, y, radius, floor, height = self._upright
            sideways = np.hypot(flat[0] - x, flat[1] - y) - radius
            upward = np.maximum(floor - flat[2], flat[2] - height)
            outside = np.hypot(np.maximum(sideways, 0.0), np.maximum(upward, 0.0))
            rows.append(outside + np.minimum(np.maximum(sideways, upward), 0.0))
        rows += [zone.distance(flat.T)[None] for zone in self._others]
        result: Points = np.concatenate(rows).reshape(-1, *points.shape[1:])
        return result

    def spared(self, links: tuple[str, ...]) -> Points:
        """Return infinity (Z, N) where the zone spares the link, 0 elsewhere: to be added to distances."""
        if links not in self._spared:
            rows = [[np.inf if link in zone.spares else 0.0 for link in links] for zone in self.zones]
            self._spared[links] = np.array(rows).reshape(len(self.zones), len(links))
        return self._spared[links]


def way_out(zone: Zone, point: Points) -> Points:
    """Return the unit vector (3,) along which the zone's distance grows fastest at `point` (3,)."""
    step = 1e-4
    ahead, back = zone.distance(point + step * _BOTH_WAYS)
    gradient = ahead - back
    result: Points = gradient / max(float(np.sqrt(gradient @ gradient)), 1e-12)
    return result


_BOTH_WAYS = np.stack([np.eye(3), -np.eye(3)])
