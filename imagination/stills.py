"""Single pictures from the simulator with everything that is true of them: what each pixel shows, boxes, positions."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agent.types import CameraSpec, FloatArray, ImageArray, Task
from imagination.captions import Thing
from sim.commander import HOME_POSITION
from sim.geometry import Array, yaw_quaternion
from sim.scene import TABLE_HIGH, TABLE_LOW, Scene, discs
from sim.setting import START_HIGH, START_LOW
from sim.tasks import sample_task
from sim.world import TabletopWorld

SIDE = 64
"""Pixels; height and width of all pictures here."""
CAMERA = "front"
BACKGROUND, TABLE, ARM, FIRST_THING = 0, 1, 2, 3
"""What a pixel of `Still.who` says; things count from FIRST_THING."""
MOST_THINGS = 10
HAND = 7
"""Numbers of a state that say where the hand is."""
LEAST_PIXELS = 5
"""A thing of fewer visible pixels counts as hidden."""
FAMILIES = ("put_in", "put_on", "stack", "put_beside")
VIEWS = 6
"""Pictures that are taken of one set of things, each time put elsewhere."""
HELD_SHARE = 0.3
"""Share of the scenes in which something lies in or on something else."""


@dataclass(frozen=True, eq=False)
class Still:
    """rgb: uint8 (SIDE, SIDE, 3).  who: uint8 (SIDE, SIDE), see BACKGROUND and its kin.  things: by index.

    hand: the tool's measured pose and the gripper's opening, (7,) as in `sim.commander.STATE`.
    """

    rgb: ImageArray
    who: NDArray[np.uint8]
    things: tuple[Thing, ...]
    hand: FloatArray


def small_world() -> TabletopWorld:
    """Return a tabletop whose only camera is the front one, SIDE pixels square."""
    return TabletopWorld(cameras=(CameraSpec(CAMERA, SIDE, SIDE),))


def draw_stills(world: TabletopWorld, seed: int) -> Iterator[Still]:
    """Yield pictures of one drawn set of things, put elsewhere for each of them; equal seeds give equal pictures."""
    rng = np.random.default_rng([seed, 21])
    task = sample_task(FAMILIES[int(rng.integers(len(FAMILIES)))], rng)
    held = rng.random() < HELD_SHARE and task.goal is not None and task.goal.relation in ("in", "on")
    if held and task.goal is not None:
        task = Task("still", task.instruction, None, 1, task.entities, (*task.initial, task.goal), task.distractors)
    inside = {goal.subject: str(goal.target) for goal in task.initial if goal.relation in ("in", "on")}
    world.reset(task, seed=seed)
    rest = world.posture()
    for _ in range(VIEWS):
        world.assume(rest if inside else _elsewhere(world, rest, rng))
        move_arm(world, rng)
        yield look(world, inside)


def look(world: TabletopWorld, inside: dict[str, str] | None = None) -> Still:
    """Take a picture of the world as it is. inside: thing -> what it is in or on; None reads it off the contacts."""
    picture = world.render(CAMERA, SIDE, SIDE)
    state, scene = world.state(), world.scene
    order = {entity.name: index for index, entity in enumerate(scene.entities[:MOST_THINGS])}
    who = np.where(picture.bodies < 0, BACKGROUND, TABLE).astype(np.uint8)
    who[picture.bodies == world.arm.body] = ARM
    for body in np.unique(picture.bodies):
        name = world.name_of(int(body))
        if name in order:
            who[picture.bodies == body] = FIRST_THING + order[name]
    if inside is None:
        inside = {name: holder for name in order if (holder := _holder(scene, state.entities[name].supports, name))}
    things = []
    for entity in scene.entities[:MOST_THINGS]:
        x, y, _ = state.entities[entity.name].pose.position
        holder = inside.get(entity.name)
        box = box_of(who == FIRST_THING + order[entity.name])
        things.append(Thing(entity.kind.name, entity.colour, (float(x), float(y)), box, order.get(holder or "")))
    return Still(picture.rgb, who, tuple(things), world.arm.state()[:HAND])


def box_of(mask: NDArray[np.bool_]) -> tuple[float, float, float, float] | None:
    """Return x0 y0 x1 y1 of the mask (H, W) as shares of width and height; None for fewer than LEAST_PIXELS pixels."""
    rows, columns = np.nonzero(mask)
    if len(rows) < LEAST_PIXELS:
        return None
    height, width = mask.shape
    return (
        float(columns.min() / width),
        float(rows.min() / height),
        float((columns.max() + 1) / width),
        float((rows.max() + 1) / height),
    )


def move_arm(world: TabletopWorld, rng: np.random.Generator) -> None:
    """Put the arm somewhere; at the rim of the starting space it cannot take every turn, then it is drawn again."""
    while True:
        x, y, z = rng.uniform(START_LOW, START_HIGH) if rng.random() < 0.6 else HOME_POSITION
        try:
            world.arm.reset((float(x), float(y), float(z)), yaw=float(rng.uniform(-0.5, 0.5)))
            return
        except ValueError:
            continue


def _holder(scene: Scene, supports: frozenset[str], name: str) -> str | None:
    """The receptacle that carries the thing; things do not hold one another."""
    entity = scene[name]
    if not entity.graspable:
        return None
    return next((other for other in sorted(supports) if not scene[other].graspable), None)


def _elsewhere(world: TabletopWorld, rest: Array, rng: np.random.Generator) -> Array:
    """Return a posture with the things that can stand anywhere moved to new places, free of one another."""
    arm = len(rest) - 8 * len(world.scene.entities)
    rows = rest[arm:].reshape(-1, 8).copy()
    entities = world.scene.entities
    stuck = [bool(entity.body.links) for entity in entities]
    taken = [disc for entity, fixed in zip(entities, stuck, strict=True) if fixed for disc in discs(entity)]
    for index, entity in enumerate(entities):
        if stuck[index]:
            continue
        for _ in range(40):
            xy = rng.uniform(TABLE_LOW, TABLE_HIGH)
            if all(np.hypot(*(xy - at)) >= entity.footprint_radius + size + 0.01 for at, size in taken):
                break
        taken.append((xy, entity.footprint_radius))
        rows[index, :2] = xy
        rows[index, 3:7] = yaw_quaternion(float(rng.uniform(-np.pi, np.pi)))
    return np.concatenate([rest[:arm], rows.ravel()])
