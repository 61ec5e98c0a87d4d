"""Policies that wrap another one and add a little."""

import time
from collections.abc import Callable
from dataclasses import replace

from agent.ports import Policy
from agent.types import ActionChunk, Observation
from agent.wrapping import PolicyWrapper


class FirstLook(PolicyWrapper):
    """Shows an episode's first observation to `show` before anything moves; observers see it only after the step."""

    def __init__(self, inner: Policy, show: Callable[[Observation], None]) -> None:
        super().__init__(inner)
        self._show = show
        self._first = True

    def reset(self, *, seed: int) -> None:
        self._first = True
        super().reset(seed=seed)

    def act(self, observation: Observation) -> ActionChunk:
        if self._first:
            self._first = False
            self._show(observation)
        return self._inner.act(observation)


class Rated(PolicyWrapper):
    """Gives the chunks of a policy that says nothing of itself a confidence: `rate(look, chunk)`, in [0, 1]."""

    def __init__(self, inner: Policy, rate: Callable[[Observation, ActionChunk], float]) -> None:
        super().__init__(inner)
        self._rate = rate

    def act(self, observation: Observation) -> ActionChunk:
        chunk = self._inner.act(observation)
        return replace(chunk, confidence=self._rate(observation, chunk))


class Stopwatch(PolicyWrapper):
    """Notes how long the inner policy thinks: `seconds`, one entry a look."""

    def __init__(self, inner: Policy) -> None:
        super().__init__(inner)
        self.seconds: list[float] = []

    def act(self, observation: Observation) -> ActionChunk:
        began = time.perf_counter()
        chunk = self._inner.act(observation)
        self.seconds.append(time.perf_counter() - began)
        return chunk
