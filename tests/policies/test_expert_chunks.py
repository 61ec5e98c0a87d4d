"""What the codecs lose of what the expert really does."""

import numpy as np
import pytest

from agent.runtime import run_episode
from agent.types import CameraSpec, Observation, Step
from policies.codec import make_codec
from policies.round_trip import codecs_for, loss_of
from policies.stats import Statistics, measure
from sim.expert import ScriptedExpert
from sim.tasks import FAMILIES, sample_task
from sim.world import TabletopWorld

pytestmark = pytest.mark.slow


class Rows:
    def __init__(self) -> None:
        self.rows: list[np.ndarray] = []

    def on_step(self, tick: int, before: Observation, step: Step) -> None:
        self.rows.append(step.executed)


def test_the_compact_code_keeps_its_bound_on_the_experts_chunks() -> None:
    world = TabletopWorld(cameras=(CameraSpec("front", 16, 16),))
    chunks, rows = [], []
    for number, family in enumerate(sorted(FAMILIES) * 2):
        seen = Rows()
        task = sample_task(family, np.random.default_rng(1_900_000 + number))
        run_episode(world, ScriptedExpert(world), task, seed=1_900_000 + number, execute=1, observers=(seen,))
        rows += seen.rows
        chunks += [np.stack(seen.rows[start : start + 8]) for start in range(len(seen.rows) - 7)]
    world.close()
    statistics = Statistics("expert", {"action": measure(np.stack(rows), mask=(True,) * 6 + (False,))})
    config = codecs_for(statistics, chunk=8)["pairs"]
    loss = loss_of(make_codec(config), np.stack(chunks), statistics)
    assert loss.chunks > 150
    assert loss.tokens <= 24
    assert loss.position_mm[-1] <= 1.0
    assert loss.rotation_deg[-1] <= 0.5
    assert loss.gripper == 0
