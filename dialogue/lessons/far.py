"""Scenes in which one thing stands where the arm does not get to, and another at the edge of where it does, both in
view of the front camera."""

from dataclasses import replace

import numpy as np

from agent.types import Task
from dialogue.reaching import can_reach
from sim.camera import FRONT
from sim.geometry import Array, Pose, yaw_quaternion
from sim.scene import TABLE_HIGH, TABLE_LOW, Entity, Scene, discs

STRIPS = (((0.06, 0.30), (-0.45, 0.45)), ((0.68, 0.84), (-0.32, 0.32)), ((0.20, 0.50), (-0.45, 0.45)))
"""(x low, x high), (y low, y high) [m, base frame] about the usual places: towards the robot, towards the camera, and
at both sides."""
BASE = 0.22
"""m; nothing stands nearer to the robot's middle than this."""
SIZE = (160, 160)
"""Of the picture, height and width, in pixels; its shape alone matters."""
MARGIN = 0.05
"""Of the picture's size; middles of things are this far inside it."""
SPACE = 0.02
"""m; between what is moved and all others."""
CERTAIN = 0.025
"""m; all places about a thing, this far away, are within reach when it is, and out of reach when it is not."""
TRIES = 60


def far_scene(scene: Scene, task: Task, rng: np.random.Generator) -> Scene:
    """Return the scene with two things moved, one out of reach and one hardly within; as it was, where there are no two
    that stand alone or no such spots. A restaging for `sim.world`; what `task` asks for may no longer be possible."""
    inside = {goal.subject for goal in task.initial if goal.relation in ("in", "on", "stack")}
    loose = [entity for entity in scene.entities if entity.graspable and entity.name not in inside]
    if len(loose) < 2:
        return scene
    one, two = (loose[int(number)] for number in rng.choice(len(loose), size=2, replace=False))
    for entity, reached in ((one, False), (two, True)):
        moved = _moved(entity, scene, reached, rng)
        if moved is None:
            return scene
        scene = Scene(tuple(moved if other.name == entity.name else other for other in scene.entities))
    return scene


def _moved(entity: Entity, scene: Scene, reached: bool, rng: np.random.Generator) -> Entity | None:
    """The entity at a free spot in view that is clearly within reach, or clearly not; None where none was found."""
    others = [disc for other in scene.entities if other.name != entity.name for disc in discs(other)]
    for _ in range(TRIES):
        (x_low, x_high), (y_low, y_high) = STRIPS[int(rng.integers(len(STRIPS)))]
        spot = np.array([rng.uniform(x_low, x_high), rng.uniform(y_low, y_high)])
        usual = bool(np.all(spot >= TABLE_LOW) and np.all(spot <= TABLE_HIGH))
        free = all(np.hypot(*(spot - at)) >= size + entity.footprint_radius + SPACE for at, size in others)
        if usual or not free or float(np.hypot(*spot)) < BASE or not _in_view(spot):
            continue
        if _clearly(entity, spot, reached):
            pose = Pose((*spot.tolist(), entity.pose.position[2]), yaw_quaternion(float(rng.uniform(-np.pi, np.pi))))
            return replace(entity, pose=pose)
    return None


def _in_view(spot: Array) -> bool:
    place = FRONT.pixel_of(np.array([*spot, 0.0]), SIZE)[:2] / SIZE
    return bool(np.all(place >= MARGIN) and np.all(place <= 1 - MARGIN))


def _clearly(entity: Entity, spot: Array, reached: bool) -> bool:
    about = CERTAIN * np.array([(0, 0), (1, 0), (-1, 0), (0, 1), (0, -1)])
    return all(can_reach(entity.kind, *(spot + step).tolist()) is reached for step in about)
