"""The onlooker names things so that exactly one in the scene is meant, and aims where they are."""

import numpy as np

from agent.types import CameraSpec
from sim.expert import ScriptedExpert
from sim.objects import pair_is_held_out, parse_name
from sim.onlooker import Onlooker, calling_name
from sim.reading import understand
from sim.tasks import sample_task
from sim.world import TabletopWorld


def test_other_requests_fit_the_scene() -> None:
    world = TabletopWorld((CameraSpec("front", 8, 8),))
    onlooker, rng = Onlooker(world, ScriptedExpert(world)), np.random.default_rng(0)
    drawn = 0
    for seed in range(550_000, 550_012):
        world.reset(sample_task("put_in", np.random.default_rng(seed)), seed=seed)
        for _ in range(4):
            seen = onlooker(rng)
            if seen is None:
                continue
            drawn += 1
            goal = understand(seen[0])
            assert goal is not None and goal.target is not None
            subject, target = parse_name(goal.subject), parse_name(goal.target)
            assert not pair_is_held_out(subject, target)
            near = [
                entity
                for entity in world.scene.entities
                if np.hypot(*(seen[1][:2] - entity.pose.position[:2])) < 0.09 and entity.kind.name == subject.kind
            ]
            assert near, seen[0]
    assert drawn > 20


def test_names_mean_one_thing() -> None:
    world = TabletopWorld((CameraSpec("front", 8, 8),))
    rng = np.random.default_rng(1)
    for seed in range(551_000, 551_010):
        world.reset(sample_task("stack", np.random.default_rng(seed)), seed=seed)
        for entity in world.scene.entities:
            called = parse_name(calling_name(entity, world.scene, rng))
            if called.position is None:
                meant = [
                    other
                    for other in world.scene.entities
                    if other.kind.name == called.kind and called.colour in (None, other.colour)
                ]
                assert meant == [entity]
