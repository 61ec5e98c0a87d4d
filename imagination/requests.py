"""Reads what a person hands to `aubergine imagine`: pictures, boxes, actions, what to keep; says what is wrong."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from agent.errors import SpecError, unknown_name
from agent.types import FloatArray, ImageArray
from imagination.captions import PlacedBox
from imagination.judge import SHIPPED as SHIPPED_JUDGE
from imagination.judge import Reading, load_judge
from imagination.reading import matches
from imagination.samples import grown
from imagination.stills import ARM, FIRST_THING, SIDE, look, small_world
from imagination.vocabulary import CLASSES, GROUND
from sim.commander import ACTION
from sim.objects import KINDS, Description, parse_name
from sim.reading import marked
from sim.tasks import task_from_instruction

SCENE = "scene:"
ROBOT, OBJECTS = "robot", ("object", "objects")


@dataclass(frozen=True, eq=False)
class Frame:
    """A frame and what is known of it. things: what it shows; None when nobody could tell.

    who (H, W): pixels as in `Still.who`, things in the order of `things`.  hand (7,): as in `Still`, for `scene:7`.
    """

    rgb: ImageArray
    things: tuple[Description, ...] | None
    who: NDArray[np.uint8] | None
    hand: FloatArray | None = None


def read_frame(source: str, instruction: str | None = None) -> Frame:
    """Return a picture from a file, or, for "scene:7", what the front camera sees before the instruction at seed 7.

    What a file's picture shows is read by the judge, where one is there. Raises SpecError when it cannot be read.
    """
    if source.startswith(SCENE):
        return _simulated(source.removeprefix(SCENE), instruction)
    try:
        with Image.open(source) as image:
            picture = _square(image.convert("RGB"))
    except FileNotFoundError as error:
        raise SpecError(f"there is no picture {source}") from error
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError) as error:
        raise SpecError(f"{source} is not a picture that can be read") from error
    if not (SHIPPED_JUDGE / "config.json").exists():
        return Frame(picture, None, None)
    seen = Reading(load_judge(), picture)
    who = np.where(seen.classes == CLASSES.index(GROUND[ARM]), ARM, 0).astype(np.uint8)
    for number, thing in enumerate(seen.things):
        who[thing.mask] = FIRST_THING + number
    return Frame(picture, tuple(Description(thing.kind, thing.colour) for thing in seen.things), who)


def read_boxes(path: str) -> tuple[list[PlacedBox], str | None]:
    """Return boxes and text of a JSON file {"boxes": [{"thing": "red bowl", "box": [x0, y0, x1, y1]}], "text": ...}.

    Boxes are shares of the picture's width and height. Raises SpecError in one sentence.
    """
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise SpecError(f"cannot read {path}: {error.strerror or error}") from error
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise SpecError(f"{path} is not JSON: {error}") from error
    if not isinstance(content, dict) or not isinstance(content.get("boxes"), list) or not content["boxes"]:
        raise SpecError(f'{path} must hold {{"boxes": [{{"thing": "red bowl", "box": [x0, y0, x1, y1]}}, ...]}}')
    text = content.get("text")
    if text is not None and not isinstance(text, str):
        raise SpecError(f"{path}: text must be words, not {text!r}")
    return [_box(entry, f"{path}: box {number + 1}") for number, entry in enumerate(content["boxes"])], text


def read_actions(path: str, count: int) -> FloatArray:
    """Return `count` legal action rows (count, 7) from a JSON list or a .npy file; raise SpecError otherwise."""
    try:
        if path.endswith(".npy"):
            rows = np.load(path, allow_pickle=False)
        else:
            rows = np.array(json.loads(Path(path).read_text(encoding="utf-8")), dtype=np.float32)
    except OSError as error:
        raise SpecError(f"cannot read {path}: {error.strerror or error}") from error
    except (ValueError, TypeError) as error:
        raise SpecError(f"{path} holds no rows of numbers") from error
    rows = np.asarray(rows, dtype=np.float32)
    if rows.shape != (count, len(ACTION)):
        raise SpecError(f"{path} holds {rows.shape}, but {count} rows of {', '.join(ACTION.names)} are needed")
    for number, row in enumerate(rows):
        problem = ACTION.problem(row)
        if problem:
            raise SpecError(f"{path}: row {number + 1}: {problem}")
    return rows


def check_instruction(text: str, frame: Frame) -> None:
    """Raise SpecError when the instruction names nothing, or something that the frame does not show."""
    if not text.strip():
        raise SpecError("the instruction is empty; say what shall happen, such as 'put the carrot on the plate'")
    named = [parse_name(name) for name in marked(text)[1]]
    if not named:
        raise SpecError(f"'{text}' names nothing that can be in a frame; there are: {', '.join(sorted(KINDS))}")
    if frame.things is None:
        return
    for description in named:
        if not any(matches(description, shown) for shown in frame.things):
            seen = ", ".join(dict.fromkeys(shown.name for shown in frame.things)) or "nothing"
            raise SpecError(
                f"the frame shows no {Description(description.kind, description.colour).name}; it shows: {seen}"
            )


def hole_of(frame: Frame, keep: Sequence[str]) -> NDArray[np.bool_]:
    """Return what to paint (H, W): all but what `keep` names ("robot", "objects" or things) and a pixel round it.

    Raises SpecError for a name that the frame does not show.
    """
    if frame.who is None or frame.things is None:
        raise SpecError(
            "what the picture shows is not known: there is no trained judge; use a frame scene:SEED instead"
        )
    kept = np.zeros(frame.who.shape, dtype=bool)
    for word in keep:
        if word == ROBOT:
            kept |= frame.who == ARM
        elif word in OBJECTS:
            kept |= frame.who >= FIRST_THING
        else:
            wanted = parse_name(word)
            shown = [number for number, thing in enumerate(frame.things) if matches(wanted, thing)]
            if not shown:
                raise unknown_name("thing to keep", word, (ROBOT, OBJECTS[1], *(thing.name for thing in frame.things)))
            kept |= np.isin(frame.who, [FIRST_THING + number for number in shown])
    return ~grown(kept)


def _simulated(seed: str, instruction: str | None) -> Frame:
    if not seed.isdigit():
        raise SpecError(f"'{SCENE}{seed}' is no frame; scene:7 is what the front camera sees at seed 7")
    world = small_world()
    try:
        world.reset(task_from_instruction(instruction or "put the eggplant in the bowl"), seed=int(seed))
        still = look(world)
    finally:
        world.close()
    things = tuple(Description(thing.kind, thing.colour) for thing in still.things)
    return Frame(still.rgb, things, still.who, still.hand)


def _square(image: Image.Image) -> ImageArray:
    """Cut the middle square out and bring it to SIDE pixels."""
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    part = image.crop((left, top, left + side, top + side))
    return np.asarray(part.resize((SIDE, SIDE), Image.Resampling.BOX), dtype=np.uint8)


def _box(entry: object, where: str) -> PlacedBox:
    if not isinstance(entry, dict) or not isinstance(entry.get("thing"), str):
        raise SpecError(f'{where} must say {{"thing": "red bowl", "box": [x0, y0, x1, y1]}}')
    named = parse_name(entry["thing"])
    thing = Description(named.kind, named.colour)
    box = entry.get("box")
    if not isinstance(box, list) or len(box) != 4 or not all(isinstance(v, int | float) for v in box):
        raise SpecError(f"{where}: box must be four numbers x0, y0, x1, y1 between 0 and 1")
    x0, y0, x1, y1 = (float(value) for value in box)
    if not (0 <= x0 < x1 <= 1 and 0 <= y0 < y1 <= 1):
        raise SpecError(f"{where}: {box} is outside the frame or empty; 0 <= x0 < x1 <= 1 and 0 <= y0 < y1 <= 1")
    return PlacedBox(thing, (x0, y0, x1, y1))
