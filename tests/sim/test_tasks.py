"""Drawn tasks are sound, say what they mean, keep to their split, and offer more than one thing to mean."""

import numpy as np
import pytest

from agent.errors import SpecError
from agent.types import CameraSpec, Goal, Task
from sim.casting import BASES, STACKABLE, fits
from sim.chains import CHAIN_LENGTH, sample_chain, sample_moment
from sim.goals import is_true
from sim.grammar import canonical, understand
from sim.objects import HELD_OUT_COLOURS, HELD_OUT_LOOKS, HELD_OUT_PAIRS, RECEPTACLES, is_held_out, parse_name
from sim.scene import entity_names, sample_scene
from sim.tasks import (
    FAMILIES,
    FAMILY_OF_RELATION,
    NAMED_TASKS,
    SIDES,
    check_goal,
    mirrored,
    sample_task,
    task_from_instruction,
)
from sim.world import TabletopWorld

EACH = 60


def drawn(family: str, split: str = "seen", phrasing: str = "seen") -> list[Task]:
    rng = np.random.default_rng(7)
    return [sample_task(family, rng, split=split, phrasing=phrasing) for _ in range(EACH)]  # type: ignore[arg-type]


def goal_of(task: Task) -> Goal:
    assert task.goal is not None
    return task.goal


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("phrasing", ["seen", "held_out", "canonical"])
def test_a_drawn_task_says_what_it_means(family: str, phrasing: str) -> None:
    for task in drawn(family, phrasing=phrasing):
        goal = goal_of(task)
        check_goal(goal)
        assert understand(task.instruction) == goal
        assert FAMILY_OF_RELATION[goal.relation] == family == task.name
        assert task.max_steps == FAMILIES[family]
        assert (task.instruction == canonical(goal)) or phrasing != "canonical"


@pytest.mark.parametrize("family", FAMILIES)
def test_no_name_could_mean_two_things(family: str) -> None:
    for task in drawn(family):
        described = [parse_name(name) for name in entity_names(task)]
        for one in described:
            alike = [other for other in described if other.kind == one.kind and other is not one]
            assert not alike or one.position or one.colour, task
            assert all(other.colour != one.colour or other.position != one.position for other in alike), task


@pytest.mark.parametrize("family", FAMILIES)
def test_training_never_sees_what_is_held_out(family: str) -> None:
    for task in drawn(family):
        goal = goal_of(task)
        assert not any(is_held_out(parse_name(name)) for name in entity_names(task))
        if goal.relation in ("in", "on", "take out"):
            kinds = tuple(parse_name(str(name)).kind for name in (goal.subject, goal.target))
            assert kinds not in HELD_OUT_PAIRS


@pytest.mark.parametrize("family", [name for name in FAMILIES if name != "drawer"])
def test_the_held_out_splits_are_about_held_out_things(family: str) -> None:
    for task in drawn(family, "held_out_objects"):
        subject = parse_name(goal_of(task).subject)
        assert is_held_out(subject)
        assert (subject.colour, subject.kind) not in HELD_OUT_LOOKS
    for task in drawn(family, "held_out_pairs"):
        goal = goal_of(task)
        subject = parse_name(goal.subject)
        assert subject.colour not in HELD_OUT_COLOURS
        if goal.relation in ("in", "on", "take out"):
            assert (subject.kind, parse_name(str(goal.target)).kind) in HELD_OUT_PAIRS
        else:
            assert (subject.colour, subject.kind) in HELD_OUT_LOOKS


def test_scenes_offer_more_than_one_thing_to_mean() -> None:
    tasks = drawn("put_in") + drawn("put_on")
    receptacle = subject = position = 0
    for task in tasks:
        kinds = [parse_name(name).kind for name in task.entities]
        receptacle += any(kind in RECEPTACLES for kind in kinds)
        subject += any(kind == parse_name(goal_of(task).subject).kind for kind in kinds)
        position += any(goal.relation in SIDES for goal in task.initial)
    assert receptacle > 0.3 * len(tasks)
    assert subject > 0.15 * len(tasks)
    assert position > 0.05 * len(tasks)


@pytest.mark.parametrize("family", FAMILIES)
def test_almost_every_drawn_task_finds_room_on_the_table(family: str) -> None:
    crowded = 0
    for seed, task in enumerate(drawn(family)[:25]):
        try:
            sample_scene(task, np.random.default_rng(seed))
        except SpecError:
            crowded += 1
    assert crowded <= 2


def test_equal_generators_draw_equal_tasks() -> None:
    assert drawn("stack") == drawn("stack")
    assert len({task.goal for task in drawn("put_in")}) > EACH // 2


def test_what_must_hold_at_reset() -> None:
    for task in drawn("take_out"):
        assert Goal("in", goal_of(task).subject, goal_of(task).target) in task.initial
    for task in drawn("drawer"):
        assert (goal_of(task).relation == "close") == (Goal("open", "drawer") in task.initial)
    for task in drawn("stack"):
        goal = goal_of(task)
        assert parse_name(goal.subject).kind in STACKABLE
        assert parse_name(str(goal.target)).kind in BASES
    for task in drawn("put_in"):
        goal = goal_of(task)
        target = parse_name(str(goal.target)).kind
        assert fits(parse_name(goal.subject).kind, target)
        assert target != "drawer" or Goal("open", str(goal.target)) in task.initial


def test_named_tasks() -> None:
    assert list(NAMED_TASKS) == [
        "spoon_on_towel",
        "carrot_on_plate",
        "green_cube_on_yellow_cube",
        "eggplant_in_basket",
        "eggplant_in_bowl",
    ]
    for name, task in NAMED_TASKS.items():
        assert task.name == name
        assert task_from_instruction(task.instruction) == task
    assert NAMED_TASKS["eggplant_in_bowl"].instruction == "put the eggplant in the bowl"


def test_a_position_brings_its_counterpart() -> None:
    task = task_from_instruction("put the left cube in the bowl at the front")
    assert task.goal == Goal("in", "left cube", "front bowl")
    assert task.entities == ("right cube", "back bowl")
    assert task.initial == (Goal("left of", "left cube", "right cube"), Goal("in front of", "front bowl", "back bowl"))
    both = task_from_instruction("put the left cube on the right cube")
    assert both.entities == ()
    assert both.initial == (Goal("left of", "left cube", "right cube"),)


def test_instructions_set_the_stage() -> None:
    assert task_from_instruction("take the egg out of the drawer").initial == (
        Goal("open", "drawer"),
        Goal("in", "egg", "drawer"),
    )
    assert task_from_instruction("remove the egg from the plate").initial == (Goal("on", "egg", "plate"),)
    assert task_from_instruction("close the drawer", max_steps=12).max_steps == 12


def test_free_text_runs_with_what_it_mentions() -> None:
    task = task_from_instruction("wave at the red cube and the left mug, then sing")
    assert task.goal is None
    assert task.instruction == "wave at the red cube and the left mug, then sing"
    assert task.entities == ("red cube", "left mug", "right mug")
    assert task_from_instruction("dance").entities == ()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("  ", "the instruction is empty"),
        ("put the unicorn in the bowl", "no object 'unicorn'"),
        ("put the blue carrot in the bowl", "no carrot in colour 'blue'.*orange"),
        ("put the bowl on the plate", "the bowl is too large to be moved"),
        ("put the egg in the mug", "the mug holds nothing; these do: bowl"),
        ("put the red cube on the red cube", "name two different things"),
        ("open the fridge", "no object 'fridge'"),
    ],
)
def test_impossible_requests_are_refused_in_one_sentence(text: str, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        task_from_instruction(text)


def test_unknown_names_are_refused() -> None:
    rng = np.random.default_rng(0)
    with pytest.raises(SpecError, match="no task family 'putin'; did you mean 'put_in'"):
        sample_task("putin", rng)
    with pytest.raises(SpecError, match="no split 'unseen'"):
        sample_task("lift", rng, split="unseen")  # type: ignore[arg-type]
    with pytest.raises(SpecError, match="no phrasing 'shouted'"):
        sample_task("lift", rng, phrasing="shouted")  # type: ignore[arg-type]
    with pytest.raises(SpecError, match="the drawer family has nothing for the split 'held_out_pairs'"):
        sample_task("drawer", rng, split="held_out_pairs")


def where_things_are(tasks: tuple[Task, ...]) -> None:
    """Carry a chain out on paper and check that each task could be done and was not done already."""
    first = tasks[0]
    inside = {goal.subject: goal.target for goal in first.initial if goal.relation == "in"}
    drawer_open = Goal("open", "drawer") in first.initial
    lifted: str | None = None
    done = set(first.initial)
    for task in tasks:
        goal = goal_of(task)
        subject, target = goal.subject, goal.target
        assert goal not in done
        assert lifted in (None, subject), "what is in the gripper is what the next task is about"
        if goal.relation in ("open", "close"):
            assert drawer_open == (goal.relation == "close")
            drawer_open = goal.relation == "open"
            continue
        assert subject not in inside.values(), "nothing stands on what is moved"
        assert inside.get(subject) != "drawer" or drawer_open
        assert target != "drawer" or drawer_open
        if goal.relation == "take out":
            assert inside.get(subject) == target
        else:
            assert inside.get(subject) not in ("bowl", "basket", "drawer")
        lifted = subject if goal.relation == "lift" else None
        done = {known for known in done if subject not in (known.subject, known.target)} | {goal}
        if goal.relation in SIDES:
            assert target not in inside
            done.add(mirrored(goal))
        if goal.relation in ("in", "on", "stack"):
            assert target not in inside.values(), "one thing to a place"
            inside[subject] = target
        elif goal.relation != "lift":
            inside.pop(subject, None)


def test_chains_can_be_done_one_task_after_another() -> None:
    rng = np.random.default_rng(3)
    families: set[str] = set()
    for _ in range(150):
        tasks = sample_chain(rng)
        assert len(tasks) == CHAIN_LENGTH
        assert len({frozenset(entity_names(task)) for task in tasks}) == 1
        assert all(task.initial == () for task in tasks[1:])
        assert all(understand(task.instruction) == task.goal for task in tasks)
        where_things_are(tasks)
        families |= {task.name for task in tasks}
    assert families == set(FAMILIES)


def test_a_moment_of_a_chain_begins_as_the_tasks_before_left_it() -> None:
    world, inside, stacked, opened = TabletopWorld((CameraSpec("front", 8, 8),)), 0, 0, 0
    for seed in range(540_000, 540_060):
        task = sample_moment(np.random.default_rng(seed))
        world.reset(task, seed=seed)
        state = world.state()
        if goal_of(task).relation not in SIDES:  # a thing may happen to stand beside another
            assert not is_true(goal_of(task), world.scene, state, start=state)
        for goal in task.initial:
            inside += goal.relation in ("in", "on")
            stacked += goal.relation == "stack"
            opened += goal.relation == "open"
            assert is_true(goal, world.scene, state, start=state), (seed, goal)
    assert inside >= 8 and stacked >= 4 and opened >= 3
