"""Goal pictures as they are learnt and measured: before and after, the arm where it was, so that it hides nothing."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from agent.ports import Policy
from agent.runtime import run_episode
from agent.types import Outcome
from imagination.collecting import AtReset, draw_task, still_arrays
from imagination.stills import Still, look, move_arm, small_world
from imagination.store import AnyArray, Shard, shard_path, write_shard
from sim.expert import ScriptedExpert
from sim.geometry import Array
from sim.world import TabletopWorld

PAIRS = "pairs"
EPISODES_A_SHARD = 20
POSES = 6
"""Poses of the arm in which start and end of an episode are photographed."""


@dataclass(frozen=True, eq=False)
class Pair:
    """What an instruction changes. subject: index of the thing that it moves."""

    instruction: str
    subject: int
    before: Still
    after: Still


@dataclass(frozen=True)
class PairsJob:
    """Writes pairs shard k: EPISODES_A_SHARD episodes that the expert finished, POSES pairs of each."""

    store: Path
    first_seed: int

    def __call__(self) -> Callable[[int], int]:
        world = small_world()
        expert = ScriptedExpert(world)

        def job(number: int) -> int:
            pairs: list[Pair] = []
            seed = self.first_seed + number * EPISODES_A_SHARD * 4
            while len(pairs) < EPISODES_A_SHARD * POSES:
                pairs += play_pairs(world, expert, seed)
                seed += 1
            write_shard(shard_path(self.store, PAIRS, number), pair_shard(pairs))
            return len(pairs)

        return job


def play_pairs(world: TabletopWorld, expert: Policy, seed: int, *, poses: int = POSES) -> list[Pair]:
    """Play one drawn task and photograph its start and its end, first with the arm where it began, then elsewhere.

    Nothing when it was not done.
    """
    task, starts = draw_task(seed), list[tuple[Array, Still]]()
    begun = AtReset(expert, lambda: starts.append((world.posture(), look(world))))
    if run_episode(world, begun, task, seed=seed, execute=1).outcome is not Outcome.SUCCESS or task.goal is None:
        return []
    start, end = (starts[0][0], _holders(world, starts[0][1])), (world.posture(), _holders(world, look(world)))
    subject = [entity.name for entity in world.scene.entities].index(task.goal.subject)
    joints = len(world.arm.posture())
    arm, rng, pairs = start[0][:joints], np.random.default_rng([seed, 25]), list[Pair]()
    for pose in range(poses):
        if pose:
            move_arm(world, rng)
            arm = world.arm.posture()
        photographed = []
        for posture, inside in (start, end):
            world.assume(np.concatenate([arm, posture[joints:]]))
            photographed.append(look(world, inside))
        pairs.append(Pair(task.instruction, subject, *photographed))
    return pairs


def _holders(world: TabletopWorld, still: Still) -> dict[str, str]:
    """What each thing is in or on, by name, as the still says; contacts do not outlast a change of posture."""
    names = [entity.name for entity in world.scene.entities]
    return {names[n]: names[thing.inside] for n, thing in enumerate(still.things) if thing.inside is not None}


def pair_shard(pairs: Sequence[Pair]) -> Shard:
    """Return pairs as arrays: those of the stills after, `before` (N, S, S, 3), text (N,), subject (N,)."""
    distinct = {text: number for number, text in enumerate(dict.fromkeys(pair.instruction for pair in pairs))}
    columns: dict[str, AnyArray] = {
        "before": np.stack([pair.before.rgb for pair in pairs]),
        "text": np.array([distinct[pair.instruction] for pair in pairs], dtype=np.int32),
        "subject": np.array([pair.subject for pair in pairs], dtype=np.int16),
    }
    return Shard({**still_arrays([pair.after for pair in pairs]), **columns}, tuple(distinct))
