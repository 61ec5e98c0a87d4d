"""A few worker processes that survive one another: a task that kills its worker costs that task only."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Generic, TypeVar

from agent.errors import AubergineError, SpecError

Answer = TypeVar("Answer")

_HOPELESS = 3
"""So many workers in a row that die before they are ready mean that none ever will be."""


@dataclass(frozen=True)
class Done(Generic[Answer]):
    """A task that was finished."""

    seed: int
    answer: Answer


@dataclass(frozen=True)
class Died:
    """A task whose worker process died; exit_code is negative for a signal."""

    seed: int
    exit_code: int | None


AnswerAll = Callable[[Sequence[object]], Sequence[object]]
"""Answers the questions of several workers at once, in their order."""

_to_parent: list[Connection] = []
"""In a worker process: the one pipe to its parent."""


def ask(question: object) -> object:
    """In a worker's job: send `question` (picklable) to the parent's `answer_all` and return its answer."""
    (pipe,) = _to_parent
    pipe.send(("ask", question))
    return pipe.recv()


@dataclass
class _Worker:
    process: BaseProcess
    pipe: Connection
    seed: int | None = None
    ready: bool = False


class Workers(Generic[Answer]):
    """Runs `job(seed)` for many seeds on `count` spawned processes; use it as a context manager.

    make_job: picklable (a top-level function or an instance of a top-level class); each worker calls it once.
    answer_all: called here with what the jobs `ask`, all questions that lie waiting in one call.
    A SpecError raised in a worker is raised here: the request is wrong, going on is pointless.
    """

    def __init__(
        self,
        make_job: Callable[[], Callable[[int], Answer]],
        *,
        count: int,
        answer_all: AnswerAll | None = None,
    ) -> None:
        if count < 1:
            raise SpecError(f"at least one worker is needed, got {count}")
        self._make_job, self._count, self._answer_all = make_job, count, answer_all
        # Spawned, not forked: neither physics nor torch survives a fork in the middle of their threads.
        self._context = multiprocessing.get_context("spawn")
        self._workers: list[_Worker] = []
        self._hopeless = 0

    def __enter__(self) -> "Workers[Answer]":
        self._workers = [self._start() for _ in range(self._count)]
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()

    def run(self, seeds: Iterable[int]) -> Iterator[Done[Answer] | Died]:
        """Yield every seed's result as it comes. Closing the iterator early leaves tasks in flight; see `drain`."""
        waiting = iter(seeds)
        coming = next(waiting, None)
        while coming is not None or any(worker.seed is not None for worker in self._workers):
            for worker in self._workers:
                if coming is not None and worker.ready and worker.seed is None and self._send(worker, coming):
                    coming = next(waiting, None)
            yield from self._receive(timeout=None)

    def drain(self, *, seconds: float) -> Iterator[Done[Answer] | Died]:
        """Yield what comes from the tasks in flight, waiting at most `seconds` for each next one."""
        while any(worker.seed is not None for worker in self._workers):
            results = list(self._receive(timeout=seconds))
            if not results:
                return
            yield from results

    def stop(self) -> None:
        """End every worker; those that are in the middle of a task are killed."""
        for worker in self._workers:
            worker.pipe.close()
            if worker.seed is not None or not worker.ready:
                worker.process.kill()
        for worker in self._workers:
            worker.process.join(timeout=5)
            if worker.process.is_alive():
                worker.process.kill()
                worker.process.join()
        self._workers = []

    def _start(self) -> _Worker:
        ours, theirs = self._context.Pipe()
        process = self._context.Process(target=_work, args=(self._make_job, theirs), daemon=True)
        process.start()
        theirs.close()
        return _Worker(process, ours)

    def _send(self, worker: _Worker, seed: int) -> bool:
        try:
            worker.pipe.send(seed)
        except (BrokenPipeError, ConnectionResetError):
            return False
        worker.seed = seed
        return True

    def _receive(self, *, timeout: float | None) -> Iterator[Done[Answer] | Died]:
        pipes = {worker.pipe: worker for worker in self._workers}
        asked: list[tuple[_Worker, object]] = []
        for pipe in wait(list(pipes), timeout=timeout):
            worker = pipes[pipe]  # type: ignore[index]
            try:
                kind, content = worker.pipe.recv()
            except (EOFError, ConnectionResetError):
                yield from self._bury(worker)
                continue
            if kind == "wrong":
                raise SpecError(content)
            if kind == "ask":
                asked.append((worker, content))
                continue
            worker.ready, self._hopeless = True, 0
            if kind == "done" and worker.seed is not None:
                seed, worker.seed = worker.seed, None
                yield Done(seed, content)
        self._reply(asked)

    def _reply(self, asked: list[tuple[_Worker, object]]) -> None:
        if not asked:
            return
        if self._answer_all is None:
            raise TypeError("a job asked its parent, but these workers were made without answer_all")
        answers = self._answer_all([question for _, question in asked])
        for (worker, _), answer in zip(asked, answers, strict=True):
            # One that died meanwhile is buried when its pipe is read.
            with suppress(BrokenPipeError, ConnectionResetError):
                worker.pipe.send(answer)

    def _bury(self, worker: _Worker) -> Iterator[Died]:
        """Put a new worker in a dead one's place and say which task died with it."""
        worker.process.join()
        worker.pipe.close()
        if not worker.ready:
            self._hopeless += 1
            if self._hopeless == _HOPELESS:
                raise AubergineError(
                    f"{_HOPELESS} workers in a row died while starting; the last exit code was "
                    f"{worker.process.exitcode}"
                )
        self._workers[self._workers.index(worker)] = self._start()
        if worker.seed is not None:
            yield Died(worker.seed, worker.process.exitcode)


def _work(make_job: Callable[[], Callable[[int], object]], pipe: Connection) -> None:
    """What a worker process does. It ends when the parent closes the pipe or dies."""
    # Ctrl-C reaches the whole group of processes; only the parent decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # Read by the numerical libraries when the job imports them: two threads a worker would fight for the cores.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    threading.Thread(target=_die_with_parent, daemon=True).start()
    _to_parent.append(pipe)
    try:
        job = make_job()
        pipe.send(("ready", None))
        while True:
            pipe.send(("done", job(pipe.recv())))
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return
    except SpecError as error:
        pipe.send(("wrong", str(error)))


def _die_with_parent() -> None:
    """A worker whose parent was killed must not go on writing beside the workers of the next run."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
