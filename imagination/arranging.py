"""From a read request to a sequence of pick-and-place goals, by way of the layout diffuser."""

from collections.abc import Sequence

import numpy as np

from agent.errors import SpecError
from agent.types import Goal, Task
from imagination.arranger import best_of, propose
from imagination.asking import STEP_LIMIT, Request
from imagination.layout_cases import scattered
from imagination.patterns import Item, holds, is_clear, item_of
from sim.geometry import Array, yaw_of
from sim.scene import Scene
from sim.spots import SPOT_TOLERANCE, Spot, half_turn
from sim.state import SceneState

DRAWS, ROUNDS = 32, 4
FINGER = 0.012
"""m; air that a thing put down needs on every side."""


def items_in(scene: Scene, state: SceneState, request: Request) -> tuple[tuple[Item, ...], Array]:
    """Return the things of the scene and where they are now (n, 3); those not asked for are fixed."""
    items, poses = [], []
    for entity in scene.entities:
        meant = entity.graspable and request.kind in (None, entity.kind.name)
        items.append(item_of(entity.name, entity.kind.name, entity.colour, entity.scale, fixed=not meant))
        pose = state.entities[entity.name].pose
        poses.append([*pose.position[:2], yaw_of(pose.quaternion)])
    return tuple(items), np.array(poses)


def arrangement(request: Request, items: Sequence[Item], start: Array, *, seed: int) -> Array:
    """Return a layout (n, 3) that holds by geometry, drawn by the diffuser; raise SpecError when it finds none."""
    for number in range(ROUNDS):
        layouts = propose(request.text, items, start, seed=seed * ROUNDS + number, draws=DRAWS)
        layout = best_of(request.pattern, items, start, layouts)
        if layout is not None:
            return layout
    raise SpecError(f"found no free arrangement for '{request.text}' in {ROUNDS * DRAWS} draws; try another --seed")


def moves(items: Sequence[Item], start: Array, layout: Array, *, seed: int = 0) -> list[tuple[int, Array]]:
    """Return (item, pose) after pose, so that every spot is free when a thing is put there.

    Where things stand in one another's place, one of them is first put aside.
    """
    now, rng = start.copy(), np.random.default_rng([seed, 5])
    pending = [
        index for index, item in enumerate(items) if not item.fixed and not _there(item, now[index], layout[index])
    ]
    done: list[tuple[int, Array]] = []
    while pending:
        ready = [index for index in pending if _fits(items, now, index, layout[index])]
        if ready:
            index = min(ready, key=lambda one: float(np.linalg.norm(now[one, :2] - layout[one, :2])))
            target = layout[index]
            pending.remove(index)
        else:
            index = pending[0]
            target = _aside(items, now, layout, index, rng)
        now[index] = target
        done.append((index, target))
        if len(done) > 4 * len(items):
            raise SpecError("the things stand so close that no order of moves was found; try another --seed")
    return done


def tasks_for(request: Request, scene: Task, items: Sequence[Item], steps: Sequence[tuple[int, Array]]) -> list[Task]:
    """Return one task a move, over the scene of `scene`."""
    tasks = []
    for index, pose in steps:
        item = items[index]
        goal = Goal("at", item.name, Spot(pose[:2], float(pose[2]) if _long(item) else None).target)
        tasks.append(Task("arrange", f"{request.text}: the {item.name}", goal, STEP_LIMIT, scene=scene))
    return tasks


def verdict(request: Request, items: Sequence[Item], layout: Array) -> str | None:
    """Return why the layout is not what was asked for, None when it is."""
    if not holds(request.pattern, items, layout):
        return f"the things do not stand as asked: {request.text}"
    return None if is_clear(items, layout, margin=0.0) else "two things touch"


def _there(item: Item, now: Array, wanted: Array) -> bool:
    near = float(np.hypot(*(now - wanted)[:2])) < SPOT_TOLERANCE * 0.6
    return near and (not _long(item) or abs(half_turn(now[2] - wanted[2])) < 0.3)


def _long(item: Item) -> bool:
    return max(item.half) > 1.5 * min(item.half)


def _fits(items: Sequence[Item], now: Array, index: int, pose: Array) -> bool:
    moved = now.copy()
    moved[index] = pose
    order = [index, *(other for other in range(len(items)) if other != index)]
    return all(is_clear([items[index], items[other]], moved[[index, other]], margin=FINGER) for other in order[1:])


def _aside(items: Sequence[Item], now: Array, layout: Array, index: int, rng: np.random.Generator) -> Array:
    """A spot for one thing that is free now and that nothing else will need."""
    rest = [other for other in range(len(items)) if other != index]
    crowd = [items[index], *(items[other] for other in rest), *(items[other] for other in rest)]
    for _ in range(400):
        drawn = scattered([items[index]], rng)
        if drawn is None:
            continue
        poses = np.concatenate([drawn, now[rest], layout[rest]])
        if all(is_clear([crowd[0], crowd[k]], poses[[0, k]], margin=FINGER) for k in range(1, len(crowd))):
            return np.asarray(drawn[0])
    raise SpecError("there is no free spot on the table to put something aside; try another --seed")
