"""`aubergine eval`: the success rate of a policy over a suite, with intervals."""

import argparse
import json
import os
import shlex
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from agent.cli import stage as stages
from agent.cli.command import (
    Command,
    add_adapter_argument,
    add_policy_argument,
    add_safety_argument,
    chosen_policy,
    new_folder,
    positive,
    whole,
)
from agent.errors import SpecError
from agent.evaluation.limit import ACT_LIMIT_S

if TYPE_CHECKING:
    from agent.cli.contest import Entrant
    from agent.cli.export import Sink
    from agent.evaluation.early import EarlyStop
    from agent.evaluation.play import Player
    from agent.evaluation.run import Played, Report
    from agent.evaluation.suite import Trial


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--suite", required=True, metavar="NAME|FILE", help="a suite in configs/eval, or a YAML file")
    add_policy_argument(parser)
    add_adapter_argument(parser)
    add_safety_argument(parser)
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
    parser.add_argument("--films", type=whole, default=4, metavar="N", help="failures filmed for the report (4)")
    parser.add_argument("--against", metavar="DIR", help="another run of the suite, set against this one in the report")
    parser.add_argument(
        "--stop-at", type=float, metavar="ALPHA", help="stop once --against is beaten, or wins, at this error rate"
    )
    parser.add_argument(
        "--act-limit",
        type=_seconds,
        default=ACT_LIMIT_S,
        metavar="S",
        help="a policy that does not answer for so many seconds has failed the episode (60)",
    )
    parser.add_argument(
        "--isolate", action="store_true", help="a policy a process, killed with it if even native code hangs"
    )
    parser.add_argument("--lerobot", type=Path, metavar="DIR", help="also write the episodes as a LeRobotDataset v3.0")
    parser.add_argument(
        "--rerun", type=Path, metavar="FILE.rrd", help="also write them for Rerun (needs the extra 'rerun')"
    )


def run(arguments: argparse.Namespace) -> int:
    """Run the suite; 0 when it ran through, whatever the rate."""
    # Read when torch is imported: sums split over threads come out in another order, and all players should agree.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    from agent.cli.board import Board
    from agent.cli.contest import enter, open_store
    from agent.cli.export import opened_sinks
    from agent.evaluation.run import Report
    from agent.evaluation.session import evaluate
    from agent.evaluation.suite import prepare
    from policies.shipped import with_adapter

    suite, trials = prepare(
        arguments.suite,
        episodes=arguments.episodes,
        seed=arguments.seed,
        sample=stages.sample,
        check=stages.check_task,
    )
    early = _early_stop(arguments, trials)
    entrant = enter(
        chosen_policy(arguments, adapter=arguments.adapter),
        execute=arguments.execute or suite.execute,
        world=suite.world,
        safety=arguments.safety,
    )
    words = _command(arguments, len(trials), entrant.conditions.execute)
    folder = new_folder(arguments.out, "eval")
    played: list[Played] = []

    report = partial(
        Report,
        suite=arguments.suite,
        policy=with_adapter(arguments.policy, arguments.adapter),
        seed=arguments.seed,
        execute=entrant.conditions.execute,
        command=words,
    )
    console = Console(stderr=True, quiet=arguments.json)
    try:
        with (
            opened_sinks(lerobot=arguments.lerobot, rerun=arguments.rerun) as sinks,
            open_store(folder) as store,
            Board(console, trials) as board,
        ):
            player = _player(arguments, entrant, trials, sinks)
            session = evaluate(
                trials, entrant.conditions, store, player, command=words, retry_errors=arguments.retry_errors
            )
            # Whoever stops early sends the player's processes home at once.
            with closing(session):
                for each in session:
                    played.append(each)
                    board.add(each)
                    if early and early.seen(each):
                        break
    except KeyboardInterrupt:
        report(played=tuple(played), complete=False).write(folder)
        raise
    whole = report(played=tuple(played), complete=True)
    whole.write(folder)
    if arguments.lerobot or arguments.rerun:
        _tell_unexported(played, console)
    _illustrate(folder, trials, arguments, entrant)
    _say(whole, folder, as_json=arguments.json)
    if early and not arguments.json:
        from agent.cli.compare import betting_line

        print(betting_line(early.verdict()))
    return 0


def _seconds(text: str) -> float:
    """Parse a number of seconds above 0."""
    try:
        seconds = float(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"must be a number of seconds, got '{text}'") from error
    if not 0 < seconds < float("inf"):
        raise argparse.ArgumentTypeError(f"must be above 0, got {text}")
    return seconds


def _player(arguments: argparse.Namespace, entrant: "Entrant", trials: "list[Trial]", sinks: "list[Sink]") -> "Player":
    """Return what plays, and what writes the episodes out where somebody asked for it."""
    from agent.cli.contest import Manner, make_player
    from agent.cli.export import Exporting, RecordingWitness
    from agent.evaluation.identity import episode_id

    manner = Manner(arguments.act_limit, arguments.isolate, RecordingWitness if sinks else None)
    player = make_player(entrant, trials, workers=arguments.workers, ray=arguments.ray, manner=manner)
    if not sinks:
        return player
    return Exporting(player, trials, [episode_id(trial, entrant.conditions) for trial in trials], sinks)


def _tell_unexported(played: "list[Played]", console: Console) -> None:
    """Say that what was not played now was not seen now."""
    kept = sum(not each.fresh for each in played)
    if kept:
        console.print(
            f"{kept} episodes were finished before and are not played again: the exports hold them only if the command "
            "that played them wrote there too",
            soft_wrap=True,
        )


def _early_stop(arguments: argparse.Namespace, trials: "list[Trial]") -> "EarlyStop | None":
    if arguments.against is None:
        if arguments.stop_at is not None:
            raise SpecError("--stop-at needs --against: the run that this one is to be told apart from")
        return None
    from agent.evaluation.early import EarlyStop
    from agent.evaluation.records import load_run

    other = load_run(Path(arguments.against))
    # Built without --stop-at too: it refuses a run that shares nothing before the first episode, not after the last.
    early = EarlyStop(trials, other.records, alpha=0.05 if arguments.stop_at is None else arguments.stop_at)
    return None if arguments.stop_at is None else early


def _illustrate(folder: Path, trials: "list[Trial]", arguments: argparse.Namespace, entrant: "Entrant") -> None:
    """Film some failures and write the page."""
    from agent.cli.films import film_failures
    from agent.evaluation.report import write_report

    film_failures(folder, trials, entrant, most=arguments.films)
    write_report(folder, against=Path(arguments.against) if arguments.against else None)


def _command(arguments: argparse.Namespace, episodes: int, execute: int) -> str:
    """The words that repeat the run, defaults spelt out; where it goes and how many processes play do not move it."""
    words = ["aubergine", "eval", "--suite", arguments.suite, "--policy", arguments.policy]
    words += ["--episodes", str(episodes), "--seed", str(arguments.seed), "--execute", str(execute)]
    if arguments.adapter:
        words += ["--adapter", arguments.adapter]
    if arguments.force:
        words += ["--force"]
    if arguments.safety is not None:
        words += ["--safety", arguments.safety]
    if arguments.stop_at is not None:
        words += ["--against", arguments.against, "--stop-at", f"{arguments.stop_at:g}"]
    return shlex.join(words)


def _say(report: "Report", folder: Path, *, as_json: bool) -> None:
    if as_json:
        print(json.dumps({**report.as_mapping(), "out": str(folder)}))
        return
    rows = report.by_task()
    width = max(len(name) for name in (*rows, "overall"))
    for name, counts in (*rows.items(), ("overall", report.overall())):
        print(f"{name:<{width}}  {counts}")
    completed = report.mean_completed()
    if completed is not None:
        print(f"chains: {completed:.2f} tasks done on average")
    print(f"results: {folder / 'results.json'}\nreport: {folder / 'report.html'}")


COMMAND = Command(
    name="eval",
    summary="measure a policy over a suite of tasks",
    description="Run N episodes dealt over the tasks of a suite and print success rates with 95 % intervals (Wilson). "
    "The same command with the same --out goes on where it stopped; several may share one folder.",
    example="aubergine eval --suite bowl --episodes 200 --seed 0 --out runs/bowl",
    add_arguments=add_arguments,
    run=run,
)
