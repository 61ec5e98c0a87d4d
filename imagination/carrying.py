"""Carries an arrangement out: from the scene as it stands to a chain of moves, and the verdict when it is over."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from agent.errors import SpecError
from agent.evaluation.attempt import attempt
from agent.evaluation.suite import Trial
from agent.ports import Observer, Policy, World
from agent.types import Episode, Outcome, Task
from imagination.arranging import arrangement, items_in, moves, tasks_for, verdict
from imagination.asking import Request, scene_for
from imagination.patterns import Item
from sim.world import TabletopWorld


@dataclass(frozen=True, eq=False)
class Chain:
    """A drawn arrangement. scene: what stands there.  tasks: one a move, in order."""

    request: Request
    scene: Task
    items: tuple[Item, ...]
    tasks: tuple[Task, ...]
    seed: int


def plan_chain(world: TabletopWorld, request: Request, *, seed: int) -> Chain:
    """Build the scene of this seed and draw where its things go; raise SpecError when nothing fits or has to move."""
    scene = scene_for(request, seed)
    world.reset(scene, seed=seed)
    items, start = items_in(world.scene, world.state(), request)
    layout = arrangement(request, items, start, seed=seed)
    tasks = tasks_for(request, scene, items, moves(items, start, layout, seed=seed))
    if not tasks:
        raise SpecError(f"the things stand as asked already: {request.text}; try another --seed")
    return Chain(request, scene, items, tuple(tasks), seed)


def carry_out(
    chain: Chain,
    world: TabletopWorld,
    policy: Policy,
    *,
    execute: int,
    guarded: World | None = None,
    observers: Iterable[Observer] = (),
) -> Episode:
    """Make the moves and judge by geometry how everything stands in the end. guarded: the world behind its filter.

    SUCCESS when every move was done and the arrangement holds; `completed` counts the moves.
    """
    trial = Trial("arrange", chain.tasks[0], chain.seed, then=chain.tasks[1:])
    episode = attempt(guarded or world, policy, trial, execute=execute, observers=observers)
    problem = verdict(chain.request, chain.items, items_in(world.scene, world.state(), chain.request)[1])
    if episode.outcome is Outcome.SUCCESS and problem is not None:
        episode = replace(episode, outcome=Outcome.FAILURE, detail=problem)
    return replace(episode, task=chain.scene)
