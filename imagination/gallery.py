"""`python -m imagination.gallery OUT`: contact sheets of what is imagined, each picture framed by the judge's verdict.

Green: as asked. Red: not. What is shown first of a row is what was given: the boxes, the frame, the hole in it.
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from agent.errors import AubergineError
from agent.types import ImageArray
from imagination.captions import draw_caption, write_caption
from imagination.denoiser import FRAMES
from imagination.figures import clips_from, pairs_from, stills_from
from imagination.goals import MOVED
from imagination.hands import Motion
from imagination.imaginer import SHIPPED, Draw, LatentImaginer
from imagination.judge import SHIPPED as SHIPPED_JUDGE
from imagination.judge import Judge, Reading, load_judge
from imagination.measuring import goal_verdict, moving, placed_boxes, subject_error
from imagination.reading import Box, read_boxes_back, shows
from imagination.samples import random_hole

SCALE, EDGE, TITLE = 2, 3, 14
"""Pixels drawn for one of the model's, of the frame round a picture, and for the words above it."""
RIGHT, WRONG, GIVEN = (20, 150, 60), (200, 40, 40), (150, 150, 150)
ACROSS = 6
NEAR_ENOUGH = 2.0
"""cm; the bar for where a film of eight steps ends."""
Tile = tuple[ImageArray, tuple[int, int, int], str]


def main(argv: Sequence[str] | None = None) -> int:
    """Write OUT/imagined_scene.png and its kin; 2 when there is no model."""
    parser = argparse.ArgumentParser(prog="python -m imagination.gallery", description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--model", type=Path, default=SHIPPED)
    parser.add_argument("--judge", type=Path, default=SHIPPED_JUDGE)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--n", type=int, default=12, help="pictures a sheet")
    arguments = parser.parse_args(argv)
    try:
        imaginer, judge = LatentImaginer(arguments.model), load_judge(arguments.judge)
        arguments.out.mkdir(parents=True, exist_ok=True)
        for name, sheet in SHEETS.items():
            tiles = sheet(imaginer, judge, arguments.n, arguments.seed)
            Image.fromarray(contact_sheet(tiles)).save(arguments.out / f"imagined_{name}.png")
    except AubergineError as error:
        print(f"gallery: {error}", file=sys.stderr)
        return 2
    return 0


def contact_sheet(tiles: Sequence[Tile]) -> ImageArray:
    """Return the tiles side by side, ACROSS in a row, each enlarged, framed and titled; all are of one size."""
    framed = [_framed(*tile) for tile in tiles]
    blank = np.full_like(framed[0], 255)
    rows = [framed[start : start + ACROSS] for start in range(0, len(framed), ACROSS)]
    filled = [[*row, *[blank] * (ACROSS - len(row))] for row in rows]
    return np.concatenate([np.concatenate(row, axis=1) for row in filled], axis=0)


def _framed(picture: ImageArray, colour: tuple[int, int, int], title: str) -> ImageArray:
    large = np.kron(picture, np.ones((SCALE, SCALE, 1), dtype=np.uint8))
    height, width = large.shape[0] + 2 * EDGE + TITLE, large.shape[1] + 2 * EDGE
    canvas = Image.new("RGB", (width, height), (255, 255, 255))
    ImageDraw.Draw(canvas).text((EDGE, 1), title[: width // 6], fill=(0, 0, 0))
    out = np.array(canvas)
    out[TITLE:, :] = colour
    out[TITLE + EDGE : -EDGE, EDGE:-EDGE] = large
    return out


def _boxed(boxes: Sequence[Box], size: int) -> ImageArray:
    canvas = Image.new("RGB", (size, size), (235, 235, 235))
    pen = ImageDraw.Draw(canvas)
    for box in boxes:
        pen.rectangle([value * (size - 1) for value in box], outline=(60, 60, 60))
    return np.array(canvas)


def _verdict(right: bool) -> tuple[int, int, int]:
    return RIGHT if right else WRONG


def _scenes(imaginer: LatentImaginer, judge: Judge, n: int, seed: int) -> list[Tile]:
    rng, tiles = np.random.default_rng([seed, 31]), list[Tile]()
    for number, still in enumerate(stills_from(seed, n)):
        caption = draw_caption(still.things, rng)
        text = write_caption(caption, rng)
        picture = imaginer.scene(text, Draw(seed + number, quiet=True))
        tiles.append((picture, _verdict(shows(caption, Reading(judge, picture))[1]), text))
    return tiles


def _layouts(imaginer: LatentImaginer, judge: Judge, n: int, seed: int) -> list[Tile]:
    tiles = list[Tile]()
    for number, still in enumerate(stills_from(seed + 100, n // 2)):
        boxes = placed_boxes(still)
        picture = imaginer.layout(boxes, None, Draw(seed + number, quiet=True))
        pairs = read_boxes_back(boxes, Reading(judge, picture).things)
        right = all(kind for _, kind in pairs) and float(np.mean([overlap for overlap, _ in pairs])) > 0.5
        given = _boxed([placed.box for placed in boxes], len(picture))
        tiles += [(given, GIVEN, "boxes"), (picture, _verdict(right), ", ".join(p.thing.kind for p in boxes))]
    return tiles


def _holes(imaginer: LatentImaginer, judge: Judge, n: int, seed: int) -> list[Tile]:
    rng, tiles = np.random.default_rng([seed, 33]), list[Tile]()
    for number, still in enumerate(stills_from(seed + 200, n // 2)):
        hole = random_hole(still.who, len(still.things), rng)
        picture = imaginer.inpaint(still.rgb, hole, None, Draw(seed + number, quiet=True))
        given = np.where(hole[..., None], np.uint8(128), still.rgb)
        same = np.array_equal(picture[~hole], still.rgb[~hole])
        tiles += [(given, GIVEN, "grey: to fill"), (picture, _verdict(same), "filled")]
    return tiles


def _goals(imaginer: LatentImaginer, judge: Judge, n: int, seed: int) -> list[Tile]:
    tiles = list[Tile]()
    for number, pair in enumerate(pairs_from(seed, n // 3)):
        picture = imaginer.goal(pair.before.rgb, pair.instruction, Draw(seed + number, quiet=True))
        moved, off = goal_verdict(judge, pair, picture)
        tiles += [
            (pair.before.rgb, GIVEN, pair.instruction),
            (picture, _verdict(moved and off <= 100 * MOVED), f"imagined: {off:.1f} cm off"),
            (pair.after.rgb, GIVEN, "what was done"),
        ]
    return tiles


def _films(imaginer: LatentImaginer, judge: Judge, n: int, seed: int) -> list[Tile]:
    tiles = list[Tile]()
    for number, case in enumerate(moving(clip) for clip in clips_from(seed + 50, n // 4)):
        if case is None:
            continue
        clip, now = case
        motion = Motion(clip.actions[now:][:FRAMES], clip.stills[now].hand)
        film = imaginer.video(clip.stills[now].rgb, None, motion, Draw(seed + number, quiet=True))
        off = subject_error(judge, clip, clip.stills[now + FRAMES], film[-1])
        verdict = _verdict(off <= NEAR_ENOUGH)
        tiles += [(clip.stills[now].rgb, GIVEN, "now")]
        tiles += [(film[step], verdict, f"imagined, step {step + 1}") for step in (2, 5)]
        tiles += [(film[-1], verdict, f"step 8: {off:.1f} cm off"), (clip.stills[now + FRAMES].rgb, GIVEN, "what was")]
        tiles += [(np.full_like(film[0], 255), (255, 255, 255), "")]
    return tiles


SHEETS: dict[str, Callable[[LatentImaginer, Judge, int, int], list[Tile]]] = {
    "scene": _scenes,
    "layout": _layouts,
    "inpaint": _holes,
    "goal": _goals,
    "video": _films,
}


if __name__ == "__main__":
    sys.exit(main())
