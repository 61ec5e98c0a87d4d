"""What a kind of thing is: an object that the gripper can take, or a receptacle that things are put in or on."""

from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np

from agent.errors import unknown_name
from sim.geometry import BodySpec, Box, Colour, Cylinder, LinkSpec, Mesh, Part, Pose, Shape, Sphere, Vector3, transform

ASSETS = Path(__file__).parent / "assets" / "objects"

PALETTE: dict[str, Colour] = {
    "red": (0.86, 0.11, 0.11),
    "green": (0.13, 0.62, 0.20),
    "blue": (0.12, 0.30, 0.85),
    "yellow": (0.97, 0.84, 0.10),
    "orange": (0.97, 0.50, 0.06),
    "purple": (0.48, 0.18, 0.68),
    "pink": (0.97, 0.52, 0.70),
    "white": (0.95, 0.95, 0.93),
    "black": (0.10, 0.10, 0.11),
    "gray": (0.56, 0.57, 0.59),
    "tan": (0.80, 0.62, 0.38),
    "cyan": (0.10, 0.80, 0.84),
    "brown": (0.42, 0.24, 0.11),
}
"""Colour words and what they look like, unless a kind says otherwise ("purple" is darker on an eggplant)."""


@dataclass(frozen=True)
class Grasp:
    """The best way to take an object from above as it rests, in its body frame.

    offset: where the tool's origin goes [m].  width: how far the fingers are apart when they touch it [m].
    yaws: directions [rad from the body's x axis] along which the fingers may close, each as good turned by pi;
    None when every direction will do.
    """

    offset: Vector3
    width: float
    yaws: tuple[float, ...] | None = None


@dataclass(frozen=True)
class Interior:
    """The place in or on a receptacle where things count as put, in the frame of the body (or of link `link`).

    centre: its middle (x, y) [m].  radius or half_extents (x, y) [m]: of a round or a rectangular one.
    floor_z, rim_z: heights of the surface and of the rim above the table when the receptacle stands on it [m].
    link: number of the link that carries it (the drawer); −1 for the body itself.
    mouth: where things go in (x, y) [m], when that is not its middle: a drawer's back stays under its cabinet.
    """

    centre: tuple[float, float]
    floor_z: float
    rim_z: float
    radius: float | None = None
    half_extents: tuple[float, float] | None = None
    link: int = -1
    mouth: tuple[float, float] | None = None

    @property
    def entry(self) -> tuple[float, float]:
        """Where things are put in (x, y) [m]: the mouth, else the middle."""
        return self.mouth or self.centre


@dataclass(frozen=True, eq=False)
class ObjectKind:
    """A graspable object. Frame: origin at the centre of mass, z up as it rests.

    category: "vegetable", "fruit", "food", "tool", "container" or "toy".
    colours: what it comes in; the first is the most natural.  accents: other parts' colours.
    mass: at scale 1 [kg].  size_range: smallest and largest scale.  held_out: never seen in training.
    low, high: corners of its box [m], footprint_radius: of the circle round it seen from above [m], at scale 1.
    files, hulls: OBJ files of its visible parts and of its convex collision pieces.
    """

    name: str
    category: str
    colours: dict[str, Colour]
    accents: dict[str, Colour]
    mass: float
    size_range: tuple[float, float]
    held_out: bool
    low: Vector3
    high: Vector3
    footprint_radius_at_1: float
    grasp_at_1: Grasp
    files: dict[str, Path]
    hulls: tuple[Path, ...]

    def body(self, colour: str, scale: float = 1.0) -> BodySpec:
        """Return the body in one of `colours`; raise SpecError for another colour."""
        if colour not in self.colours:
            raise unknown_name(f"{self.name} in colour", colour, self.colours)
        paint = {"body": self.colours[colour], **self.accents}
        size = (scale, scale, scale)
        return BodySpec(
            collision=tuple(Part(Mesh(path, size)) for path in self.hulls),
            visual=tuple(Part(Mesh(path, size), colour=paint[part]) for part, path in self.files.items()),
            mass=self.mass * scale**3,
            lateral_friction=0.9,
            spinning_friction=0.004,
            rolling_friction=0.0008,
        )

    def grasp(self, scale: float = 1.0) -> Grasp:
        """Return the grasp in the body frame of an object of this scale."""
        x, y, z = self.grasp_at_1.offset
        return Grasp((x * scale, y * scale, z * scale), self.grasp_at_1.width * scale, self.grasp_at_1.yaws)

    def rest_height(self, scale: float = 1.0) -> float:
        """Return how high the origin is above the surface on which it rests [m]."""
        return -self.low[2] * scale

    def height(self, scale: float = 1.0) -> float:
        """Return how high its top is above the surface on which it rests [m]."""
        return (self.high[2] - self.low[2]) * scale

    def bounds(self, scale: float = 1.0) -> tuple[Vector3, Vector3]:
        """Return the lowest and highest corner of its box in the body frame [m]."""
        return scaled(self.low, scale), scaled(self.high, scale)

    def footprint_radius(self, scale: float = 1.0) -> float:
        """Return the radius [m] about the origin within which it stays, seen from above, however it is turned."""
        return self.footprint_radius_at_1 * scale


@dataclass(frozen=True, eq=False)
class ReceptacleKind:
    """Something to put things in or on. Frame: origin in the middle of its underside, so it rests at height 0.

    support: "in" or "on".  colours, size_range, held_out: as for objects.  interior_at_1: at scale 1.
    half_extents: (x, y) of its box seen from above, round `middle`, at scale 1, links at rest [m].
    body_at_1: the body at scale 1 where parts painted `BODY_PAINT` or `SHADE_PAINT` take the asked-for colour.
    joint: name of the link that opens and closes, if any.
    opened, closed: joint positions at which it counts as open and as closed [m | rad].
    spots: where it must stand in the base frame (x, y) [m]; empty means anywhere.
    handle: where the closed fingers go to pull or push the joint, in the frame of that link [m].
    """

    name: str
    category: str
    colours: dict[str, Colour]
    size_range: tuple[float, float]
    held_out: bool
    support: str
    interior_at_1: Interior
    half_extents_at_1: tuple[float, float]
    body_at_1: BodySpec
    middle_at_1: tuple[float, float] = (0.0, 0.0)
    joint: str | None = None
    opened: float = 0.0
    closed: float = 0.0
    spots: tuple[tuple[float, float], ...] = ()
    handle: Vector3 | None = None

    def body(self, colour: str, scale: float = 1.0) -> BodySpec:
        """Return the body in one of `colours`; raise SpecError for another colour."""
        if colour not in self.colours:
            raise unknown_name(f"{self.name} in colour", colour, self.colours)
        paint = self.colours[colour]
        spec = self.body_at_1
        return BodySpec(
            collision=tuple(scaled_part(part, scale) for part in spec.collision),
            visual=tuple(painted(scaled_part(part, scale), paint) for part in spec.visual),
            mass=spec.mass * scale**2,
            lateral_friction=spec.lateral_friction,
            spinning_friction=spec.spinning_friction,
            rolling_friction=spec.rolling_friction,
            links=tuple(_scaled_link(link, scale, paint) for link in spec.links),
        )

    def interior(self, scale: float = 1.0) -> Interior:
        """Return the interior of a receptacle of this scale."""
        at_1 = self.interior_at_1
        x, y = at_1.centre
        half = at_1.half_extents
        return Interior(
            centre=(x * scale, y * scale),
            floor_z=at_1.floor_z * scale,
            rim_z=at_1.rim_z * scale,
            radius=None if at_1.radius is None else at_1.radius * scale,
            half_extents=None if half is None else (half[0] * scale, half[1] * scale),
            link=at_1.link,
            mouth=None if at_1.mouth is None else (at_1.mouth[0] * scale, at_1.mouth[1] * scale),
        )

    def rest_height(self, scale: float = 1.0) -> float:
        """Return 0: the origin is on the table. Objects and receptacles are placed alike."""
        return 0.0 * scale

    def height(self, scale: float = 1.0) -> float:
        """Return how high its highest point is as it stands, links at rest [m]: an open lid is higher than a rim."""
        spec = self.body_at_1
        tops = [_top(part, Pose()) for part in spec.collision]
        tops += [_top(part, link.origin) for link in spec.links for part in link.collision]
        return max(tops) * scale

    def footprint(self, scale: float = 1.0) -> tuple[tuple[float, float], tuple[float, float]]:
        """Return the middle (x, y) and the half extents (x, y) of its box seen from above, in the body frame [m]."""
        (x, y), (half_x, half_y) = self.middle_at_1, self.half_extents_at_1
        return (x * scale, y * scale), (half_x * scale, half_y * scale)

    def footprint_radius(self, scale: float = 1.0) -> float:
        """Return the radius [m] about the origin within which it stays, seen from above, however it is turned."""
        (x, y), (half_x, half_y) = self.middle_at_1, self.half_extents_at_1
        if self.interior_at_1.radius is not None and half_x == half_y and (x, y) == (0.0, 0.0):
            return half_x * scale
        return float(((abs(x) + half_x) ** 2 + (abs(y) + half_y) ** 2) ** 0.5) * scale


BODY_PAINT: Colour = (-1.0, 1.0, 0.0)
"""Stands for the asked-for colour in a receptacle's parts: −1 marks it, then a factor, then the share of white."""
SHADE_PAINT: Colour = (-1.0, 0.74, 0.0)
"""The asked-for colour, darker: the inside of a bowl."""
TINT_PAINT: Colour = (-1.0, 1.0, 0.35)
"""The asked-for colour, lighter."""


def painted(part: Part, paint: Colour) -> Part:
    """Return `part` with a paint marker replaced by the colour it stands for."""
    marker, factor, white = part.colour
    if marker >= 0:
        return part
    red, green, blue = (min(1.0, factor * value * (1 - white) + white) for value in paint)
    return Part(part.shape, part.pose, (red, green, blue))


def scaled(vector: Vector3, scale: float) -> Vector3:
    return (vector[0] * scale, vector[1] * scale, vector[2] * scale)


def scaled_part(part: Part, scale: float) -> Part:
    """Return `part` grown about the body's origin."""
    return Part(
        _scaled_shape(part.shape, scale), Pose(scaled(part.pose.position, scale), part.pose.quaternion), part.colour
    )


def _scaled_shape(shape: Shape, scale: float) -> Shape:
    match shape:
        case Box(half_extents):
            return Box(scaled(half_extents, scale))
        case Cylinder(radius, height):
            return Cylinder(radius * scale, height * scale)
        case Sphere(radius):
            return Sphere(radius * scale)
        case Mesh(path, size):
            return Mesh(path, scaled(size, scale))


def _scaled_link(link: LinkSpec, scale: float, paint: Colour) -> LinkSpec:
    sliding = link.joint.value == "prismatic"
    return LinkSpec(
        name=link.name,
        joint=link.joint,
        axis=link.axis,
        low=link.low * scale if sliding else link.low,
        high=link.high * scale if sliding else link.high,
        mass=link.mass * scale**2,
        origin=Pose(scaled(link.origin.position, scale), link.origin.quaternion),
        collision=tuple(scaled_part(part, scale) for part in link.collision),
        visual=tuple(painted(scaled_part(part, scale), paint) for part in link.visual),
        friction=link.friction,
    )


def _top(part: Part, frame: Pose) -> float:
    """Return how high the highest corner of a part is in the frame that `frame` is given in [m]. Parts of receptacles
    that collide are boxes."""
    assert isinstance(part.shape, Box)
    corners = np.array(list(product((-1.0, 1.0), repeat=3))) * part.shape.half_extents
    return float(transform(frame, transform(part.pose, corners))[:, 2].max())
