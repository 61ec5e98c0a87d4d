"""Says what else could be asked in a scene, and where the expert would aim for it."""

import numpy as np

from agent.types import FloatArray, Goal
from sim.expert import ScriptedExpert
from sim.grammar import phrase
from sim.objects import Description, ReceptacleKind, pair_is_held_out, parse_name
from sim.scene import Entity, Scene
from sim.world import TabletopWorld

PLAIN_NAME_SHARE = 0.6
"""How often a thing that is the only one of its kind is called by its kind alone, without its colour."""


class Onlooker:
    """Draws (instruction, aims (6,)): any object of the scene into or onto any of its receptacles."""

    def __init__(self, world: TabletopWorld, expert: ScriptedExpert) -> None:
        self._world, self._expert = world, expert

    def __call__(self, rng: np.random.Generator) -> tuple[str, FloatArray] | None:
        """Return None when the scene holds no such pair, or the one drawn is never shown in training."""
        scene = self._world.scene
        movable = [entity for entity in scene.entities if entity.graspable]
        holders = [entity for entity in scene.entities if not entity.graspable]
        if not movable or not holders:
            return None
        subject = movable[int(rng.integers(len(movable)))]
        target = holders[int(rng.integers(len(holders)))]
        assert isinstance(target.kind, ReceptacleKind)
        called = Goal(target.kind.support, calling_name(subject, scene, rng), calling_name(target, scene, rng))
        if pair_is_held_out(parse_name(called.subject), parse_name(str(called.target))):
            return None
        aims = self._expert.aims_for(Goal(target.kind.support, subject.name, target.name))
        return phrase(called, rng, split="seen"), aims


def calling_name(entity: Entity, scene: Scene, rng: np.random.Generator) -> str:
    """Return a name that means this entity and no other in the scene: with its position, its colour, or neither."""
    if parse_name(entity.name).position:
        return entity.name
    alone = sum(other.kind is entity.kind for other in scene.entities) == 1
    if len(entity.kind.colours) == 1 or (alone and rng.random() < PLAIN_NAME_SHARE):
        return entity.kind.name
    return Description(entity.kind.name, entity.colour).name
