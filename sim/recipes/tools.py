"""Tools and vessels."""

import numpy as np

from sim.meshes import (
    bevelled_box,
    joined,
    lathe,
    loft,
    moved,
    pole,
    raised,
    tube,
)
from sim.recipes.recipe import (
    ACROSS,
    Recipe,
    box_hull,
    hull,
    lying,
    lying_hull,
    square_ring,
    standing_hull,
)


def spoon() -> Recipe:
    """Handle towards -x, the bowl of the spoon towards +x."""
    handle = tube(
        np.array([(-0.074, 0, 0.007), (-0.070, 0, 0.007), (-0.030, 0, 0.007), (0.030, 0, 0.007), (0.040, 0, 0.008)]),
        np.array([[0.004, 0.004], [0.0095, 0.0065], [0.008, 0.0065], [0.0075, 0.0065], [0.009, 0.006]]),
        8,
    )
    angles = np.linspace(0, 2 * np.pi, 12, endpoint=False)
    oval = np.stack([0.0265 * np.cos(angles), 0.0205 * np.sin(angles), np.zeros(12)], axis=1)
    outer = [pole(0.0), raised(oval * 0.62, 0.002), raised(oval, 0.011), raised(oval * 0.86, 0.0112)]
    dish = loft([*outer, raised(oval * 0.55, 0.005), pole(0.004)])
    ring = np.concatenate([raised(oval[::2] * 0.7, 0.001), raised(oval[::2], 0.010)]) + np.array((0.058, 0, 0))
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
    bristles = loft([pole(0.0), *(square_ring(0.030, 0.020, z) for z in (0.0, 0.018)), pole(0.018)])
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


TOOLS = {recipe.__name__: recipe for recipe in (spoon, sponge, marker, brush, screwdriver, mug, cup, can, bottle)}
