"""Tools, vessels and toys."""

import numpy as np

from sim.meshes import TriangleMesh, bevelled_box, joined, lathe, loft, moved, pole, tube, turn_about
from sim.recipes.food import ball
from sim.recipes.recipe import HULL_MARGIN, Recipe, box_hull, hull, lying, lying_hull, standing_hull

ACROSS = (np.pi / 2,)
BOTH = (0.0, np.pi / 2)
"""Square things may be held along x or along y."""


def spoon() -> Recipe:
    """Handle towards -x, the bowl of the spoon towards +x."""
    handle = tube(
        np.array([(-0.074, 0, 0.007), (-0.070, 0, 0.007), (-0.030, 0, 0.007), (0.030, 0, 0.007), (0.040, 0, 0.008)]),
        np.array([[0.004, 0.004], [0.0095, 0.0065], [0.008, 0.0065], [0.0075, 0.0065], [0.009, 0.006]]),
        8,
    )
    angles = np.linspace(0, 2 * np.pi, 12, endpoint=False)
    oval = np.stack([0.0265 * np.cos(angles), 0.0205 * np.sin(angles), np.zeros(12)], axis=1)
    outer = [pole(0.0), oval * 0.62 + (0, 0, 0.002), oval + (0, 0, 0.011), oval * 0.86 + (0, 0, 0.0112)]
    dish = loft([*outer, oval * 0.55 + (0, 0, 0.005), pole(0.004)])
    ring = np.concatenate([oval[::2] * 0.7 + (0, 0, 0.001), oval[::2] + (0, 0, 0.010)]) + (0.058, 0, 0)
    return Recipe(
        visual={"body": joined(handle, moved(dish, (0.058, 0, 0)))},
        collision=(box_hull((-0.073, -0.0095, 0.0), (0.040, 0.0095, 0.0135)), hull(ring)),
        closing_yaws=ACROSS,
        grasp_height=0.008,
    )


def sponge() -> Recipe:
    foam = moved(bevelled_box((0.042, 0.028, 0.011), 0.003), (0, 0, 0.011))
    pad = moved(bevelled_box((0.042, 0.028, 0.0045), 0.002), (0, 0, 0.0265))
    return Recipe(
        visual={"body": foam, "pad": pad},
        collision=(box_hull((-0.042, -0.028, 0.0), (0.042, 0.028, 0.031)),),
        closing_yaws=ACROSS,
    )


def marker() -> Recipe:
    barrel = lying([-0.062, -0.060, 0.026, 0.027], [0.0, 0.0105, 0.0105, 0.0], sides=10)
    cap = lying([0.021, 0.022, 0.058, 0.062], [0.0, 0.0115, 0.0115, 0.007], sides=10)
    return Recipe(
        visual={"body": cap, "barrel": moved(barrel, (0, 0, 0.001))},
        collision=(lying_hull([-0.061, 0.061], [0.0112, 0.0112]),),
        closing_yaws=ACROSS,
    )


def brush() -> Recipe:
    """A scrubbing brush: handle towards -x, bristles down at +x."""
    handle = tube(
        np.array([(-0.072, 0, 0.018), (-0.066, 0, 0.018), (-0.030, 0, 0.019), (0.008, 0, 0.023)]),
        np.array([[0.006, 0.005], [0.011, 0.009], [0.0095, 0.008], [0.012, 0.008]]),
        8,
    )
    head = moved(bevelled_box((0.034, 0.0235, 0.008), 0.004), (0.038, 0, 0.024))
    bristles = loft([pole(0.0), *(_square(0.030, 0.020, z) for z in (0.0, 0.018)), pole(0.018)])
    return Recipe(
        visual={"body": joined(handle, head), "bristles": moved(bristles, (0.038, 0, 0))},
        collision=(
            box_hull((0.004, -0.0235, 0.0), (0.072, 0.0235, 0.032)),
            box_hull((-0.072, -0.0105, 0.0), (0.010, 0.0105, 0.028)),
        ),
        closing_yaws=ACROSS,
        grasp_xy=(-0.025, 0.0),
        grasp_height=0.016,
    )


def _square(half_x: float, half_y: float, z: float) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    return np.array([(half_x, half_y, z), (-half_x, half_y, z), (-half_x, -half_y, z), (half_x, -half_y, z)])


def screwdriver() -> Recipe:
    """Handle towards -x; the shaft is thin, so the fingers take the handle."""
    handle = lying([-0.070, -0.069, -0.058, -0.020, -0.006, -0.004], [0.0, 0.012, 0.0155, 0.0155, 0.0095, 0.0], sides=8)
    shaft = tube(
        np.array([(-0.006, 0, 0.0105), (0.055, 0, 0.0075), (0.064, 0, 0.005)]), np.array([0.005, 0.005, 0.003]), 6
    )
    return Recipe(
        visual={"body": handle, "shaft": shaft},
        collision=(
            lying_hull([-0.069, -0.058, -0.020, -0.006], [0.0125, 0.0155, 0.0155, 0.0100]),
            box_hull((-0.008, -0.0055, 0.0), (0.063, 0.0055, 0.012)),
        ),
        closing_yaws=ACROSS,
        grasp_xy=(-0.036, 0.0),
    )


def mug() -> Recipe:
    """Solid to the touch, hollow to the eye; the handle points to +x."""
    wall = lathe([(0.0, 0.0), (0.027, 0.0), (0.030, 0.004), (0.030, 0.068), (0.0265, 0.068)], 14)
    inside = lathe([(0.0266, 0.0675), (0.025, 0.035), (0.0, 0.030)], 14)
    curve = [
        (0.028, 0, 0.054),
        (0.040, 0, 0.055),
        (0.048, 0, 0.044),
        (0.048, 0, 0.030),
        (0.040, 0, 0.018),
        (0.028, 0, 0.018),
    ]
    handle = tube(np.array(curve), np.full(6, 0.0055), 6, up=(0.0, 1.0, 0.0))
    return Recipe(
        visual={"body": joined(wall, handle), "inside": inside},
        collision=(
            standing_hull([(0.0295, 0.0), (0.0300, 0.068)], sides=12),
            box_hull((0.026, -0.006, 0.013), (0.053, 0.006, 0.060)),
        ),
        closing_yaws=ACROSS,
        grasp_xy=(0.0, 0.0),
        grasp_height=0.042,
    )


def cup() -> Recipe:
    """A tall paper cup, wider at the top, with a white band."""
    wall = lathe([(0.0, 0.0), (0.0225, 0.0), (0.0305, 0.082), (0.0275, 0.082)], 14)
    inside = lathe([(0.0276, 0.0815), (0.024, 0.045), (0.0, 0.040)], 14)
    band = lathe([(0.0258, 0.030), (0.0282, 0.054)], 14)
    return Recipe(
        visual={"body": wall, "inside": inside, "band": band},
        collision=(standing_hull([(0.0230, 0.0), (0.0308, 0.082)], sides=12),),
        grasp_height=0.052,
    )


def can() -> Recipe:
    """Metal ends and a coloured label."""
    ends = [
        lathe([(0.0, 0.0), (0.0265, 0.0), (0.029, 0.004), (0.029, 0.012)], 14),
        lathe([(0.029, 0.076), (0.029, 0.084), (0.0265, 0.088), (0.024, 0.088), (0.023, 0.085), (0.0, 0.085)], 14),
    ]
    return Recipe(
        visual={"body": lathe([(0.0292, 0.011), (0.0292, 0.077)], 14), "metal": joined(*ends)},
        collision=(standing_hull([(0.0275, 0.0), (0.0295, 0.005), (0.0295, 0.088)], sides=10),),
        grasp_height=0.060,
    )


def bottle() -> Recipe:
    glass = [
        (0.0, 0.0),
        (0.024, 0.0),
        (0.0265, 0.004),
        (0.0265, 0.058),
        (0.020, 0.072),
        (0.0125, 0.080),
        (0.0125, 0.098),
    ]
    label = lathe([(0.0269, 0.018), (0.0269, 0.048)], 12)
    cap = lathe([(0.014, 0.094), (0.014, 0.110), (0.0, 0.110)], 12)
    return Recipe(
        visual={"body": lathe(glass, 12), "label": label, "cap": cap},
        collision=(
            standing_hull([(0.0258, 0.0), (0.0268, 0.004), (0.0268, 0.058), (0.0130, 0.080)]),
            standing_hull([(0.0138, 0.070), (0.0138, 0.110)]),
        ),
        grasp_height=0.095,
    )


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
        grasp_height=0.024,
    )


def car() -> Recipe:
    """A toy car that points to +x."""
    chassis = moved(bevelled_box((0.044, 0.0215, 0.0095), 0.003), (0, 0, 0.0175))
    cabin = loft([pole(0.026), _square(0.026, 0.020, 0.026), _square(0.017, 0.016, 0.041), pole(0.041)])
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


def _wheel(x: float, y: float) -> TriangleMesh:
    disc = lathe([(0.0, -0.0035), (0.0105, -0.0035), (0.0105, 0.0035), (0.0, 0.0035)], 8)
    return moved(disc, (x, y, 0.0105), turn=turn_about("x", 90))


GOODS = {
    **{
        recipe.__name__: recipe
        for recipe in (
            *(spoon, sponge, marker, brush, screwdriver, mug, cup, can, bottle),
            *(cube, cylinder, block, dice, prism, duck, car),
        )
    },
    "ball": toy_ball,
}
