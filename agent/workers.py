"""A few worker processes that survive one another: a task that kills its worker costs that task only."""

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from ctypes import c_double
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Generic, TypeVar

from agent.errors import AubergineError, SpecError

Answer = TypeVar("Answer")

_HOPELESS = 3
"""So many workers in a row that die before they are ready mean that none ever will be."""
_GLANCE_S = 0.25
"""How often to look for workers that are past their deadline."""


@dataclass(frozen=True)
class Done(Generic[Answer]):
    """A task that was finished."""

    seed: int
    answer: Answer


@dataclass(frozen=True)
class Died:
    """A task whose worker process died; exit_code is negative for a signal.

    overdue: it was killed here, because a part of its job was not over by its `deadline`.
    """

    seed: int
    exit_code: int | None
    overdue: bool = False


AnswerAll = Callable[[Sequence[object]], Sequence[object]]
"""Answers the questions of several workers at once, in their order."""

_to_parent: list[Connection] = []
"""In a worker process: the one pipe to its parent."""
_due: list[c_double] = []
"""In a worker process: memory shared with its parent, the moment on the monotonic clock after which it is killed; 0
when there is none."""


def ask(question: object) -> object:
    """In a worker's job: send `question` (picklable) to the parent's `answer_all` and return its answer."""
    (pipe,) = _to_parent
    pipe.send(("ask", question))
    return pipe.recv()


@contextmanager
def deadline(seconds: float) -> Iterator[None]:
    """In a worker's job: what is done inside ends in time, or the parent kills this process. Elsewhere it does nothing.

    The parent reads the clock, so this holds too for native code that never lets Python run again.
    """
    for due in _due:
        due.value = time.monotonic() + seconds
    try:
        yield
    finally:
        for due in _due:
            due.value = 0.0


@dataclass
class _Worker:
    process: BaseProcess
    pipe: Connection
    due: c_double
    seed: int | None = None
    ready: bool = False
    overdue: bool = False


@dataclass
class _News(Generic[Answer]):
    """What lay in the pipes: finished and lost tasks, questions that wait for their answer, and a wrong request."""

    results: list[Done[Answer] | Died] = field(default_factory=list)
    asked: list[tuple[_Worker, object]] = field(default_factory=list)
    wrong: SpecError | None = None


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
        coming = self._deal(next(waiting, None), waiting)
        while coming is not None or any(worker.seed is not None for worker in self._workers):
            news = self._receive(timeout=None)
            yield from _results(news)
            # Tasks before answers: those take a while, and a worker without a task would wait for them.
            coming = self._deal(coming, waiting)
            self._reply(news.asked)

    def drain(self, *, seconds: float) -> Iterator[Done[Answer] | Died]:
        """Yield what comes from the tasks in flight, waiting at most `seconds` for each next one."""
        while any(worker.seed is not None for worker in self._workers):
            news = self._receive(timeout=seconds)
            if not news.results and not news.asked:
                return
            yield from _results(news)
            self._reply(news.asked)

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
        due = self._context.RawValue(c_double, 0.0)
        process = self._context.Process(target=_work, args=(self._make_job, theirs, due), daemon=True)
        process.start()
        theirs.close()
        return _Worker(process, ours, due)

    def _deal(self, coming: int | None, waiting: Iterator[int]) -> int | None:
        """Give every idle worker a task; return the first one that nobody could take, None when none is left."""
        for worker in self._workers:
            if coming is not None and worker.ready and worker.seed is None and self._send(worker, coming):
                coming = next(waiting, None)
        return coming

    def _send(self, worker: _Worker, seed: int) -> bool:
        try:
            worker.pipe.send(seed)
        except (BrokenPipeError, ConnectionResetError):
            return False
        worker.seed = seed
        return True

    def _receive(self, *, timeout: float | None) -> _News[Answer]:
        """Wait for news, at most `timeout` seconds; workers that are overdue are killed meanwhile."""
        until = None if timeout is None else time.monotonic() + timeout
        pipes = {worker.pipe: worker for worker in self._workers}
        while not (speaking := wait(list(pipes), timeout=_GLANCE_S)):
            self._kill_overdue()
            if until is not None and time.monotonic() >= until:
                break
        news = _News[Answer]()
        for pipe in speaking:
            worker = pipes[pipe]  # type: ignore[index]
            try:
                kind, content = worker.pipe.recv()
            except (EOFError, ConnectionResetError):
                news.results += self._bury(worker)
                continue
            if kind == "wrong":
                news.wrong = SpecError(content)
                continue
            if kind == "ask":
                news.asked.append((worker, content))
                continue
            worker.ready, self._hopeless = True, 0
            if kind == "done" and worker.seed is not None:
                seed, worker.seed = worker.seed, None
                news.results.append(Done(seed, content))
        # Also while the others keep this process busy.
        self._kill_overdue()
        return news

    def _kill_overdue(self) -> None:
        for worker in self._workers:
            if 0.0 < worker.due.value < time.monotonic():
                worker.overdue = True
                worker.process.kill()

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

    def _bury(self, worker: _Worker) -> list[Died]:
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
        return [] if worker.seed is None else [Died(worker.seed, worker.process.exitcode, worker.overdue)]


def _results(news: _News[Answer]) -> Iterator[Done[Answer] | Died]:
    """What was finished comes first, also when something else was wrong."""
    yield from news.results
    if news.wrong:
        raise news.wrong


def _work(make_job: Callable[[], Callable[[int], object]], pipe: Connection, due: c_double) -> None:
    """What a worker process does. It ends when the parent closes the pipe or dies."""
    # Ctrl-C reaches the whole group of processes; only the parent decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # Read by the numerical libraries when the job imports them: two threads a worker would fight for the cores.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    threading.Thread(target=_die_with_parent, daemon=True).start()
    _to_parent.append(pipe)
    _due.append(due)
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
