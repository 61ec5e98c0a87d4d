"""Ranks policies without letting them move: each acts once on the same recorded looks, and what follows is imagined."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from tqdm import tqdm

from agent.errors import Refusal
from agent.ports import Policy
from agent.runtime import run_episode
from agent.types import ActionChunk, FloatArray, Goal, ImageArray, Observation
from imagination.denoiser import FRAMES
from imagination.hands import Motion
from imagination.imaginer import Draw, LatentImaginer
from imagination.lookahead import Worth, filled, small
from imagination.stills import CAMERA, HAND
from sim.expert import ScriptedExpert
from sim.tasks import sample_task
from sim.world import TabletopWorld

APART = 7
"""Ticks between two looks of an episode."""
FAMILY = "put_in"
BATCH = 32


@dataclass(frozen=True, eq=False)
class Look:
    """One look of a recorded episode, and what its words ask for."""

    seen: Observation
    goal: Goal


class _Recorder:
    """The expert, and every APART-th of its looks, as a policy that just came in would see it."""

    def __init__(self, world: TabletopWorld) -> None:
        self._expert = ScriptedExpert(world)
        self.embodiment, self.seen = self._expert.embodiment, list[Observation]()

    def reset(self, *, seed: int) -> None:
        self._expert.reset(seed=seed)
        self.seen = []
        self._looks = 0

    def act(self, observation: Observation) -> ActionChunk:
        if self._looks % APART == 0:
            self.seen.append(replace(observation, memory=None))
        self._looks += 1
        return self._expert.act(observation)


def record_looks(world: TabletopWorld, *, n: int, seed: int) -> list[Look]:
    """Return the looks of `n` episodes of the expert, from `seed` on."""
    recorder, looks = _Recorder(world), list[Look]()
    for number in tqdm(range(seed, seed + n), desc="looks"):
        task = sample_task(FAMILY, np.random.default_rng([number, 53]))
        run_episode(world, recorder, task, seed=number, execute=1)
        looks += [Look(seen, task.goal) for seen in recorder.seen if task.goal is not None]
    return looks


def imagined_worth(
    policy: Policy, looks: Sequence[Look], imaginer: LatentImaginer, worth: Worth, draw: Draw
) -> tuple[float, float]:
    """Return how much better [m] the looks come to be by the policy's chunks, and, the control, by its chunks for other
    looks, on average."""
    chunks = np.concatenate([_chunk(policy, look.seen) for look in looks])
    frames = [small(look.seen.images[CAMERA]) for look in looks]
    before = [worth(frame, look.goal) for frame, look in zip(frames, looks, strict=True)]
    gains = []
    for actions in (chunks, np.roll(chunks, len(chunks) // 2, axis=0)):
        motions = [Motion(chunk, look.seen.state[:HAND]) for chunk, look in zip(actions, looks, strict=True)]
        ends = _ends(imaginer, frames, motions, draw)
        after = [worth(frame, look.goal) for frame, look in zip(ends, looks, strict=True)]
        gains.append(float(np.mean(np.subtract(after, before))))
    return gains[0], gains[1]


def _ends(
    imaginer: LatentImaginer, frames: Sequence[ImageArray], motions: Sequence[Motion], draw: Draw
) -> Iterator[ImageArray]:
    """The last of the frames that follow each of `frames` by its motion."""
    for start in range(0, len(frames), BATCH):
        rows = [
            imaginer.rollout_rows(frame, [motion])[0]
            for frame, motion in zip(frames[start : start + BATCH], motions[start : start + BATCH], strict=True)
        ]
        yield from imaginer.draw(rows, draw)[:, -1]


def _chunk(policy: Policy, seen: Observation) -> FloatArray:
    """The chunk (1, 8, A) for one look that nothing was remembered of; holding still where the policy refuses."""
    policy.reset(seed=0)
    try:
        actions = np.asarray(policy.act(seen).actions, dtype=np.float32)
    except Refusal:
        actions = np.zeros((FRAMES, len(policy.embodiment.action)), dtype=np.float32)
    return filled(actions[None])


def correlation(first: Sequence[float], second: Sequence[float]) -> float:
    """Return Pearson's r; NaN for fewer than three pairs, or where one of the two is always the same."""
    if len(first) < 3 or not np.ptp(first) or not np.ptp(second):
        return float("nan")
    return float(np.corrcoef(first, second)[0, 1])
