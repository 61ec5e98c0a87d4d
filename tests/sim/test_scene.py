"""Scenes hold what the task names, leave room for it, and keep held-out things out of training."""

import itertools

import numpy as np
import pytest

from agent.errors import SpecError
from agent.types import Goal, Task
from sim.objects import Description, is_held_out, parse_name
from sim.relations import BESIDE_DIRECTIONS
from sim.scene import discs, entity_names, sample_scene
from sim.tasks import FAMILIES, sample_task

SEEDS = range(500_000, 500_012)


def drawn(family: str, seed: int) -> Task:
    return sample_task(family, np.random.default_rng(seed))


@pytest.mark.parametrize("family", FAMILIES)
def test_scene_holds_what_the_task_names(family: str) -> None:
    for seed in SEEDS:
        task = drawn(family, seed)
        names = [entity.name for entity in sample_scene(task, np.random.default_rng(seed)).entities]
        assert len(names) == len(set(names))
        assert set(entity_names(task)) <= set(names)
        further = len(names) - len(entity_names(task))
        assert task.distractors[0] <= further <= task.distractors[1]


@pytest.mark.parametrize("family", FAMILIES)
def test_nothing_overlaps_at_the_start(family: str) -> None:
    for seed in SEEDS:
        task = drawn(family, seed)
        inside = {goal.subject for goal in task.initial if goal.relation == "in"}
        entities = [e for e in sample_scene(task, np.random.default_rng(seed)).entities if e.name not in inside]
        for one, other in itertools.combinations(entities, 2):
            gaps = [np.hypot(*(a - b)) - p - q for a, p in discs(one) for b, q in discs(other)]
            assert min(gaps) > 0.01, (one.name, other.name)


def test_equal_generators_give_equal_scenes() -> None:
    task = drawn("put_in", 500_000)
    one, same, other = (sample_scene(task, np.random.default_rng(seed)) for seed in (3, 3, 4))
    assert one == same
    assert one != other


def test_training_scenes_hold_nothing_held_out() -> None:
    for family, seed in itertools.product(FAMILIES, SEEDS):
        for entity in sample_scene(drawn(family, seed), np.random.default_rng(seed)).entities:
            assert not is_held_out(Description(entity.kind.name, entity.colour)), entity.name


def test_a_name_means_one_thing() -> None:
    for seed in SEEDS:
        task = Task("t", "put the cube on the red cube", Goal("stack", "cube", "red cube"), 80)
        scene = sample_scene(task, np.random.default_rng(seed))
        red = [e for e in scene.entities if e.kind.name == "cube" and e.colour == "red"]
        assert [e.name for e in red] == ["red cube"]
        assert sum(e.kind.name == "cube" for e in scene.entities) == 2


def test_positions_are_as_the_names_say() -> None:
    task = Task(
        "t",
        "put the left cube in the bowl",
        Goal("in", "left cube", "bowl"),
        80,
        entities=("right cube",),
        initial=(Goal("left of", "left cube", "right cube"),),
    )
    for seed in SEEDS:
        scene = sample_scene(task, np.random.default_rng(seed))
        offset = np.subtract(scene["left cube"].pose.position, scene["right cube"].pose.position)[:2]
        assert offset @ BESIDE_DIRECTIONS["left of"] > 0.06


def test_a_scene_without_room_is_refused() -> None:
    crowd = tuple(f"{colour} tray" for colour in ("red", "green", "blue", "gray", "black", "tan"))
    with pytest.raises(SpecError, match="no room on the table for: red tray"):
        sample_scene(Task("t", "tidy up", None, 80, entities=crowd), np.random.default_rng(0))


def test_unknown_names_are_refused_with_the_nearest() -> None:
    with pytest.raises(SpecError, match="did you mean 'eggplant'"):
        parse_name("egplant")


def test_no_distractor_is_of_a_kind_that_the_words_would_name_as_well() -> None:
    """A cube is called a block in BridgeData; beside a block nobody knows which is meant."""
    goal = Goal("stack", "green cube", "yellow cube")

    def drawn(instruction: str) -> set[str]:
        task = Task("stack", instruction, goal, 80, distractors=(2, 4))
        scenes = [sample_scene(task, np.random.default_rng(seed)) for seed in range(60)]
        return {entity.kind.name for scene in scenes for entity in scene.entities}

    assert "block" not in drawn("stack the green block on the yellow block")
    assert "block" in drawn("stack the green cube on the yellow cube")
