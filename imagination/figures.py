"""Lines of a report, and the pictures and clips that they are taken from."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from tqdm import tqdm

from agent.evaluation.statistics import wilson
from agent.recording.demonstrate import Coached, Disturber, Drift, NoisyTeacher
from imagination.collecting import Clip, film_episode
from imagination.pairs import Pair, play_pairs
from imagination.stills import Still, draw_stills, small_world
from sim.expert import ScriptedExpert


@dataclass(frozen=True)
class Figure:
    """One line of a report. hits of n where it is a share, else a value with its unit."""

    name: str
    value: float
    n: int
    unit: str = ""
    hits: int | None = None

    def __str__(self) -> str:
        if self.hits is None:
            return f"{self.name}: {self.value:.4g} {self.unit} (n = {self.n})"
        interval = wilson(self.hits, self.n)
        low, high = 100 * interval.low, 100 * interval.high
        return f"{self.name}: {self.hits}/{self.n} = {100 * self.value:.1f} % [{low:.1f}, {high:.1f}]"


def share(name: str, verdicts: Sequence[bool]) -> Figure:
    hits = int(np.sum(verdicts))
    return Figure(name, hits / max(1, len(verdicts)), len(verdicts), hits=hits)


def middle(name: str, values: Sequence[float], unit: str) -> Figure:
    return Figure(name, float(np.median(values)) if len(values) else float("nan"), len(values), unit)


def mean(name: str, values: Sequence[float], unit: str = "") -> Figure:
    return Figure(name, float(np.mean(values)) if len(values) else float("nan"), len(values), unit)


def stills_from(seed: int, count: int) -> Iterator[Still]:
    """Yield `count` stills of scenes from `seed` on, two of each scene, every one with something visible."""
    world = small_world()
    try:
        while count > 0:
            for number, still in enumerate(draw_stills(world, seed)):
                if number % 3 == 0 and count > 0 and any(thing.box for thing in still.things):
                    yield still
                    count -= 1
            seed += 1
    finally:
        world.close()


def pairs_from(seed: int, count: int) -> Iterator[Pair]:
    """Yield `count` tasks of the expert from `seed` on, before and after, the arm where it began."""
    world = small_world()
    expert = ScriptedExpert(world)
    try:
        with tqdm(total=count, desc="episodes") as bar:
            while count > 0:
                for pair in play_pairs(world, expert, seed, poses=1):
                    count -= 1
                    bar.update()
                    yield pair
                seed += 1
    finally:
        world.close()


def clips_from(seed: int, count: int) -> Iterator[Clip]:
    """Yield `count` clips of the disturbed expert from `seed` on."""
    world = small_world()
    disturbers: list[tuple[float, Disturber]] = [
        (0.5, NoisyTeacher(world.embodiment.action)),
        (0.5, Drift(world.embodiment.action)),
    ]
    policy = Coached(ScriptedExpert(world), disturbers)
    try:
        with tqdm(total=count, desc="episodes") as bar:
            while count > 0:
                clip = film_episode(world, policy, seed)
                seed += 1
                if clip is not None:
                    count -= 1
                    bar.update()
                    yield clip
    finally:
        world.close()
