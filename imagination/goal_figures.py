"""What a goal picture is worth to a policy: held-out pairs, with no words, with imagined goals and with true ones."""

from dataclasses import replace

import numpy as np
from tqdm import tqdm

from agent.ports import Policy
from agent.runtime import run_episode
from agent.types import ImageArray, Outcome, Task
from imagination.figures import Figure, share
from imagination.goals import GoalFollower, Painter
from imagination.imaginer import Draw, LatentImaginer
from imagination.judge import Judge
from imagination.lookahead import small
from imagination.stills import CAMERA
from sim.casting import SceneSplit
from sim.expert import ScriptedExpert
from sim.tasks import sample_task
from sim.world import TabletopWorld

EXECUTE = 2
"""Rows between two looks, as the shipped policy has it."""
FAMILIES = ("put_in", "put_on")
SPLIT: SceneSplit = "held_out_pairs"
WORDLESS = "put the thing into the container"
"""Says what kind of task it is and nothing of which things."""


def goal_policy_figures(
    policy: Policy, world: TabletopWorld, imaginer: LatentImaginer, judge: Judge, *, n: int, draw: Draw
) -> list[Figure]:
    """Success on the same `n` scenes of held-out pairs from draw.seed on: told everything, told nothing of the things,
    and told nothing but shown a goal picture, imagined or, the oracle, of what the expert then did."""

    def imagined(frame: ImageArray, text: str) -> ImageArray:
        return imaginer.goal(frame, text, draw)

    shown: dict[str, list[bool]] = {name: [] for name in ("words alone", "no words", "imagined goal", "oracle goal")}
    for number in tqdm(range(draw.seed, draw.seed + n), desc="goals"):
        task = sample_task(FAMILIES[number % len(FAMILIES)], np.random.default_rng([number, 54]), split=SPLIT)
        bare = replace(task, instruction=WORDLESS)
        shown["words alone"].append(_done(world, policy, task, number))
        shown["no words"].append(_done(world, policy, bare, number))
        shown["imagined goal"].append(_done(world, GoalFollower(policy, imagined, judge), task, number))
        shown["oracle goal"].append(
            _done(world, GoalFollower(policy, _true_end(world, task, number), judge), task, number)
        )
    return [share(f"{name}: succeeded", verdicts) for name, verdicts in shown.items()]


def _true_end(world: TabletopWorld, task: Task, seed: int) -> Painter:
    """What the front camera sees when the expert has done the task."""
    run_episode(world, ScriptedExpert(world), task, seed=seed, execute=1)
    camera = world.embodiment.camera(CAMERA)
    picture = small(world.render(CAMERA, camera.height, camera.width).rgb)
    return lambda frame, text: picture


def _done(world: TabletopWorld, policy: Policy, task: Task, seed: int) -> bool:
    episode = run_episode(world, policy, task, seed=seed, execute=EXECUTE)
    return episode.outcome is Outcome.SUCCESS
