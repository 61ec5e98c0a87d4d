"""Other tables and walls: pictures of the plain world, painted over as the simulator would have drawn them."""

import numpy as np
from numpy.typing import NDArray

from agent.types import ImageArray
from imagination.stills import BACKGROUND, TABLE
from sim.camera import FRONT
from sim.perturb import LEVELS, Perturbation, draw_setting
from sim.setting import Setting


def draw_look(seed: int) -> Setting:
    """Draw a table and a wall; equal seeds give equal ones."""
    level = int(np.random.default_rng([seed, 61]).integers(1, LEVELS + 1))
    return draw_setting(Perturbation(texture=level), seed=seed)


def dressed(picture: ImageArray, who: NDArray[np.uint8], look: Setting) -> ImageArray:
    """Return a picture (H, W, 3) of the front camera with this table and wall; who (H, W) as in `Still.who`."""
    bodies = np.where(who == BACKGROUND, -1, who).astype(np.int32)
    return look.dress(picture, bodies, FRONT, table=TABLE)


def dress_some(pictures: NDArray[np.uint8], who: NDArray[np.uint8], share: float, *, first_seed: int) -> None:
    """Dress a share of the pictures (N, H, W, 3) in place, each as another seed has it."""
    chosen = np.flatnonzero(np.random.default_rng([first_seed, 62]).random(len(pictures)) < share)
    for row in chosen.tolist():
        pictures[row] = dressed(pictures[row], who[row], draw_look(first_seed + row))
