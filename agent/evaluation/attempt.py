"""Plays one trial: a single task, or a chain whose tasks follow one another without a reset."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial

from agent.errors import SpecError
from agent.evaluation.suite import Trial
from agent.ports import ContinuingWorld, Observer, Policy, World
from agent.runtime import run_episode
from agent.safety.world import SafeWorld
from agent.types import Embodiment, Episode, FloatArray, Observation, Outcome, Step, Task


class Continued:
    """A world whose reset changes nothing but the task: the next link of a chain begins where the last one ended."""

    def __init__(self, world: ContinuingWorld) -> None:
        self._inner = world

    @property
    def embodiment(self) -> Embodiment:
        return self._inner.embodiment

    def reset(self, task: Task, *, seed: int) -> Observation:
        return self._inner.assign(task)

    def step(self, action: FloatArray) -> Step:
        return self._inner.step(action)

    def close(self) -> None:
        self._inner.close()


def _bare(world: World) -> World:
    return world


def attempt(
    world: World,
    policy: Policy,
    trial: Trial,
    *,
    execute: int,
    observers: Iterable[Observer] = (),
    guard: Callable[[World], World] = _bare,
) -> Episode:
    """Play `trial` once in `world` as its perturbation changes it; `guard` is put round what comes of that.

    A chain gives one Episode: SUCCESS when every link was done, otherwise as the link that failed ended; steps and
    seconds are those of all links, `completed` says how many were done, and confidence is weighted by steps. Raises
    SpecError when the world cannot be perturbed or continued.
    """
    changed, watchers = _perturbed(world, trial), tuple(observers)
    episode = run_episode(guard(changed), policy, trial.task, seed=trial.seed, execute=execute, observers=watchers)
    if not trial.then:
        return episode
    links = [episode]
    for task in trial.then:
        if episode.outcome is not Outcome.SUCCESS:
            break
        onward = guard(_continued(changed))
        episode = run_episode(onward, policy, task, seed=trial.seed, execute=execute, observers=watchers)
        links.append(episode)
    done = sum(link.completed for link in links)
    return replace(
        episode,
        task=trial.task,
        steps=sum(link.steps for link in links),
        seconds=sum(link.seconds for link in links),
        completed=done,
        detail=f"{done} of {len(trial.then) + 1} done; the last: {episode.detail}",
        confidence=_over_steps(links),
    )


def _over_steps(links: Sequence[Episode]) -> float | None:
    sure = [(link.confidence, link.steps) for link in links if link.confidence is not None and link.steps]
    return sum(each * steps for each, steps in sure) / sum(steps for _, steps in sure) if sure else None


def _continued(world: World) -> Continued:
    if not callable(getattr(world, "assign", None)):
        raise SpecError(f"the world '{world.embodiment.name}' cannot go on with another task without a reset")
    return Continued(world)  # type: ignore[arg-type]


def _perturbed(world: World, trial: Trial) -> World:
    if not trial.perturbation.moved:
        return world
    # Only here is the simulator needed; suites and reports load without it.
    from sim.perturbed import perturbed
    from sim.world import TabletopWorld

    if isinstance(world, SafeWorld) and isinstance(world.inner, TabletopWorld):
        # The filter stands where a robot's own would: it sees true joints, and commands when they arrive.
        return perturbed(world.inner, trial.perturbation, guard=partial(SafeWorld, safety=world.safety))
    if not isinstance(world, TabletopWorld):
        raise SpecError(f"the world '{world.embodiment.name}' cannot be perturbed; the tabletop can")
    return perturbed(world, trial.perturbation)
