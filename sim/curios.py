"""Things that no catalogue has, for training alone: odd shapes under odd nouns, and known kinds in odd colours.

A learner that has only ever met the catalogue takes every new noun for something absent. One that meets, scene after
scene, another thing it does not know under another noun it does not know, learns that the two belong together (fast
mapping by exclusion, Carey and Bartlett 1978). What is held out of training is kept out here, too.
"""

from dataclasses import dataclass, replace

import numpy as np

from agent.types import Task
from sim.curio_words import ODD_COLOURS, ODD_NOUNS
from sim.draws import pick
from sim.geometry import Array, BodySpec, Box, Colour, Cylinder, Mesh, Part, Pose, Quaternion, Shape, Sphere, Vector3
from sim.kinds import Grasp, ObjectKind, scaled_part
from sim.objects import COLOURS, HELD_OUT_COLOURS, OBJECTS, Description, is_held_out, parse_name
from sim.scene import Entity, Scene, entity_names

CURIO_SHARE, PAINT_SHARE, TWIN_SHARE = 0.6, 0.5, 0.4
"""How often a scene holds a curio, a known thing in an odd colour, and two of a kind more than it would have."""
APART = 0.25
"""Colours nearer than this to one that is held out, in the cube of red, green and blue, are left out."""
SMALLEST = 0.8
"""A curio shrinks to the place of what it stands for, but no further than this."""
LYING: Quaternion = (0.0, float(np.sqrt(0.5)), 0.0, float(np.sqrt(0.5)))
"""Turns a cylinder's axis from z to x."""


@dataclass(frozen=True, eq=False)
class Curio(ObjectKind):
    """An object made of simple parts, in one look. parts: in the body's frame at scale 1."""

    parts: tuple[Part, ...] = ()

    def body(self, colour: str, scale: float = 1.0) -> BodySpec:
        parts = tuple(scaled_part(part, scale) for part in self.parts)
        plain = super().body(colour, scale)
        return replace(plain, collision=parts, visual=parts)


def is_odd(entity: Entity) -> bool:
    """Say whether the catalogue lacks this thing, or has it in other colours only."""
    return isinstance(entity.kind, Curio) or entity.colour not in COLOURS


def with_oddities(scene: Scene, task: Task, rng: np.random.Generator) -> Scene:
    """Return the scene with, often, a curio, a thing painted in an odd colour, and two of a kind, in places where other
    objects stood. They take no more room than those, and the entities keep their names, whatever they say.
    """
    entities = list(scene.entities)
    free = [index for index, entity in enumerate(entities) if _is_free(entity, task)]
    if free and rng.random() < CURIO_SHARE:
        index = free.pop(int(rng.integers(len(free))))
        kind: ObjectKind = make_curio(pick(ODD_NOUNS, rng), rng)
        entities[index] = _instead_of(entities[index], kind, next(iter(kind.colours)))
    paintable = [index for index in free if len(entities[index].kind.colours) > 1]
    if paintable and rng.random() < PAINT_SHARE:
        index = pick(paintable, rng)
        free.remove(index)
        entities[index] = _painted(entities[index], pick(list(ODD_COLOURS), rng))
    goal_names = entity_names(task)
    goal_kinds = {parse_name(name).kind for name in goal_names}
    pair = [index for index in free if entities[index].name not in goal_names]
    if len(pair) > 1 and rng.random() < TWIN_SHARE:
        first, second = (int(index) for index in rng.choice(pair, 2, replace=False))
        like = entities[first].kind
        if like.name not in goal_kinds and isinstance(like, ObjectKind):
            colours = [c for c in like.colours if not is_held_out(Description(like.name, c))]
            entities[second] = _instead_of(entities[second], like, pick(colours, rng))
    return Scene(tuple(entities))


_SHAPELESS = ("in", "on", "left of", "right of", "in front of", "behind", "push", "lift", "move to")
"""Relations that ask nothing of a thing's shape."""


def _is_free(entity: Entity, task: Task) -> bool:
    """Whether something else may stand there instead: no part of the furniture, and not told by where it stands."""
    if not entity.graspable or parse_name(entity.name).position is not None:
        return False
    shaped = [*task.initial, *([task.goal] if task.goal and task.goal.relation not in _SHAPELESS else [])]
    return all(entity.name not in (goal.subject, goal.target) for goal in shaped)


def _painted(entity: Entity, colour: str) -> Entity:
    assert isinstance(entity.kind, ObjectKind)
    kind = replace(entity.kind, colours={**entity.kind.colours, colour: ODD_COLOURS[colour]})
    return replace(entity, kind=kind, colour=colour)


def _instead_of(entity: Entity, kind: ObjectKind, colour: str) -> Entity:
    # Its footprint is a circle round all its ends, which seldom meet a neighbour.
    scale = min(1.0, max(SMALLEST, entity.footprint_radius / kind.footprint_radius_at_1))
    x, y, z = entity.pose.position
    below = z - entity.kind.rest_height(entity.scale)
    pose = Pose((x, y, below + kind.rest_height(scale)), entity.pose.quaternion)
    return replace(entity, kind=kind, colour=colour, scale=scale, pose=pose)


def make_curio(noun: str, rng: np.random.Generator) -> Curio:
    """Return a thing that can be taken across its width, with up to two things on it or at its ends."""
    length, width, height = rng.uniform((0.035, 0.022, 0.025), (0.085, 0.045, 0.055))
    length = max(length, width)
    shape = pick(_SHAPES, rng)
    main, round_ = _main_part(shape, length, width, height, _colour(rng))
    half = np.array([width if round_ else length, width, height]) / 2
    accent = _colour(rng)
    parts = [main, *(_extra(half, accent, rng) for _ in range(int(rng.integers(3))))]
    corners = np.concatenate([half[None], *(_reach(part) for part in parts[1:])]) if len(parts) > 1 else half[None]
    top = float(corners[:, 2].max())
    reach = corners[:, :2].max(axis=0)
    low, high = (-float(reach[0]), -float(reach[1]), -float(half[2])), (float(reach[0]), float(reach[1]), top)
    return Curio(
        name=noun,
        category="toy",
        colours={"plain": main.colour},
        accents={},
        mass=0.07,
        size_range=(1.0, 1.0),
        held_out=False,
        low=low,
        high=high,
        footprint_radius_at_1=float(np.hypot(*reach)),
        grasp_at_1=Grasp((0.0, 0.0, 0.0), float(width), None if round_ else (np.pi / 2,)),
        files={},
        hulls=(),
        parts=tuple(parts),
    )


_SHAPES = ("box", "upright", "pod", "ellipsoid")


def _main_part(name: str, length: float, width: float, height: float, paint: Colour) -> tuple[Part, bool]:
    """The part that is taken, `length` x `width` x `height` [m], and whether it is round seen from above."""
    size: Vector3 = (length / 2, width / 2, height / 2)
    if name == "upright":
        return Part(Cylinder(width / 2, height), colour=paint), True
    if name == "box":
        return Part(Box(size), colour=paint), False
    model = OBJECTS["egg" if name == "pod" else "ball"]
    x, y, z = np.array(size) * 2 / (np.array(model.high) - np.array(model.low))
    return Part(Mesh(model.files["body"], (float(x), float(y), float(z))), colour=paint), False


def _extra(half: Array, paint: Colour, rng: np.random.Generator) -> Part:
    """A smaller part on top of the main one, or at one of its ends."""
    size = float(rng.uniform(0.006, 0.014))
    shapes: tuple[Shape, ...] = (Sphere(size), Box((size, size, size)), Cylinder(size, 2 * size))
    shape = pick(shapes, rng)
    side = float(rng.choice((-1.0, 1.0)))
    if rng.random() < 0.5:
        spot = (side * float(rng.uniform(0.0, 0.7)) * half[0], 0.0, half[2])
    else:
        spot = (side * half[0], 0.0, float(rng.uniform(-0.3, 0.5)) * half[2])
    turned = LYING if isinstance(shape, Cylinder) and rng.random() < 0.5 else Pose().quaternion
    return Part(shape, Pose(spot, turned), paint)


def _reach(part: Part) -> Array:
    """How far the part reaches from the body's origin along x, y and upwards: (1, 3) [m]."""
    match part.shape:
        case Sphere(radius) | Cylinder(radius, _):
            size = radius
        case Box(half):
            size = half[0]
        case Mesh():
            size = 0.0
    reach: Array = np.abs(np.array([part.pose.position])) + size
    return reach


def _colour(rng: np.random.Generator) -> Colour:
    held_out = np.array([COLOURS[name] for name in sorted(HELD_OUT_COLOURS)])
    while True:
        colour = rng.uniform(0.03, 0.97, 3)
        if np.linalg.norm(held_out - colour, axis=1).min() >= APART:
            return (float(colour[0]), float(colour[1]), float(colour[2]))
