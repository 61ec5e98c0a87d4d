"""Spots as targets: the text is read back, and the expert puts things there, turned as asked."""

import numpy as np
import pytest

from agent.errors import SpecError
from agent.runtime import run_episode
from agent.types import CameraSpec, Goal, Outcome, Task
from sim.expert import ScriptedExpert
from sim.geometry import yaw_of
from sim.spots import Spot, half_turn, read_spot
from sim.world import TabletopWorld


def test_the_text_of_a_spot_is_read_back() -> None:
    spot = read_spot(Spot(np.array([0.5123, -0.1]), 0.25).target)
    assert np.allclose(spot.xy, (0.512, -0.1)) and spot.yaw == 0.25
    assert read_spot("0.5 0.1").yaw is None


@pytest.mark.parametrize("target", ["", "here", "0.5", "0.5 nan", "1 2 3 4"])
def test_what_is_no_spot_is_refused(target: str) -> None:
    with pytest.raises(SpecError, match="no spot"):
        read_spot(target)


def test_a_yaw_means_the_same_turned_by_half_a_turn() -> None:
    spot = Spot(np.array([0.5, 0.0]), 0.1)
    assert spot.holds(np.array([0.505, 0.0]), 0.1 + np.pi)
    assert not spot.holds(np.array([0.5, 0.0]), 0.1 + np.pi / 2)
    assert not spot.holds(np.array([0.53, 0.0]), 0.1)


def test_the_expert_puts_a_block_on_a_spot_turned_as_asked() -> None:
    spot = Spot(np.array([0.55, 0.12]), 0.7)
    goal = Goal("at", "red block", spot.target)
    scene = Task("spot", "x", None, 80, ("red block", "blue cube"), distractors=(0, 0))
    world = TabletopWorld(cameras=(CameraSpec("front", 8, 8),))
    episode = run_episode(
        world, ScriptedExpert(world), Task("spot", "put it there", goal, 80, scene=scene), seed=500_001, execute=1
    )
    pose = world.state().entities["red block"].pose
    assert episode.outcome is Outcome.SUCCESS, episode.detail
    assert abs(half_turn(yaw_of(pose.quaternion) - 0.7)) < 0.35
