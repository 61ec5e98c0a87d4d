"""The onlooker names things so that exactly one in the scene is meant, and knows what every question means."""

import re

import numpy as np

from agent.notes import ABSENT, NONE, RELATIONS, UNNAMED
from agent.runtime import run_episode
from agent.types import CameraSpec, Outcome
from sim.curio_words import ODD_COLOURS, ODD_NOUNS
from sim.curios import APART, Curio, is_odd, make_curio, with_oddities
from sim.expert import ScriptedExpert
from sim.grammar import nouns_of, plural
from sim.naming import descriptions_for
from sim.objects import COLOURS, HELD_OUT_COLOURS, KINDS, pair_is_held_out, parse_name
from sim.onlooker import Onlooker
from sim.reading import understand
from sim.tasks import FAMILIES, sample_task
from sim.world import TabletopWorld


def words_for(kind: str, there: set[str]) -> set[str]:
    """What a thing may be called where nothing else is called so: a cube is a block where no block stands."""
    return {kind, *nouns_of(kind, frozenset(there))[0]}


def test_questions_mean_what_they_say() -> None:
    world = TabletopWorld((CameraSpec("front", 8, 8),))
    onlooker, rng = Onlooker(world, ScriptedExpert(world)), np.random.default_rng(0)
    kinds, absent, relations = list(KINDS), 0, set()
    for seed, family in enumerate([*FAMILIES] * 5, start=550_000):
        world.reset(sample_task(family, np.random.default_rng(seed)), seed=seed)
        onlooker.begin(rng)
        note = onlooker.note(rng, 8)
        assert note.instructions[0] == world.task.instruction
        for text, question in zip(note.instructions, note.questions, strict=True):
            relation, subject, target = RELATIONS[int(question[0])], int(question[1]), int(question[2])
            relations.add(relation)
            goal = understand(text)
            if relation == "point" or goal is None:
                continue
            # "Put it on the block" is stacking or putting on by what the block is; the words are the same.
            assert {goal.relation, relation} <= {"on", "stack"} or goal.relation == relation, text
            there = {kinds[int(entity[0])] for entity in note.entities}
            called = parse_name(goal.subject)
            if subject == ABSENT:
                absent += 1
                alike = [
                    e
                    for e, row in zip(world.scene.entities, note.entities, strict=True)
                    if kinds[int(row[0])] == called.kind
                ]
                assert called.kind not in there or called.colour not in {entity.colour for entity in alike}, text
                continue
            assert called.kind in words_for(kinds[int(note.entities[subject][0])], there), text
            if target >= 0:
                assert parse_name(str(goal.target)).kind in words_for(kinds[int(note.entities[target][0])], there), text
                assert not pair_is_held_out(called, parse_name(str(goal.target))) or relation not in ("in", "on")
            assert target in (ABSENT, NONE) or np.isfinite(question[3:]).all()
    assert absent >= 6
    assert len(relations) >= 10


def test_names_mean_one_thing() -> None:
    world = TabletopWorld((CameraSpec("front", 8, 8),))
    several = 0
    for seed in range(551_000, 551_010):
        world.reset(sample_task("stack", np.random.default_rng(seed)), seed=seed)
        for entity in world.scene.entities:
            for called in descriptions_for(entity, world.scene):
                meant = [
                    other
                    for other in world.scene.entities
                    if other.kind.name == called.kind and called.colour in (None, other.colour)
                ]
                assert entity in meant
                if called.position is None:
                    assert meant == [entity]
                else:
                    several += 1
                    axis, sign = {"left": (1, -1), "right": (1, 1), "front": (0, 1), "back": (0, -1)}[called.position]
                    lead = max(meant, key=lambda e: sign * e.pose.position[axis])
                    assert lead is entity, called
    assert several > 5


def test_a_cube_may_be_called_a_block_where_no_block_stands() -> None:
    assert nouns_of("cube")[0] == ("cube",)
    assert nouns_of("cube", frozenset({"cube", "bowl"}))[0] == ("cube", "block")
    assert nouns_of("cube", frozenset({"cube", "block"}))[0] == ("cube",)


def test_oddities_are_asked_for_by_words_that_mean_them_alone() -> None:
    world = TabletopWorld((CameraSpec("front", 8, 8),), restage=with_oddities)
    onlooker, rng = Onlooker(world, ScriptedExpert(world)), np.random.default_rng(0)
    curios = painted = asked = 0
    for seed, family in enumerate([*FAMILIES] * 3, start=550_100):
        world.reset(sample_task(family, np.random.default_rng(seed)), seed=seed)
        onlooker.begin(rng)
        note = onlooker.note(rng, 8)
        odd = [entity for entity in world.scene.entities if is_odd(entity)]
        curios += sum(isinstance(entity.kind, Curio) for entity in odd)
        painted += sum(entity.colour in ODD_COLOURS for entity in odd)
        for row, entity in zip(note.entities, world.scene.entities, strict=True):
            assert (UNNAMED in row[:2].astype(int)) == is_odd(entity)
        assert world.scene.find(world.task.goal.subject if world.task.goal else "") is not None
        for text, question in zip(note.instructions, note.questions, strict=True):
            subject = int(question[1])
            if subject >= 0 and isinstance(kind := world.scene.entities[subject].kind, Curio):
                assert f"the {kind.name}" in text.lower() or text.lower() == kind.name
                asked += 1
    assert curios >= 6 and painted >= 4 and asked >= 10


def test_oddities_stay_away_from_what_is_held_out() -> None:
    assert not set(ODD_NOUNS) & {noun for kind in KINDS for group in nouns_of(kind) for noun in group}
    held_out = np.array([COLOURS[name] for name in HELD_OUT_COLOURS])
    for name, colour in ODD_COLOURS.items():
        assert name not in COLOURS
        assert np.linalg.norm(held_out - colour, axis=1).min() >= APART, name
    rng = np.random.default_rng(1)
    for _ in range(50):
        for part in make_curio("thing", rng).parts:
            assert np.linalg.norm(held_out - part.colour, axis=1).min() >= APART


def test_the_teacher_can_take_a_curio() -> None:
    world = TabletopWorld((CameraSpec("front", 8, 8),), restage=with_oddities)
    expert, done, tried = ScriptedExpert(world), 0, 0
    for seed in range(550_200, 550_230):
        task = sample_task("lift", np.random.default_rng(seed))
        world.reset(task, seed=seed)
        if not isinstance(world.scene[str(task.goal and task.goal.subject)].kind, Curio):
            continue
        tried += 1
        done += run_episode(world, expert, task, seed=seed, execute=1).outcome is Outcome.SUCCESS
    assert tried >= 3
    assert done >= tried - 1


def test_one_of_two_is_told_by_where_it_stands() -> None:
    world = TabletopWorld((CameraSpec("front", 8, 8),), restage=with_oddities)
    onlooker, rng, told = Onlooker(world, ScriptedExpert(world)), np.random.default_rng(0), 0
    axes = {"left": (1, -1), "right": (1, 1), "front": (0, 1), "back": (0, -1)}
    for seed in range(550_300, 550_340):
        world.reset(sample_task("put_in", np.random.default_rng(seed)), seed=seed)
        onlooker.begin(rng)
        for text, question in zip((n := onlooker.note(rng, 10)).instructions, n.questions, strict=True):
            if "two " not in text or int(question[1]) == ABSENT:  # such words were jumbled
                continue
            meant = world.scene.entities[int(question[1])]
            twins = [entity for entity in world.scene.entities if entity.kind.name == meant.kind.name]
            before, after = (
                [word for word in axes if re.search(told_by.format(word), text)]
                for told_by in (r"\b{} one", r"one (on|at) the {}")
            )
            position = (before or after)[0]
            axis, sign = axes[position]
            assert len(twins) == 2
            assert max(twins, key=lambda e: sign * e.pose.position[axis]) is meant, text
            told += 1
    assert told >= 5


def test_plurals() -> None:
    nouns = ("cube", "dish", "box", "brush", "strawberry", "toy car", "die", "tomato", "bread")
    assert [plural(noun) for noun in nouns] == [
        *("cubes", "dishes", "boxes", "brushes", "strawberries", "toy cars", "dice", "tomatoes", "breads")
    ]
