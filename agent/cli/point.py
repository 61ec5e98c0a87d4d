"""`aubergine point`: where in a picture a thing is, or that it is not there."""

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

from agent.cli.command import Command, add_policy_argument
from agent.errors import SpecError
from agent.types import ImageArray

if TYPE_CHECKING:
    from policies.pointing import Pointed

NOT_THERE = 1
RING = 9
"""Radius, in pixels, of the ring that is drawn around the point."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("image", metavar="IMAGE", help="a picture of the table from the front camera")
    parser.add_argument("phrase", metavar="PHRASE", help="what to point at, such as 'the yellow cube'")
    add_policy_argument(parser)
    parser.add_argument("--out", metavar="FILE.png", help="where the marked picture goes (default: IMAGE-pointed.png)")


def run(arguments: argparse.Namespace) -> int:
    """Print the pixel and how sure the policy is; 0 when the thing is there, 1 when it is not."""
    from policies.checkpoint import load_trained
    from policies.pointing import Pointer

    picture = read_picture(Path(arguments.image))
    trained = load_trained(arguments.policy, force=arguments.force)
    pointed = Pointer(trained).point(picture, [arguments.phrase])[0]
    out = (
        Path(arguments.out)
        if arguments.out
        else Path(arguments.image).with_suffix("").with_name(f"{Path(arguments.image).stem}-pointed.png")
    )
    draw(picture, pointed, out)
    if arguments.json:
        print(json.dumps({"pixel": pointed.pixel, "confidence": round(pointed.confidence, 4), "out": str(out)}))
    elif pointed.pixel is None:
        print(f"there is no '{arguments.phrase}' here (confidence {pointed.confidence:.2f}); {out}")
    else:
        u, v = pointed.pixel
        print(f"'{arguments.phrase}' at pixel ({u:.1f}, {v:.1f}), confidence {pointed.confidence:.2f}; {out}")
    return NOT_THERE if pointed.pixel is None else 0


def read_picture(path: Path) -> ImageArray:
    """Return the picture as RGB uint8 (H, W, 3); raise SpecError when it cannot be read."""
    import numpy as np
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(path) as image:
            return np.array(image.convert("RGB"))
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError) as error:
        raise SpecError(f"{path} is not a readable picture: {error}") from error


def draw(picture: ImageArray, pointed: "Pointed", out: Path) -> None:
    """Write the picture with a ring around the point, if there is one; raise SpecError where that cannot be written."""
    from PIL import Image, ImageDraw

    marked = Image.fromarray(picture)
    if pointed.pixel is not None:
        u, v = pointed.pixel
        box = (u - RING, v - RING, u + RING, v + RING)
        ImageDraw.Draw(marked).ellipse(box, outline=(255, 0, 255), width=2)
    try:
        marked.save(out)
    except (OSError, ValueError) as error:
        raise SpecError(f"cannot write {out}: {error}") from error


COMMAND = Command(
    name="point",
    summary="say where in a picture a thing is, or that it is not there",
    description=(
        "Point at a thing in a picture of the table: print the pixel and how sure the policy's backbone is, and write "
        "the picture with a ring around it. Exit code 1 when the thing is not there."
    ),
    example="aubergine point table.png 'the yellow cube'",
    add_arguments=add_arguments,
    run=run,
)
