"""`aubergine eval`: the success rate of a policy over a suite, with intervals."""

import argparse
import json
import os
import shlex
from typing import TYPE_CHECKING

from rich.console import Console

from agent.cli import stage as stages
from agent.cli.command import Command, add_policy_argument, new_folder, positive, whole

if TYPE_CHECKING:
    from agent.evaluation.run import Report


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--suite", required=True, metavar="NAME|FILE", help="a suite in configs/eval, or a YAML file")
    add_policy_argument(parser)
    parser.add_argument(
        "--episodes", type=positive, metavar="N", help="in all, dealt over the tasks (default: as the suite says)"
    )
    parser.add_argument("--seed", type=whole, default=0, help="of the first episode, counted up from there (0)")
    parser.add_argument(
        "--out",
        metavar="DIR",
        help="where results.json and run.db go (default: runs/eval-<time>); what run.db holds is not run again",
    )
    parser.add_argument("--execute", type=positive, metavar="K", help="actions carried out per look")
    parser.add_argument("--workers", type=positive, metavar="N", help="processes (default: enough for up to 8 cores)")
    parser.add_argument("--ray", metavar="ADDRESS|local", help="play on a Ray cluster (needs the extra 'ray')")
    parser.add_argument(
        "--retry-errors", action="store_true", help="run episodes again that ended as the world's error"
    )


def run(arguments: argparse.Namespace) -> int:
    """Run the suite; 0 when it ran through, whatever the rate."""
    # Read when torch is imported: sums split over threads come out in another order, and all players should agree.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    from agent.cli.board import Board
    from agent.cli.contest import enter, make_player, open_store
    from agent.evaluation.run import Played, Report
    from agent.evaluation.session import evaluate
    from agent.evaluation.suite import prepare

    suite, trials = prepare(
        arguments.suite,
        episodes=arguments.episodes,
        seed=arguments.seed,
        sample=stages.sample,
        check=stages.check_task,
    )
    entrant = enter(arguments.policy, execute=arguments.execute or suite.execute, world=suite.world)
    words = _command(arguments, len(trials), entrant.conditions.execute)
    folder = new_folder(arguments.out, "eval")
    played: list[Played] = []

    def report(*, complete: bool) -> Report:
        return Report(
            suite=arguments.suite,
            policy=arguments.policy,
            seed=arguments.seed,
            execute=entrant.conditions.execute,
            played=tuple(played),
            complete=complete,
            command=words,
        )

    console = Console(stderr=True, quiet=arguments.json)
    player = make_player(entrant, trials, workers=arguments.workers, ray=arguments.ray)
    try:
        with open_store(folder) as store, Board(console, trials) as board:
            session = evaluate(
                trials, entrant.conditions, store, player, command=words, retry_errors=arguments.retry_errors
            )
            for each in session:
                played.append(each)
                board.add(each)
    except KeyboardInterrupt:
        report(complete=False).write(folder)
        raise
    report(complete=True).write(folder)
    _say(report(complete=True), str(folder), as_json=arguments.json)
    return 0


def _command(arguments: argparse.Namespace, episodes: int, execute: int) -> str:
    """The words that repeat the run, defaults spelt out; where it goes and how many processes play do not move it."""
    words = ["aubergine", "eval", "--suite", arguments.suite, "--policy", arguments.policy]
    words += ["--episodes", str(episodes), "--seed", str(arguments.seed), "--execute", str(execute)]
    return shlex.join(words)


def _say(report: "Report", folder: str, *, as_json: bool) -> None:
    if as_json:
        print(json.dumps({**report.as_mapping(), "out": folder}))
        return
    rows = report.by_task()
    width = max(len(name) for name in (*rows, "overall"))
    for name, counts in (*rows.items(), ("overall", report.overall())):
        print(f"{name:<{width}}  {counts}")
    completed = report.mean_completed()
    if completed is not None:
        print(f"chains: {completed:.2f} tasks done on average")
    print(f"results: {folder}/results.json")


COMMAND = Command(
    name="eval",
    summary="measure a policy over a suite of tasks",
    description="Run N episodes dealt over the tasks of a suite and print success rates with 95 % intervals (Wilson). "
    "The same command with the same --out goes on where it stopped; several may share one folder.",
    example="aubergine eval --suite bowl --episodes 200 --seed 0 --out runs/bowl",
    add_arguments=add_arguments,
    run=run,
)
