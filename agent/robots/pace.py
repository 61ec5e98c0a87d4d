"""Slow models and simulated worlds on one clock, the wall's or one that is turned by whoever sleeps.

On the wall's clock (the defaults) this is real time; with `Hours` an episode takes no longer than it computes and comes
out the same every time.
"""

import time
from collections.abc import Callable

from agent.ports import Policy, World
from agent.types import ActionChunk, Embodiment, FloatArray, Observation, Step, Task
from agent.wrapping import PolicyWrapper


class Hours:
    """A clock that stands still but while somebody sleeps."""

    def __init__(self) -> None:
        self.now = 0.0

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


class Paced:
    """A World whose every step takes at least 1 / rate_hz by the clock. It stands still while somebody thinks."""

    def __init__(
        self,
        inner: World,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._inner, self._clock, self._sleep = inner, clock, sleep

    @property
    def embodiment(self) -> Embodiment:
        return self._inner.embodiment

    def reset(self, task: Task, *, seed: int) -> Observation:
        return self._inner.reset(task, seed=seed)

    def step(self, action: FloatArray) -> Step:
        until = self._clock() + 1 / self.embodiment.rate_hz
        step = self._inner.step(action)
        left = until - self._clock()
        if left > 0:
            self._sleep(left)
        return step

    def close(self) -> None:
        self._inner.close()


class TimedThinker:
    """Has every answer at once and gives it `latency` seconds of the `clock` later: a slow model in simulated time."""

    def __init__(
        self, policy: Policy, *, latency: float, clock: Callable[[], float], sleep: Callable[[float], None]
    ) -> None:
        self._policy, self._latency, self._clock, self._sleep = policy, latency, clock, sleep
        self._chunk: ActionChunk | None = None
        self._due = 0.0

    @property
    def embodiment(self) -> Embodiment:
        return self._policy.embodiment

    def reset(self, *, seed: int) -> None:
        self._chunk = None
        self._policy.reset(seed=seed)

    def ask(self, observation: Observation) -> None:
        self._chunk, self._due = self._policy.act(observation), self._clock() + self._latency

    def answer(self, *, wait: bool) -> ActionChunk | None:
        left = self._due - self._clock()
        if self._chunk is None or (left > 1e-9 and not wait):
            return None
        if left > 0:
            self._sleep(left)
        chunk, self._chunk = self._chunk, None
        return chunk

    def close(self) -> None:
        """Nothing to end."""


class Slow(PolicyWrapper):
    """A Policy that takes at least `seconds` for every look, as on a smaller machine or over a network."""

    def __init__(self, inner: Policy, seconds: float, *, sleep: Callable[[float], None] = time.sleep) -> None:
        super().__init__(inner)
        self._seconds, self._sleep = seconds, sleep

    def act(self, observation: Observation) -> ActionChunk:
        self._sleep(self._seconds)
        return self._inner.act(observation)
