"""What pictures are worth to a policy: looking ahead, goals in place of words, and ranking without letting any move."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from tqdm import tqdm

from agent.ports import Policy
from agent.runtime import run_episode
from agent.types import ImageArray, Outcome, Task
from imagination.figures import Figure, share
from imagination.goals import GoalFollower, Painter
from imagination.hands import Motion
from imagination.imaginer import Draw, LatentImaginer
from imagination.judge import Judge
from imagination.lookahead import Lookahead, small, worth_by
from imagination.ranking import correlation, imagined_worth, record_looks
from imagination.stills import CAMERA
from sim.casting import SceneSplit
from sim.expert import ScriptedExpert
from sim.tasks import sample_task
from sim.world import TabletopWorld

FAMILIES = ("put_in", "put_on")
SPLIT: SceneSplit = "held_out_pairs"
WORDLESS = "put the thing into the container"
"""Says what kind of task it is and nothing of which things."""


@dataclass(frozen=True, eq=False)
class Bench:
    """What is measured and with what. n: scenes, from draw.seed on."""

    policies: Mapping[str, Policy]
    world: TabletopWorld
    imaginer: LatentImaginer
    judge: Judge
    n: int
    draw: Draw

    @property
    def seeds(self) -> range:
        return range(self.draw.seed, self.draw.seed + self.n)

    @property
    def first(self) -> Policy:
        return next(iter(self.policies.values()))

    def done(self, policy: Policy, task: Task, seed: int) -> bool:
        episode = run_episode(self.world, policy, task, seed=seed, execute=getattr(self.first, "execute", 1))
        return episode.outcome is Outcome.SUCCESS

    def put_in(self, name: str, policy: Policy) -> Figure:
        """Success on scenes of `put_in`, the same for every policy."""
        tasks = {seed: sample_task("put_in", np.random.default_rng([seed, 52])) for seed in self.seeds}
        return share(name, [self.done(policy, task, seed) for seed, task in tqdm(tasks.items(), desc=name)])


def lookahead_figures(bench: Bench) -> list[Figure]:
    """The first policy as it is, looking ahead, and, the control, taking one of the same variants at random."""
    rng = np.random.default_rng(bench.draw.seed)

    def rollouts(frame: ImageArray, motions: Sequence[Motion]) -> ImageArray:
        return bench.imaginer.rollouts(frame, motions, bench.draw)

    def unseen(_: ImageArray, motions: Sequence[Motion]) -> ImageArray:
        return np.zeros((len(motions), 1, 1, 3), dtype=np.uint8)

    return [
        bench.put_in("as it is", bench.first),
        bench.put_in("best of 8 imagined", Lookahead(bench.first, rollouts, worth_by(bench.judge))),
        bench.put_in("control, one of 8 at random", Lookahead(bench.first, unseen, lambda *_: float(rng.random()))),
    ]


def rank_figures(bench: Bench) -> list[Figure]:
    """Success of every policy, what is imagined of its chunks for looks of other scenes, and how the two go together
    (Pearson's r); the control imagines its chunks for looks that they were not made for."""
    looks = record_looks(bench.world, n=bench.n, seed=bench.draw.seed + bench.n)
    worth = worth_by(bench.judge)
    figures, done, told, control = list[Figure](), list[float](), list[float](), list[float]()
    for name, policy in bench.policies.items():
        success = bench.put_in(f"{name}: succeeded", policy)
        own, other = imagined_worth(policy, looks, bench.imaginer, worth, bench.draw)
        figures += [success, Figure(f"{name}: imagined gain", 100 * own, len(looks), "cm")]
        done, told, control = [*done, success.value], [*told, own], [*control, other]
    figures.append(Figure("success and imagined gain: r", correlation(done, told), len(done)))
    figures.append(Figure("control, chunks for other looks: r", correlation(done, control), len(done)))
    return figures


def goal_figures(bench: Bench) -> list[Figure]:
    """Success of the first policy on scenes of held-out pairs: told everything, told nothing of the things, and told
    nothing but shown a goal picture, imagined or, the oracle, of what the expert then did."""

    def imagined(frame: ImageArray, text: str) -> ImageArray:
        return bench.imaginer.goal(frame, text, bench.draw)

    shown: dict[str, list[bool]] = {name: [] for name in ("words alone", "no words", "imagined goal", "oracle goal")}
    for seed in tqdm(bench.seeds, desc="goals"):
        task = sample_task(FAMILIES[seed % len(FAMILIES)], np.random.default_rng([seed, 54]), split=SPLIT)
        shown["words alone"].append(bench.done(bench.first, task, seed))
        shown["no words"].append(bench.done(bench.first, replace(task, instruction=WORDLESS), seed))
        for name, paint in (("imagined goal", imagined), ("oracle goal", _true_end(bench.world, task, seed))):
            shown[name].append(bench.done(GoalFollower(bench.first, paint, bench.judge), task, seed))
    return [share(f"{name}: succeeded", verdicts) for name, verdicts in shown.items()]


def _true_end(world: TabletopWorld, task: Task, seed: int) -> Painter:
    """What the front camera sees when the expert has done the task, the arm where it began."""
    world.reset(task, seed=seed)
    arm = world.arm.posture()
    run_episode(world, ScriptedExpert(world), task, seed=seed, execute=1)
    world.assume(np.concatenate([arm, world.posture()[len(arm) :]]))
    camera = world.embodiment.camera(CAMERA)
    picture = small(world.render(CAMERA, camera.height, camera.width).rgb)
    return lambda frame, text: picture


POLICY_MEASURES: dict[str, Callable[[Bench], list[Figure]]] = {
    "goal-policy": goal_figures,
    "lookahead": lookahead_figures,
    "rank": rank_figures,
}
