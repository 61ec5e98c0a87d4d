"""The onlooker names things so that exactly one in the scene is meant, and knows what every question means."""

import numpy as np

from agent.notes import ABSENT, NONE, RELATIONS
from agent.types import CameraSpec
from sim.expert import ScriptedExpert
from sim.naming import names_for
from sim.objects import KINDS, pair_is_held_out, parse_name
from sim.onlooker import Onlooker
from sim.reading import understand
from sim.tasks import FAMILIES, sample_task
from sim.world import TabletopWorld


def test_questions_mean_what_they_say() -> None:
    world = TabletopWorld((CameraSpec("front", 8, 8),))
    onlooker, rng = Onlooker(world, ScriptedExpert(world)), np.random.default_rng(0)
    kinds, absent, relations = list(KINDS), 0, set()
    for seed, family in enumerate([*FAMILIES] * 2, start=550_000):
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
            assert kinds[int(note.entities[subject][0])] == called.kind, text
            if target >= 0:
                assert kinds[int(note.entities[target][0])] == parse_name(str(goal.target)).kind, text
                assert not pair_is_held_out(called, parse_name(str(goal.target))) or relation not in ("in", "on")
            assert target in (ABSENT, NONE) or np.isfinite(question[3:]).all()
    assert absent >= 10
    assert len(relations) >= 10


def test_names_mean_one_thing() -> None:
    world = TabletopWorld((CameraSpec("front", 8, 8),))
    several = 0
    for seed in range(551_000, 551_010):
        world.reset(sample_task("stack", np.random.default_rng(seed)), seed=seed)
        for entity in world.scene.entities:
            for name in names_for(entity, world.scene):
                called = parse_name(name)
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
                    assert lead is entity, name
    assert several > 5
