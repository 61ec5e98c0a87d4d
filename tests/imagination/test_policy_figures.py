"""Every figure of what pictures are worth to a policy is measured, on the same scenes for all that are compared."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from agent.doubles import FixedPolicy
from agent.types import CameraSpec
from imagination.imaginer import Draw, LatentImaginer
from imagination.judge import load_judge
from imagination.policy_figures import POLICY_MEASURES, Bench
from sim.world import TabletopWorld

FORWARD = np.array([[0.04, 0, 0, 0, 0, 0, 1]] * 4, dtype=np.float32)


@pytest.fixture(scope="module")
def bench(latent_folder: Path, judge_folder: Path) -> Iterator[Bench]:
    world = TabletopWorld(cameras=(CameraSpec("front", 64, 64),))
    policies = {name: FixedPolicy(world.embodiment, k * FORWARD) for k, name in enumerate(("still", "slow", "fast"))}
    draw = Draw(seed=500_000, steps=2, candidates=2, quiet=True)
    imaginer = LatentImaginer(latent_folder, critic=judge_folder)
    yield Bench(dict(policies), world, imaginer, load_judge(judge_folder), 1, draw)
    world.close()


@pytest.mark.parametrize(
    ("what", "names"),
    [
        ("lookahead", ["as it is", "best of 8 imagined", "control, one of 8 at random"]),
        ("goal-policy", [f"{name}: succeeded" for name in ("words alone", "no words", "imagined goal", "oracle goal")]),
        ("rank", ["still: succeeded", "still: imagined gain", "slow: succeeded"]),
    ],
)
def test_every_measurement_runs(bench: Bench, what: str, names: list[str]) -> None:
    figures = POLICY_MEASURES[what](bench)
    assert [figure.name for figure in figures][: len(names)] == names
    assert all(figure.hits == 0 for figure in figures if figure.hits is not None), "none of these policies does a task"
