"""The drawer: a small cabinet fixed to the table whose drawer slides out towards +x, away from the robot."""

from sim.geometry import BodySpec, Box, Colour, JointType, LinkSpec, Part, Pose, Vector3
from sim.kinds import BODY_PAINT, PALETTE, SHADE_PAINT, TINT_PAINT, Interior, ReceptacleKind

WOOD: Colour = (0.72, 0.53, 0.32)
HANDLE: Colour = (0.93, 0.93, 0.90)

DEPTH, WIDTH, HEIGHT = 0.170, 0.200, 0.100
"""Outside of the cabinet along x, y, z [m]."""
WALL = 0.008
TRAVEL = 0.125
"""How far the drawer comes out [m]."""
OPENED, CLOSED = 0.100, 0.015
"""Beyond the first it counts as open, below the second as closed [m]."""
GAP = 0.038
"""Between the drawer's face and its bar: room for two closed fingers [m]."""
BAR_Z = 0.078
"""Height of the bar, as high as the cabinet allows, so that the palm clears its top [m]."""
SPOTS = ((0.375, -0.19), (0.375, 0.19))
"""Where the cabinet may stand: at the back, left or right, so that the open drawer stays within reach."""


def _part(low: Vector3, high: Vector3, colour: Colour) -> Part:
    half = ((high[0] - low[0]) / 2, (high[1] - low[1]) / 2, (high[2] - low[2]) / 2)
    middle = ((high[0] + low[0]) / 2, (high[1] + low[1]) / 2, (high[2] + low[2]) / 2)
    return Part(Box(half), Pose(middle), colour)


def _cabinet() -> tuple[Part, ...]:
    x, y = DEPTH / 2, WIDTH / 2
    return (
        _part((-x, -y, HEIGHT - WALL), (x, y, HEIGHT), BODY_PAINT),
        _part((-x, -y, 0.0), (x, -y + WALL, HEIGHT - WALL), SHADE_PAINT),
        _part((-x, y - WALL, 0.0), (x, y, HEIGHT - WALL), SHADE_PAINT),
        _part((-x, -y + WALL, 0.0), (-x + WALL, y - WALL, HEIGHT - WALL), SHADE_PAINT),
        _part((-x, -y + WALL, 0.0), (x, y - WALL, 0.004), SHADE_PAINT),
    )


def _slide() -> tuple[Part, ...]:
    """Return the drawer in its own frame: origin below the middle of the cabinet's front edge, closed."""
    back, y, side, inside = -DEPTH + 2 * WALL, WIDTH / 2 - WALL - 0.002, 0.056, (0.86, 0.80, 0.70)
    return (
        _part((back, -y, 0.006), (0.0, y, 0.012), inside),
        _part((back, -y, 0.012), (0.0, -y + 0.006, side), inside),
        _part((back, y - 0.006, 0.012), (0.0, y, side), inside),
        _part((back, -y, 0.012), (back + 0.006, y, side), inside),
        _part((0.0, -WIDTH / 2, 0.006), (0.012, WIDTH / 2, HEIGHT - WALL - 0.002), TINT_PAINT),
    )


def _handle() -> tuple[Part, ...]:
    face, bar = 0.012, 0.012 + GAP
    return (
        _part((bar, -0.055, BAR_Z - 0.010), (bar + 0.012, 0.055, BAR_Z + 0.010), HANDLE),
        _part((face, -0.055, BAR_Z - 0.006), (bar, -0.045, BAR_Z + 0.006), HANDLE),
        _part((face, 0.045, BAR_Z - 0.006), (bar, 0.055, BAR_Z + 0.006), HANDLE),
    )


def drawer() -> ReceptacleKind:
    """Closed at joint position 0, open at `TRAVEL`. Closed fingers in the gap of the handle push it both ways."""
    parts = _slide() + _handle()
    link = LinkSpec(
        name="drawer",
        joint=JointType.PRISMATIC,
        axis=(1.0, 0.0, 0.0),
        low=0.0,
        high=TRAVEL,
        mass=0.3,
        origin=Pose((DEPTH / 2, 0.0, 0.0)),
        collision=parts,
        visual=parts,
        friction=1.5,
    )
    half_x = (DEPTH - 2 * WALL - 0.006) / 2
    reach = 0.012 + GAP + 0.012
    return ReceptacleKind(
        name="drawer",
        category="furniture",
        colours={"tan": WOOD, **{word: PALETTE[word] for word in ("white", "blue", "green", "red")}},
        size_range=(1.0, 1.0),
        held_out=False,
        support="in",
        interior_at_1=Interior(
            (-half_x, 0.0),
            0.012,
            0.056,
            half_extents=(half_x, WIDTH / 2 - WALL - 0.008),
            link=0,
            mouth=(-TRAVEL / 2, 0.0),
        ),
        half_extents_at_1=((DEPTH + reach + TRAVEL) / 2, WIDTH / 2),
        body_at_1=BodySpec(_cabinet(), _cabinet(), 0.0, 0.7, 0.01, 0.0005, (link,)),
        middle_at_1=((reach + TRAVEL) / 2, 0.0),
        joint="drawer",
        opened=OPENED,
        closed=CLOSED,
        spots=SPOTS,
        handle=(0.012 + GAP / 2, 0.0, BAR_Z - 0.008),
    )
