"""Fruit and other food."""

import numpy as np

from sim.geometry import Array
from sim.meshes import (
    bevelled_box,
    extrude,
    joined,
    lathe,
    moved,
    raised,
    tube,
    turn_about,
)
from sim.recipes.recipe import (
    ACROSS,
    HULL_MARGIN,
    Recipe,
    ball,
    hull,
    lying,
    lying_hull,
    standing_hull,
    star_leaves,
)


def apple() -> Recipe:
    skin = [(0.0, 0.005), (0.014, 0.0), (0.024, 0.010), (0.031, 0.030), (0.029, 0.045), (0.018, 0.054), (0.0, 0.047)]
    stem = tube(np.array([(0, 0, 0.046), (0.002, 0, 0.056), (0.006, 0, 0.065)]), np.array([0.0025, 0.0025, 0.003]), 5)
    leaf = tube(
        np.array([(0.003, 0, 0.058), (0.013, 0.004, 0.064), (0.026, 0.008, 0.060)]),
        np.array([[0.0, 0.0], [0.010, 0.002], [0.0, 0.0]]),
        6,
    )
    return Recipe(
        visual={"body": lathe(skin, 12), "stem": stem, "leaf": leaf},
        collision=(standing_hull([(0.016, 0.0), (0.0305, 0.025), (0.0295, 0.042), (0.019, 0.053)]),),
        grasp_height=0.030,
    )


def banana() -> Recipe:
    angles = np.radians(np.linspace(-52, 52, 9))
    bend = 0.070
    arc = np.stack([bend * np.sin(angles), bend * (1 - np.cos(angles)) - 0.012, np.full(9, 0.0165)], axis=1)
    radii = np.array([0.0065, 0.011, 0.0145, 0.0165, 0.017, 0.0165, 0.0145, 0.010, 0.0060])
    ends = [
        tube(raised(arc[:2], 0.0003), radii[:2] + 0.0006, 8),
        tube(extended(arc[-2:]), np.array([0.007, 0.005, 0.005]), 8),
    ]
    pieces = []
    for a in (0, 2, 4, 6):
        section = slice(a, a + 3, 2)
        flat = (np.maximum(radii[section], 0.012) - HULL_MARGIN) / np.cos(np.pi / 8)
        low = arc[section].copy()
        low[:, 2] = np.maximum(radii[section], 0.012)
        pieces.append(hull(tube(low, flat, 8, phase=np.pi / 8).vertices))
    return Recipe(
        visual={"body": tube(arc, radii, 10), "tips": joined(*ends)},
        collision=tuple(pieces),
        closing_yaws=ACROSS,
        grasp_xy=(0.0, -0.012),
    )


def extended(pair: Array) -> Array:
    """Return a short curve (3, 3) that goes on past the second of two points."""
    return np.array(
        [pair[1] - 0.2 * (pair[1] - pair[0]), pair[1] + 0.5 * (pair[1] - pair[0]), pair[1] + 0.9 * (pair[1] - pair[0])]
    )


def citrus(length: float, radius: float, nub: float) -> Recipe:
    """Return a lemon-like thing lying along x."""
    half = length / 2
    xs = [-half, -half + 0.004, -half + 0.011, -half / 2, 0.0, half / 2, half - 0.011, half - 0.004, half]
    widths = [0.0, nub, 0.56, 0.86, 1.0, 0.86, 0.56, nub, 0.0]
    radii = [radius * width for width in widths]
    centres = np.array([(x, 0, radius) for x in xs])
    ends = half - 0.006
    flat = (np.array([0.40, 0.92, 0.92, 0.40]) * radius - HULL_MARGIN) / np.cos(np.pi / 8)
    middle = np.array([(-ends, 0, radius), (-half / 2.4, 0, radius), (half / 2.4, 0, radius), (ends, 0, radius)])
    middle[:, 2] = 0.92 * radius
    return Recipe(
        visual={"body": moved(tube(centres, np.array(radii), 12), (0, 0, -0.04 * radius))},
        collision=(hull(tube(middle, flat, 8, phase=np.pi / 8).vertices),),
        closing_yaws=ACROSS,
    )


def lemon() -> Recipe:
    return citrus(0.078, 0.0265, 0.30)


def lime() -> Recipe:
    return citrus(0.060, 0.0245, 0.22)


def orange() -> Recipe:
    body = moved(ball(0.031, sides=14, rings=5), (0, 0, 0.030))
    navel = lathe([(0.007, 0.0590), (0.006, 0.0625), (0.0, 0.0628)], 6)
    return Recipe(
        visual={"body": body, "navel": navel},
        collision=(standing_hull([(0.014, 0.0), (0.0300, 0.022), (0.0300, 0.038), (0.014, 0.060)]),),
        grasp_height=0.030,
    )


def pear() -> Recipe:
    skin = [(0.0, 0.003), (0.014, 0.0), (0.026, 0.008), (0.030, 0.022), (0.026, 0.036), (0.017, 0.048), (0.013, 0.058)]
    stem = tube(np.array([(0, 0, 0.060), (0.001, 0, 0.070), (0.005, 0, 0.078)]), np.array([0.0025, 0.0025, 0.003]), 5)
    return Recipe(
        visual={"body": lathe([*skin, (0.007, 0.063), (0.0, 0.062)], 12), "stem": stem},
        collision=(standing_hull([(0.017, 0.0), (0.0295, 0.018), (0.0295, 0.027), (0.010, 0.063)]),),
        grasp_height=0.024,
    )


def strawberry() -> Recipe:
    fruit = lying([-0.027, -0.025, -0.012, 0.004, 0.014, 0.019], [0.0, 0.006, 0.0155, 0.0205, 0.020, 0.0])
    leaves = moved(star_leaves(radius=0.0210, z=0.0, points=6), turn=turn_about("y", 90))
    stalk = tube(
        np.array([(0.014, 0, 0.020), (0.024, 0, 0.021), (0.032, 0, 0.025)]), np.array([0.003, 0.003, 0.003]), 5
    )
    return Recipe(
        visual={"body": fruit, "leaves": joined(moved(leaves, (0.018, 0, 0.021)), stalk)},
        collision=(lying_hull([-0.025, -0.008, 0.006, 0.020], [0.007, 0.0170, 0.0200, 0.015]),),
        closing_yaws=ACROSS,
    )


def egg() -> Recipe:
    shell = lying(
        [-0.030, -0.0275, -0.015, 0.004, 0.018, 0.026, 0.028], [0.0, 0.008, 0.0180, 0.0225, 0.0185, 0.010, 0.0]
    )
    return Recipe(
        visual={"body": shell},
        collision=(lying_hull([-0.028, -0.012, 0.010, 0.026], [0.009, 0.0195, 0.0215, 0.011]),),
        closing_yaws=ACROSS,
    )


def cheese() -> Recipe:
    """A wedge, tip towards +x, with dark holes."""
    outline = np.array([(-0.040, -0.029), (0.046, 0.0), (-0.040, 0.029)])
    wedge = extrude([(float(x), float(y)) for x, y in outline], 0.0, 0.036)
    spots = [(-0.022, 0.008, 0.0065), (-0.024, -0.012, 0.005), (0.004, 0.001, 0.006), (0.022, 0.0, 0.004)]
    holes = [moved(lathe([(r, 0.034), (r, 0.0364), (0.0, 0.0364)], 8), (x, y, 0)) for x, y, r in spots]
    solid = np.array([(x * 0.97, y * 0.96, z) for x, y in outline for z in (HULL_MARGIN, 0.036 - HULL_MARGIN)])
    return Recipe(
        visual={"body": wedge, "holes": joined(*holes)},
        collision=(hull(solid),),
        closing_yaws=ACROSS,
    )


def bread() -> Recipe:
    """A small loaf lying along x with three cuts."""
    loaf = tube(
        np.array([(x, 0, 0.018) for x in (-0.050, -0.047, -0.034, 0.0, 0.034, 0.047, 0.050)]),
        np.array([[0, 0], [0.014, 0.010], [0.023, 0.017], [0.026, 0.0195], [0.023, 0.017], [0.014, 0.010], [0, 0]]),
        12,
    )
    cuts = [
        moved(bevelled_box((0.0035, 0.013, 0.003), 0.001), (x, 0, z), turn=turn_about("z", 25))
        for x, z in ((-0.022, 0.0362), (0.0, 0.0372), (0.022, 0.0362))
    ]
    flat = np.array([[0.012, 0.010], [0.0245, 0.0175], [0.0245, 0.0175], [0.012, 0.010]])
    middle = np.array([(x, 0, 0.0185) for x in (-0.048, -0.024, 0.024, 0.048)])
    piece = hull(tube(middle, flat / np.cos(np.pi / 8), 8, phase=np.pi / 8).vertices)
    return Recipe(
        visual={"body": moved(loaf, (0, 0, 0.0005)), "cuts": joined(*cuts)}, collision=(piece,), closing_yaws=ACROSS
    )


FRUIT = {
    recipe.__name__: recipe for recipe in (apple, banana, lemon, lime, orange, pear, strawberry, egg, cheese, bread)
}
