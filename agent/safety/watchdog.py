"""Notices that something did not come in time: hold first, then stop."""

import time
from collections.abc import Callable
from enum import Enum

from agent.safety.config import Patience


class Verdict(Enum):
    GO = "go"
    HOLD = "hold"
    STOP = "stop"


class Watchdog:
    """Measures the time since it was last fed against a patience; with no patience it always says GO."""

    def __init__(self, patience: Patience | None, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._patience, self._clock = patience, clock
        self._fed: float | None = None

    def feed(self, at: float | None = None) -> None:
        """Something came, now or at that time of the clock [s]."""
        self._fed = self._clock() if at is None else at

    def rest(self) -> None:
        """Nothing is expected until the next `feed`."""
        self._fed = None

    def age(self) -> float:
        """Return seconds since it was fed; 0 while it rests."""
        return 0.0 if self._fed is None else self._clock() - self._fed

    def verdict(self) -> Verdict:
        if self._patience is None or self.age() <= self._patience.hold:
            return Verdict.GO
        return Verdict.HOLD if self.age() <= self._patience.stop else Verdict.STOP
