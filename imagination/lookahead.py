"""Looks ahead before moving: several variants of a policy's chunk are imagined, and the one that ends best is taken."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from PIL import Image

from agent.errors import SpecError
from agent.ports import Policy
from agent.types import ActionChunk, FloatArray, Goal, ImageArray, Observation
from agent.wrapping import PolicyWrapper
from imagination.denoiser import FRAMES
from imagination.hands import Motion
from imagination.judge import Judge, Reading, place_of
from imagination.reading import find
from imagination.staging import end_of
from imagination.stills import ARM, CAMERA, HAND, SIDE
from sim.objects import parse_name
from sim.reading import understand

Rollouts = Callable[[ImageArray, Sequence[Motion]], ImageArray]
"""Frame (SIDE, SIDE, 3) and N motions -> the frames after the last action of each (N, SIDE, SIDE, 3)."""
Worth = Callable[[ImageArray, Goal], float]
"""How well a frame serves a goal; more is better."""
REACH_SHARE = 0.5
"""What a metre between hand and object counts, beside a metre between object and target."""
LOST = 0.3
"""m; how far off something counts that is not to be seen."""


class Lookahead(PolicyWrapper):
    """A Policy round another. count: variants, the first of which is the inner policy's own chunk.

    spread: standard deviation of the change of the hand's motion, as a share of its bounds; one change a chunk.
    """

    def __init__(self, inner: Policy, rollouts: Rollouts, worth: Worth, *, count: int = 8, spread: float = 0.3) -> None:
        """Raise SpecError when there is nothing to choose from, or the inner policy has no front camera."""
        if count < 2:
            raise SpecError(f"looking ahead needs at least 2 variants to choose from, got {count}")
        inner.embodiment.camera(CAMERA)
        super().__init__(inner)
        self._rollouts, self._worth = rollouts, worth
        self._count, self._spread = count, spread
        self._rng = np.random.default_rng(0)

    def reset(self, *, seed: int) -> None:
        super().reset(seed=seed)
        self._rng = np.random.default_rng([seed, 51])

    def act(self, observation: Observation) -> ActionChunk:
        """Return the best variant; the inner policy's own chunk when the words are no known goal, or none is better."""
        chunk = self._inner.act(observation)
        own = np.asarray(chunk.actions, dtype=np.float32)
        goal = understand(observation.instruction)
        if goal is None:
            return chunk
        variants = self._variants(own)
        motions = [Motion(actions, observation.state[:HAND]) for actions in filled(variants)]
        frames = self._rollouts(small(observation.images[CAMERA]), motions)
        worths = [self._worth(frame, goal) for frame in frames]
        return replace(chunk, actions=variants[int(np.argmax(worths))])

    def _variants(self, own: FloatArray) -> FloatArray:
        action = self.embodiment.action
        reach = (action.high_array - action.low_array) / 2
        moving = np.array([name != "gripper" for name in action.names], dtype=np.float32)
        change = self._rng.normal(0, self._spread, (self._count, 1, len(action))) * reach * moving
        change[0] = 0
        return action.clip((own[None] + change).astype(np.float32))


def filled(chunks: FloatArray) -> FloatArray:
    """Return chunks (N, T, A) as (N, 8, A): cut, or held still with the last gripper command."""
    count, length, width = chunks.shape
    still = np.zeros((count, FRAMES, width), dtype=np.float32)
    still[:, :, -1] = chunks[:, -1:, -1]
    still[:, : min(length, FRAMES)] = chunks[:, :FRAMES]
    return still


def small(picture: ImageArray) -> ImageArray:
    """Return the picture at SIDE pixels."""
    return np.asarray(Image.fromarray(picture).resize((SIDE, SIDE), Image.Resampling.BOX), dtype=np.uint8)


def worth_by(judge: Judge) -> Worth:
    """Return the worth of a frame as the judge reads it: less the metres from object to target, and hand to object."""

    def worth(frame: ImageArray, goal: Goal) -> float:
        seen = Reading(judge, frame)
        subject, hand = find(parse_name(goal.subject), seen), hand_in(seen)
        # An object that is not to be seen is in the hand, or under it.
        here = np.array(subject.xy) if subject else hand
        if here is None:
            return -(1 + REACH_SHARE) * LOST
        there = end_of(goal, subject, seen)
        left = LOST if there is None else float(np.hypot(*(here - there[:2])))
        reach = LOST if hand is None else float(np.hypot(*(here - hand)))
        return -left - REACH_SHARE * reach

    return worth


def hand_in(seen: Reading) -> "FloatArray | None":
    """Return where on the table [m] the lowest tenth of the arm's pixels is seen, None without an arm."""
    arm = seen.classes == ARM
    rows = np.flatnonzero(arm.any(axis=1))
    if len(rows) == 0:
        return None
    lowest = arm.copy()
    lowest[: int(np.quantile(np.nonzero(arm)[0], 0.9))] = False
    return np.asarray(place_of(lowest), dtype=np.float32)
