"""Every intervention of the filter, with the rule that caused it."""

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

KEPT = 10_000
"""Interventions kept in memory; a longer episode keeps counting."""


@dataclass(frozen=True)
class Intervention:
    """One change of one action. tick: counts from 0 in an episode.  detail: one clause for a person."""

    tick: int
    rule: str
    detail: str
    asked: tuple[float, ...]
    sent: tuple[float, ...]

    def as_line(self) -> str:
        """Return one line of interventions.jsonl."""
        return json.dumps(
            {
                "tick": self.tick,
                "rule": self.rule,
                "detail": self.detail,
                "asked": [_rounded(value) for value in self.asked],
                "sent": [_rounded(value) for value in self.sent],
            }
        )


class Journal:
    """Collects interventions of the present episode and tells `listener` of each as it happens."""

    def __init__(self, listener: Callable[[Intervention], None] | None = None) -> None:
        self._listener = listener
        self._entries: list[Intervention] = []
        self._counts: Counter[str] = Counter()

    @property
    def entries(self) -> tuple[Intervention, ...]:
        """The first KEPT interventions of this episode."""
        return tuple(self._entries)

    @property
    def counts(self) -> dict[str, int]:
        """Rule -> how often it intervened in this episode, all of them."""
        return dict(sorted(self._counts.items()))

    def begin(self) -> None:
        self._entries, self._counts = [], Counter()

    def add(self, entry: Intervention) -> None:
        self._counts[entry.rule] += 1
        if len(self._entries) < KEPT:
            self._entries.append(entry)
        if self._listener is not None:
            self._listener(entry)

    def write(self, path: Path) -> None:
        """Write one JSON line an intervention."""
        path.write_text("".join(entry.as_line() + "\n" for entry in self._entries), encoding="utf-8")


def _rounded(value: float) -> float | None:
    """JSON has no NaN and no infinity."""
    return round(value, 6) if abs(value) < float("inf") else None
