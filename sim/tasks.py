"""Tasks as data: families to draw from, named tasks, and the task that an instruction asks for.

A family is one row of an evaluation. Its scenes offer several things that the instruction could have meant: another
receptacle, the same kind in another colour, or the same thing further left.
"""

from collections.abc import Callable
from typing import Literal

import numpy as np

from agent.errors import SpecError, unknown_name
from agent.types import Goal, Task
from sim.casting import Casting, SceneSplit, opposite_position
from sim.grammar import canonical, entities_mentioned, phrase, understand, unknown_in
from sim.objects import OBJECTS, RECEPTACLES, parse_name

Phrasing = Literal["seen", "held_out", "canonical"]
SIDES = ("left of", "right of", "in front of", "behind")
DIRECTIONS = ("left", "right", "forward", "back")
REGIONS = ("left side", "right side", "front", "back", "middle")

FAMILIES: dict[str, int] = {
    "put_in": 80,
    "put_on": 80,
    "stack": 90,
    "put_beside": 80,
    "push": 70,
    "lift": 70,
    "drawer": 90,
    "take_out": 90,
    "move_to_region": 80,
}
"""Family -> control steps (5 Hz) before an episode times out."""

FAMILY_OF_RELATION: dict[str, str] = {
    "in": "put_in",
    "on": "put_on",
    "stack": "stack",
    **dict.fromkeys(SIDES, "put_beside"),
    "push": "push",
    "lift": "lift",
    "open": "drawer",
    "close": "drawer",
    "take out": "take_out",
    "move to": "move_to_region",
}


def sample_task(
    family: str,
    rng: np.random.Generator,
    *,
    split: SceneSplit = "seen",
    phrasing: Phrasing = "seen",
) -> Task:
    """Draw one task of `family`; its name is the family's.

    split: "seen" uses what training sees; "held_out_objects" moves a held-out thing (or one in a held-out colour),
    "held_out_pairs" a combination that training leaves out. Everything else on the table is seen.
    phrasing: "canonical" is the plain wording; the others are wordings of `sim.grammar.phrase`.
    Raises SpecError for an unknown family, split or phrasing.
    """
    if family not in FAMILIES:
        raise unknown_name("task family", family, FAMILIES)
    casting = Casting(rng, split)
    goal = _GOALS[family](casting)
    return Task(
        name=family,
        instruction=instruct(goal, rng, phrasing),
        goal=goal,
        max_steps=FAMILIES[family],
        entities=tuple(casting.others(goal)),
        initial=(*_needed_at_reset(goal), *casting.arrangement),
        distractors=casting.room_left(goal),
    )


def task_from_instruction(text: str, *, max_steps: int | None = None) -> Task:
    """Return the task that a person asks for; the scene will hold what the text names.

    A text that matches no task gets goal None, and then the scene holds what it mentions. max_steps: None takes the
    family's own number, or 80 without a goal. Raises SpecError for an empty text, for a thing that does not exist in
    a sentence that is otherwise a task ("put the unicorn in the bowl"), and for what no scene can show.
    """
    if not text.strip():
        raise SpecError(
            "the instruction is empty; say what the robot should do, such as 'put the eggplant in the bowl'"
        )
    goal = understand(text)
    if goal is None:
        problem = unknown_in(text)
        if problem:
            raise problem
        entities, initial = _with_counterparts(entities_mentioned(text))
        return Task("instruction", text, None, max_steps or 80, entities, initial)
    check_goal(goal)
    family = FAMILY_OF_RELATION[goal.relation]
    own = _entities(goal)
    names, initial = _with_counterparts(own)
    return Task(
        name=next((name for name, task in NAMED_TASKS.items() if task.goal == goal), family),
        instruction=text,
        goal=goal,
        max_steps=max_steps or FAMILIES[family],
        entities=tuple(name for name in names if name not in own),
        initial=(*_needed_at_reset(goal), *initial),
    )


def check_goal(goal: Goal) -> None:
    """Raise SpecError with the reason when no scene can show this goal."""
    names = _entities(goal)
    described = [parse_name(name) for name in names]
    if goal.relation not in FAMILY_OF_RELATION:
        raise unknown_name("relation", goal.relation, FAMILY_OF_RELATION)
    if goal.relation in ("open", "close"):
        if described[0].kind != "drawer":
            raise SpecError(f"'{goal.subject}' cannot be opened or closed; the drawer can")
    elif described[0].kind in RECEPTACLES:
        raise SpecError(f"the {goal.subject} is too large to be moved; these can be: {', '.join(OBJECTS)}")
    if len(names) == 2 and names[0] == names[1]:
        raise SpecError(f"'{goal.subject}' is both what is moved and where it goes; name two different things")
    if goal.relation in ("in", "on", "take out") and described[1].kind not in RECEPTACLES:
        raise SpecError(f"the {goal.target} holds nothing; these do: {', '.join(RECEPTACLES)}")


def instruct(goal: Goal, rng: np.random.Generator, phrasing: Phrasing) -> str:
    """Return a wording of `goal`; raises SpecError for an unknown phrasing."""
    if phrasing == "canonical":
        return canonical(goal)
    if phrasing == "seen":
        return phrase(goal, rng, split="seen")
    if phrasing == "held_out":
        return phrase(goal, rng, split="held_out")
    raise unknown_name("phrasing", phrasing, ("seen", "held_out", "canonical"))


def _entities(goal: Goal) -> tuple[str, ...]:
    if goal.target is None or goal.relation in ("push", "move to"):
        return (goal.subject,)
    return (goal.subject, goal.target)


def _needed_at_reset(goal: Goal) -> tuple[Goal, ...]:
    """What must be true before the task can be done: an open drawer to reach into, a thing inside to take out."""
    if goal.relation == "close":
        return (Goal("open", goal.subject),)
    if goal.target is None or goal.relation not in ("in", "take out"):
        return ()
    target = parse_name(goal.target).kind
    opened = (Goal("open", goal.target),) if target == "drawer" else ()
    inside = (Goal(RECEPTACLES[target].support, goal.subject, goal.target),) if goal.relation == "take out" else ()
    return (*opened, *inside)


def _with_counterparts(names: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[Goal, ...]]:
    """Add the thing that makes a position meaningful: a right cube for the left cube, and how they stand."""
    entities, initial = list(names), list[Goal]()
    for name in names:
        position = parse_name(name).position
        if position is None:
            continue
        other, relation = opposite_position(name)
        if other not in entities:
            entities.append(other)
        stands = Goal(relation, name, other)
        if stands not in initial and mirrored(stands) not in initial:
            initial.append(stands)
    return tuple(entities), tuple(initial)


def mirrored(goal: Goal) -> Goal:
    """Return the same arrangement told from the other side: "a left of b" as "b right of a"."""
    opposite = {"left of": "right of", "right of": "left of", "in front of": "behind", "behind": "in front of"}
    return Goal(opposite[goal.relation], str(goal.target), goal.subject)


def _put_in(casting: Casting) -> Goal:
    return Goal("in", *casting.pair("in"))


def _put_on(casting: Casting) -> Goal:
    return Goal("on", *casting.pair("on"))


def _stack(casting: Casting) -> Goal:
    return Goal("stack", *casting.stack())


def _put_beside(casting: Casting) -> Goal:
    relation = casting.one_of(SIDES)
    return Goal(relation, casting.subject(), casting.landmark())


def _push(casting: Casting) -> Goal:
    return Goal("push", casting.subject(), casting.one_of(DIRECTIONS))


def _lift(casting: Casting) -> Goal:
    return Goal("lift", casting.subject())


def _drawer(casting: Casting) -> Goal:
    return Goal(casting.one_of(("open", "close")), casting.drawer())


def _take_out(casting: Casting) -> Goal:
    return Goal("take out", *casting.pair("in", alone=True))


def _move_to_region(casting: Casting) -> Goal:
    return Goal("move to", casting.subject(), casting.one_of(REGIONS))


_GOALS: dict[str, Callable[[Casting], Goal]] = {
    "put_in": _put_in,
    "put_on": _put_on,
    "stack": _stack,
    "put_beside": _put_beside,
    "push": _push,
    "lift": _lift,
    "drawer": _drawer,
    "take_out": _take_out,
    "move_to_region": _move_to_region,
}


def _named(name: str, goal: Goal) -> Task:
    return Task(name, canonical(goal), goal, FAMILIES[FAMILY_OF_RELATION[goal.relation]])


NAMED_TASKS: dict[str, Task] = {
    name: _named(name, goal)
    for name, goal in {
        "spoon_on_towel": Goal("on", "spoon", "towel"),
        "carrot_on_plate": Goal("on", "carrot", "plate"),
        "green_cube_on_yellow_cube": Goal("stack", "green cube", "yellow cube"),
        "eggplant_in_basket": Goal("in", "eggplant", "basket"),
        "eggplant_in_bowl": Goal("in", "eggplant", "bowl"),
    }.items()
}
"""The four WidowX tasks of SimplerEnv and the seed task."""
