"""One policy, many askers: whoever waits when the policy is free is answered together."""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from agent.errors import AubergineError, PolicyFault
from agent.ports import BatchPolicy, Policy
from agent.runtime import legal_rows
from agent.types import ActionChunk, FloatArray, Observation

LOG = logging.getLogger("agent.serving")
PATIENCE = 0.1
"""Share of the last batch's time that a batch waits for clients who answered it to come back."""
LEAST_PART = 4
"""Looks in a lane's part of a batch: fewer are not worth a lane of their own."""
LONGEST_WAIT = 0.02
"""Seconds; however long the policy thinks."""
T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class Answer:
    """actions: legal rows, float32 (T, A).  seconds: what the policy took.  together: how many shared the batch.
    memory: what the client should bring back with its next look, if anything."""

    actions: FloatArray
    seconds: float
    together: int
    memory: NDArray[np.float64] | None = None


@dataclass(eq=False)
class _Job:
    observation: Observation
    seed: int | None
    answer: asyncio.Future[Answer]


class Batcher:
    """Runs a policy on threads of its own, in the order of asking. Make it inside a running event loop.

    lanes: parts of a batch that are answered side by side, each on a thread; `act_batch` must bear that (the contract
    of BatchPolicy says so). Everything else runs on one thread at a time.
    A policy with `act_batch` (agent.ports.BatchPolicy) answers up to `largest` observations at once: those that came
    while it was busy, and those that come within a moment after. If a batch fails, its members are tried one by one, so
    that a bad observation costs its sender only.
    """

    def __init__(self, policy: Policy, *, largest: int = 16, lanes: int = 1) -> None:
        self._policy, self._largest, self._lanes = policy, largest, lanes
        self._together = policy.act_batch if isinstance(policy, BatchPolicy) else None
        self._jobs: asyncio.Queue[_Job] = asyncio.Queue()
        self._threads = ThreadPoolExecutor(lanes, thread_name_prefix="policy")
        self._last_seconds, self._last_count = 0.0, 1
        self._worker = asyncio.get_running_loop().create_task(self._work())

    async def act(self, observation: Observation, *, seed: int | None = None) -> Answer:
        """Return the policy's legal answer; with `seed`, the policy is reset first and answers alone.

        Raises Refusal as the policy does, and PolicyFault when it breaks or answers illegally.
        """
        job = _Job(observation, seed, asyncio.get_running_loop().create_future())
        self._jobs.put_nowait(job)
        return await job.answer

    async def close(self) -> None:
        """Stop; whoever still waits is cancelled. Waits for the threads to end."""
        self._worker.cancel()
        await asyncio.wait([self._worker])
        while not self._jobs.empty():
            self._jobs.get_nowait().answer.cancel()
        await asyncio.get_running_loop().run_in_executor(None, self._threads.shutdown)

    async def _work(self) -> None:
        while True:
            jobs = [await self._jobs.get()]
            if self._together is not None and jobs[0].seed is None:
                await self._gather(jobs)
            waiting = [job for job in jobs if not job.answer.done()]
            if len(waiting) > 1 and self._together is not None:
                waiting = await self._answer_together(waiting, self._together)
            for job in waiting:
                await self._answer_alone(job)

    async def _gather(self, jobs: list[_Job]) -> None:
        """Add who waits already; wait a moment while fewer wait than were answered last time."""
        until = time.perf_counter() + min(LONGEST_WAIT, PATIENCE * self._last_seconds)
        while len(jobs) < self._largest:
            if self._jobs.empty():
                left = until - time.perf_counter()
                if left <= 0 or len(jobs) >= self._last_count:
                    break
                await asyncio.sleep(min(left, 0.0005))
                continue
            job = self._jobs.get_nowait()
            jobs.append(job)
            if job.seed is not None:
                break
        self._last_count = len(jobs)

    async def _answer_together(
        self, jobs: list[_Job], act_batch: Callable[[Sequence[Observation]], list[ActionChunk]]
    ) -> list[_Job]:
        """Answer all jobs but one that resets the policy; return those that have no answer yet."""
        batch = [job for job in jobs if job.seed is None]
        parts = _parts(batch, self._lanes)
        began = time.perf_counter()
        calls = (partial(act_batch, [job.observation for job in part]) for part in parts)
        outcomes = await asyncio.gather(*(self._outcome(call) for call in calls))
        self._last_seconds = seconds = time.perf_counter() - began
        left: list[_Job] = []
        for part, outcome in zip(parts, outcomes, strict=True):
            if isinstance(outcome, BaseException) or len(outcome) != len(part):
                LOG.warning("a batch of %d failed and is answered one by one: %r", len(part), outcome)
                left += part
                continue
            for job, chunk in zip(part, outcome, strict=True):
                self._settle(job, chunk, seconds, len(batch))
        return [*left, *(job for job in jobs if job.seed is not None)]

    async def _answer_alone(self, job: _Job) -> None:
        began = time.perf_counter()
        outcome = await self._outcome(partial(self._look, job))
        self._last_seconds = time.perf_counter() - began
        self._settle(job, outcome, self._last_seconds, 1)

    def _look(self, job: _Job) -> ActionChunk:
        if job.seed is not None:
            self._policy.reset(seed=job.seed)
        return self._policy.act(job.observation)

    async def _outcome(self, call: Callable[[], T]) -> T | BaseException:
        """Run `call` on a thread of the policy's; whatever it raises comes back as a value."""
        future = asyncio.get_running_loop().run_in_executor(self._threads, call)
        await asyncio.wait([future])
        return future.exception() or future.result()

    def _settle(self, job: _Job, outcome: ActionChunk | BaseException, seconds: float, together: int) -> None:
        if job.answer.done():
            return
        if isinstance(outcome, AubergineError):
            job.answer.set_exception(outcome)
            return
        if isinstance(outcome, BaseException):
            LOG.error("the policy broke", exc_info=outcome)
            fault = PolicyFault(f"the policy broke ({type(outcome).__name__}); the server's log says more")
            job.answer.set_exception(fault)
            return
        try:
            rows = legal_rows(outcome, self._policy.embodiment)
        except PolicyFault as fault:
            job.answer.set_exception(fault)
        else:
            job.answer.set_result(Answer(rows, seconds, together, outcome.memory))


def _parts(jobs: list[_Job], lanes: int) -> list[list[_Job]]:
    """Deal the jobs into at most `lanes` parts of nearly the same size; only a single one is below LEAST_PART."""
    count = max(1, min(lanes, len(jobs) // LEAST_PART))
    ends = [len(jobs) * number // count for number in range(count + 1)]
    return [jobs[start:end] for start, end in pairwise(ends)]
