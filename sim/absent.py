"""Tasks whose words name a thing that is not there: the right answer is to refuse."""

from dataclasses import replace
from typing import Literal

import numpy as np

from agent.errors import SpecError
from agent.types import Task
from sim.grammar import nouns_of
from sim.objects import KINDS, OBJECTS, RECEPTACLES, Description, is_held_out, parse_name
from sim.scene import entity_names

Missing = Literal["subject", "target", "colour"]
STAND_INS = 3
"""Other objects that stand there instead."""


def without(task: Task, missing: Missing, *, seed: int) -> Task:
    """Return `task` in a scene that lacks what it names: its subject, its target, or its subject in the named colour.

    The words stay; beside the goal's other part, and what that is told apart from, stand other things, for "colour" one
    of the same kind in another colour. The goal is None, because nothing in the scene can be judged by it. Raises
    SpecError when the goal has no such part.
    """
    rng = np.random.default_rng([seed, 79])
    described = _missing(task, missing)
    kept = {parse_name(name).kind for name in _goal_names(task)} - {described.kind}
    present = [name for name in entity_names(task.scene or task) if parse_name(name).kind in kept]
    taken = {parse_name(name).kind for name in present} | {described.kind}
    instead: list[str] = []
    if missing == "colour":
        others = [c for c in KINDS[described.kind].colours if c != described.colour]
        seen = [c for c in others if not is_held_out(Description(described.kind, c))] or others
        instead = [f"{seen[int(rng.integers(len(seen)))]} {described.kind}"]
    if missing == "target":
        same = [kind for kind, r in RECEPTACLES.items() if not r.held_out and not r.spots and r.joint is None]
        instead = _draw([kind for kind in same if _cannot_be_meant(kind, taken)], 1, rng)
    objects = [kind for kind, o in OBJECTS.items() if not o.held_out and _cannot_be_meant(kind, taken)]
    entities = (*present, *instead, *_draw(objects, STAND_INS, rng))
    initial = tuple(g for g in task.initial if g.subject in entities and (g.target is None or g.target in entities))
    return replace(task, goal=None, entities=entities, initial=initial, distractors=(0, 0), layout=(), scene=None)


def _missing(task: Task, missing: Missing) -> Description:
    goal = task.goal
    if goal is None:
        raise SpecError(f"'{task.instruction}' has no goal, so nothing that it names can be left out")
    if missing == "target" and (goal.target is None or goal.relation in ("push", "move to")):
        raise SpecError(f"'{task.instruction}' has no target that could be left out")
    described = parse_name(goal.target if missing == "target" and goal.target else goal.subject)
    if missing == "colour" and (described.colour is None or len(KINDS[described.kind].colours) < 2):
        raise SpecError(f"'{task.instruction}' does not tell its subject by a colour that could be left out")
    return described


def _goal_names(task: Task) -> tuple[str, ...]:
    goal = task.goal
    assert goal is not None
    is_place = goal.target is None or goal.relation in ("push", "move to")
    return (goal.subject,) if is_place else (goal.subject, str(goal.target))


def _cannot_be_meant(kind: str, taken: set[str]) -> bool:
    """Say whether no word for `kind` is also a word for one of the others ("block" is said of cubes, too)."""
    words = {word for group in nouns_of(kind) for word in group}
    return not any(words & {word for group in nouns_of(other) for word in group} for other in taken)


def _draw(kinds: list[str], count: int, rng: np.random.Generator) -> list[str]:
    return [str(kind) for kind in rng.choice(kinds, size=count, replace=False)]
