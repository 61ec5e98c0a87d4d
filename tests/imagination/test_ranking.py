"""Ranking by imagination: looks are those of a newcomer, and chunks are worth what they lead to."""

from collections.abc import Iterator, Sequence

import numpy as np
import pytest
import torch

from agent.doubles import FixedPolicy
from agent.errors import Refusal
from agent.types import CameraSpec, Goal, ImageArray
from imagination.imaginer import Draw, LatentImaginer
from imagination.ranking import correlation, imagined_worth, record_looks
from imagination.samples import Row
from sim.world import TabletopWorld

FORWARD = np.array([[0.04, 0, 0, 0, 0, 0, 1]] * 4, dtype=np.float32)
DRAW = Draw(seed=500_000, steps=2, quiet=True)


@pytest.fixture(scope="module")
def world() -> Iterator[TabletopWorld]:
    world = TabletopWorld(cameras=(CameraSpec("front", 64, 64),))
    yield world
    world.close()


class Summed(LatentImaginer):
    """Stands for the model: its "frames" hold the sum of a chunk's motion, in centimetres."""

    def __init__(self) -> None:
        pass

    def latent(self, frame: ImageArray) -> torch.Tensor:
        return torch.zeros(0)

    def draw(self, rows: Sequence[Row], draw: Draw) -> ImageArray:
        sums = [100 * np.asarray(row.actions)[:, :3].sum(axis=0) for row in rows]
        return np.stack(sums)[:, None].astype(np.uint8)


def ahead(frame: ImageArray, goal: Goal) -> float:
    """The x of a summed chunk; a real frame is worth nothing."""
    return float(frame[0]) if frame.ndim == 1 else 0.0


def test_looks_are_recorded_now_and_then_and_remember_nothing(world: TabletopWorld) -> None:
    looks = record_looks(world, n=2, seed=500_000)
    assert 6 <= len(looks) <= 20
    assert all(look.seen.memory is None and look.goal.relation == "in" for look in looks)
    assert looks[0].seen.time == 0 < looks[1].seen.time


def test_a_chunk_is_worth_what_it_leads_to(world: TabletopWorld) -> None:
    looks = record_looks(world, n=1, seed=500_001)
    policies = [FixedPolicy(world.embodiment, share * FORWARD) for share in (0.25, 0.5, 1.0)]
    gains = [imagined_worth(policy, looks, Summed(), ahead, DRAW)[0] for policy in policies]
    assert gains == pytest.approx([4, 8, 16], abs=1)


def test_a_policy_that_refuses_stays_where_it_is(world: TabletopWorld) -> None:

    class Refusing(FixedPolicy):
        def act(self, observation: object) -> object:  # type: ignore[override]
            raise Refusal("no")

    looks = record_looks(world, n=1, seed=500_002)
    gains = imagined_worth(Refusing(world.embodiment, FORWARD), looks, Summed(), ahead, DRAW)
    assert gains == (0.0, 0.0)


def test_what_never_varies_goes_together_with_nothing() -> None:
    assert correlation([1, 2, 3], [2, 4, 6]) == pytest.approx(1)
    assert np.isnan(correlation([1, 2, 3], [5, 5, 5])) and np.isnan(correlation([1, 2], [1, 2]))
