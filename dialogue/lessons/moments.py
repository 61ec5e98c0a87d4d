"""Moments of episodes in the simulated world with all that is true of them: what perception is taught and judged by."""

from dataclasses import dataclass, replace

import numpy as np

from agent.errors import SpecError
from agent.runtime import run_episode
from agent.types import ActionChunk, CameraSpec, Embodiment, Goal, ImageArray, Observation, Step, Task
from dialogue.questions import Seen
from dialogue.reaching import OVER_RIM, can_take
from dialogue.seeing import Hand
from sim.casting import BASES, STACKABLE
from sim.commander import WORKSPACE_LOW
from sim.expert import ScriptedExpert
from sim.geometry import transform
from sim.goals import REST_SPEED, is_true
from sim.objects import ReceptacleKind
from sim.scene import Scene
from sim.state import SceneState
from sim.tasks import DIRECTIONS, FAMILIES, REGIONS, SIDES, sample_task
from sim.world import Restage, TabletopWorld

BLIND = (CameraSpec("front", 8, 8),)
"""While the arm moves nobody looks; pictures are taken before and after."""
ENDINGS = {"nothing": 0.1, "middle": 0.25, "dropped": 0.15, "end": 0.5}
"""How often a moment is before anything moved, on the way, after the hand opened on the way, and at the very end."""
ON_THE_WAY = (6, 36)
"""Control steps after which the arm stops on the way, fewest and most."""
LET_GO = 8
"""Control steps that opening the hand and drawing it back take."""
LONGEST = 60
"""Control steps of an episode that is watched."""
ASTRAY = 0.25
"""How often the arm does something else than what was asked for."""


LEAST_VISIBLE = 12
"""Pixels; what shows fewer of them cannot be seen by anyone."""


@dataclass(frozen=True, eq=False)
class Moment:
    """before, after: what was seen when the episode began and now.  start, state: what was and is true.
    goal: what was asked for.  done: what the arm was doing, the same or another goal.  visible: names of what the last
    picture shows.  within_reach: names of what the arm's own kinematics take the hand to, as each thing lies."""

    before: Observation
    after: Observation
    scene: Scene
    start: SceneState
    state: SceneState
    goal: Goal
    done: Goal
    visible: frozenset[str]
    within_reach: frozenset[str]

    def holds(self, goal: Goal) -> bool:
        """Say whether `goal` is true, let go of and at rest, as the simulated world's own judge does."""
        subject = self.state.entities[goal.subject]
        rests = goal.relation == "lift" or not (subject.held or subject.speed > REST_SPEED)
        return rests and is_true(goal, self.scene, self.state, start=self.start)

    def things(self) -> tuple[Seen, ...]:
        """Return what can be seen standing there now, in the scene's order."""
        shown = [entity for entity in self.scene.entities if entity.name in self.visible]
        names = [entity.name for entity in shown]
        found = []
        for entity in shown:
            now = self.state.entities[entity.name]
            x, y = (float(value) for value in (now.low + now.high)[:2] / 2)
            within = None if now.held else _within(entity.name, self.scene, self.state)
            row = names.index(within) if within in names else None
            found.append(
                Seen(
                    entity.kind.name,
                    entity.colour,
                    x,
                    y,
                    radius=entity.footprint_radius,
                    within=row,
                    held=now.held,
                    reachable=entity.name in self.within_reach,
                )
            )
        return tuple(found)


@dataclass(frozen=True, eq=False)
class Glimpse:
    """picture: of the first camera, RGB uint8 (H, W, 3).  hand: where the tool is and how far open.  holds: whether
    both fingers touch something."""

    picture: ImageArray
    hand: Hand
    holds: bool


class Moments:
    """Makes moments by seed in one world. Close it after use."""

    def __init__(self, cameras: tuple[CameraSpec, ...], *, restage: Restage | None = None) -> None:
        """restage: changes every scene before it is built."""
        self._cameras, self._world = cameras, TabletopWorld(BLIND, restage=restage)
        self._expert = ScriptedExpert(self._world)

    def make(self, seed: int, *, family: str | None = None) -> Moment:
        """Let the expert act for a while in a scene of `family` (drawn, when None); what is asked for is its goal, what
        is done may be another. Raises SpecError where a scene found no room."""
        rng = np.random.default_rng([seed, 11])
        task = sample_task(family or str(rng.choice(list(FAMILIES))), rng)
        assert task.goal is not None
        self._world.reset(task, seed=seed)
        others = decoys(task.goal, self._world.scene)
        astray = bool(others) and rng.random() < ASTRAY
        done = others[int(rng.integers(len(others)))] if astray else task.goal
        ending = str(rng.choice(list(ENDINGS), p=list(ENDINGS.values())))
        acting = int(rng.integers(*ON_THE_WAY)) if ending in ("middle", "dropped") else task.max_steps
        actor = _Actor(self._world, self._expert, self._cameras, 0 if ending == "nothing" else acting)
        steps = {"nothing": 2, "middle": acting, "dropped": acting + LET_GO, "end": acting}[ending]
        doing = Task("moment", task.instruction, done, steps, scene=task)
        run_episode(self._world, actor, doing, seed=seed, execute=1)
        assert actor.before is not None
        return self._moment(actor.before, actor.photograph(), task.goal, done)

    def still(self, seed: int) -> Moment:
        """Return a moment before anything moved. Raises SpecError where a scene found no room."""
        rng = np.random.default_rng([seed, 13])
        task = sample_task(str(rng.choice(list(FAMILIES))), rng)
        assert task.goal is not None
        self._world.reset(task, seed=seed)
        taken = _Actor(self._world, self._expert, self._cameras, 0).photograph()
        return self._moment(taken, taken, task.goal, task.goal)

    def watch(self, seed: int, every: int) -> list[Glimpse]:
        """Return what is seen while the expert does what was asked for, after each `every` control steps. Raises
        SpecError where a scene found no room."""
        rng = np.random.default_rng([seed, 12])
        task = sample_task(str(rng.choice(list(FAMILIES))), rng)
        self._world.reset(task, seed=seed)
        watcher = _Watcher(self._world, self._cameras[0], every)
        doing = Task("watched", task.instruction, task.goal, LONGEST, scene=task)
        run_episode(self._world, self._expert, doing, seed=seed, execute=1, observers=(watcher,))
        return watcher.seen

    def _moment(self, before: Observation, after: Observation, goal: Goal, done: Goal) -> Moment:
        world = self._world
        truth = (world.scene, world.start_state(), world.state())
        return Moment(before, after, *truth, goal, done, self._visible(), self._within_reach())

    def _within_reach(self) -> frozenset[str]:
        """Names of the things that the hand gets to: to its grasp, or over the middle of what holds things."""
        state, found = self._world.state(), []
        for entity in self._world.scene.entities:
            if entity.graspable:
                pose = self._expert.grasp(entity.name, state)
                x, y, z = (float(value) for value in pose.position)
                yaw = pose.yaw
            else:
                frame, inside = state.entities[entity.name].interior_pose, entity.interior
                x, y, _ = (float(value) for value in transform(frame, np.array([*inside.centre, 0.0])))
                z, yaw = inside.rim_z + OVER_RIM, 0.0
            if can_take((x, y, max(z, float(WORKSPACE_LOW[2]))), yaw):
                found.append(entity.name)
        return frozenset(found)

    def _visible(self) -> frozenset[str]:
        camera = self._cameras[0]
        bodies, counts = np.unique(
            self._world.render(camera.name, camera.height, camera.width).bodies, return_counts=True
        )
        shown = {self._world.name_of(int(body)): int(count) for body, count in zip(bodies, counts, strict=True)}
        return frozenset(name for name, count in shown.items() if name is not None and count >= LEAST_VISIBLE)

    def close(self) -> None:
        self._world.close()


class _Watcher:
    """An observer of episodes that takes a picture after each `every` control steps."""

    def __init__(self, world: TabletopWorld, camera: CameraSpec, every: int) -> None:
        self._world, self._camera, self._every = world, camera, every
        self.seen: list[Glimpse] = []

    def on_step(self, tick: int, before: Observation, step: Step) -> None:
        if tick % self._every:
            return
        state, camera = self._world.state(), self._camera
        picture = self._world.render(camera.name, camera.height, camera.width).rgb
        x, y, z = (float(value) for value in state.tool_position)
        taken = any(entity.held for entity in state.entities.values())
        self.seen.append(Glimpse(picture, Hand((x, y, z), float(state.gripper_opening)), taken))


class _Actor:
    """The expert for so many steps; then the hand opens and is drawn back. Takes a picture before it moves."""

    def __init__(
        self, world: TabletopWorld, expert: ScriptedExpert, cameras: tuple[CameraSpec, ...], steps: int
    ) -> None:
        self._world, self._expert, self._cameras, self._steps = world, expert, cameras, steps
        self._tick = 0
        self.before: Observation | None = None

    @property
    def embodiment(self) -> Embodiment:
        return self._world.embodiment

    def reset(self, *, seed: int) -> None:
        self._tick, self.before = 0, self.photograph()

    def act(self, observation: Observation) -> ActionChunk:
        self._tick += 1
        if self._tick <= self._steps:
            return self._expert.act(observation)
        rise = 0.04 if self._tick > self._steps + 2 else 0.0
        return ActionChunk(np.array([[0.0, 0.0, rise, 0.0, 0.0, 0.0, 1.0]], dtype=np.float32))

    def photograph(self) -> Observation:
        pictures: dict[str, ImageArray] = {
            camera.name: self._world.render(camera.name, camera.height, camera.width).rgb for camera in self._cameras
        }
        return Observation(pictures, self._world.arm.state(), self._world.task.instruction, 0.0)


def decoys(goal: Goal, scene: Scene) -> list[Goal]:
    """Return goals about the same scene that differ from `goal` in one part: subject, target or relation."""
    found = [replace(goal, subject=entity.name) for entity in scene.entities if entity.graspable]
    target = scene.find(goal.target) if goal.target else None
    if target is not None and isinstance(target.kind, ReceptacleKind) and goal.relation in ("in", "on"):
        others = [e for e in scene.entities if isinstance(e.kind, ReceptacleKind) and e.kind.joint is None]
        found += [Goal(e.kind.support, goal.subject, e.name) for e in others if isinstance(e.kind, ReceptacleKind)]
    if goal.relation == "stack":
        bases = [entity for entity in scene.entities if entity.kind.name in BASES]
        found = [found_ for found_ in found if scene[found_.subject].kind.name in STACKABLE]
        found += [replace(goal, target=entity.name) for entity in bases]
    if goal.relation in ("take out", "open", "close"):
        found = []
    sides = {"push": DIRECTIONS, "move to": REGIONS}.get(goal.relation, ())
    found += [replace(goal, target=side) for side in sides]
    if goal.relation in SIDES:
        found += [replace(goal, relation=side) for side in SIDES]
    return [other for other in dict.fromkeys(found) if other != goal and other.subject != other.target]


def _within(name: str, scene: Scene, state: SceneState) -> str | None:
    """The name of what this thing lies in or on, if anything: a vessel before what else lies in it."""
    vessels = [other for other in scene.entities if isinstance(other.kind, ReceptacleKind)]
    for other in (*vessels, *(entity for entity in scene.entities if entity.kind.name in BASES)):
        relation = other.kind.support if isinstance(other.kind, ReceptacleKind) else "stack"
        if other.name != name and is_true(Goal(relation, name, other.name), scene, state, start=state):
            return other.name
    return None


def moments(
    cameras: tuple[CameraSpec, ...], seeds: range, *, families: tuple[str, ...] = tuple(FAMILIES)
) -> "list[Moment]":
    """Return one moment a seed, the families in turn; scenes that found no room are left out."""
    source, made = Moments(cameras), []
    try:
        for seed in seeds:
            try:
                made.append(source.make(seed, family=families[seed % len(families)]))
            except SpecError:
                continue
    finally:
        source.close()
    return made
