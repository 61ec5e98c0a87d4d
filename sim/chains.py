"""Chains of five tasks over one set of things and without a reset between, as in CALVIN.

What is where is followed in symbols only, so that every task can be done when those before it succeeded and none is
true already because of them.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from agent.types import Goal, Task
from sim.casting import BASES, STACKABLE, fits, holders
from sim.draws import pick
from sim.objects import HELD_OUT_PAIRS, OBJECTS, RECEPTACLES
from sim.tasks import DIRECTIONS, FAMILIES, FAMILY_OF_RELATION, REGIONS, SIDES, Phrasing, instruct, mirrored

CHAIN_LENGTH = 5
TABLE = "table"
VESSELS = ("bowl", "basket")
SURFACES = ("plate", "towel", "coaster")
"""Receptacles that leave room for three objects."""
SMALL = 0.045
"""m; footprint radius up to which three objects find room beside a drawer that can be opened."""


@dataclass
class _Scene:
    """What is where, as far as the tasks done so far say.

    support: object -> "table" or the thing it is in or on.  drawer_open: None without a drawer.
    lifted: the object in the gripper.  true: goals that hold already.
    """

    objects: tuple[str, ...]
    receptacle: str
    drawer_open: bool | None
    support: dict[str, str]
    lifted: str | None = None
    true: set[Goal] = field(default_factory=set)
    pushed: set[str] = field(default_factory=set)

    def names(self) -> tuple[str, ...]:
        drawer = () if self.drawer_open is None else ("drawer",)
        return (*self.objects, self.receptacle, *drawer)

    def arrangement(self) -> tuple[Goal, ...]:
        """What must hold for the scene to stand as it does now."""
        put = tuple(Goal(_how(place), name, place) for name, place in self.support.items() if place != TABLE)
        return (*put, Goal("open", "drawer")) if self.drawer_open else put

    def goals(self) -> list[Goal]:
        """Everything that can be asked for now."""
        if self.lifted:
            found = list(self._placements(self.lifted))
        else:
            found = [goal for name in self.objects if self._is_within_reach(name) for goal in self._moves(name)]
            if self.drawer_open is not None:
                found.append(Goal("close" if self.drawer_open else "open", "drawer"))
        return [goal for goal in found if goal not in self.true]

    def carry_out(self, goal: Goal) -> None:
        """Make `goal` true and forget what it made untrue."""
        subject = goal.subject
        self.true = {goal_ for goal_ in self.true if subject not in (goal_.subject, goal_.target)}
        self.lifted = subject if goal.relation == "lift" else None
        if goal.relation in ("open", "close"):
            self.drawer_open = goal.relation == "open"
        elif goal.relation in ("in", "on", "stack"):
            self.support[subject] = str(goal.target)
        elif goal.relation != "lift":
            self.support[subject] = TABLE
        if goal.relation == "push":
            self.pushed.add(subject)
        else:
            self.true.add(goal)
        if goal.relation in SIDES and goal.target:
            self.true.add(mirrored(goal))

    def _is_within_reach(self, name: str) -> bool:
        return name not in self.support.values() and (self.support[name] != "drawer" or bool(self.drawer_open))

    def _moves(self, name: str) -> Iterator[Goal]:
        place = self.support[name]
        if place in holders("in"):
            yield Goal("take out", name, place)
            return
        yield Goal("lift", name)
        yield from self._placements(name)
        if place == TABLE and name not in self.pushed:
            yield from (Goal("push", name, direction) for direction in DIRECTIONS)

    def _placements(self, name: str) -> Iterator[Goal]:
        for receptacle in (self.receptacle, "drawer"):
            closed = receptacle == "drawer" and not self.drawer_open
            taken = receptacle in self.support.values()
            if not closed and not taken and fits(name, receptacle) and (name, receptacle) not in HELD_OUT_PAIRS:
                yield Goal(_how(receptacle), name, receptacle)
        for other in self.objects:
            clear = other != name and self.support[other] == TABLE and other not in self.support.values()
            if clear and name in STACKABLE and other in BASES:
                yield Goal("stack", name, other)
            if clear:
                yield from (Goal(side, name, other) for side in SIDES)
        yield from (Goal("move to", name, region) for region in REGIONS)


def sample_chain(rng: np.random.Generator, *, phrasing: Phrasing = "seen") -> tuple[Task, ...]:
    """Draw five tasks over the same things; each can be done when those before it succeeded.

    The first task's `initial` says how the scene starts; the others start from where the last one ended, so theirs is
    empty. Nothing stands on the table but what the tasks name among them. A lifted thing is put down by the next task.
    """
    while True:
        scene = _sample_scene(rng)
        initial = scene.arrangement()
        goals = _sample_goals(scene, rng)
        if len(goals) == CHAIN_LENGTH:
            break
    return tuple(
        _task(scene, goal, instruct(goal, rng, phrasing), initial if index == 0 else ())
        for index, goal in enumerate(goals)
    )


def sample_moment(rng: np.random.Generator, *, phrasing: Phrasing = "seen") -> Task:
    """Draw a task in the midst of a chain, the scene as the tasks before it left it: things in vessels and on one
    another, drawers open."""
    while True:
        scene = _sample_scene(rng)
        for goal in _sample_goals(replace(scene, support=dict(scene.support), true=set(scene.true)), rng)[
            : int(rng.integers(CHAIN_LENGTH))
        ]:
            scene.carry_out(goal)
        possible = [goal for goal in scene.goals() if not scene.lifted]
        if possible:
            break
    goal = _draw_goal(possible, (), rng)
    task = _task(scene, goal, instruct(goal, rng, phrasing), scene.arrangement())
    return replace(task, distractors=(0, 1))


def _task(scene: _Scene, goal: Goal, instruction: str, initial: tuple[Goal, ...]) -> Task:
    family = FAMILY_OF_RELATION[goal.relation]
    return Task(
        name=family,
        instruction=instruction,
        goal=goal,
        max_steps=FAMILIES[family],
        entities=tuple(name for name in scene.names() if name not in (goal.subject, goal.target)),
        initial=initial,
        distractors=(0, 0),
    )


def _how(place: str) -> str:
    """How a thing is put to this place."""
    return RECEPTACLES[place].support if place in RECEPTACLES else "stack"


def _sample_scene(rng: np.random.Generator) -> _Scene:
    """Three objects, of which two can often be stacked, one receptacle, and in half of the scenes a drawer."""
    with_drawer = rng.random() < 0.5
    widest = SMALL if with_drawer else 1.0
    seen = [name for name, kind in OBJECTS.items() if not kind.held_out and kind.footprint_radius() <= widest]
    chosen = [str(name) for name in rng.choice(seen, size=3, replace=False)]
    if rng.random() < 0.5:
        toys = [str(name) for name in rng.choice(BASES, size=2, replace=False)]
        chosen = [*toys, next(name for name in chosen if name not in toys)]
    receptacle = str(rng.choice(["bowl", "coaster"] if with_drawer else [*VESSELS, *SURFACES]))
    support = dict.fromkeys(chosen, TABLE)
    inside = chosen[2]
    allowed = receptacle in VESSELS and fits(inside, receptacle) and (inside, receptacle) not in HELD_OUT_PAIRS
    true = set[Goal]()
    if allowed and rng.random() < 0.4:
        support[inside] = receptacle
        true.add(Goal("in", inside, receptacle))
    drawer_open = bool(rng.random() < 0.3) if with_drawer else None
    return _Scene(tuple(chosen), receptacle, drawer_open, support, true=true)


def _sample_goals(scene: _Scene, rng: np.random.Generator) -> list[Goal]:
    """Draw the goals one after another: first a family that was not asked for yet, then one of its goals."""
    goals: list[Goal] = []
    for _ in range(CHAIN_LENGTH):
        used = [FAMILY_OF_RELATION[goal.relation] for goal in goals]
        possible = [goal for goal in scene.goals() if used.count(FAMILY_OF_RELATION[goal.relation]) < 2]
        last = len(goals) == CHAIN_LENGTH - 1
        possible = [goal for goal in possible if not (last and goal.relation == "lift")] or possible
        if not possible:
            break
        goal = _draw_goal(possible, used, rng)
        scene.carry_out(goal)
        goals.append(goal)
    return goals


def _draw_goal(possible: Sequence[Goal], used: Sequence[str], rng: np.random.Generator) -> Goal:
    """Draw a family, if it can be one that is not among those used, then one of its goals."""
    families = list(dict.fromkeys(FAMILY_OF_RELATION[goal.relation] for goal in possible))
    family = pick([family for family in families if family not in used] or families, rng)
    return pick([goal for goal in possible if FAMILY_OF_RELATION[goal.relation] == family], rng)
