"""Judges goals: each relation is one function from the scene's state to true or false."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from agent.types import Goal, Status
from sim.geometry import Array, untransform, yaw_of
from sim.objects import Interior, ReceptacleKind
from sim.relations import BESIDE_DIRECTIONS, DIRECTIONS, in_region
from sim.scene import Entity, Scene
from sim.spots import read_spot
from sim.state import EntityState, SceneState

REST_SPEED = 0.02
"""m/s; slower than this is at rest."""
HOLD_TICKS = 3
"""A goal counts once it has been satisfied for this many ticks running."""
MOVED = 0.03
"""m; another object that moved further than this was the wrong object."""
BESIDE = (0.04, 0.24)
"""m; nearest and furthest distance between centres for left of, right of, in front of, behind."""
PUSH_DISTANCE = 0.07
PUSH_HEIGHT = 0.04
"""m; an object pushed this far along the direction, and never raised this far, was pushed."""
LIFT_HEIGHT = 0.08


@dataclass(frozen=True, eq=False)
class _Case:
    """What a relation's judge sees. target: None where the goal names a direction, a region or nothing."""

    subject: EntityState
    subject_entity: Entity
    subject_start: EntityState
    subject_peak: float
    target: EntityState | None
    target_entity: Entity | None
    target_name: str


class GoalJudge:
    """Follows one goal from the state it started in. Call `update` once a tick."""

    def __init__(self, goal: Goal, scene: Scene, start: SceneState) -> None:
        self._goal = goal
        self._scene = scene
        self._start = start
        self._peak = float(start.entities[goal.subject].pose.position[2])
        self._held_for = 0
        self._status = Status()

    def update(self, state: SceneState) -> Status:
        """Return how the goal stands now; reached, grasped and lifted stay true once they were."""
        goal, before = self._goal, self._status
        subject, start = state.entities[goal.subject], self._start.entities[goal.subject]
        height = float(subject.pose.position[2])
        self._peak = max(self._peak, height)
        satisfied = is_true(goal, self._scene, state, start=self._start, peak=self._peak) and (
            goal.relation == "lift" or (not subject.touched and subject.speed < REST_SPEED)
        )
        self._held_for = self._held_for + 1 if satisfied else 0
        grasped = before.grasped or subject.held
        self._status = Status(
            satisfied=bool(satisfied),
            held=self._held_for >= HOLD_TICKS,
            reached=before.reached or subject.touched,
            grasped=grasped,
            lifted=before.lifted or bool(subject.held and height - start.pose.position[2] > MOVED),
            wrong_object=before.wrong_object or self._wrong_object(state),
        )
        return self._status

    def _wrong_object(self, state: SceneState) -> str | None:
        """Name an object, neither subject nor riding with it, that is no longer where it stood."""
        goal = self._goal
        allowed = {goal.subject, goal.target}
        for entity in self._scene.entities:
            if entity.name in allowed or isinstance(entity.kind, ReceptacleKind):
                continue
            now, start = state.entities[entity.name], self._start.entities[entity.name]
            if allowed & (start.supports | now.supports):
                continue
            if _distance(now, start) > MOVED:
                return entity.name
        return None


def is_true(goal: Goal, scene: Scene, state: SceneState, *, start: SceneState, peak: float = 0.0) -> bool:
    """Say whether the relation holds in `state`, apart from release and rest. peak: highest z of the subject so far."""
    target_entity = scene.find(goal.target) if goal.target else None
    case = _Case(
        subject=state.entities[goal.subject],
        subject_entity=scene[goal.subject],
        subject_start=start.entities[goal.subject],
        subject_peak=peak,
        target=state.entities[target_entity.name] if target_entity else None,
        target_entity=target_entity,
        target_name=goal.target or "",
    )
    return bool(RELATIONS[goal.relation](case))


def inside(interior: Interior, receptacle: EntityState, point: Array) -> bool:
    """Say whether `point` (x, y, ...) is within the opening, seen from above."""
    frame = receptacle.interior_pose
    x, y, _ = untransform(frame, np.array([point[0], point[1], frame.position[2]]))
    offset = np.array([x, y]) - interior.centre
    if interior.radius is not None:
        return bool(np.hypot(*offset) <= interior.radius)
    return bool(np.all(np.abs(offset) <= np.asarray(interior.half_extents)))


def _in(case: _Case) -> bool:
    if case.target is None or case.target_entity is None:
        return False
    interior = case.target_entity.interior
    below_rim = case.subject.low[2] < case.target.pose.position[2] + interior.rim_z
    return below_rim and inside(interior, case.target, np.asarray(case.subject.pose.position))


def _on(case: _Case) -> bool:
    if case.target is None or case.target_entity is None:
        return False
    over = inside(case.target_entity.interior, case.target, np.asarray(case.subject.pose.position))
    return over and case.target_name in case.subject.supports


def _stack(case: _Case) -> bool:
    if case.target is None:
        return False
    offset = np.asarray(case.subject.pose.position[:2]) - np.asarray(case.target.pose.position[:2])
    half_width = float(np.min(case.target.high[:2] - case.target.low[:2])) / 2
    rests_on_top = case.subject.low[2] > case.target.high[2] - 0.01
    return bool(np.hypot(*offset) < half_width and rests_on_top and case.target_name in case.subject.supports)


def _beside(direction: Array) -> Callable[[_Case], bool]:
    def judge(case: _Case) -> bool:
        if case.target is None or case.subject.low[2] > 0.02:
            return False
        offset = np.asarray(case.subject.pose.position[:2]) - np.asarray(case.target.pose.position[:2])
        along = float(offset @ direction)
        across = float(np.linalg.norm(offset - along * direction))
        return BESIDE[0] <= along <= BESIDE[1] and across <= along and case.target_name not in case.subject.supports

    return judge


def _push(case: _Case) -> bool:
    direction = DIRECTIONS[case.target_name]
    moved = np.asarray(case.subject.pose.position) - np.asarray(case.subject_start.pose.position)
    along = float(moved[:2] @ direction)
    across = float(np.linalg.norm(moved[:2] - along * direction))
    never_lifted = case.subject_peak - case.subject_start.pose.position[2] < PUSH_HEIGHT
    return along >= PUSH_DISTANCE and across <= 0.6 * along and never_lifted


def _lift(case: _Case) -> bool:
    return case.subject.held and case.subject.low[2] - case.subject_start.low[2] >= LIFT_HEIGHT


def _take_out(case: _Case) -> bool:
    if case.target is None or case.target_entity is None:
        return False
    point = np.asarray(case.subject.pose.position)
    still_in = inside(case.target_entity.interior, case.target, point)
    return not still_in and case.target_name not in case.subject.supports and case.subject.low[2] < 0.02


def _move_to(case: _Case) -> bool:
    on_table = case.subject.low[2] < 0.02
    return on_table and in_region(case.target_name, np.asarray(case.subject.pose.position[:2]))


def _at(case: _Case) -> bool:
    pose = case.subject.pose
    on_table = case.subject.low[2] < 0.02
    return on_table and read_spot(case.target_name).holds(np.asarray(pose.position[:2]), yaw_of(pose.quaternion))


def _open(case: _Case) -> bool:
    kind, joint = case.subject_entity.kind, case.subject.joint
    if not isinstance(kind, ReceptacleKind) or kind.joint is None:
        return False
    return joint >= kind.opened if kind.opened > kind.closed else joint <= kind.opened


def _close(case: _Case) -> bool:
    kind, joint = case.subject_entity.kind, case.subject.joint
    if not isinstance(kind, ReceptacleKind) or kind.joint is None:
        return False
    return joint <= kind.closed if kind.opened > kind.closed else joint >= kind.closed


RELATIONS: dict[str, Callable[[_Case], bool]] = {
    "in": _in,
    "on": _on,
    "stack": _stack,
    **{name: _beside(direction) for name, direction in BESIDE_DIRECTIONS.items()},
    "push": _push,
    "lift": _lift,
    "open": _open,
    "close": _close,
    "take out": _take_out,
    "move to": _move_to,
    "at": _at,
}


def _distance(now: EntityState, start: EntityState) -> float:
    return float(np.linalg.norm(np.asarray(now.pose.position) - np.asarray(start.pose.position)))
