"""Plays one trial: a single task, or a chain whose tasks follow one another without a reset."""

from collections.abc import Iterable
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


def attempt(world: World, policy: Policy, trial: Trial, *, execute: int, observers: Iterable[Observer] = ()) -> Episode:
    """Play `trial` once in `world` as its perturbation changes it.

    A chain gives one Episode: SUCCESS when every link was done, otherwise as the link that failed ended; steps and
    seconds are those of all links, `completed` says how many were done. Raises SpecError when the world cannot be
    perturbed or continued.
    """
    changed, watchers = _perturbed(world, trial), tuple(observers)
    episode = run_episode(changed, policy, trial.task, seed=trial.seed, execute=execute, observers=watchers)
    if not trial.then:
        return episode
    done, steps, seconds = episode.completed, episode.steps, episode.seconds
    for task in trial.then:
        if episode.outcome is not Outcome.SUCCESS:
            break
        episode = run_episode(_continued(changed), policy, task, seed=trial.seed, execute=execute, observers=watchers)
        done, steps, seconds = done + episode.completed, steps + episode.steps, seconds + episode.seconds
    detail = f"{done} of {len(trial.then) + 1} done; the last: {episode.detail}"
    return replace(episode, task=trial.task, steps=steps, seconds=seconds, completed=done, detail=detail)


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
