"""Brings trials, the run database and a player together: what is kept is reused, what is missing is played and kept."""

import time
from collections.abc import Generator, Iterator, Sequence

from agent.evaluation.identity import Conditions, episode_id
from agent.evaluation.play import Player
from agent.evaluation.run import Played
from agent.evaluation.store import Job, Kept, RunStore
from agent.evaluation.suite import Trial

POLL_S = 0.5
"""How often to look whether another process has finished, or left behind, what it claimed."""


def evaluate(
    trials: Sequence[Trial],
    conditions: Conditions,
    store: RunStore,
    player: Player,
    *,
    command: str = "",
    retry_errors: bool = False,
) -> Generator[Played, None, None]:
    """Yield every trial once it is over: first those that the database holds, then the others as they finish.

    Other processes may work on the same database; what they finish is yielded as well. Of two equal trials one is
    played. The iterator ends when all trials are over. `player` is opened only when something is left to play.
    command: the words that repeat this run, noted in the database.  retry_errors: forget what the world broke before.
    """
    ids = [episode_id(trial, conditions) for trial in trials]
    places: dict[str, list[int]] = {}
    for index, id_ in enumerate(ids):
        places.setdefault(id_, []).append(index)
    store.enroll([Job(id_, trials[where[0]]) for id_, where in places.items()], conditions, command=command)
    if retry_errors:
        store.forget_errors()
    missing = len(places)

    def scored(news: Sequence[Kept], *, fresh: bool) -> Iterator[Played]:
        for kept in news:
            for index in places[kept.id]:
                yield Played(trials[index], kept.episode, kept.id, fresh)

    def claimed() -> Iterator[int]:
        while (id_ := store.claim()) is not None:
            yield places[id_][0]

    held = store.news()
    missing -= len(held)
    yield from scored(held, fresh=False)
    if not missing:
        return
    with player:
        while missing:
            for ended in player.play(claimed()):
                store.finish(Kept(ids[ended.index], ended.episode, ended.traceback))
                news = store.news()
                missing -= len(news)
                yield from scored(news, fresh=True)
            news = store.news()
            missing -= len(news)
            yield from scored(news, fresh=True)
            if missing:
                time.sleep(POLL_S)
