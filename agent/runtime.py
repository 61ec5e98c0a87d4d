"""The one loop. Simulation, evaluation, recording, a served policy and a real arm all go through `run_episode`."""

import time
from collections.abc import Iterable

import numpy as np

from agent.errors import PolicyFault, Refusal, SpecError, WorldFault
from agent.ports import Observer, Policy, World
from agent.types import ActionChunk, Embodiment, Episode, FloatArray, Outcome, Status, Task


def run_episode(
    world: World,
    policy: Policy,
    task: Task,
    *,
    seed: int,
    execute: int,
    observers: Iterable[Observer] = (),
) -> Episode:
    """Let `policy` attempt `task` in `world` once.

    execute: how many rows of each chunk are carried out before the policy looks again (>= 1).
    Raises SpecError before anything moves when the instruction is empty or the embodiments do not fit. A policy's
    fault ends the episode as FAILURE, the world's as ERROR, a refusal as REFUSED.
    """
    check_request(world, policy, task, execute=execute)
    watchers = tuple(observers)
    began = time.perf_counter()
    status, ever_satisfied, tick = Status(), False, 0
    sureness: list[float] = []
    chunk: ActionChunk | None = None

    def ended(outcome: Outcome, detail: str) -> Episode:
        return Episode(
            task=task,
            seed=seed,
            outcome=outcome,
            steps=tick,
            detail=detail,
            seconds=time.perf_counter() - began,
            status=status,
            success_any=ever_satisfied,
            success_last=status.satisfied,
            success_held=status.held,
            completed=int(outcome is Outcome.SUCCESS),
            confidence=_mean(sureness),
        )

    try:
        observation = world.reset(task, seed=seed)
        policy.reset(seed=seed)
        while tick < task.max_steps:
            sureness += legal_confidence(chunk := policy.act(observation.reminded(chunk)))
            for action in legal_rows(chunk, policy.embodiment)[:execute]:
                before, step = observation, world.step(action)
                observation, status = step.observation, step.status
                ever_satisfied |= status.satisfied
                for watcher in watchers:
                    watcher.on_step(tick, before, step)
                tick += 1
                if status.held:
                    return ended(Outcome.SUCCESS, f"done after {tick} steps")
                if tick == task.max_steps:
                    break
    except Refusal as refusal:
        return ended(Outcome.REFUSED, str(refusal))
    except PolicyFault as fault:
        return ended(Outcome.FAILURE, str(fault))
    except WorldFault as fault:
        return ended(Outcome.ERROR, str(fault))
    return ended(Outcome.TIMEOUT, _why_not(task, status))


def check_request(world: World, policy: Policy, task: Task, *, execute: int) -> None:
    """Raise SpecError when this episode could not be run fairly; nothing has moved yet."""
    if not task.instruction.strip():
        raise SpecError(
            "the instruction is empty; say what the robot should do, such as 'put the eggplant in the bowl'"
        )
    if execute < 1:
        raise SpecError(f"execute must be at least 1 action per look, got {execute}")
    problem = policy.embodiment.mismatch(world.embodiment)
    if problem:
        raise SpecError(problem)


def legal_rows(chunk: ActionChunk, embodiment: Embodiment) -> FloatArray:
    """Return the chunk's rows (T, A); raise PolicyFault naming the first value that is not legal."""
    rows = np.asarray(chunk.actions, dtype=np.float32)
    if rows.ndim != 2 or len(rows) == 0:
        raise PolicyFault(f"the policy returned actions of shape {rows.shape}, expected (T, {len(embodiment.action)})")
    spec = embodiment.action
    if rows.shape[1] == len(spec) and ((rows >= spec.low_array) & (rows <= spec.high_array)).all():
        return rows
    # One by one, with a hair of tolerance, for the sentence that says what is wrong; NaN comes here too.
    for number, row in enumerate(rows):
        problem = spec.problem(row)
        if problem:
            raise PolicyFault(f"the policy's action row {number} is not legal: {problem}")
    return rows


def legal_confidence(chunk: ActionChunk) -> list[float]:
    """Return the chunk's confidence, if it has one; raise PolicyFault when it is no number in [0, 1]."""
    if chunk.confidence is None:
        return []
    sure = float(chunk.confidence)
    if not 0.0 <= sure <= 1.0:
        raise PolicyFault(f"the policy's confidence must be a number from 0 to 1, got {sure:g}")
    return [sure]


def _mean(sureness: list[float]) -> float | None:
    return sum(sureness) / len(sureness) if sureness else None


def _why_not(task: Task, status: Status) -> str:
    """One sentence on how far the episode came."""
    if task.goal is None:
        return f"ran all {task.max_steps} steps; no known task matches the instruction, so only the world could judge"
    subject = task.goal.subject
    if status.wrong_object:
        return f"moved the {status.wrong_object} instead of the {subject}"
    if status.satisfied:
        return f"the goal was reached too late to hold within {task.max_steps} steps"
    for reached, sentence in (
        (status.lifted, f"lifted the {subject} but did not finish in {task.max_steps} steps"),
        (status.grasped, f"grasped the {subject} but did not lift it in {task.max_steps} steps"),
        (status.reached, f"reached the {subject} but did not grasp it in {task.max_steps} steps"),
    ):
        if reached:
            return sentence
    return f"never reached the {subject} in {task.max_steps} steps"
