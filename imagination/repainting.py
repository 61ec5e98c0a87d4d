"""`python -m imagination.repainting STORE OUT`: frames whose table, wall and bystanders are imagined anew.

The recorded world is plain, so what shows nothing is known by its colour. The latent model paints that part of a small
copy; the frame takes the paint where it showed nothing, and keeps every other pixel. The hand's camera, which the model
does not know, gets a cutting of the same imagined table.
"""

import argparse
import shutil
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from tqdm import tqdm

from agent.errors import AubergineError, SpecError
from agent.types import ImageArray
from imagination.imaginer import SHIPPED, Draw, LatentImaginer
from imagination.lookahead import small
from imagination.samples import Row
from imagination.stills import SIDE
from policies.backgrounds import Backgrounds

BATCH = 64
CUTTING = 20
"""Pixels of the small copy that the hand's camera gets to see."""
LOWEST = 0.3
"""Share of a picture's height below which it shows table, not wall."""
PLAIN = Backgrounds()


def main(argv: Sequence[str] | None = None) -> int:
    """Write OUT, a frame store like STORE; 2 when it cannot be."""
    parser = argparse.ArgumentParser(prog="python -m imagination.repainting", description=__doc__)
    parser.add_argument("store", type=Path, help="a frame store, as `aubergine collect --frames` writes it")
    parser.add_argument("out", type=Path, help="where the repainted one is written; parts that are there are kept")
    parser.add_argument("--model", type=Path, default=SHIPPED, help="folder of the latent model")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int, help="of denoising; default: what is best")
    arguments = parser.parse_args(argv)
    try:
        draw = Draw(arguments.seed, arguments.steps, quiet=True)
        repaint_store(arguments.store, arguments.out, LatentImaginer(arguments.model), draw)
    except AubergineError as error:
        print(f"repainting: {error}", file=sys.stderr)
        return 2
    return 0


def repaint_store(store: Path, out: Path, imaginer: LatentImaginer, draw: Draw) -> None:
    """Write a copy of the store with other tables, walls and things; SpecError when it holds no frames."""
    parts = [path.parent for path in sorted(store.glob("*/part.json"))]
    if not parts:
        raise SpecError(f"{store} holds no frames; collect them with aubergine collect")
    for number, part in enumerate(parts):
        if (out / part.name).exists():
            continue
        new = out / f"{part.name}.new"
        shutil.rmtree(new, ignore_errors=True)
        shutil.copytree(part, new)
        front, wrist = (np.load(new / f"image_{name}.npy", mmap_mode="r+") for name in ("front", "wrist"))
        for start in tqdm(range(0, len(front), BATCH), desc=part.name, unit="batch"):
            rows = slice(start, start + BATCH)
            seed = draw.seed + 1_000_000 * number + start
            front[rows], wrist[rows] = repainted(
                np.array(front[rows]), np.array(wrist[rows]), imaginer, replace(draw, seed=seed)
            )
        front.flush()
        wrist.flush()
        new.rename(out / part.name)


def repainted(
    front: ImageArray, wrist: ImageArray, imaginer: LatentImaginer, draw: Draw
) -> tuple[ImageArray, ImageArray]:
    """Return frames (N, H, W, 3) of both cameras, what showed nothing painted anew and every other pixel as it was."""
    holes = [shows_nothing(picture) for picture in front]
    rows = [
        # No pixel with any of the plain table is kept: the model would go on with what it sees there.
        Row("inpaint", picture=small(picture), hole=_shrunk(hole))
        for picture, hole in zip(front, holes, strict=True)
    ]
    paint = imaginer.draw(rows, draw)[:, 0]
    rng = np.random.default_rng(draw.seed)
    for number, (picture, hole) in enumerate(zip(paint, holes, strict=True)):
        front[number][hole] = _sized(picture, front.shape[1:3])[hole]
        nothing = shows_nothing(wrist[number])
        wrist[number][nothing] = _sized(_cutting(picture, rng), wrist.shape[1:3])[nothing]
    return front, wrist


def shows_nothing(picture: ImageArray) -> NDArray[np.bool_]:
    """Return where a frame (H, W, 3) of the recorded world shows its plain table or wall."""
    return np.asarray((picture == PLAIN.table).all(axis=2) | (picture == PLAIN.wall).all(axis=2))


def _shrunk(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The mask at SIDE pixels: True where any of it was."""
    image = Image.fromarray(mask.astype(np.uint8) * 255).resize((SIDE, SIDE), Image.Resampling.BOX)
    return np.asarray(image) > 0


def _sized(picture: ImageArray, size: tuple[int, ...]) -> ImageArray:
    return np.asarray(Image.fromarray(picture).resize((size[1], size[0]), Image.Resampling.BILINEAR))


def _cutting(picture: ImageArray, rng: np.random.Generator) -> ImageArray:
    top = int(rng.integers(int(LOWEST * SIDE), SIDE - CUTTING))
    left = int(rng.integers(0, SIDE - CUTTING))
    return picture[top : top + CUTTING, left : left + CUTTING]


if __name__ == "__main__":
    sys.exit(main())
