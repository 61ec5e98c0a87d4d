"""Bodies, policies and requests that the serving tests share."""

from collections.abc import Sequence
from contextlib import AbstractContextManager

import numpy as np

from agent.doubles import POINT_ACTION, FixedPolicy
from agent.ports import Policy
from agent.serving.background import LOCAL, BackgroundServer, Ports
from agent.serving.card import Card
from agent.serving.server import ServeConfig
from agent.types import ActionChunk, CameraSpec, Control, Embodiment, FloatArray, Observation, VectorSpec

CAMERAS = (CameraSpec("front", 24, 24), CameraSpec("wrist", 16, 16))


def vector(size: int, *, unit: str = "rad", bound: float = 3.2) -> VectorSpec:
    names = tuple(f"v{number}" for number in range(size))
    return VectorSpec(names, (unit,) * size, (-bound,) * size, (bound,) * size)


LIBERO_BODY = Embodiment("libero", CAMERAS, vector(8), POINT_ACTION, Control.EE_DELTA, 20.0)
DROID_BODY = Embodiment("droid", CAMERAS, vector(8), vector(8), Control.JOINT_POSITION, 15.0)
ONE_PICTURE = Embodiment(
    "one_picture", (CameraSpec("front", 24, 24),), VectorSpec((), (), (), ()), POINT_ACTION, Control.EE_DELTA, 5.0
)
STEP = np.array([[0.01, -0.02, 0.03, 0.1, -0.2, 0.3, 1.0], [0.0, 0.0, 0.05, 0.0, 0.0, 0.0, 0.0]], dtype=np.float32)
"""Two legal ee_delta rows: open, then closed."""


def picture(height: int = 24, width: int = 24, *, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def libero_request(*, size: int = 24) -> dict[str, object]:
    """What openpi's LIBERO example sends."""
    return {
        "observation/image": picture(size, size),
        "observation/wrist_image": picture(size, size, seed=1),
        "observation/state": np.linspace(-1, 1, 8),
        "prompt": "put the bowl on the plate",
    }


def droid_request() -> dict[str, object]:
    """What openpi's DROID example sends."""
    return {
        "observation/exterior_image_1_left": picture(),
        "observation/wrist_image_left": picture(seed=1),
        "observation/joint_position": np.linspace(-1, 1, 7),
        "observation/gripper_position": np.array([0.25]),
        "prompt": "pick up the marker",
    }


def own_request(*, state: int = 8) -> dict[str, object]:
    return {"front": picture(), "wrist": picture(16, 16), "state": [0.5] * state, "prompt": "put the cup on the plate"}


class Noting:
    """A policy that remembers what it saw, and answers with the state's first value in dx when it is in bounds."""

    def __init__(self, embodiment: Embodiment, *, rows: FloatArray = STEP) -> None:
        self.embodiment = embodiment
        self.seen: list[Observation] = []
        self.seeds: list[int] = []
        self._rows = rows

    def reset(self, *, seed: int) -> None:
        self.seeds.append(seed)

    def act(self, observation: Observation) -> ActionChunk:
        self.seen.append(observation)
        return ActionChunk(self._rows)


class Together(Noting):
    """Answers several at once: dx is a hundredth of each observation's first state value."""

    def __init__(self, embodiment: Embodiment) -> None:
        super().__init__(embodiment)
        self.batches: list[int] = []

    def act(self, observation: Observation) -> ActionChunk:
        return self.act_batch([observation])[0]

    def act_batch(self, observations: Sequence[Observation]) -> list[ActionChunk]:
        self.batches.append(len(observations))
        if any(observation.instruction == "break" for observation in observations):
            raise RuntimeError("a tensor of the wrong shape")
        chunks = []
        for observation in observations:
            rows = np.zeros((1, 7), dtype=np.float32)
            rows[0, 0] = observation.state[0] / 100
            chunks.append(ActionChunk(rows))
        return chunks


def fixed(embodiment: Embodiment = LIBERO_BODY, *, refusal: str | None = None) -> FixedPolicy:
    return FixedPolicy(embodiment, STEP, refusal=refusal)


def served(policy: Policy, config: ServeConfig = LOCAL, *, execute: int = 2) -> AbstractContextManager[Ports]:
    return BackgroundServer(policy, Card("tested", policy.embodiment, execute), config)
