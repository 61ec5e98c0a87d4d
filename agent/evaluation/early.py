"""Stops a run as soon as it is known which of two policies is better."""

from collections import defaultdict
from collections.abc import Iterable, Sequence

from agent.errors import SpecError
from agent.evaluation.records import EpisodeRecord, record_from
from agent.evaluation.run import Played
from agent.evaluation.sequential import Bettor, Sequential
from agent.evaluation.suite import Trial


class EarlyStop:
    """Bets on this run against finished episodes of another, in the order the trials were dealt.

    Episodes of several processes end out of order, successes mostly first; counting them as they come would favour
    the policy that succeeds fast. So each waits for those before it.
    """

    def __init__(self, trials: Sequence[Trial], against: Iterable[EpisodeRecord], *, alpha: float) -> None:
        """alpha: error rate. Raises SpecError when no trial has a twin in `against`."""
        self._bettor = Bettor(alpha)
        self._twins: dict[object, list[EpisodeRecord]] = defaultdict(list)
        for record in against:
            self._twins[record.pairing].append(record)
        self._order = [trial.pairing for trial in trials]
        if not any(key in self._twins for key in self._order):
            raise SpecError("no episode to be run has a twin in the other run; use the same --suite and --seed")
        self._ended: dict[object, list[EpisodeRecord]] = defaultdict(list)
        self._next = 0

    def seen(self, played: Played) -> bool:
        """Take one finished episode; return whether enough is known."""
        record = record_from(played.as_mapping())
        self._ended[record.pairing].append(record)
        while self._next < len(self._order) and not self._bettor.decided:
            key = self._order[self._next]
            if not self._ended[key]:
                break
            ours = self._ended[key].pop(0)
            self._next += 1
            twin = self._twins[key].pop(0) if self._twins[key] else None
            if twin is not None and ours.counts and twin.counts:
                self._bettor.add(ours.succeeded - twin.succeeded)
        return self._bettor.decided

    def verdict(self) -> Sequential:
        """Say how things stand; this run is the first policy."""
        return self._bettor.verdict()
