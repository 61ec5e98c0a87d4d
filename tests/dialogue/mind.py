"""A table that exists in symbols only: a ContinuingWorld whose tasks succeed after a few steps, or fail as told."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from agent.doubles import POINT_ACTION
from agent.types import (
    ActionChunk,
    CameraSpec,
    Control,
    Embodiment,
    FloatArray,
    Goal,
    Observation,
    Status,
    Step,
    Task,
    VectorSpec,
)
from dialogue.deeds import Trail, after
from dialogue.grounding import ground
from dialogue.notes import Notes
from dialogue.plan import At, Beside, Close, Motion, Named, Open, Pick, Place, Push
from dialogue.ports import Body, Judgement
from dialogue.view import Item, SceneView

STATE = VectorSpec(("x", "y", "z", "gripper"), ("m", "m", "m", "1"), (-1.0,) * 3 + (0.0,), (1.0,) * 4)
BODY = Embodiment("mind", (CameraSpec("front", 2, 2),), STATE, POINT_ACTION, Control.EE_DELTA, 5.0)
TICKS = 6
"""Control steps that a deed takes."""


def toy(name: str, x: float, y: float, **more: object) -> Item:
    """A small movable thing; the last word of the name is its kind, the one before its colour."""
    *colour, kind = name.split()
    item = Item(name, (kind,), x, y, 0.03, colour=colour[-1] if colour else None, categories=("toy",))
    return replace(item, **more)  # type: ignore[arg-type]


def vessel(name: str, x: float, y: float, **more: object) -> Item:
    """A bowl-like receptacle."""
    item = toy(name, x, y, radius=0.08, movable=False, holds="in", room=0.075, depth=0.045, categories=("dish",))
    return replace(item, **more)  # type: ignore[arg-type]


def table(*extra: Item, zones: Sequence[object] = ()) -> SceneView:
    """Two cubes, a carrot, an egg, two bowls and a closed drawer with a die in it."""
    items = (
        toy("red cube", 0.45, -0.20, flat=True, steady=True),
        toy("blue cube", 0.45, -0.08, flat=True, steady=True),
        toy("carrot", 0.60, -0.15, categories=("vegetable",), colour="orange"),
        toy("egg", 0.62, 0.05, categories=("food",), colour="white", fragile=True),
        vessel("red bowl", 0.55, 0.20),
        vessel("blue bowl", 0.40, 0.08),
        vessel("drawer", 0.40, 0.30, openable=True, open=False, depth=0.044, room=0.055),
        toy("dice", 0.40, 0.30, support="drawer", steady=True),
    )
    return SceneView((*items, *extra), tuple(zones))  # type: ignore[arg-type]


def step_of(goal: Goal, view: SceneView) -> Motion:
    """The step whose goal this is."""
    thing = Named(goal.subject)
    match goal.relation:
        case "lift":
            return Pick(thing)
        case "open":
            return Open(thing)
        case "close":
            return Close(thing)
        case "push":
            return Push(thing, str(goal.target))
        case "move to":
            return Place(thing, At(str(goal.target)))
        case "stack":
            return Place(thing, Beside("on", Named(str(goal.target))))
        case "take out":
            return Place(thing, Beside("out of", Named(str(goal.target))))
    return Place(thing, Beside(goal.relation, Named(str(goal.target))))


class MindWorld:
    """fails: subject -> how often a task about it comes to nothing. tasks: all that were given."""

    embodiment = BODY

    def __init__(self, view: SceneView, fails: dict[str, int] | None = None) -> None:
        self.view, self.fails = view, dict(fails or {})
        self.tasks: list[Task] = []
        self.actions: list[FloatArray] = []
        self._tick, self._tool = 0, np.array([0.45, 0.0, 0.25, 1.0], dtype=np.float32)

    def reset(self, task: Task, *, seed: int) -> Observation:
        return self.assign(task)

    def assign(self, task: Task) -> Observation:
        self.tasks.append(task)
        self._tick = 0
        return self._observe()

    def step(self, action: FloatArray) -> Step:
        self._tick += 1
        self.actions.append(action)
        self._tool[:3] += action[:3]
        self._tool[3] = action[6]
        done = False
        goal = self.tasks[-1].goal
        if goal is not None and self._tick == TICKS:
            if self.fails.get(goal.subject, 0) > 0:
                self.fails[goal.subject] -= 1
            else:
                done = True
                deed = ground(step_of(goal, self.view), self.view, Notes(), Trail())
                self.view = after(self.view, deed)
        return Step(self._observe(), action, Status(satisfied=done, held=done))

    def close(self) -> None:
        """Nothing to free."""

    def _observe(self) -> Observation:
        pictures = {"front": np.zeros((2, 2, 3), dtype=np.uint8)}
        return Observation(pictures, self._tool.copy(), self.tasks[-1].instruction, self._tick / 5.0)


class Still:
    """A policy that stays where it is, many rows at a look."""

    embodiment = BODY

    def reset(self, *, seed: int) -> None:
        """Nothing to forget."""

    def act(self, observation: Observation) -> ActionChunk:
        return ActionChunk(np.tile(np.array([0, 0, 0, 0, 0, 0, 1], dtype=np.float32), (8, 1)))


class MindJudge:
    """Judges by the symbols, not by what the world's status said."""

    def __init__(self, world: MindWorld) -> None:
        self._world = world

    def judge(self, task: Task, before: Observation, after: Observation) -> Judgement:
        goal = task.goal
        assert goal is not None
        if goal.relation == "push":
            return Judgement(goal.subject not in self._world.fails or not self._world.fails[goal.subject], "pushed")
        deed = ground(step_of(goal, self._world.view), self._world.view, Notes(), Trail())
        out = goal.relation == "take out"
        return Judgement(deed.already and not out, "it is so" if deed.already else f"the {goal.subject} is not there")


def mind_body(world: MindWorld) -> Body:
    """The executor's body for a symbolic world."""
    return Body(
        world=world,
        policy=Still(),
        execute=8,
        eyes=lambda: world.view,
        judge=MindJudge(world),
        task_for=lambda goal: Task(goal.relation, f"{goal.relation} {goal.subject} {goal.target}", goal, 12),
    )
