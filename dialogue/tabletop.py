"""The simulated table-top as the executor sees it: a view from the true state, its goals as tasks, its own judge, and
a twin to rehearse in. Perception will fill in the same view; only this module looks into the simulator."""

from dataclasses import replace

import numpy as np

from agent.ports import ContinuingWorld, Policy
from agent.safety.body import HELD
from agent.safety.zones import Zone
from agent.types import CameraSpec, Goal, Observation, Task
from dialogue.deeds import Trail
from dialogue.hazards import HazardWatch
from dialogue.notes import Notes
from dialogue.plan import Plan
from dialogue.ports import Body, Judgement
from dialogue.problem import Problem
from dialogue.view import Item, SceneView
from sim.casting import BASES, DRAWER_ROOM, STACKABLE
from sim.expert import ScriptedExpert
from sim.geometry import transform
from sim.goals import REST_SPEED, is_true
from sim.grammar import canonical, nouns_of
from sim.objects import ObjectKind, ReceptacleKind
from sim.scene import Entity
from sim.state import SceneState
from sim.tasks import FAMILIES, FAMILY_OF_RELATION
from sim.world import TabletopWorld

FRAGILE_KINDS = frozenset({"egg", "cup", "mug", "bottle"})
TINY = (CameraSpec("front", 8, 8),)
"""A rehearsal draws no pictures that anyone looks at."""
__all__ = ["FRAGILE_KINDS", "TabletopJudge", "TabletopRehearsal", "tabletop_body", "task_for", "view_of"]


def view_of(world: TabletopWorld, zones: tuple[Zone, ...] = ()) -> SceneView:
    """Return what stands where in `world` now, and the zones that what is carried may not enter."""
    state = world.state()
    kept = tuple(zone for zone in zones if HELD not in zone.spares)
    return SceneView(tuple(_item(world, entity, state) for entity in world.scene.entities), kept)


def task_for(goal: Goal) -> Task:
    """Return the task that asks a policy for `goal` in plain words. Raises SpecError for an unknown relation."""
    family = FAMILY_OF_RELATION[goal.relation]
    return Task(family, canonical(goal), goal, FAMILIES[family])


class TabletopJudge:
    """A SuccessJudge that looks at the true state instead of the pictures."""

    def __init__(self, world: TabletopWorld) -> None:
        self._world = world

    def judge(self, task: Task, before: Observation, after: Observation) -> Judgement:
        goal = task.goal
        if goal is None:
            return Judgement(True, "nothing was to be made true")
        state = self._world.state()
        subject = state.entities[goal.subject]
        if not is_true(goal, self._world.scene, state, start=self._world.start_state()):
            return Judgement(False, f"the {goal.subject} is not where it should be")
        if goal.relation != "lift" and (subject.held or subject.speed > REST_SPEED):
            return Judgement(False, f"the {goal.subject} has not come to rest")
        return Judgement(True, f"the {goal.subject} is where it should be")


def tabletop_body(
    world: TabletopWorld,
    policy: Policy,
    *,
    execute: int = 1,
    guarded: ContinuingWorld | None = None,
    zones: tuple[Zone, ...] = (),
    seed: int = 0,
) -> Body:
    """Return the executor's body for a world that was reset. guarded: the same world behind its safety filter."""
    return Body(
        world=guarded or world,
        policy=policy,
        execute=execute,
        eyes=lambda: view_of(world, zones),
        judge=TabletopJudge(world),
        task_for=task_for,
        seed=seed,
    )


class TabletopRehearsal:
    """Rehearses in a twin of the world: the expert tries the plan; a watch looks for harm by geometry and motion."""

    def __init__(self, world: TabletopWorld, zones: tuple[Zone, ...] = ()) -> None:
        self._world, self._zones = world, zones

    def rehearse(self, plan: Plan, notes: Notes, trail: Trail) -> Problem | None:
        # The executor rehearses with an executor; importing it here keeps the two from needing each other at import.
        from dialogue.executor import Executor, FixedNotes

        twin = self._world.twin(TINY)
        try:
            body = tabletop_body(twin, ScriptedExpert(twin), zones=self._zones)
            watch = HazardWatch(body.eyes, lambda: speeds_of(twin))
            report = Executor(body, book=FixedNotes(notes), trail=trail.copy(), observers=(watch,)).run(plan)
        finally:
            twin.close()
        if watch.problem is not None:
            return watch.problem
        return report.problem


def speeds_of(world: TabletopWorld) -> dict[str, float]:
    """Return how fast each thing moves [m/s]."""
    return {name: entity.speed for name, entity in world.state().entities.items()}


def _item(world: TabletopWorld, entity: Entity, state: SceneState) -> Item:
    kind, now = entity.kind, state.entities[entity.name]
    seen, held_out = nouns_of(kind.name)
    nouns = tuple(dict.fromkeys((kind.name, *seen, *held_out)))
    common = Item(
        name=entity.name,
        nouns=nouns,
        x=float(now.pose.position[0]),
        y=float(now.pose.position[1]),
        radius=entity.footprint_radius,
        bottom=float(now.low[2]),
        top=float(now.high[2]),
        colour=entity.colour,
        categories=(kind.category,),
    )
    if isinstance(kind, ReceptacleKind):
        return _receptacle(common, entity, kind, world, state)
    return _object(common, kind, world, state)


def _object(item: Item, kind: ObjectKind, world: TabletopWorld, state: SceneState) -> Item:
    now = state.entities[item.name]
    within, below = (None, None) if now.held else _supports(item.name, world, state)
    return replace(
        item,
        fragile=kind.name in FRAGILE_KINDS,
        flat=kind.name in BASES,
        steady=kind.name in STACKABLE,
        held=now.held,
        support=within or below,
        rests_on=below if within else None,
    )


def _receptacle(item: Item, entity: Entity, kind: ReceptacleKind, world: TabletopWorld, state: SceneState) -> Item:
    now, interior = state.entities[item.name], entity.interior
    x, y, _ = transform(now.interior_pose, np.array([*interior.entry, 0.0]))
    openable = kind.handle is not None
    room = interior.radius or max(interior.half_extents or (0.0,))
    return replace(
        item,
        x=float(x),
        y=float(y),
        movable=False,
        holds="in" if kind.support == "in" else "on",
        depth=interior.rim_z - interior.floor_z,
        room=DRAWER_ROOM if openable else room,
        openable=openable,
        open=not openable or is_true(Goal("open", item.name), world.scene, state, start=state),
    )


def _supports(name: str, world: TabletopWorld, state: SceneState) -> tuple[str | None, str | None]:
    """The receptacle that this thing is in or on, and the object that it rests on."""
    within = below = None
    for other in world.scene.entities:
        if other.name == name:
            continue
        vessel = isinstance(other.kind, ReceptacleKind)
        relation = other.kind.support if isinstance(other.kind, ReceptacleKind) else "stack"
        if is_true(Goal(relation, name, other.name), world.scene, state, start=state):
            within, below = (other.name, below) if vessel else (within, other.name)
    return within, below
