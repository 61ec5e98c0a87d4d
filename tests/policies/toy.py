"""A task small enough to learn in seconds: two coloured squares, and the instruction says which one to move to."""

from pathlib import Path

import numpy as np

from agent.types import CameraSpec, Control, Embodiment, FloatArray, ImageArray, Observation, VectorSpec
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
        places[name] = np.array([0.3 + 0.4 * (row + 3.5) / 32, 0.4 * ((column + 3.5) / 32 - 0.5), 0.0], np.float32)
    return picture, places


def observation(picture: ImageArray, colour: str) -> Observation:
    """What the policy sees: the arm above the middle of the table, the wrist camera dark."""
    images = {"front": picture, "wrist": np.zeros((16, 16, 3), dtype=np.uint8)}
    return Observation(images, np.array([0.5, 0.0, 0.2, 1.0], np.float32), f"go to the {colour} square", 0.0)


def answer(place: FloatArray) -> FloatArray:
    """The right action: a fifth of the way to `place`, gripper open when it is to the left."""
    way = 0.2 * (place - np.array([0.5, 0.0, 0.0], np.float32))
    return np.array([way[0], way[1], -0.02, 0.0, float(place[1] > 0)], np.float32)


def write_store(folder: Path, *, episodes: int, seed: int = 0, part: str = "part-0") -> None:
    """Episodes of four equal frames, alternately asking for red and blue."""
    rng = np.random.default_rng(seed)
    with FrameWriter(folder, TOY, part=part) as writer:
        for number in range(episodes):
            picture, places = scene(rng)
            colour = ("red", "blue")[number % 2]
            seen = observation(picture, colour)
            aims = np.concatenate([places[colour], np.full(3, np.nan, np.float32)])
            writer.append_episode(
                EpisodeFrames(
                    images={name: np.repeat(image[None], 4, axis=0) for name, image in seen.images.items()},
                    state=np.repeat(seen.state[None], 4, axis=0),
                    action=np.repeat(answer(places[colour])[None], 4, axis=0),
                    by_expert=np.ones(4, dtype=np.bool_),
                    aims=np.repeat(aims[None], 4, axis=0),
                    instruction=seen.instruction,
                )
            )
