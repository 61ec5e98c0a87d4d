"""What stands where: draws a scene for a task from one random generator, as plain data."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from agent.errors import SpecError, unknown_name
from agent.types import Placement, Task
from sim.geometry import Array, BodySpec, Pose, yaw_of, yaw_quaternion
from sim.nouns import NOUNS
from sim.objects import KINDS, Description, Grasp, Interior, ObjectKind, ReceptacleKind, is_held_out, parse_name
from sim.relations import BESIDE_DIRECTIONS, DIRECTIONS, beside_spot, in_region

TABLE_LOW, TABLE_HIGH = np.array([0.37, -0.25]), np.array([0.66, 0.25])
"""m; centres of entities are drawn from this rectangle of the base frame's x-y plane."""
RECEPTACLE_INSET = np.array([0.0, 0.03])
"""m; receptacles stay this much further inside, so that the front camera sees them whole."""
GAP = 0.035
"""m; free space between the footprints of two entities, room for an open finger; less where a scene is crowded."""
POSITION_MARGIN = 0.07
"""m; least distance along the axis between two things told apart by position ("the left cube")."""
LIDDED_YAW = 0.3
"""rad; an open lid stands at the robot's side, out of the hand's way, when its box is turned no further than this."""
PLACE_TRIES, SCENE_TRIES = 60, 100
DISTRACTOR_RECEPTACLE_SHARE = 0.25
"""Share of distractors that are receptacles; the others are graspable objects."""


@dataclass(frozen=True)
class Entity:
    """One thing on the table: the name goals call it by, what it is, how it looks, and where it starts."""

    name: str
    kind: ObjectKind | ReceptacleKind
    colour: str
    scale: float
    pose: Pose
    joint: float = 0.0
    """Where its joint starts [m | rad]; 0 for things without one."""

    @cached_property
    def body(self) -> BodySpec:
        return self.kind.body(self.colour, self.scale)

    @property
    def graspable(self) -> bool:
        return isinstance(self.kind, ObjectKind)

    @property
    def footprint_radius(self) -> float:
        """m, seen from above, at this entity's scale."""
        return self.kind.footprint_radius(self.scale)

    @property
    def grasp(self) -> Grasp:
        """How to take it from above; raises SpecError for receptacles."""
        if isinstance(self.kind, ReceptacleKind):
            raise SpecError(f"the {self.name} cannot be grasped")
        return self.kind.grasp(self.scale)

    @property
    def interior(self) -> Interior:
        """The opening or surface that holds things; raises SpecError for things that hold nothing."""
        if isinstance(self.kind, ObjectKind):
            raise SpecError(f"the {self.name} is not a receptacle")
        return self.kind.interior(self.scale)


Disc = tuple[Array, float]
"""Centre (x, y) and radius [m] of a circle on the table."""


@dataclass(frozen=True)
class Scene:
    """All entities of a scene; names are unique."""

    entities: tuple[Entity, ...]

    def find(self, name: str) -> Entity | None:
        """Return the entity called `name`, or None (regions and directions are no entities)."""
        return next((entity for entity in self.entities if entity.name == name), None)

    def __getitem__(self, name: str) -> Entity:
        entity = self.find(name)
        if entity is None:
            raise unknown_name("entity in this scene", name, (entity.name for entity in self.entities))
        return entity


def sample_scene(task: Task, rng: np.random.Generator) -> Scene:
    """Draw a scene in which `task` can be done: its entities, distractors, and a free spot for the outcome.

    Raises SpecError when the names are unknown or no layout was found in SCENE_TRIES attempts.
    """
    names = entity_names(task)
    _check_layout(task, names)
    fewest, most = task.distractors
    barred = _said_of_others(task.instruction, names)
    for attempt in range(SCENE_TRIES):
        crowded = attempt / SCENE_TRIES
        drafts = [_draft(name, names, rng) for name in names]
        count = int(rng.integers(fewest, (fewest if crowded > 0.5 else most) + 1))
        drafts += _distractors(names, barred, count, rng)
        placed = _Layout(task, rng, gap=GAP * (1 - 0.6 * crowded)).place_all(drafts)
        if placed is not None:
            return Scene(tuple(placed))
    raise SpecError(f"no room on the table for: {', '.join(names)}")


def entity_names(task: Task) -> list[str]:
    """Return the names of all entities that the task needs, each once, goal first."""
    names = list(task.entities)
    for goal in (*((task.goal,) if task.goal else ()), *task.initial):
        names += [goal.subject]
        if goal.target and goal.relation not in ("push", "move to"):
            names += [goal.target]
    return list(dict.fromkeys(names))


def _check_layout(task: Task, names: list[str]) -> None:
    """Raise SpecError for a placement of something that the scene does not hold."""
    for placement in task.layout:
        if placement.name not in names:
            raise unknown_name("entity to place", placement.name, names)


def discs(entity: Entity) -> list[Disc]:
    """Return circles (x, y), radius [m] that together cover the entity seen from above."""
    here = np.array(entity.pose.position[:2])
    if isinstance(entity.kind, ObjectKind):
        return [(here, entity.footprint_radius)]
    middle, half = (np.array(pair) for pair in entity.kind.footprint(entity.scale))
    if entity.interior.radius is not None and half[0] == half[1]:
        return [(here, float(half[0]))]
    yaw = yaw_of(entity.pose.quaternion)
    turn = np.array([[np.cos(yaw), -np.sin(yaw)], [np.sin(yaw), np.cos(yaw)]])
    long, short = int(np.argmax(half)), float(np.min(half))
    count = int(np.ceil(half[long] / short))
    pitch = half[long] / count
    axis = np.eye(2)[long]
    steps = [(2 * index - count + 1) * pitch for index in range(count)]
    return [(here + turn @ (middle + step * axis), float(np.hypot(pitch, short)) * 0.95) for step in steps]


def _draft(name: str, names: list[str], rng: np.random.Generator) -> Entity:
    """An entity without a place: colour and size drawn where the name leaves them open.

    "the cube" beside "the red cube" is not red.
    """
    taken = {other.colour for other in map(parse_name, names) if other.kind == parse_name(name).kind}
    description = parse_name(name)
    kind = KINDS[description.kind]
    colour = description.colour or _seen_colour(kind, rng, besides=taken)
    return Entity(name, kind, colour, float(rng.uniform(*kind.size_range)), Pose())


def _seen_colour(
    kind: ObjectKind | ReceptacleKind, rng: np.random.Generator, *, besides: Collection[str | None] = ()
) -> str:
    """Draw a colour that training may see on this kind, none of `besides` where there is a choice."""
    seen = [c for c in kind.colours if kind.held_out or not is_held_out(Description(kind.name, c))]
    free = [c for c in seen if c not in besides] or seen
    return free[int(rng.integers(len(free)))]


def _said_of_others(instruction: str, mentioned: list[str]) -> frozenset[str]:
    """Return the kinds whose name is said of a mentioned thing of another kind: "the green block" of a cube."""
    said = set(instruction.lower().split())
    kinds = {parse_name(name).kind for name in mentioned}
    nouns = {noun for kind in kinds for words in NOUNS.get(kind, ()) for noun in words}
    return frozenset(nouns & said & KINDS.keys()) - kinds


def _distractors(mentioned: list[str], barred: Collection[str], count: int, rng: np.random.Generator) -> list[Entity]:
    """Draw entities seen in training, none of a barred kind, that no mentioned name could mean."""
    descriptions = [parse_name(name) for name in mentioned]
    seen = [kind for kind in KINDS.values() if not kind.held_out and kind.name not in barred]
    objects = [kind for kind in seen if isinstance(kind, ObjectKind)]
    receptacles = [kind for kind in seen if isinstance(kind, ReceptacleKind) and not kind.spots]
    drawn: dict[str, Entity] = {}
    while len(drawn) < count:
        pool = receptacles if rng.random() < DISTRACTOR_RECEPTACLE_SHARE else objects
        kind = pool[int(rng.integers(len(pool)))]
        colour = _seen_colour(kind, rng)
        name = f"{colour} {kind.name}" if len(kind.colours) > 1 else kind.name
        meant = any(d.kind == kind.name and (d.position or d.colour in (None, colour)) for d in descriptions)
        if not meant and name not in drawn:
            drawn[name] = Entity(name, kind, colour, float(rng.uniform(*kind.size_range)), Pose())
    return list(drawn.values())


class _Layout:
    """Places entities one after another without overlap, keeping the spots free that the task will need."""

    def __init__(self, task: Task, rng: np.random.Generator, *, gap: float) -> None:
        self._task = task
        self._gap = gap
        self._rng = rng
        self._fixed = {placement.name: placement for placement in task.layout}
        self._placed: dict[str, Entity] = {}
        self._reserved: list[Disc] = []

    def place_all(self, drafts: list[Entity]) -> list[Entity] | None:
        """Return the drafts with poses, in their order, or None when one found no place."""
        holding = ("in", "on", "stack")
        inside_of = {g.subject: g.target for g in self._task.initial if g.relation in holding and g.target}
        loose = [draft for draft in drafts if draft.name not in inside_of]
        first = {name: rank for rank, name in enumerate(entity_names(self._task))}
        # Fixed furniture, then what the task names, then distractors by size: the free spots depend on the first two.
        loose.sort(key=lambda d: (d.name not in self._fixed, not _spots(d), first.get(d.name, 99), -d.footprint_radius))
        for draft in loose:
            placed = self._place(draft)
            if placed is None:
                return None
            self._placed[draft.name] = placed
            self._reserve(placed)
        for draft in drafts:
            if draft.name in inside_of:
                holder = self._placed[inside_of[draft.name]]
                put = self._inside if isinstance(holder.kind, ReceptacleKind) else self._on_top
                self._placed[draft.name] = put(draft, holder)
        return [self._placed[draft.name] for draft in drafts] if self._initial_holds() else None

    def _place(self, draft: Entity) -> Entity | None:
        if draft.name in self._fixed:
            return self._as_told(draft, self._fixed[draft.name])
        return self._at_spot(draft) if _spots(draft) else self._at_random(draft)

    def _as_told(self, draft: Entity, told: Placement) -> Entity | None:
        """Put it where the task's layout says; only what overlaps is refused."""
        pose = Pose((told.x, told.y, draft.kind.rest_height(draft.scale)), yaw_quaternion(told.yaw))
        placed = replace(draft, pose=pose, joint=self._joint(draft))
        others = [disc for entity in self._placed.values() for disc in discs(entity)]
        apart = all(np.hypot(*(xy - at)) >= radius + size for xy, radius in discs(placed) for at, size in others)
        return placed if apart else None

    def _at_spot(self, draft: Entity) -> Entity | None:
        """Put furniture at one of its own spots, its joint as the task needs it."""
        spots = _spots(draft)
        x, y = spots[int(self._rng.integers(len(spots)))]
        placed = replace(draft, pose=Pose((x, y, 0.0)), joint=self._joint(draft))
        return placed if self._is_free(placed) else None

    def _at_random(self, draft: Entity) -> Entity | None:
        """Draw a spot that touches nothing and suits the task."""
        for _ in range(PLACE_TRIES):
            inset = 0.0 if draft.graspable else RECEPTACLE_INSET
            x, y = self._rng.uniform(TABLE_LOW + inset, TABLE_HIGH - inset)
            yaw = float(self._rng.uniform(-1.0, 1.0)) * (LIDDED_YAW if draft.body.links else np.pi)
            pose = Pose((float(x), float(y), draft.kind.rest_height(draft.scale)), yaw_quaternion(yaw))
            placed = replace(draft, pose=pose, joint=self._joint(draft))
            if self._is_free(placed) and self._suits_task(placed):
                return placed
        return None

    def _inside(self, draft: Entity, holder: Entity) -> Entity:
        """Put an object into its container."""
        interior = holder.interior
        yaw = yaw_of(holder.pose.quaternion)
        x, y = interior.entry
        link = holder.body.links[interior.link] if interior.link >= 0 else None
        if link:
            shift = np.array(link.origin.position) + np.array(link.axis) * holder.joint
            x, y = x + float(shift[0]), y + float(shift[1])
        hx, hy, _ = holder.pose.position
        spot = (
            hx + float(np.cos(yaw) * x - np.sin(yaw) * y),
            hy + float(np.sin(yaw) * x + np.cos(yaw) * y),
            interior.floor_z + draft.kind.rest_height(draft.scale) + 0.002,
        )
        turn = float(self._rng.uniform(-np.pi, np.pi))
        if link and isinstance(draft.kind, ObjectKind) and draft.grasp.yaws:
            # Between cabinet and front there is room for the hand only when its fingers close along y.
            turn = np.pi / 2 - draft.grasp.yaws[0] + 0.1 * turn
        return replace(draft, pose=Pose(spot, yaw_quaternion(turn)))

    def _on_top(self, draft: Entity, base: Entity) -> Entity:
        """Put an object onto another one, about over its middle."""
        x, y, z = base.pose.position
        top = z - base.kind.rest_height(base.scale) + base.kind.height(base.scale)
        shift = self._rng.uniform(-0.004, 0.004, 2)
        spot = (x + float(shift[0]), y + float(shift[1]), top + draft.kind.rest_height(draft.scale) + 0.001)
        return replace(draft, pose=Pose(spot, yaw_quaternion(float(self._rng.uniform(-np.pi, np.pi)))))

    def _joint(self, draft: Entity) -> float:
        """Where the entity's joint starts: closed drawers and open lids, unless the task says otherwise."""
        kind, goal = draft.kind, self._task.goal
        if not isinstance(kind, ReceptacleKind) or kind.joint is None:
            return 0.0
        used = goal is not None and draft.name == goal.target and goal.relation in ("in", "take out")
        opened = used or any(g.relation == "open" and g.subject == draft.name for g in self._task.initial)
        link = draft.body.links[0]
        return link.high if opened and kind.opened > kind.closed else link.low

    def _is_free(self, placed: Entity) -> bool:
        others = [disc for entity in self._placed.values() for disc in discs(entity)] + self._reserved
        return all(
            np.hypot(*(xy - spot)) >= radius + size + self._gap for xy, radius in discs(placed) for spot, size in others
        )

    def _reserve(self, placed: Entity) -> None:
        """Keep free what the goal needs beside the entity just placed."""
        goal = self._task.goal
        if goal is None:
            return
        xy = np.array(placed.pose.position[:2])
        if goal.target == placed.name and goal.relation in BESIDE_DIRECTIONS:
            subject = self._placed.get(goal.subject)
            radius = subject.footprint_radius if subject else 0.04
            self._reserved.append((beside_spot(goal.relation, xy, placed.footprint_radius, radius), radius))
        if goal.subject == placed.name and goal.relation == "push" and goal.target:
            direction = DIRECTIONS[goal.target]
            self._reserved += [(xy + direction * reach, placed.footprint_radius) for reach in (-0.06, 0.06, 0.12)]

    def _suits_task(self, placed: Entity) -> bool:
        """Refuse spots from which the task would be impossible or already done."""
        goal, name = self._task.goal, placed.name
        if goal is None or goal.target is None:
            return True
        xy = np.array(placed.pose.position[:2])
        if goal.relation in BESIDE_DIRECTIONS and name == goal.target:
            subject = self._placed.get(goal.subject)
            radius = subject.footprint_radius if subject else 0.04
            spot = beside_spot(goal.relation, xy, placed.footprint_radius, radius)
            others = [disc for entity in self._placed.values() for disc in discs(entity) if entity.name != goal.subject]
            clear = all(np.hypot(*(spot - at)) >= radius + size + self._gap for at, size in others)
            return clear and bool(np.all(spot >= TABLE_LOW - 0.02) and np.all(spot <= TABLE_HIGH + 0.02))
        if goal.relation == "push" and name == goal.subject:
            ends = [xy + DIRECTIONS[goal.target] * reach for reach in (-0.10, 0.12)]
            return all(np.all(end >= TABLE_LOW - 0.08) and np.all(end <= TABLE_HIGH + 0.06) for end in ends)
        if goal.relation == "move to" and name == goal.subject:
            return not in_region(goal.target, xy, margin=-0.04)
        return True

    def _initial_holds(self) -> bool:
        """Check the initial relations of the kind "the left cube is left of the right cube"."""
        for goal in self._task.initial:
            direction = BESIDE_DIRECTIONS.get(goal.relation)
            if direction is not None and goal.target:
                a, b = (np.array(self._placed[n].pose.position[:2]) for n in (goal.subject, goal.target))
                if (a - b) @ direction < POSITION_MARGIN:
                    return False
        return True


def _spots(draft: Entity) -> tuple[tuple[float, float], ...]:
    return draft.kind.spots if isinstance(draft.kind, ReceptacleKind) else ()
