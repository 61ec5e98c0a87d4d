"""Fixed placements: what is told stands where it is told, the rest round it."""

from dataclasses import replace

import numpy as np
import pytest

from agent.errors import SpecError
from agent.types import Placement
from sim.geometry import yaw_of
from sim.scene import sample_scene
from sim.tasks import NAMED_TASKS

TASK = replace(NAMED_TASKS["eggplant_in_bowl"], distractors=(2, 2))


def test_what_is_placed_stands_there_whatever_the_seed() -> None:
    fixed = replace(TASK, layout=(Placement("eggplant", 0.45, -0.1, 0.7), Placement("bowl", 0.55, 0.12)))
    rest = set()
    for seed in range(5):
        scene = sample_scene(fixed, np.random.default_rng(seed))
        assert scene["eggplant"].pose.position[:2] == (0.45, -0.1)
        assert yaw_of(scene["eggplant"].pose.quaternion) == pytest.approx(0.7)
        assert scene["bowl"].pose.position[:2] == (0.55, 0.12)
        assert len(scene.entities) == 4
        rest.add(scene.entities[2].pose.position)
    assert len(rest) == 5


def test_things_in_one_place_are_an_impossible_scene() -> None:
    crowded = replace(TASK, layout=(Placement("eggplant", 0.5, 0.0), Placement("bowl", 0.5, 0.02)))
    with pytest.raises(SpecError, match="no room on the table for: eggplant, bowl"):
        sample_scene(crowded, np.random.default_rng(0))


def test_only_what_the_scene_holds_can_be_placed() -> None:
    with pytest.raises(SpecError, match="no entity to place 'egplant'; did you mean 'eggplant'"):
        sample_scene(replace(TASK, layout=(Placement("egplant", 0.5, 0.0),)), np.random.default_rng(0))
