"""What receptacles look like; how they collide is in sim/receptacles.py. Origin: the middle of the underside."""

import numpy as np

from sim.geometry import Array
from sim.meshes import TriangleMesh, bevelled_box, joined, lathe, loft, moved, pole, rounded_rectangle, tube


def bowl() -> dict[str, TriangleMesh]:
    outer = [(0.0, 0.0), (0.040, 0.0), (0.044, 0.006), (0.066, 0.026), (0.080, 0.052), (0.0755, 0.052)]
    return {
        "body": lathe(outer, 20),
        "inside": lathe([(0.0757, 0.0518), (0.062, 0.026), (0.045, 0.010), (0.0, 0.007)], 20),
    }


def plate() -> dict[str, TriangleMesh]:
    outer = [(0.0, 0.0), (0.060, 0.0), (0.090, 0.016), (0.091, 0.018), (0.066, 0.007)]
    return {"body": lathe(outer, 22), "middle": lathe([(0.0665, 0.0072), (0.0, 0.0062)], 22)}


def coaster() -> dict[str, TriangleMesh]:
    rim = [(0.0, 0.0), (0.054, 0.0), (0.055, 0.006), (0.054, 0.008), (0.042, 0.008)]
    return {"body": lathe(rim, 18), "middle": lathe([(0.0425, 0.0079), (0.0, 0.0079)], 18)}


def pan() -> dict[str, TriangleMesh]:
    wall = [(0.0, 0.0), (0.068, 0.0), (0.080, 0.036), (0.076, 0.036)]
    grip = tube(
        np.array([(0.076, 0, 0.030), (0.092, 0, 0.036), (0.150, 0, 0.044)]),
        np.array([[0.010, 0.006], [0.011, 0.007], [0.013, 0.008]]),
        8,
    )
    return {
        "body": lathe(wall, 20),
        "inside": lathe([(0.0762, 0.0358), (0.066, 0.006), (0.0, 0.005)], 20),
        "handle": grip,
    }


def pot() -> dict[str, TriangleMesh]:
    wall = [(0.0, 0.0), (0.072, 0.0), (0.078, 0.006), (0.078, 0.058), (0.081, 0.060), (0.073, 0.060)]
    ears = [
        tube(
            np.array(
                [
                    (sign * 0.074, -0.020, 0.048),
                    (sign * 0.098, -0.012, 0.050),
                    (sign * 0.098, 0.012, 0.050),
                    (sign * 0.074, 0.020, 0.048),
                ]
            ),
            np.full(4, 0.006),
            6,
        )
        for sign in (-1, 1)
    ]
    return {
        "body": lathe(wall, 20),
        "inside": lathe([(0.0732, 0.0598), (0.073, 0.008), (0.0, 0.006)], 20),
        "handles": joined(*ears),
    }


def tub(
    half_low: tuple[float, float], half_high: tuple[float, float], height: float, wall: float
) -> dict[str, TriangleMesh]:
    """Return an open rectangular vessel with rounded corners: its outside and its inside."""
    (lx, ly), (hx, hy) = half_low, half_high
    return {
        "body": loft(
            [
                pole(0.0),
                rounded_rectangle(lx, ly, 0.020, 0.0),
                rounded_rectangle(hx, hy, 0.024, height),
                rounded_rectangle(hx - wall, hy - wall, 0.020, height),
            ]
        ),
        "inside": loft(
            [
                rounded_rectangle(hx - wall + 0.0003, hy - wall + 0.0003, 0.020, height - 0.0003),
                rounded_rectangle(lx - wall + 0.0003, ly - wall + 0.0003, 0.016, 0.006),
                pole(0.006),
            ]
        ),
    }


def basket() -> dict[str, TriangleMesh]:
    """Woven: two darker bands round a tapered tub."""
    shell = tub((0.078, 0.058), (0.094, 0.074), 0.062, 0.006)
    bands = [
        loft([rounded_rectangle(0.078 + 0.016 * a, 0.058 + 0.016 * a, 0.022, 0.062 * a) for a in (low, high)])
        for low, high in ((0.22, 0.38), (0.62, 0.78))
    ]
    proud = [TriangleMesh(band.vertices * (1.012, 1.015, 1.0), band.faces) for band in bands]
    return {**shell, "bands": joined(*proud)}


def tray() -> dict[str, TriangleMesh]:
    return tub((0.100, 0.070), (0.112, 0.082), 0.024, 0.006)


def towel() -> dict[str, TriangleMesh]:
    """A cloth with a slightly wavy edge and two stripes."""

    def edge(z: float, grow: float) -> Array:
        around = []
        for (ax, ay), (bx, by) in zip(
            ((0.095, 0.07), (-0.095, 0.07), (-0.095, -0.07), (0.095, -0.07)),
            ((-0.095, 0.07), (-0.095, -0.07), (0.095, -0.07), (0.095, 0.07)),
            strict=True,
        ):
            for k in range(6):
                wave = 1 + 0.022 * np.cos(k * np.pi)
                around.append(
                    (((6 - k) * ax + k * bx) / 6 * wave + np.sign(ax) * grow, ((6 - k) * ay + k * by) / 6 * wave, z)
                )
        return np.array(around)

    stripes = [moved(bevelled_box((0.006, 0.068, 0.0006), 0.0003), (x, 0, 0.0082)) for x in (-0.066, 0.066)]
    return {
        "body": loft([pole(0.0), edge(0.0, 0.002), edge(0.005, 0.002), edge(0.008, -0.001), pole(0.008)]),
        "stripes": joined(*stripes),
    }


def cutting_board() -> dict[str, TriangleMesh]:
    board = loft(
        [
            pole(0.0),
            *(rounded_rectangle(0.100, 0.068, 0.014, z) for z in (0.0, 0.014)),
            pole(0.014),
        ]
    )
    handle = moved(bevelled_box((0.022, 0.018, 0.007), 0.003), (0.118, 0, 0.007))
    hole = moved(lathe([(0.007, 0.0), (0.007, 0.0004), (0.0, 0.0004)], 8), (0.124, 0, 0.014))
    groove = loft([rounded_rectangle(hx, hy, 0.012, 0.0144) for hx, hy in ((0.090, 0.058), (0.086, 0.054))])
    return {"body": joined(board, handle), "groove": joined(hole, groove)}


DISHES = {
    "bowl": bowl,
    "plate": plate,
    "coaster": coaster,
    "pan": pan,
    "pot": pot,
    "basket": basket,
    "tray": tray,
    "towel": towel,
    "cutting board": cutting_board,
}
