"""Where a goal wants its object put down."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from agent.types import Goal
from sim.geometry import Array, transform, untransform
from sim.goals import inside
from sim.kinds import Interior
from sim.relations import BESIDE_DIRECTIONS, REGIONS, beside_spot
from sim.scene import TABLE_HIGH, TABLE_LOW, Scene
from sim.spots import read_spot
from sim.state import SceneState


@dataclass(frozen=True, eq=False)
class Place:
    """xy: where the object's centre goes [m].  bottom: height of its underside when it is let go [m].

    tolerance: how far off in x-y it may be let go.  drop: how far above `bottom`.  release: False to go on holding it.
    yaw: how the object shall be turned, modulo half a turn [rad]; None leaves it as it is carried.
    """

    xy: Array
    bottom: float
    tolerance: float = 0.015
    drop: float = 0.012
    release: bool = True
    yaw: float | None = None


def place_for(goal: Goal, scene: Scene, state: SceneState, start: SceneState) -> Place:
    """Return where the goal's subject should be let go, as a function of the present state."""
    if goal.relation == "lift":
        begin = start.entities[goal.subject]
        return Place(np.array(begin.pose.position[:2]), float(begin.low[2]) + 0.15, tolerance=0.05, release=False)
    if goal.relation in BESIDE_DIRECTIONS:
        assert goal.target is not None
        target = state.entities[goal.target]
        radii = scene[goal.target].footprint_radius, scene[goal.subject].footprint_radius
        return Place(beside_spot(goal.relation, np.array(target.pose.position[:2]), *radii), 0.004)
    if goal.relation == "stack":
        assert goal.target is not None
        target = state.entities[goal.target]
        return Place(np.array(target.pose.position[:2]), float(target.high[2]) + 0.003, tolerance=0.006, drop=0.008)
    if goal.relation in ("in", "on"):
        assert goal.target is not None
        return _into(scene, state, goal)
    if goal.relation == "at":
        spot = read_spot(str(goal.target))
        return Place(spot.xy, 0.004, tolerance=0.006, yaw=spot.yaw)
    region = goal.target if goal.relation == "move to" else None
    return Place(_free_spot(scene, state, goal.subject, region), 0.004, tolerance=0.02)


def _into(scene: Scene, state: SceneState, goal: Goal) -> Place:
    assert goal.target is not None
    target, interior = state.entities[goal.target], scene[goal.target].interior
    frame = target.interior_pose
    entry = _free_entry(scene, state, goal, interior)
    centre = transform(frame, np.array([*entry, 0.0]))[:2]
    base = frame.position[2]
    if goal.relation == "on":
        return Place(centre, base + interior.floor_z + 0.006)
    # Let go with the underside at the rim: lower, and the fingers would press on the wall.
    return Place(centre, base + interior.rim_z + 0.004, tolerance=0.018)


def _free_entry(scene: Scene, state: SceneState, goal: Goal, interior: Interior) -> tuple[float, float]:
    """Return where a thing goes in (x, y) in the interior's frame [m]: in the middle of an empty receptacle, otherwise
    where it is furthest from what lies there already. A drawer has one mouth."""
    assert goal.target is not None
    target = state.entities[goal.target]
    others = [
        untransform(target.interior_pose, np.asarray(state.entities[entity.name].pose.position))[:2]
        for entity in scene.entities
        if entity.name != goal.subject
        and entity.graspable
        and inside(interior, target, np.asarray(state.entities[entity.name].pose.position))
        and state.entities[entity.name].low[2] < target.pose.position[2] + interior.rim_z
    ]
    if not others or interior.mouth is not None:
        return interior.entry
    extent = np.asarray(interior.half_extents or (interior.radius, interior.radius), dtype=np.float64)
    reach = np.maximum(extent - 0.8 * scene[goal.subject].footprint_radius, 0.25 * extent)
    angles = np.linspace(0.0, 2 * np.pi, 24, endpoint=False)
    ring = np.stack([np.cos(angles), np.sin(angles)], axis=1) * reach
    spots = np.asarray(interior.centre) + np.concatenate([ring, ring / 2])
    room = np.min([np.linalg.norm(spots - other, axis=1) for other in others], axis=0)
    x, y = spots[int(np.argmax(room))]
    return float(x), float(y)


def _free_spot(scene: Scene, state: SceneState, subject: str, region: str | None) -> Array:
    others = [
        (np.array((e.low + e.high)[:2] / 2), scene[name].footprint_radius)
        for name, e in state.entities.items()
        if name != subject
    ]
    return free_spot(scene[subject].footprint_radius, others, region)


def free_spot(radius: float, others: Sequence[tuple[Array, float]], region: str | None) -> Array:
    """Return the x, y on the table (in `region`, when given) with room for a footprint of `radius` [m], nearest to the
    middle. others: centres x, y and footprint radii of what stands there."""
    low, high = TABLE_LOW, TABLE_HIGH
    if region is not None:
        bounds = np.array(REGIONS[region])
        low, high = np.maximum(bounds[:, 0] + 0.02, low - 0.03), np.minimum(bounds[:, 1] - 0.02, high + 0.03)
    grid = np.stack(np.meshgrid(np.linspace(low[0], high[0], 9), np.linspace(low[1], high[1], 13)), axis=-1)
    spots = grid.reshape(-1, 2)
    room = np.full(len(spots), 1.0)
    for centre, other_radius in others:
        room = np.minimum(room, np.linalg.norm(spots - centre, axis=1) - other_radius - radius)
    home = np.array([0.5, 0.0])
    # Room beyond a finger's width is worth nothing more; then nearest to the middle, where the arm reaches best.
    score = np.minimum(room, 0.03) * 100 - np.linalg.norm(spots - home, axis=1)
    return np.asarray(spots[int(np.argmax(score))])
