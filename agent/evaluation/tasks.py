"""From a row of a suite to the tasks of one episode."""

from collections.abc import Callable
from dataclasses import replace
from itertools import product

import numpy as np

from agent.evaluation.rows import Grid, SuiteTask
from agent.types import Goal, Placement, Task
from sim.absent import without
from sim.chains import sample_chain
from sim.grammar import canonical
from sim.perturb import Perturbation, perturb_task
from sim.tasks import sample_task
from sim.wording import BLANK, reworded, scrambled, swapped

SampleTask = Callable[[str, int], Task]
"""Family and seed -> a task of that family drawn from the seed."""

_WORDS, _CHAIN = 83, 89
"""Streams of the seed for what a suite draws itself."""


def links_of(
    entry: SuiteTask,
    perturbation: Perturbation,
    *,
    seed: int,
    round_: int,
    max_steps: int,
    sample: SampleTask,
) -> tuple[Task, ...]:
    """Return the tasks of one episode: one, or the five of a chain.

    round_: counts the episodes of this row; it chooses the configuration of a grid.  max_steps: the suite's.
    Raises SpecError when the row's words, things or places do not go together.
    """
    if entry.chain:
        return tuple(_limited(task, entry) for task in sample_chain(np.random.default_rng([seed, _CHAIN])))
    task = _sampled(entry, seed, sample) if entry.family else fixed_task(entry, max_steps=max_steps)
    if entry.grid:
        task = replace(task, layout=configurations(entry.grid, task)[round_ % grid_size(entry.grid)])
    if entry.absent:
        task = without(task, entry.absent, seed=seed)
    return (perturb_task(_worded(task, entry, seed), perturbation, seed=seed),)


def fixed_task(entry: SuiteTask, *, max_steps: int) -> Task:
    """Return the task that a row with a fixed goal describes; its goal is None when the row gives none."""
    goal = Goal(entry.relation, entry.subject, entry.target) if entry.relation else None
    initial = tuple(Goal(held.relation, held.subject, held.target) for held in entry.initial)
    if entry.relation == "take out" and not initial:
        initial = (Goal("in", entry.subject, entry.target),)
    names, counts = _distractors(entry.distractors)
    return Task(
        name=entry.title,
        instruction=entry.instruction,
        goal=goal,
        max_steps=entry.max_steps or max_steps,
        entities=names,
        initial=initial,
        distractors=counts,
    )


def grid_size(grid: Grid) -> int:
    """Return how many configurations a grid has."""
    return len(_spots(grid)) * len(grid.yaws)


def configurations(grid: Grid, task: Task) -> list[tuple[Placement, ...]]:
    """Return the grid's layouts for the task's subject and target, the yaws counting fastest."""
    goal = task.goal
    assert goal is not None
    layouts = []
    for (spot, other), yaw in product(_spots(grid), grid.yaws):
        layout = [Placement(goal.subject, *spot, yaw)]
        if other is not None and goal.target is not None:
            layout.append(Placement(goal.target, *other, grid.target_yaw))
        layouts.append(tuple(layout))
    return layouts


def _spots(grid: Grid) -> list[tuple[tuple[float, float], tuple[float, float] | None]]:
    if not grid.target:
        return [(spot, None) for spot in grid.subject]
    return [(spot, other) for spot, other in product(grid.subject, grid.target) if spot != other]


def _sampled(entry: SuiteTask, seed: int, sample: SampleTask) -> Task:
    if entry.split == "seen":
        return _limited(sample(entry.family, seed), entry)
    return _limited(sample_task(entry.family, np.random.default_rng(seed), split=entry.split), entry)


def _limited(task: Task, entry: SuiteTask) -> Task:
    """Sampled tasks keep their own limit unless the row gives one."""
    return task if entry.max_steps is None else replace(task, max_steps=entry.max_steps)


def _worded(task: Task, entry: SuiteTask, seed: int) -> Task:
    rng = np.random.default_rng([seed, _WORDS])
    match entry.wording:
        case "plain":
            return replace(task, instruction=canonical(task.goal)) if task.goal else task
        case "swapped":
            return swapped(task, seed=seed)
        case "blank":
            return replace(task, instruction=BLANK)
        case "scrambled":
            return replace(task, instruction=scrambled(task, rng))
        case "distance 1" | "distance 2" | "distance 3":
            return replace(task, instruction=reworded(task, int(entry.wording[-1]), rng))
        case _:
            return task


def _distractors(wanted: int | tuple[int, int] | tuple[str, ...]) -> tuple[tuple[str, ...], tuple[int, int]]:
    """Return the names that must stand by and the fewest and most further objects."""
    if isinstance(wanted, int):
        return (), (wanted, wanted)
    names = tuple(item for item in wanted if isinstance(item, str))
    numbers = [item for item in wanted if isinstance(item, int)]
    if len(numbers) == 2:
        return (), (numbers[0], numbers[1])
    return names, (0, 0)
