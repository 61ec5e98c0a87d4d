"""A task small enough to learn in seconds: two coloured squares, and the instruction says which one to move to."""

from pathlib import Path

import numpy as np
import torch

from agent.notes import NONE, RELATIONS, SceneNote
from agent.types import CameraSpec, Control, Embodiment, FloatArray, ImageArray, Observation, VectorSpec
from policies.camera import Pinhole
from policies.data import EpisodeFrames, FrameWriter

AXES = ("x", "y", "z")
STATE = VectorSpec(
    names=(*AXES, "gripper"), units=("m", "m", "m", "1"), low=(0.0, -0.5, 0.0, 0.0), high=(1.0, 0.5, 0.5, 1.0)
)
ACTION = VectorSpec(
    names=(*(f"d{a}" for a in AXES), "drx", "gripper"),
    units=("m", "m", "m", "rad", "1"),
    low=(-0.05, -0.05, -0.05, -0.3, 0.0),
    high=(0.05, 0.05, 0.05, 0.3, 1.0),
)
TOY = Embodiment(
    name="toy",
    cameras=(CameraSpec("front", 32, 32), CameraSpec("wrist", 16, 16)),
    state=STATE,
    action=ACTION,
    control=Control.EE_DELTA,
    rate_hz=5.0,
)
CAMERA = Pinhole()
COLOURS = {"red": (230, 40, 40), "blue": (40, 60, 230)}


def scene(rng: np.random.Generator) -> tuple[ImageArray, dict[str, FloatArray]]:
    """A picture with one square of each colour, apart from each other, and where each is on the table [m]."""
    picture = np.full((32, 32, 3), 120, dtype=np.uint8)
    while True:
        corners = rng.integers(0, 25, size=(2, 2))
        if np.abs(corners[0] - corners[1]).max() > 8:
            break
    places = {}
    for (name, colour), (row, column) in zip(COLOURS.items(), corners, strict=True):
        picture[row : row + 7, column : column + 7] = colour
        middle = torch.tensor([(column + 3.5) / 16 - 1, (row + 3.5) / 16 - 1])
        places[name] = CAMERA.on_plane(middle, 0.0).numpy().astype(np.float32)
    return picture, places


def observation(picture: ImageArray, colour: str) -> Observation:
    """What the policy sees: the arm above the middle of the table, the wrist camera dark."""
    images = {"front": picture, "wrist": np.zeros((16, 16, 3), dtype=np.uint8)}
    return Observation(images, np.array([0.5, 0.0, 0.2, 1.0], np.float32), f"go to the {colour} square", 0.0)


def answer(place: FloatArray) -> FloatArray:
    """The right action: a tenth of the way to `place`, gripper open when it is to the left."""
    way = 0.1 * (place - np.array([0.5, 0.0, 0.0], np.float32))
    return np.array([way[0], way[1], -0.02, 0.0, float(place[1] > 0)], np.float32)


def note(places: dict[str, FloatArray], asked: str) -> SceneNote:
    """Both squares, and the sentences about either; the first is about the one that is asked for."""
    names = list(COLOURS)
    entities = [[number, number, 1, 0, *places[name], 0.0, *places[name], 0.0] for number, name in enumerate(names)]
    order = [asked, *(name for name in names if name != asked)]
    questions = [
        [RELATIONS.index("lift"), names.index(name), NONE, *places[name], 0.0, *[np.nan] * 3] for name in order
    ]
    return SceneNote(
        np.array(entities, np.float32),
        tuple(f"go to the {name} square" for name in order),
        np.array(questions, np.float32),
    )


def write_store(folder: Path, *, episodes: int, seed: int = 0, part: str = "part-0", frames: int = 4) -> None:
    """Episodes of equal frames, alternately asking for red and blue."""
    rng = np.random.default_rng(seed)
    with FrameWriter(folder, TOY, part=part) as writer:
        for number in range(episodes):
            picture, places = scene(rng)
            colour = ("red", "blue")[number % 2]
            seen = observation(picture, colour)
            writer.append_episode(
                EpisodeFrames(
                    images={name: np.repeat(image[None], frames, axis=0) for name, image in seen.images.items()},
                    state=np.repeat(seen.state[None], frames, axis=0),
                    action=np.repeat(answer(places[colour])[None], frames, axis=0),
                    by_expert=np.ones(frames, dtype=np.bool_),
                    notes=(note(places, colour),) * frames,
                )
            )
