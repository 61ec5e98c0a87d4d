"""Whose fault it is when foreign code raises: the policy's fails the episode, the world's is left out of the rate."""

import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Literal

from agent.errors import PolicyFault, Refusal, SpecError, WorldFault
from agent.evaluation.limit import PolicyHung, within
from agent.ports import Policy, World
from agent.types import ActionChunk, Embodiment, FloatArray, Observation, Step, Task


class Blame:
    """Context manager: whatever is raised inside becomes `fault`, except what the port allows, which passes.

    traceback: text of the last exception that was not a refusal, None before the first.
    """

    def __init__(self, who: str, fault: type[PolicyFault] | type[WorldFault]) -> None:
        self._who, self._fault = who, fault
        self.traceback: str | None = None

    def __enter__(self) -> "Blame":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> Literal[False]:
        if not isinstance(error, Exception) or isinstance(error, SpecError):
            return False
        if isinstance(error, Refusal) and self._fault is PolicyFault:
            return False
        self.traceback = "".join(traceback.format_exception(error))
        # A policy on a server raises WorldFault when the network fails: that is no fault of the policy's.
        if isinstance(error, (self._fault, WorldFault)):
            return False
        raise self._fault(f"the {self._who} raised {type(error).__name__}: {_first_line(error)}") from error


class BlamedPolicy:
    """A policy whose every exception is a PolicyFault, a WorldFault, a Refusal or a SpecError.

    limit_s: longest wait for one answer, see `agent.evaluation.limit`; None: wait for ever.
    hung: an answer did not come in time; who knows what the policy was in the middle of.
    """

    def __init__(self, inner: Policy, *, limit_s: float | None = None) -> None:
        self._inner, self._limit, self.hung = inner, limit_s, False
        self.blame = Blame("policy", PolicyFault)

    @property
    def embodiment(self) -> Embodiment:
        return self._inner.embodiment

    def reset(self, *, seed: int) -> None:
        with self._watched():
            self._inner.reset(seed=seed)

    def act(self, observation: Observation) -> ActionChunk:
        with self._watched():
            return self._inner.act(observation)

    @contextmanager
    def _watched(self) -> Iterator[None]:
        try:
            with self.blame, within(self._limit):
                yield
        except PolicyHung:
            self.hung = True
            raise


class BlamedWorld:
    """A world whose every exception is a WorldFault or a SpecError; `blame` remembers the last one."""

    def __init__(self, inner: World, blame: Blame) -> None:
        self._inner, self._blame = inner, blame

    @property
    def embodiment(self) -> Embodiment:
        return self._inner.embodiment

    def reset(self, task: Task, *, seed: int) -> Observation:
        with self._blame:
            return self._inner.reset(task, seed=seed)

    def step(self, action: FloatArray) -> Step:
        with self._blame:
            return self._inner.step(action)

    def close(self) -> None:
        with self._blame:
            self._inner.close()


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or ["no message"])[0]
