"""Write sim/assets/objects: `python -m sim.build_objects [FOLDER]`. The same code always writes the same bytes."""

import json
import sys
from pathlib import Path

import numpy as np

from sim.geometry import Array
from sim.meshes import TriangleMesh, moved, volume_and_centroid, write_obj
from sim.recipes.dishes import DISHES
from sim.recipes.fruit import FRUIT
from sim.recipes.recipe import HULL_MARGIN, Recipe
from sim.recipes.tools import TOOLS
from sim.recipes.toys import TOYS
from sim.recipes.vegetables import VEGETABLES

FOLDER = Path(__file__).parent / "assets" / "objects"
FINGER_HALF_WIDTH = 0.009
"""Half of a fingertip, along the object [m]."""
PALM_CLEARANCE = 0.030
"""Tall things are held this far below their top [m], so that the palm stays clear of them."""


def file_name(kind: str, part: str) -> str:
    return f"{kind.replace(' ', '_')}_{part}.obj"


def centred(recipe: Recipe) -> tuple[dict[str, TriangleMesh], list[TriangleMesh], Array]:
    """Return visual and collision meshes with the centre of mass as origin, and where that was."""
    weighed = [volume_and_centroid(piece) for piece in recipe.collision]
    total = sum(volume for volume, _ in weighed)
    centre = sum((volume * point for volume, point in weighed), np.zeros(3)) / total
    centre[1] = 0.0 if abs(centre[1]) < 1e-6 else centre[1]
    back = (-float(centre[0]), -float(centre[1]), -float(centre[2]))
    visual = {part: moved(mesh, back) for part, mesh in recipe.visual.items()}
    return visual, [moved(piece, back) for piece in recipe.collision], centre


def chord(piece: TriangleMesh, point: Array, direction: Array) -> tuple[float, float] | None:
    """Return where the line through `point` along `direction` enters and leaves a convex piece, or None."""
    a, b, c = (piece.vertices[piece.faces[:, k]] for k in range(3))
    normals = np.cross(b - a, c - a)
    slope = normals @ direction
    room = np.einsum("ij,ij->i", normals, a - point)
    if np.any((np.abs(slope) < 1e-12) & (room < 0)):
        return None
    with np.errstate(divide="ignore", invalid="ignore"):
        at = room / slope
    low = float(np.max(at[slope < -1e-12]))
    high = float(np.min(at[slope > 1e-12]))
    return (low, high) if low < high else None


def grasp_width(pieces: list[TriangleMesh], offset: Array, yaw: float) -> float:
    """Return how far apart [m] the fingers are when they touch at `offset`, closing along `yaw`."""
    direction = np.array([np.cos(yaw), np.sin(yaw), 0.0])
    beside = np.array([-np.sin(yaw), np.cos(yaw), 0.0])
    lows, highs = [0.0], [0.0]
    for along in np.linspace(-FINGER_HALF_WIDTH, FINGER_HALF_WIDTH, 5):
        for up in np.linspace(-0.008, 0.008, 5):
            for piece in pieces:
                span = chord(piece, offset + along * beside + (0, 0, up), direction)
                if span is not None:
                    lows.append(span[0])
                    highs.append(span[1])
    return 2 * max(max(highs), -min(lows)) + 2 * HULL_MARGIN


def geometry(recipe: Recipe, pieces: list[TriangleMesh], centre: Array) -> dict[str, object]:
    """Return what the catalogue must know of a kind at scale 1, in the body frame [m, rad]."""
    points = np.concatenate([piece.vertices for piece in pieces])
    low, high = points.min(axis=0) - HULL_MARGIN, points.max(axis=0) + HULL_MARGIN
    height = float(high[2] - low[2])
    above = max(height / 2, height - PALM_CLEARANCE) if recipe.grasp_height is None else recipe.grasp_height
    beside = np.zeros(2) if recipe.grasp_xy is None else np.asarray(recipe.grasp_xy) - centre[:2]
    offset = np.array([*beside, above + low[2]])
    width = max(grasp_width(pieces, offset, yaw) for yaw in recipe.closing_yaws or np.linspace(0, np.pi, 8))
    return {
        "low": rounded(low),
        "high": rounded(high),
        "footprint_radius": round(float(np.linalg.norm(points[:, :2], axis=1).max()) + HULL_MARGIN, 4),
        "grasp_offset": rounded(offset),
        "grasp_width": round(width, 4),
        "grasp_yaws": None if recipe.closing_yaws is None else rounded(np.array(recipe.closing_yaws)),
        "parts": list(recipe.visual),
        "pieces": len(pieces),
    }


def rounded(values: Array) -> list[float]:
    return [round(float(value), 4) + 0.0 for value in values]


def build(folder: Path) -> None:
    """Write every OBJ file and geometry.json into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    table: dict[str, dict[str, object]] = {}
    for kind, make in {**VEGETABLES, **FRUIT, **TOOLS, **TOYS}.items():
        recipe = make()
        visual, pieces, centre = centred(recipe)
        for part, mesh in visual.items():
            write_obj(folder / file_name(kind, part), mesh)
        for index, piece in enumerate(pieces):
            write_obj(folder / file_name(kind, f"hull{index}"), piece)
        table[kind] = geometry(recipe, pieces, centre)
    for kind, look in DISHES.items():
        for part, mesh in look().items():
            write_obj(folder / file_name(kind, part), mesh)
    text = json.dumps(table, indent=1, sort_keys=True) + "\n"
    (folder / "geometry.json").write_text(text, encoding="ascii", newline="\n")


if __name__ == "__main__":
    build(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER)
