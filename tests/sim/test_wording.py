"""Instructions in other words, the controls, and tasks whose thing is not there."""

import numpy as np
import pytest

from agent.errors import SpecError
from agent.types import CameraSpec, Goal, Task
from sim.absent import without
from sim.grammar import understand
from sim.objects import parse_name
from sim.scene import entity_names, sample_scene
from sim.tasks import FAMILIES, NAMED_TASKS, check_goal, sample_task
from sim.wording import POSTSCRIPTS, PREAMBLES, reworded, scrambled, swapped
from sim.world import TabletopWorld

TASK = NAMED_TASKS["eggplant_in_bowl"]
SEEDS = range(500_000, 500_040)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("level", [1, 2, 3])
def test_graded_words_mean_the_same(family: str, level: int) -> None:
    for seed in range(500_000, 500_010):
        task = sample_task(family, np.random.default_rng(seed))
        assert understand(reworded(task, level, np.random.default_rng(seed))) == task.goal


def test_beyond_the_grammar_stand_unrelated_sentences_and_slips() -> None:
    for seed in SEEDS:
        chatty = reworded(TASK, 4, np.random.default_rng(seed))
        opening = next(text for text in PREAMBLES if chatty.lower().startswith(text.lower()))
        assert understand(chatty[len(opening) :]) == TASK.goal
        worst = reworded(TASK, 5, np.random.default_rng(seed))
        closing = next(text for text in POSTSCRIPTS if worst.endswith(text))
        slipped = worst[worst.index(".") + 1 : -len(closing)].strip(" .")
        assert slipped.lower() not in chatty.lower()
        assert sorted(slipped.lower()) == sorted(chatty[len(opening) :].lower().strip(" ."))


def test_scrambled_words_are_the_same_words_in_another_order() -> None:
    for seed in SEEDS:
        mixed = scrambled(TASK, np.random.default_rng(seed))
        assert sorted(mixed.split()) == sorted(TASK.instruction.split())
        assert mixed != TASK.instruction
    with pytest.raises(SpecError, match="too few words"):
        scrambled(Task("x", "lift lift", Goal("lift", "eggplant"), 5), np.random.default_rng(0))


@pytest.mark.parametrize("family", FAMILIES)
def test_a_swapped_task_asks_for_something_else_in_the_same_scene(family: str) -> None:
    for seed in SEEDS:
        task = sample_task(family, np.random.default_rng(seed))
        try:
            other = swapped(task, seed=seed)
        except SpecError as error:
            assert "could be meant" in str(error)
            continue
        assert other.goal is not None and other.goal != task.goal
        check_goal(other.goal)
        assert understand(other.instruction) == other.goal
        assert other.scene == task
        scene = sample_scene(task, np.random.default_rng(seed))
        assert scene.find(other.goal.subject) is not None


def test_the_world_shows_the_same_scene_and_judges_the_other_goal() -> None:
    world = TabletopWorld((CameraSpec("front", 24, 24),))
    plain = world.reset(TASK, seed=8)
    other = swapped(TASK, seed=8)
    seen = world.reset(other, seed=8)
    assert np.array_equal(plain.images["front"], seen.images["front"])
    assert seen.instruction == other.instruction
    assert world.task.goal == other.goal
    world.close()


@pytest.mark.parametrize("missing", ["subject", "target"])
def test_what_is_absent_cannot_be_found_in_the_scene(missing: str) -> None:
    for seed in SEEDS:
        task = sample_task("put_in", np.random.default_rng(seed))
        assert task.goal is not None
        gone = without(task, "subject" if missing == "subject" else "target", seed=seed)
        name = task.goal.subject if missing == "subject" else str(task.goal.target)
        scene = sample_scene(gone, np.random.default_rng(seed))
        assert gone.goal is None and gone.instruction == task.instruction
        assert parse_name(name).kind not in {entity.kind.name for entity in scene.entities}


def test_an_absent_colour_leaves_the_kind_in_another_colour() -> None:
    task = Task("x", "put the red cube in the bowl", Goal("in", "red cube", "bowl"), 40)
    for seed in SEEDS:
        scene = sample_scene(without(task, "colour", seed=seed), np.random.default_rng(seed))
        cubes = [entity for entity in scene.entities if entity.kind.name == "cube"]
        assert len(cubes) == 1 and cubes[0].colour != "red"


def test_nothing_is_left_out_of_a_task_that_does_not_name_it() -> None:
    lift = Task("x", "lift the eggplant", Goal("lift", "eggplant"), 40)
    with pytest.raises(SpecError, match="has no target that could be left out"):
        without(lift, "target", seed=0)
    with pytest.raises(SpecError, match="does not tell its subject by a colour"):
        without(lift, "colour", seed=0)
    with pytest.raises(SpecError, match="has no goal"):
        without(Task("x", "dance", None, 40), "subject", seed=0)
    assert "eggplant" not in entity_names(without(lift, "subject", seed=0))
