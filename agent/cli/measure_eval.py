"""How much faster an evaluation goes with worlds in processes and one batched policy; run in a fresh process."""

import os
import time
from collections.abc import Callable

from agent.cli import stage as stages
from agent.evaluation.play import Ended, Player

Figures = dict[str, float | int | bool | str | None]


def evaluation(
    episodes: int,
    *,
    policy: str = stages.DEFAULT_POLICY,
    workers: int | None = None,
    suite: str = "bowl",
    safety: str | None = None,
) -> Figures:
    """Return episodes a minute in one process, in several with a policy each, and in several around one policy.

    The same episodes of `suite` in every way, started processes warmed up by one episode each. The rates hold the wait
    for the last episode, which weighs less the more there are.
    same_outcomes: all ways gave the same steps and outcomes.
    """
    os.environ["OMP_NUM_THREADS"] = "1"
    from agent.cli.contest import enter, served_workers
    from agent.evaluation.play import BoothJob, PoolPlayer, SerialPlayer
    from agent.evaluation.suite import prepare

    entrant, cores = enter(policy, safety=safety), workers or stages.cores()
    _, trials = prepare(suite, episodes=episodes, seed=0, sample=stages.sample, check=stages.check_task)
    job = BoothJob(entrant.make_pair, tuple(trials), entrant.conditions.execute)
    ways: dict[str, Callable[[], Player]] = {
        "serial": lambda: SerialPlayer(job),
        "pool": lambda: PoolPlayer(job, workers=cores),
    }
    if entrant.served is not None:
        ways["served"] = lambda: PoolPlayer(job, workers=served_workers(cores), served=entrant.served)
    figures: Figures = {"eval_policy": policy, "eval_suite": suite, "eval_episodes": episodes, "eval_workers": cores}
    outcomes, rates = [], {}
    for name, make_player in ways.items():
        seconds, ended = _timed(make_player(), range(episodes), warm_up=served_workers(cores))
        rates[name] = 60 * episodes / seconds
        outcomes.append([(e.episode.outcome, e.episode.steps, e.episode.detail) for e in ended])
        figures[f"eval_{name}_episodes_per_min"] = round(rates[name], 1)
    figures["eval_speedup"] = round(max(rates.values()) / rates["serial"], 2)
    figures["eval_same_outcomes"] = all(each == outcomes[0] for each in outcomes)
    return figures


def _timed(player: Player, todo: range, *, warm_up: int) -> tuple[float, list[Ended]]:
    with player:
        list(player.play(todo[:warm_up]))
        began = time.perf_counter()
        ended = sorted(player.play(todo), key=lambda each: each.index)
        return time.perf_counter() - began, ended
