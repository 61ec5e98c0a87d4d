"""Fills a store: stills with captions, and clips of the expert at work."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from agent.ports import Policy
from agent.recording.demonstrate import Coached, Disturber, Drift, NoisyTeacher
from agent.runtime import run_episode
from agent.types import FloatArray, Observation, Outcome, Step, Task
from agent.wrapping import PolicyWrapper
from imagination.captions import Thing, draw_caption, write_caption
from imagination.stills import MOST_THINGS, Still, draw_stills, look, small_world
from imagination.store import AnyArray, Shard, shard_path, write_shard
from imagination.vocabulary import COLOUR_NAMES, COLOUR_NUMBER, KIND_NAMES, KIND_NUMBER, NOTHING
from sim.expert import ScriptedExpert
from sim.tasks import sample_task
from sim.world import TabletopWorld

STILLS, CLIPS = "stills", "clips"
SCENES_A_SHARD, EPISODES_A_SHARD = 50, 10
CAPTIONS = 2
"""Captions that are written of every still."""
CLIP_FAMILIES = ("put_in", "put_in", "put_on", "stack", "put_beside", "move_to_region")


@dataclass(frozen=True)
class StillsJob:
    """Writes stills shard k: SCENES_A_SHARD scenes from seed first_seed + k * SCENES_A_SHARD on."""

    store: Path
    first_seed: int

    def __call__(self) -> Callable[[int], int]:
        world = small_world()

        def job(number: int) -> int:
            stills, texts = [], list[str]()
            for offset in range(SCENES_A_SHARD):
                seed = self.first_seed + number * SCENES_A_SHARD + offset
                rng = np.random.default_rng([seed, 22])
                for still in draw_stills(world, seed):
                    if any(thing.box for thing in still.things):
                        stills.append(still)
                        texts += [write_caption(draw_caption(still.things, rng), rng) for _ in range(CAPTIONS)]
            write_shard(shard_path(self.store, STILLS, number), still_shard(stills, texts))
            return len(stills)

        return job


@dataclass(frozen=True)
class ClipsJob:
    """Writes clips shard k: EPISODES_A_SHARD episodes that the expert finished, disturbed now and then."""

    store: Path
    first_seed: int

    def __call__(self) -> Callable[[int], int]:
        world = small_world()
        body = world.embodiment
        disturbers: list[tuple[float, Disturber]] = [(0.5, NoisyTeacher(body.action)), (0.5, Drift(body.action))]
        policy = Coached(ScriptedExpert(world), disturbers)

        def job(number: int) -> int:
            clips: list[Clip] = []
            seed = self.first_seed + number * EPISODES_A_SHARD * 4
            while len(clips) < EPISODES_A_SHARD:
                clip = film_episode(world, policy, seed)
                clips += [clip] if clip else []
                seed += 1
            write_shard(shard_path(self.store, CLIPS, number), clip_shard(clips))
            return len(clips)

        return job


@dataclass(frozen=True, eq=False)
class Clip:
    """One episode. subject: index of the thing that the instruction moves.  stills: T + 1 frames, the first before the
    first action.  actions: (T, 7), as commanded."""

    instruction: str
    subject: int
    stills: tuple[Still, ...]
    actions: FloatArray


class _Watcher:
    """Takes a still after every step."""

    def __init__(self, world: TabletopWorld) -> None:
        self._world = world
        self.stills: list[Still] = []
        self.actions: list[FloatArray] = []

    def on_step(self, tick: int, before: Observation, step: Step) -> None:
        self.stills.append(look(self._world))
        self.actions.append(step.executed)


class AtReset(PolicyWrapper):
    """A Policy, and something that is done when an episode begins, before its first look."""

    def __init__(self, inner: Policy, begin: Callable[[], object]) -> None:
        super().__init__(inner)
        self._begin = begin

    def reset(self, *, seed: int) -> None:
        super().reset(seed=seed)
        self._begin()


def draw_task(seed: int) -> Task:
    """Return the task of one of CLIP_FAMILIES that belongs to this seed."""
    rng = np.random.default_rng([seed, 23])
    return sample_task(CLIP_FAMILIES[int(rng.integers(len(CLIP_FAMILIES)))], rng)


def film_episode(world: TabletopWorld, policy: Policy, seed: int) -> Clip | None:
    """Play and film one drawn task; None when it was not done."""
    task, watcher = draw_task(seed), _Watcher(world)
    begun = AtReset(policy, lambda: watcher.stills.append(look(world)))
    episode = run_episode(world, begun, task, seed=seed, execute=1, observers=(watcher,))
    if episode.outcome is not Outcome.SUCCESS or task.goal is None:
        return None
    subject = [entity.name for entity in world.scene.entities].index(task.goal.subject)
    return Clip(task.instruction, subject, tuple(watcher.stills), np.stack(watcher.actions))


def still_shard(stills: Sequence[Still], texts: Sequence[str]) -> Shard:
    """Return stills as arrays: image, who (N, S, S), kind, colour, inside (N, M), box (N, M, 4), xy (N, M, 2), text
    (N, CAPTIONS)."""
    distinct = {text: number for number, text in enumerate(dict.fromkeys(texts))}
    numbers = np.array([distinct[text] for text in texts], dtype=np.int32).reshape(len(stills), -1)
    return Shard({**still_arrays(stills), "text": numbers}, tuple(distinct))


def still_arrays(stills: Sequence[Still]) -> dict[str, AnyArray]:
    count = len(stills)
    kind = np.full((count, MOST_THINGS), NOTHING, dtype=np.int16)
    colour, inside = kind.copy(), kind.copy()
    box = np.full((count, MOST_THINGS, 4), np.nan, dtype=np.float32)
    xy = np.full((count, MOST_THINGS, 2), np.nan, dtype=np.float32)
    for row, still in enumerate(stills):
        for column, thing in enumerate(still.things):
            kind[row, column] = KIND_NUMBER[thing.kind]
            colour[row, column] = COLOUR_NUMBER[thing.colour]
            inside[row, column] = NOTHING if thing.inside is None else thing.inside
            box[row, column] = thing.box or (np.nan,) * 4
            xy[row, column] = thing.xy
    return {
        "image": np.stack([still.rgb for still in stills]),
        "who": np.stack([still.who for still in stills]),
        "kind": kind,
        "colour": colour,
        "inside": inside,
        "box": box,
        "xy": xy,
    }


def clip_shard(clips: Sequence[Clip]) -> Shard:
    """Return clips as arrays: those of their stills, one row a frame; hand (N, 7), as in `Still`; action (N, 7), NaN in
    an episode's last row; episode (N,); text (N,); subject (N,): the index of the thing that the instruction moves."""
    stills = [still for clip in clips for still in clip.stills]
    distinct = {text: number for number, text in enumerate(dict.fromkeys(clip.instruction for clip in clips))}
    actions = [np.concatenate([clip.actions, np.full((1, 7), np.nan, dtype=np.float32)]) for clip in clips]
    lengths = [len(clip.stills) for clip in clips]
    columns: dict[str, AnyArray] = {
        "hand": np.stack([still.hand for still in stills]).astype(np.float32),
        "action": np.concatenate(actions).astype(np.float32),
        "episode": np.repeat(np.arange(len(clips), dtype=np.int32), lengths),
        "text": np.repeat([distinct[clip.instruction] for clip in clips], lengths).astype(np.int32),
        "subject": np.repeat([clip.subject for clip in clips], lengths).astype(np.int16),
    }
    return Shard({**still_arrays(stills), **columns}, tuple(distinct))


def things_of(shard: Shard, row: int) -> tuple[Thing, ...]:
    """Return the things of one row as they were written."""
    kinds = np.asarray(shard.arrays["kind"][row])
    things = []
    for column in range(int((kinds >= 0).sum())):
        colour, inside = (int(shard.arrays[name][row, column]) for name in ("colour", "inside"))
        box = tuple(float(v) for v in shard.arrays["box"][row, column])
        x, y = (float(v) for v in shard.arrays["xy"][row, column])
        things.append(
            Thing(
                KIND_NAMES[int(kinds[column])],
                COLOUR_NAMES[colour],
                (x, y),
                None if np.isnan(box[0]) else (box[0], box[1], box[2], box[3]),
                None if inside < 0 else inside,
            )
        )
    return tuple(things)
