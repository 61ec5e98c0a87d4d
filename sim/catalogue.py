"""The graspable objects: how each looks and weighs. Shapes come from sim/assets/objects (see sim/build_objects.py)."""

import json
from dataclasses import dataclass
from typing import TypedDict

from sim.geometry import Colour, Vector3
from sim.kinds import ASSETS, PALETTE, Grasp, ObjectKind

LEAF: Colour = (0.16, 0.55, 0.14)
WHITE: Colour = (0.96, 0.96, 0.94)
METAL: Colour = (0.70, 0.71, 0.74)
DARK: Colour = (0.13, 0.12, 0.12)

TOY_COLOURS = ("red", "green", "blue", "yellow", "orange", "purple", "pink", "white", "black", "cyan", "brown")
WARE_COLOURS = ("red", "green", "blue", "yellow", "orange", "pink", "white", "black", "cyan", "brown")


class Row(TypedDict):
    """One entry of geometry.json, at scale 1 [m, rad]."""

    low: list[float]
    high: list[float]
    footprint_radius: float
    grasp_offset: list[float]
    grasp_width: float
    grasp_yaws: list[float] | None
    parts: list[str]
    pieces: int


@dataclass(frozen=True)
class Look:
    """What the shape does not say of a kind; fields as in ObjectKind. Colours: palette words or (word, rgb)."""

    category: str
    colours: tuple[str | tuple[str, Colour], ...]
    accents: tuple[tuple[str, Colour], ...] = ()
    mass: float = 0.08
    size_range: tuple[float, float] = (0.92, 1.08)
    held_out: bool = False


LOOKS: dict[str, Look] = {
    "eggplant": Look("vegetable", (("purple", (0.27, 0.07, 0.36)),), (("stem", LEAF),), 0.10, (0.92, 1.15)),
    "carrot": Look("vegetable", (("orange", (0.96, 0.45, 0.07)),), (("leaves", LEAF),), 0.07),
    "corn": Look("vegetable", (("yellow", (0.98, 0.80, 0.18)),), (("husk", (0.45, 0.66, 0.22)),), 0.10),
    "cucumber": Look("vegetable", (("green", (0.13, 0.44, 0.15)),), (("tips", (0.48, 0.70, 0.32)),), 0.10),
    "potato": Look("vegetable", (("tan", (0.72, 0.55, 0.34)),), (), 0.11),
    "onion": Look("vegetable", (("white", (0.95, 0.91, 0.85)),), (("shoot", (0.42, 0.72, 0.24)),), 0.08),
    "tomato": Look("vegetable", (("red", (0.91, 0.17, 0.09)),), (("leaves", (0.12, 0.50, 0.12)),), 0.09, (0.88, 1.0)),
    "pepper": Look(
        "vegetable",
        ("red", ("yellow", (0.98, 0.78, 0.10)), ("orange", (0.97, 0.48, 0.06))),
        (("stem", (0.16, 0.52, 0.16)),),
    ),
    "mushroom": Look(
        "vegetable", (("tan", (0.78, 0.58, 0.42)), "white"), (("stalk", (0.96, 0.93, 0.86)),), 0.05, (0.92, 1.08), True
    ),
    "broccoli": Look(
        "vegetable", (("green", (0.15, 0.47, 0.16)),), (("stalk", (0.66, 0.78, 0.42)),), 0.07, (0.92, 1.08), True
    ),
    "apple": Look(
        "fruit",
        (("red", (0.72, 0.05, 0.12)), ("green", (0.52, 0.78, 0.20))),
        (("stem", (0.36, 0.22, 0.10)), ("leaf", LEAF)),
        0.10,
        (0.88, 1.0),
    ),
    "banana": Look("fruit", (("yellow", (0.99, 0.88, 0.22)),), (("tips", (0.36, 0.26, 0.10)),), 0.09),
    "lemon": Look("fruit", (("yellow", (0.99, 0.92, 0.16)),)),
    "lime": Look("fruit", (("green", (0.46, 0.76, 0.12)),), (), 0.06, (0.92, 1.08), True),
    "orange": Look("fruit", (("orange", (0.99, 0.56, 0.05)),), (("navel", (0.22, 0.45, 0.12)),), 0.10, (0.88, 1.0)),
    "pear": Look(
        "fruit",
        (("green", (0.74, 0.80, 0.28)), ("yellow", (0.90, 0.80, 0.25))),
        (("stem", (0.36, 0.22, 0.10)),),
        0.10,
        (0.92, 1.03),
        True,
    ),
    "strawberry": Look("fruit", (("red", (0.93, 0.12, 0.20)),), (("leaves", (0.26, 0.62, 0.18)),), 0.05, (1.0, 1.2)),
    "egg": Look("food", (("white", (0.97, 0.93, 0.86)),), (), 0.06),
    "cheese": Look(
        "food", (("yellow", (0.98, 0.78, 0.26)),), (("holes", (0.78, 0.55, 0.12)),), 0.08, (0.92, 1.08), True
    ),
    "bread": Look("food", (("tan", (0.80, 0.54, 0.26)),), (("cuts", (0.96, 0.84, 0.62)),), 0.08),
    "spoon": Look("tool", ("gray", "green", "blue", "red", "tan"), (), 0.05, (0.95, 1.1)),
    "sponge": Look("tool", ("yellow", "blue", "pink"), (("pad", (0.10, 0.38, 0.20)),), 0.05, (0.90, 1.1)),
    "marker": Look("tool", ("red", "green", "blue", "black"), (("barrel", WHITE),), 0.05, (0.95, 1.1)),
    "brush": Look("tool", ("red", "green", "blue", "tan"), (("bristles", (0.94, 0.92, 0.84)),), 0.08, (0.95, 1.05)),
    "screwdriver": Look("tool", ("red", "yellow", "green", "blue"), (("shaft", METAL),), 0.08, (0.95, 1.1), True),
    "mug": Look("container", WARE_COLOURS, (("inside", (0.30, 0.27, 0.25)),), 0.12, (0.92, 1.06)),
    "cup": Look("container", WARE_COLOURS, (("inside", (0.82, 0.81, 0.78)), ("band", WHITE)), 0.07, (0.92, 1.06)),
    "can": Look("container", ("red", "green", "blue", "yellow", "orange"), (("metal", METAL),), 0.12, (0.92, 1.06)),
    "bottle": Look(
        "container", ("green", "blue", "yellow", "red"), (("label", WHITE), ("cap", DARK)), 0.12, (0.95, 1.08)
    ),
    "cube": Look("toy", TOY_COLOURS, (), 0.07, (0.85, 1.15)),
    "cylinder": Look("toy", TOY_COLOURS, (), 0.07, (0.85, 1.15)),
    "block": Look("toy", TOY_COLOURS, (), 0.08, (0.90, 1.1)),
    "ball": Look(
        "toy", ("red", "green", "blue", "yellow", "orange", "purple", "pink"), (("belt", WHITE),), 0.06, (0.92, 1.08)
    ),
    "dice": Look("toy", ("white", "red", "blue"), (("pips", DARK),), 0.06, (0.92, 1.12)),
    "prism": Look("toy", ("red", "green", "blue", "yellow", "orange", "purple", "pink"), (), 0.07, (0.92, 1.08)),
    "duck": Look("toy", ("yellow", "white"), (("beak", (0.97, 0.45, 0.06)), ("eyes", DARK)), 0.06, (0.95, 1.1)),
    "car": Look(
        "toy", ("red", "green", "blue", "yellow", "white"), (("cabin", (0.62, 0.80, 0.92)), ("wheels", DARK)), 0.08
    ),
}


def _vector(values: list[float]) -> Vector3:
    x, y, z = values
    return (x, y, z)


def _kind(name: str, look: Look, row: Row) -> ObjectKind:
    stem = name.replace(" ", "_")
    yaws = row["grasp_yaws"]
    return ObjectKind(
        name=name,
        category=look.category,
        colours=dict((colour, PALETTE[colour]) if isinstance(colour, str) else colour for colour in look.colours),
        accents=dict(look.accents),
        mass=look.mass,
        size_range=look.size_range,
        held_out=look.held_out,
        low=_vector(row["low"]),
        high=_vector(row["high"]),
        footprint_radius_at_1=row["footprint_radius"],
        grasp_at_1=Grasp(_vector(row["grasp_offset"]), row["grasp_width"], None if yaws is None else tuple(yaws)),
        files={part: ASSETS / f"{stem}_{part}.obj" for part in row["parts"]},
        hulls=tuple(ASSETS / f"{stem}_hull{index}.obj" for index in range(row["pieces"])),
    )


def _load() -> dict[str, ObjectKind]:
    rows: dict[str, Row] = json.loads((ASSETS / "geometry.json").read_text(encoding="ascii"))
    return {name: _kind(name, look, rows[name]) for name, look in LOOKS.items()}


OBJECTS: dict[str, ObjectKind] = _load()
