"""How an entity can be called so that it is meant and nothing else: by kind, by colour, or by where it stands."""

import numpy as np

from sim.objects import Description
from sim.relations import BESIDE_DIRECTIONS, TOWARDS
from sim.scene import POSITION_MARGIN, Entity, Scene


def descriptions_for(entity: Entity, scene: Scene) -> list[Description]:
    """Return every description that means this entity and no other of the scene as it was built; there may be none."""
    kind = entity.kind
    alike = [other for other in scene.entities if other.kind.name == kind.name and other is not entity]
    same = [other for other in alike if other.colour == entity.colour]
    coloured = len(kind.colours) > 1
    found = []
    if not alike:
        found.append(Description(kind.name))
    if coloured and not same:
        found.append(Description(kind.name, entity.colour))
    if alike:
        found += [Description(kind.name, None, where) for where in _positions(entity, alike)]
    if same and coloured:
        found += [Description(kind.name, entity.colour, where) for where in _positions(entity, same)]
    return found


def _positions(entity: Entity, others: list[Entity]) -> list[str]:
    """Return the sides on which the entity stands clearly beyond all the others."""
    here = np.array(entity.pose.position[:2])
    sides = []
    for word, relation in TOWARDS.items():
        direction = BESIDE_DIRECTIONS[relation]
        lead = min(float((here - np.array(other.pose.position[:2])) @ direction) for other in others)
        if lead >= POSITION_MARGIN:
            sides.append(word)
    return sides
