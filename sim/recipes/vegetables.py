"""Vegetables."""

import numpy as np

from sim.meshes import (
    joined,
    lathe,
    moved,
    tube,
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


def eggplant() -> Recipe:
    xs = [-0.050, -0.046, -0.034, -0.016, 0.004, 0.020, 0.032, 0.038]
    radii = [0.0, 0.012, 0.0215, 0.0255, 0.0235, 0.018, 0.014, 0.0]
    cap = lying([0.022, 0.030, 0.037, 0.041], [0.0195, 0.017, 0.012, 0.0045], sides=10)
    cap = moved(cap, (0, 0, -0.0005))
    stem = tube(
        np.array([(0.038, 0, 0.010), (0.048, 0, 0.012), (0.058, 0, 0.018)]), np.array([0.005, 0.0045, 0.005]), 6
    )
    return Recipe(
        visual={"body": lying(xs, radii), "stem": joined(cap, stem)},
        collision=(lying_hull([-0.049, -0.036, 0.002, 0.040], [0.012, 0.0235, 0.0235, 0.012]),),
        closing_yaws=ACROSS,
    )


def carrot() -> Recipe:
    root = lying([-0.065, -0.063, -0.030, 0.010, 0.034, 0.040, 0.041], [0.0, 0.005, 0.0105, 0.0155, 0.0175, 0.014, 0.0])
    leaves = [
        tube(
            np.array([(0.038, 0, 0.014), (0.052, 0.6 * side, 0.017), (0.070, side, height)]),
            np.array([[0.004, 0.004], [0.009, 0.004], [0.004, 0.003]]),
            6,
        )
        for side, height in ((-0.014, 0.014), (0.0, 0.024), (0.014, 0.014))
    ]
    return Recipe(
        visual={"body": root, "leaves": joined(*leaves)},
        collision=(lying_hull([-0.063, -0.010, 0.032, 0.042], [0.006, 0.0140, 0.0175, 0.013]),),
        closing_yaws=ACROSS,
    )


def corn() -> Recipe:
    cob = lying([-0.060, -0.055, -0.030, 0.0, 0.030], [0.0, 0.011, 0.0175, 0.020, 0.019])
    husk = lying([0.005, 0.020, 0.045, 0.056, 0.062], [0.0205, 0.0220, 0.018, 0.008, 0.006], sides=8)
    return Recipe(
        visual={"body": cob, "husk": moved(husk, (0, 0, -0.001))},
        collision=(lying_hull([-0.059, -0.030, 0.035, 0.058], [0.008, 0.0175, 0.0195, 0.008]),),
        closing_yaws=ACROSS,
    )


def cucumber() -> Recipe:
    xs = [-0.062, -0.058, -0.044, 0.0, 0.044, 0.058, 0.062]
    tips = [
        lying([-0.0625, -0.0585, -0.050], [0.0, 0.0115, 0.0165], sides=10),
        lying([0.050, 0.0585, 0.0625], [0.0165, 0.0115, 0.0], sides=10),
    ]
    return Recipe(
        visual={"body": lying(xs, [0.0, 0.010, 0.016, 0.018, 0.016, 0.010, 0.0]), "tips": joined(*tips)},
        collision=(lying_hull([-0.060, -0.040, 0.040, 0.060], [0.010, 0.0168, 0.0168, 0.010]),),
        closing_yaws=ACROSS,
    )


def potato() -> Recipe:
    xs = [-0.042, -0.036, -0.018, 0.004, 0.024, 0.036, 0.041]
    across = np.array([0.0, 0.014, 0.0245, 0.0255, 0.0275, 0.019, 0.0])
    upward = np.array([0.0, 0.013, 0.022, 0.021, 0.0225, 0.016, 0.0])
    ys = [0.0, 0.001, 0.003, 0.002, -0.002, -0.003, -0.002]
    centres = np.array([(x, y, max(up, 0.012)) for x, y, up in zip(xs, ys, upward, strict=True)])
    body = tube(centres, np.stack([across, upward], axis=1), 10)
    flat = np.array([[0.013, 0.013], [0.025, 0.021], [0.026, 0.021], [0.016, 0.014]]) - HULL_MARGIN
    middle = np.array([(x, 0, up) for x, up in zip([-0.039, -0.018, 0.022, 0.038], flat[:, 1] + 0.001, strict=True)])
    piece = hull(tube(middle, flat / np.cos(np.pi / 8), 8, phase=np.pi / 8).vertices)
    return Recipe(visual={"body": body}, collision=(piece,), closing_yaws=ACROSS)


def onion() -> Recipe:
    bulb = [(0.0, 0.0), (0.013, 0.0), (0.024, 0.009), (0.028, 0.022), (0.024, 0.036), (0.012, 0.045), (0.006, 0.052)]
    shoot = lathe([(0.0055, 0.046), (0.006, 0.056), (0.009, 0.064), (0.0, 0.060)], 8)
    return Recipe(
        visual={"body": lathe([*bulb, (0.0, 0.054)], 12), "shoot": shoot},
        collision=(standing_hull([(0.014, 0.0), (0.0275, 0.022), (0.018, 0.041), (0.006, 0.062)]),),
        grasp_height=0.026,
    )


def tomato() -> Recipe:
    body = [(0.0, 0.0), (0.017, 0.0), (0.028, 0.010), (0.032, 0.024), (0.028, 0.039), (0.014, 0.046), (0.0, 0.044)]
    star = star_leaves(radius=0.022, z=0.0475, points=5)
    stem = lathe([(0.0035, 0.044), (0.003, 0.054), (0.0, 0.054)], 6)
    return Recipe(
        visual={"body": lathe(body, 12), "leaves": joined(star, stem)},
        collision=(standing_hull([(0.018, 0.0), (0.031, 0.018), (0.031, 0.030), (0.017, 0.046)]),),
        grasp_height=0.024,
    )


def pepper() -> Recipe:
    xs = [-0.042, -0.040, -0.024, 0.0, 0.022, 0.033, 0.034]
    lobes = [
        moved(lying(xs, [0.0, 0.006, 0.0125, 0.0165, 0.0180, 0.012, 0.0], sides=8, y=y), (0, 0, z))
        for y, z in ((-0.0105, 0.0), (0.0105, 0.0), (0.0, 0.012))
    ]
    stem = tube(
        np.array([(0.028, 0, 0.026), (0.040, 0, 0.026), (0.050, 0, 0.032)]), np.array([0.011, 0.0055, 0.0055]), 6
    )
    wide = np.array([[0.014, 0.010], [0.0270, 0.022], [0.0275, 0.023], [0.018, 0.016]]) - HULL_MARGIN
    middle = np.array([(x, 0, up + 0.001) for x, up in zip([-0.041, -0.006, 0.022, 0.034], wide[:, 1], strict=True)])
    piece = hull(tube(middle, wide / np.cos(np.pi / 8), 8, phase=np.pi / 8).vertices)
    return Recipe(visual={"body": joined(*lobes), "stem": stem}, collision=(piece,), closing_yaws=ACROSS)


def mushroom() -> Recipe:
    stalk = [(0.0, 0.0), (0.016, 0.0), (0.0155, 0.004), (0.0125, 0.016), (0.0125, 0.030)]
    cap = [(0.0, 0.024), (0.024, 0.023), (0.030, 0.027), (0.029, 0.036), (0.021, 0.047), (0.010, 0.052), (0.0, 0.053)]
    return Recipe(
        visual={"body": lathe(cap, 12), "stalk": lathe(stalk, 10)},
        collision=(
            standing_hull([(0.0165, 0.0), (0.0135, 0.028)]),
            hull(lathe([(0.022, 0.024), (0.0305, 0.030), (0.024, 0.045), (0.010, 0.052)], 8, phase=np.pi / 8).vertices),
        ),
        grasp_height=0.032,
    )


def broccoli() -> Recipe:
    stalk = lathe([(0.0, 0.0), (0.017, 0.0), (0.016, 0.005), (0.0145, 0.024), (0.018, 0.036)], 10)
    centres = [(0.018 * np.cos(a), 0.018 * np.sin(a), 0.044) for a in 2 * np.pi * np.arange(5) / 5]
    florets = [moved(ball(0.0145, sides=7, rings=2), centre) for centre in [*centres, (0.0, 0.0, 0.055)]]
    return Recipe(
        visual={"body": joined(*florets), "stalk": stalk},
        collision=(
            standing_hull([(0.0175, 0.0), (0.0155, 0.030)]),
            hull(lathe([(0.020, 0.031), (0.030, 0.040), (0.029, 0.050), (0.012, 0.067)], 8, phase=np.pi / 8).vertices),
        ),
        grasp_height=0.042,
    )


VEGETABLES = {
    recipe.__name__: recipe
    for recipe in (eggplant, carrot, corn, cucumber, potato, onion, tomato, pepper, mushroom, broccoli)
}
