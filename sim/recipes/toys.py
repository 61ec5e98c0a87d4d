"""Toys."""

import numpy as np

from sim.meshes import (
    TriangleMesh,
    bevelled_box,
    joined,
    lathe,
    loft,
    moved,
    pole,
    tube,
    turn_about,
)
from sim.recipes.recipe import (
    ACROSS,
    HULL_MARGIN,
    Recipe,
    ball,
    box_hull,
    hull,
    square_ring,
    standing_hull,
)

BOTH = (0.0, np.pi / 2)
"""Square things may be held along x or along y."""


def cube() -> Recipe:
    half = 0.0225
    solid = moved(bevelled_box((half, half, half), 0.002), (0, 0, half))
    return Recipe(
        visual={"body": solid}, collision=(box_hull((-half, -half, 0), (half, half, 2 * half)),), closing_yaws=BOTH
    )


def cylinder() -> Recipe:
    solid = lathe([(0.0, 0.0), (0.0225, 0.0), (0.024, 0.0015), (0.024, 0.0505), (0.0225, 0.052), (0.0, 0.052)], 16)
    return Recipe(visual={"body": solid}, collision=(standing_hull([(0.0236, 0.0), (0.0236, 0.052)], sides=12),))


def block() -> Recipe:
    solid = moved(bevelled_box((0.047, 0.019, 0.019), 0.002), (0, 0, 0.019))
    return Recipe(
        visual={"body": solid}, collision=(box_hull((-0.047, -0.019, 0), (0.047, 0.019, 0.038)),), closing_yaws=ACROSS
    )


def toy_ball() -> Recipe:
    """A ball with a white belt; its hull is flat below, so that it does not roll away."""
    belt = lathe([(0.0268, 0.0215), (0.0278, 0.0270), (0.0268, 0.0325)], 14)
    return Recipe(
        visual={"body": moved(ball(0.0275, sides=14, rings=5), (0, 0, 0.027)), "belt": belt},
        collision=(standing_hull([(0.013, 0.0), (0.0265, 0.019), (0.0265, 0.035), (0.013, 0.054)]),),
        grasp_height=0.027,
    )


def dice() -> Recipe:
    half = 0.018
    spots = {
        "z": [(0.0, 0.0)],
        "x": [(-0.008, -0.008), (0.008, 0.008)],
        "-x": [(-0.008, -0.008), (0.008, -0.008), (-0.008, 0.008), (0.008, 0.008), (0.0, 0.0)],
        "y": [(-0.009, -0.009), (0.0, 0.0), (0.009, 0.009)],
        "-y": [(-0.008, -0.008), (0.008, -0.008), (-0.008, 0.008), (0.008, 0.008)],
    }
    turns = {
        "z": None,
        "x": turn_about("y", 90),
        "-x": turn_about("y", -90),
        "y": turn_about("x", -90),
        "-y": turn_about("x", 90),
    }
    pips = []
    for side, places in spots.items():
        size = 0.0075 if side == "z" else 0.0042
        for u, v in places:
            pip = lathe([(size, half + 0.0003), (0.0, half + 0.0003)], 5)
            pips.append(moved(moved(pip, (u, v, 0)), (0, 0, half), turn=turns[side]))
    return Recipe(
        visual={"body": moved(bevelled_box((half, half, half), 0.003), (0, 0, half)), "pips": joined(*pips)},
        collision=(box_hull((-half, -half, 0), (half, half, 2 * half)),),
        closing_yaws=BOTH,
    )


def prism() -> Recipe:
    """A roof: triangular, ridge along x."""
    ends = [np.array([(x, -0.026, 0), (x, 0.026, 0), (x, 0.0, 0.042)]) for x in (-0.026, 0.026)]
    middle = [end.mean(axis=0, keepdims=True) for end in ends]
    solid = [
        [x, y, z] for x in (-0.025, 0.025) for y, z in ((-0.024, HULL_MARGIN), (0.024, HULL_MARGIN), (0.0, 0.0400))
    ]
    return Recipe(
        visual={"body": loft([middle[0], *ends, middle[1]])},
        collision=(hull(np.array(solid)),),
        closing_yaws=(0.0,),
        grasp_height=0.020,
    )


def duck() -> Recipe:
    """A bath duck that looks towards +x."""
    xs = [-0.044, -0.036, -0.020, 0.002, 0.022, 0.032, 0.035]
    wide = np.array([[0, 0], [0.008, 0.006], [0.020, 0.015], [0.025, 0.019], [0.022, 0.017], [0.012, 0.010], [0, 0]])
    heights = [0.036, 0.031, 0.023, 0.0195, 0.0195, 0.021, 0.022]
    trunk = tube(np.array([(x, 0, z) for x, z in zip(xs, heights, strict=True)]), wide, 10)
    head = moved(ball(0.0165, sides=10), (0.018, 0, 0.046))
    beak = tube(
        np.array([(0.030, 0, 0.044), (0.036, 0, 0.043), (0.045, 0, 0.042)]),
        np.array([[0.009, 0.006], [0.009, 0.004], [0.006, 0.002]]),
        6,
    )
    eyes = [moved(ball(0.0035, sides=5, rings=2), (0.030, y, 0.051)) for y in (-0.009, 0.009)]
    low = np.array([(x, sy * w, z) for x, w, z in ((-0.018, 0.012, 0.001), (0.020, 0.012, 0.001)) for sy in (-1, 1)])
    belly = [
        (x, sy * w, z)
        for x, w, z in ((-0.020, 0.022, 0.022), (0.020, 0.022, 0.022), (-0.038, 0.006, 0.036))
        for sy in (-1, 1)
    ]
    return Recipe(
        visual={"body": joined(trunk, head), "beak": beak, "eyes": joined(*eyes)},
        collision=(
            hull(np.concatenate([low, np.array([*belly, (0.033, 0.0, 0.022)])])),
            hull(
                moved(
                    lathe([(0.006, 0.030), (0.0150, 0.040), (0.0150, 0.052), (0.006, 0.061)], 6), (0.018, 0, 0)
                ).vertices
            ),
        ),
        closing_yaws=ACROSS,
        grasp_xy=(0.002, 0.0),
        grasp_height=0.026,
    )


def _wheel(x: float, y: float) -> TriangleMesh:
    disc = lathe([(0.0, -0.0035), (0.0105, -0.0035), (0.0105, 0.0035), (0.0, 0.0035)], 8)
    return moved(disc, (x, y, 0.0105), turn=turn_about("x", 90))


def car() -> Recipe:
    """A toy car that points to +x."""
    chassis = moved(bevelled_box((0.044, 0.0215, 0.0095), 0.003), (0, 0, 0.0175))
    cabin = loft([pole(0.026), square_ring(0.026, 0.020, 0.026), square_ring(0.017, 0.016, 0.041), pole(0.041)])
    wheels = [_wheel(x, y) for x in (-0.026, 0.026) for y in (-0.021, 0.021)]
    return Recipe(
        visual={"body": chassis, "cabin": moved(cabin, (-0.006, 0, 0)), "wheels": joined(*wheels)},
        collision=(
            box_hull((-0.044, -0.0235, 0.0), (0.044, 0.0235, 0.027)),
            box_hull((-0.027, -0.017, 0.024), (0.014, 0.017, 0.041)),
        ),
        closing_yaws=ACROSS,
        grasp_height=0.018,
    )


TOYS = {
    **{recipe.__name__: recipe for recipe in (cube, cylinder, block, dice, prism, duck, car)},
    "ball": toy_ball,
}
