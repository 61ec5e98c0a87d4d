"""The receptacles: bowls, plates and the like, how they collide and where things go in or on them."""

import numpy as np

from sim.drawer import drawer
from sim.geometry import BodySpec, Colour, JointType, LinkSpec, Mesh, Part, Pose
from sim.kinds import ASSETS, BODY_PAINT, PALETTE, SHADE_PAINT, TINT_PAINT, Interior, ReceptacleKind
from sim.walls import box_part, disc, ring_wall, tub_walls

DISH_COLOURS = ("red", "green", "blue", "yellow", "orange", "pink", "white", "black", "cyan", "brown")
WOOD: Colour = (0.72, 0.53, 0.32)
WICKER: Colour = (0.76, 0.58, 0.34)
STEEL: Colour = (0.66, 0.67, 0.70)
DARK: Colour = (0.16, 0.16, 0.17)
FRICTION = 1.0


def _looks(name: str, **paints: Colour) -> tuple[Part, ...]:
    stem = name.replace(" ", "_")
    return tuple(Part(Mesh(ASSETS / f"{stem}_{part}.obj"), colour=colour) for part, colour in paints.items())


def _colours(*words: str, **special: Colour) -> dict[str, Colour]:
    return {**special, **{word: PALETTE[word] for word in words if word not in special}}


def _still(
    mass: float, collision: tuple[Part, ...], visual: tuple[Part, ...], links: tuple[LinkSpec, ...] = ()
) -> BodySpec:
    return BodySpec(collision, visual, mass, FRICTION, 0.01, 0.0005, links)


def _round(radius: float, floor_z: float, rim_z: float) -> Interior:
    return Interior((0.0, 0.0), floor_z, rim_z, radius=radius)


def _rectangle(half_x: float, half_y: float, floor_z: float, rim_z: float) -> Interior:
    return Interior((0.0, 0.0), floor_z, rim_z, half_extents=(half_x, half_y))


def bowl() -> ReceptacleKind:
    floor = disc(0.046, 0.007)
    wall = ring_wall((0.0445, 0.008), (0.0755, 0.050), 0.006)
    return ReceptacleKind(
        "bowl",
        "dish",
        _colours(*DISH_COLOURS),
        (0.95, 1.1),
        False,
        "in",
        _round(0.0755, 0.007, 0.052),
        (0.081, 0.081),
        _still(0.45, floor + wall, _looks("bowl", body=BODY_PAINT, inside=SHADE_PAINT)),
    )


def plate() -> ReceptacleKind:
    wall = ring_wall((0.066, 0.006), (0.088, 0.0165), 0.004)
    return ReceptacleKind(
        "plate",
        "dish",
        _colours(*DISH_COLOURS),
        (0.9, 1.05),
        False,
        "on",
        _round(0.080, 0.0065, 0.018),
        (0.092, 0.092),
        _still(0.45, disc(0.066, 0.0065) + wall, _looks("plate", body=BODY_PAINT, middle=SHADE_PAINT)),
    )


def coaster() -> ReceptacleKind:
    look = _looks("coaster", body=BODY_PAINT, middle=TINT_PAINT)
    return ReceptacleKind(
        "coaster",
        "dish",
        _colours("red", "green", "blue", "black", "brown"),
        (0.95, 1.15),
        False,
        "on",
        _round(0.053, 0.008, 0.008),
        (0.055, 0.055),
        _still(0.25, disc(0.054, 0.008), look),
    )


def pan() -> ReceptacleKind:
    wall = ring_wall((0.067, 0.006), (0.076, 0.035), 0.005)
    grip = (box_part((0.114, 0.0, 0.038), (0.036, 0.011, 0.007)),)
    look = _looks("pan", body=BODY_PAINT, inside=SHADE_PAINT, handle=(0.30, 0.17, 0.10))
    return ReceptacleKind(
        "pan",
        "dish",
        _colours("red", "blue", "green", black=(0.17, 0.17, 0.18)),
        (0.95, 1.05),
        False,
        "in",
        _round(0.076, 0.006, 0.036),
        (0.116, 0.081),
        _still(0.6, disc(0.068, 0.006) + wall + grip, look),
        (0.035, 0.0),
    )


def pot() -> ReceptacleKind:
    wall = ring_wall((0.073, 0.006), (0.073, 0.059), 0.005)
    ears = tuple(box_part((sign * 0.089, 0.0, 0.049), (0.013, 0.020, 0.006)) for sign in (-1.0, 1.0))
    look = _looks("pot", body=BODY_PAINT, inside=(0.42, 0.43, 0.45), handles=DARK)
    return ReceptacleKind(
        "pot",
        "dish",
        _colours("red", "blue", "orange", gray=STEEL),
        (0.95, 1.1),
        False,
        "in",
        _round(0.073, 0.006, 0.060),
        (0.104, 0.082),
        _still(0.6, disc(0.073, 0.006) + wall + ears, look),
    )


def basket() -> ReceptacleKind:
    walls = tub_walls((0.071, 0.051), (0.087, 0.067), 0.062, 0.006)
    look = _looks("basket", body=BODY_PAINT, inside=SHADE_PAINT, bands=SHADE_PAINT)
    return ReceptacleKind(
        "basket",
        "vessel",
        _colours("yellow", "white", "pink", tan=WICKER),
        (0.95, 1.08),
        False,
        "in",
        _rectangle(0.087, 0.067, 0.006, 0.062),
        (0.095, 0.075),
        _still(0.45, walls, look),
    )


def tray() -> ReceptacleKind:
    walls = tub_walls((0.094, 0.064), (0.106, 0.076), 0.024, 0.006)
    return ReceptacleKind(
        "tray",
        "vessel",
        _colours("red", "green", "blue", "gray", "black", "cyan", tan=WOOD),
        (0.9, 1.05),
        False,
        "on",
        _rectangle(0.104, 0.074, 0.006, 0.024),
        (0.113, 0.083),
        _still(0.5, walls, _looks("tray", body=BODY_PAINT, inside=TINT_PAINT)),
    )


def towel() -> ReceptacleKind:
    slab = (box_part((0.0, 0.0, 0.004), (0.095, 0.070, 0.004)),)
    look = _looks("towel", body=BODY_PAINT, stripes=(0.97, 0.97, 0.95))
    return ReceptacleKind(
        "towel",
        "cloth",
        _colours("blue", "red", "green", "yellow", "pink", "orange", "purple", "brown"),
        (0.85, 1.05),
        False,
        "on",
        _rectangle(0.095, 0.070, 0.008, 0.008),
        (0.099, 0.074),
        _still(0.3, slab, look),
    )


def cutting_board() -> ReceptacleKind:
    slab = (box_part((0.0, 0.0, 0.007), (0.100, 0.068, 0.007)), box_part((0.118, 0.0, 0.007), (0.022, 0.018, 0.007)))
    look = _looks("cutting board", body=BODY_PAINT, groove=SHADE_PAINT)
    return ReceptacleKind(
        "cutting board",
        "board",
        _colours("green", "white", "black", tan=WOOD),
        (0.85, 1.0),
        False,
        "on",
        _rectangle(0.100, 0.068, 0.014, 0.014),
        (0.120, 0.068),
        _still(0.5, slab, look),
        (0.020, 0.0),
    )


def crate() -> ReceptacleKind:
    """A slatted crate: posts at the corners and two boards a side."""
    boards = []
    for z in (0.016, 0.046):
        for sign in (-1.0, 1.0):
            boards.append(box_part((0.0, sign * 0.070, z), (0.092, 0.004, 0.012)))
            boards.append(box_part((sign * 0.088, 0.0, z), (0.004, 0.074, 0.012)))
    posts = [
        box_part((sx * 0.080, sy * 0.062, 0.031), (0.006, 0.006, 0.030), SHADE_PAINT)
        for sx in (-1.0, 1.0)
        for sy in (-1.0, 1.0)
    ]
    floor = box_part((0.0, 0.0, 0.003), (0.088, 0.070, 0.003), SHADE_PAINT)
    walls = tub_walls((0.084, 0.066), (0.084, 0.066), 0.060, 0.008)
    return ReceptacleKind(
        "crate",
        "vessel",
        _colours("red", "blue", "green", tan=WOOD),
        (0.92, 1.05),
        True,
        "in",
        _rectangle(0.082, 0.064, 0.006, 0.060),
        (0.093, 0.075),
        _still(0.5, walls, (*boards, *posts, floor)),
    )


def box() -> ReceptacleKind:
    """A chest whose lid, hinged behind (towards the robot), stands open and leans back."""
    walls = tub_walls((0.062, 0.082), (0.062, 0.082), 0.060, 0.006)
    seen = tuple(
        Part(part.shape, part.pose, SHADE_PAINT if index == 0 else BODY_PAINT) for index, part in enumerate(walls)
    )
    lean = np.radians(-120)
    panel = box_part((0.068, 0.0, 0.003), (0.068, 0.088, 0.003), TINT_PAINT)
    lid = LinkSpec(
        name="lid",
        joint=JointType.REVOLUTE,
        axis=(0.0, 1.0, 0.0),
        low=0.0,
        high=float(np.radians(120)),
        mass=0.05,
        origin=Pose((-0.068, 0.0, 0.064), (0.0, float(np.sin(lean / 2)), 0.0, float(np.cos(lean / 2)))),
        collision=(panel,),
        visual=(panel,),
        friction=0.2,
    )
    return ReceptacleKind(
        "box",
        "furniture",
        _colours("red", "blue", "green", "purple", tan=WOOD),
        (0.95, 1.08),
        False,
        "in",
        _rectangle(0.062, 0.082, 0.006, 0.060),
        (0.102, 0.089),
        _still(0.6, walls, seen, (lid,)),
        (-0.034, 0.0),
        joint="lid",
        opened=0.2,
        closed=float(np.radians(115)),
    )


RECEPTACLES: dict[str, ReceptacleKind] = {
    kind.name: kind
    for kind in (
        bowl(),
        plate(),
        basket(),
        tray(),
        towel(),
        pan(),
        pot(),
        box(),
        drawer(),
        crate(),
        cutting_board(),
        coaster(),
    )
}
