"""`aubergine imagine`: scenes, layouts, filled holes, goals and films, by the latent model or a diffusers pipeline."""

import argparse
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from agent.cli.command import Command, large_imports, new_folder, positive, whole
from agent.errors import SpecError
from agent.types import ImageArray

if TYPE_CHECKING:
    from imagination.imaginer import Draw, Imaginer

SCALE = 4
"""A pixel of the model becomes this many in the PNG or film; reading one back undoes it exactly."""
FILM_RATE = 5
Made = tuple[ImageArray, ...]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(imagine=None)
    kinds = parser.add_subparsers(metavar="WHAT", title="what to imagine")
    frame_help = "a picture file, or scene:7 for what the front camera sees at seed 7"
    scene = _kind(kinds, "scene", "a picture of what the words say", _scene)
    scene.add_argument("text", help="such as 'a carrot left of a red bowl'")
    layout = _kind(kinds, "layout", "a picture with things in given boxes", _layout)
    layout.add_argument(
        "boxes", metavar="LAYOUT.json", help='{"boxes": [{"thing": "red bowl", "box": [x0, y0, x1, y1]}]}'
    )
    inpaint = _kind(kinds, "inpaint", "a frame with all but what is kept painted anew", _inpaint)
    inpaint.add_argument("frame", nargs="?", default="scene:0", help=frame_help + " (default: scene:0)")
    inpaint.add_argument("--keep", default="robot,objects", metavar="A,B", help="robot, objects, or names of things")
    inpaint.add_argument("--text", help="what to paint there; default: whatever fits")
    goal = _kind(kinds, "goal", "what a frame will look like when an instruction is done", _goal)
    goal.add_argument("frame", help=frame_help)
    goal.add_argument("text", help="the instruction, such as 'put the carrot on the plate'")
    video = _kind(kinds, "video", "the frames to come, by words or by actions", _video)
    video.add_argument("frame", help=frame_help)
    video.add_argument("text", help="the instruction")
    video.add_argument("--actions", metavar="FILE", help="eight action rows, JSON or .npy: one frame after each")


def run(arguments: argparse.Namespace) -> int:
    """Imagine one thing and write it; 0 when it is written."""
    if arguments.imagine is None:
        raise SpecError("say what to imagine; there are: scene, layout, inpaint, goal, video")
    from imagination.needs import require_diffusers

    require_diffusers()
    with large_imports():
        from imagination.hub import make_imaginer
        from imagination.imaginer import SHIPPED, Draw

    _check_frame_request(arguments)
    draw = Draw(arguments.seed, arguments.steps, arguments.guidance, arguments.candidates, quiet=arguments.json)

    def make() -> "Imaginer":
        return make_imaginer(arguments.model or SHIPPED)

    pictures = arguments.imagine(make, arguments, draw)
    path = write(pictures, new_folder(arguments.out, "imagine"))
    if arguments.json:
        print(json.dumps({"out": str(path), "seed": arguments.seed, "frames": len(pictures)}))
    else:
        print(f"imagined: {path}")
    return 0


def write(pictures: Made, folder: Path) -> Path:
    """Write one picture as a PNG, several as an mp4 with its frames side by side in a PNG; return the main file."""
    import numpy as np
    from PIL import Image

    large = [np.kron(picture, np.ones((SCALE, SCALE, 1), dtype=np.uint8)) for picture in pictures]
    Image.fromarray(np.concatenate(large, axis=1)).save(folder / "imagined.png")
    if len(large) == 1:
        return folder / "imagined.png"
    from agent.recording.mp4 import FilmWriter

    with FilmWriter(folder / "imagined.mp4", fps=FILM_RATE) as film:
        for picture in large:
            film.add(picture)
    return folder / "imagined.mp4"


def _kind(
    kinds: "argparse._SubParsersAction[argparse.ArgumentParser]",
    name: str,
    summary: str,
    work: "Callable[[Callable[[], Imaginer], argparse.Namespace, Draw], Made]",
) -> argparse.ArgumentParser:
    parser = kinds.add_parser(name, help=summary, description=summary)
    parser.add_argument("--seed", type=whole, default=0, help="equal seeds give equal pictures (default: 0)")
    parser.add_argument("--out", metavar="DIR", help="where it is written (default: runs/imagine-<time>)")
    parser.add_argument("--model", metavar="DIR|ID", help="folder of a model or diffusers pipeline, or a hub id")
    parser.add_argument("--steps", type=positive, help="of denoising (default: best for the use)")
    parser.add_argument("--guidance", type=float, help="towards what is asked for; 1: none (default: best for the use)")
    parser.add_argument(
        "--candidates",
        type=positive,
        default=8,
        help="drafts, of which the one closest to what is asked is kept; not of films and pipelines (default: 8)",
    )
    parser.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help="print one JSON object")
    parser.set_defaults(imagine=work)
    return parser


def _check_frame_request(arguments: argparse.Namespace) -> None:
    if arguments.guidance is not None and not 0 <= arguments.guidance <= 30:
        raise SpecError(f"guidance must be between 0 and 30, got {arguments.guidance:g}")


def _scene(make: "Callable[[], Imaginer]", arguments: argparse.Namespace, draw: "Draw") -> Made:
    if arguments.model is None:
        from imagination.captions import read_caption

        read_caption(arguments.text)  # only the project's own model knows the catalogue alone
    elif not arguments.text.strip():
        raise SpecError("the text is empty; say what to imagine")
    return (make().scene(arguments.text, draw),)


def _layout(make: "Callable[[], Imaginer]", arguments: argparse.Namespace, draw: "Draw") -> Made:
    from imagination.requests import read_boxes

    boxes, text = read_boxes(arguments.boxes)
    return (make().layout(boxes, text, draw),)


def _inpaint(make: "Callable[[], Imaginer]", arguments: argparse.Namespace, draw: "Draw") -> Made:
    from imagination.requests import hole_of, read_frame

    frame = read_frame(arguments.frame)
    hole = hole_of(frame, _words(arguments.keep))
    return (make().inpaint(frame.rgb, hole, arguments.text, draw),)


def _goal(make: "Callable[[], Imaginer]", arguments: argparse.Namespace, draw: "Draw") -> Made:
    from imagination.requests import check_instruction, read_frame

    frame = read_frame(arguments.frame, arguments.text)
    check_instruction(arguments.text, frame)
    return (make().goal(frame.rgb, arguments.text, draw),)


def _video(make: "Callable[[], Imaginer]", arguments: argparse.Namespace, draw: "Draw") -> Made:
    from imagination.hands import Motion
    from imagination.requests import check_instruction, read_actions, read_frame

    frame = read_frame(arguments.frame, arguments.text)
    check_instruction(arguments.text, frame)
    motion = Motion(read_actions(arguments.actions, 8), frame.hand) if arguments.actions else None
    return make().video(frame.rgb, arguments.text, motion, draw)


def _words(text: str) -> Sequence[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


COMMAND = Command(
    name="imagine",
    summary="draw scenes, layouts, filled holes, goals and films",
    description=(
        "Draw what is not there: a scene from words, a picture from boxes, a frame with its background painted anew, "
        "the goal of an instruction, or the frames to come. Writes PNG or mp4. Exit code: 0 written, 2 the request "
        "was wrong."
    ),
    example='aubergine imagine scene "a carrot left of a red bowl" --seed 3',
    add_arguments=add_arguments,
    run=run,
)
