"""Ranks policies without letting them move: each acts once on the same recorded looks, and what follows is imagined."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from tqdm import tqdm

from agent.errors import Refusal
from agent.ports import Policy
from agent.runtime import run_episode
from agent.types import ActionChunk, FloatArray, Goal, ImageArray, Observation, Outcome
from imagination.denoiser import FRAMES
from imagination.figures import Figure, share
from imagination.imaginer import Draw, LatentImaginer
from imagination.lookahead import Worth, filled, small
from imagination.samples import Row
from imagination.stills import CAMERA
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
        ends = _ends(imaginer, frames, actions, draw)
        after = [worth(frame, look.goal) for frame, look in zip(ends, looks, strict=True)]
        gains.append(float(np.mean(np.subtract(after, before))))
    return gains[0], gains[1]


def rank(
    policies: dict[str, Policy], world: TabletopWorld, imaginer: LatentImaginer, worth: Worth, *, n: int, draw: Draw
) -> list[Figure]:
    """Success of every policy on `n` scenes from draw.seed on, what is imagined of its chunks on as many others, and
    how the two go together (Pearson's r)."""
    looks = record_looks(world, n=n, seed=draw.seed + n)
    figures, done, told, control = list[Figure](), list[float](), list[float](), list[float]()
    for name, policy in policies.items():
        won = []
        for number in tqdm(range(draw.seed, draw.seed + n), desc=name):
            task = sample_task(FAMILY, np.random.default_rng([number, 52]))
            episode = run_episode(world, policy, task, seed=number, execute=getattr(policy, "execute", 1))
            won.append(episode.outcome is Outcome.SUCCESS)
        figures.append(share(f"{name}: succeeded", won))
        own, other = imagined_worth(policy, looks, imaginer, worth, draw)
        figures.append(Figure(f"{name}: imagined gain", 100 * own, len(looks), "cm"))
        done, told, control = [*done, figures[-2].value], [*told, own], [*control, other]
    figures.append(Figure("success and imagined gain: r", _correlation(done, told), len(policies)))
    figures.append(Figure("control, chunks for other looks: r", _correlation(done, control), len(policies)))
    return figures


def _ends(
    imaginer: LatentImaginer, frames: Sequence[ImageArray], actions: FloatArray, draw: Draw
) -> Iterator[ImageArray]:
    """The last of the frames that follow each of `frames` by each of `actions` (N, 8, A)."""
    for start in range(0, len(frames), BATCH):
        rows = [
            Row("rollout", present=imaginer.latent(frame), actions=chunk)
            for frame, chunk in zip(frames[start : start + BATCH], actions[start : start + BATCH], strict=True)
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


def _correlation(first: Sequence[float], second: Sequence[float]) -> float:
    if len(first) < 3 or not np.ptp(first) or not np.ptp(second):
        return float("nan")
    return float(np.corrcoef(first, second)[0, 1])
