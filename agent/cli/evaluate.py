"""`aubergine eval`: the success rate of a policy over a suite, with intervals."""

import argparse
import json
from functools import partial
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from agent.cli import stage as stages
from agent.cli.command import Command, add_policy_argument, add_safety_argument, new_folder, positive, whole
from agent.errors import SpecError

if TYPE_CHECKING:
    from agent.evaluation.run import Report


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--suite", required=True, metavar="NAME|FILE", help="a suite in configs/eval, or a YAML file")
    add_policy_argument(parser)
    add_safety_argument(parser)
    parser.add_argument(
        "--episodes", type=positive, metavar="N", help="in all, dealt over the tasks (default: as the suite says)"
    )
    parser.add_argument("--seed", type=whole, default=0, help="of the first episode, counted up from there (0)")
    parser.add_argument("--out", metavar="DIR", help="where results.json goes (default: runs/eval-<time>)")
    parser.add_argument("--execute", type=positive, metavar="K", help="actions carried out per look")
    parser.add_argument("--workers", type=positive, metavar="N", help="processes (default: one a core, at most 8)")


def run(arguments: argparse.Namespace) -> int:
    """Run the suite; 0 when it ran through, whatever the rate."""
    from agent.evaluation.run import Played, Report, play
    from agent.evaluation.suite import prepare

    suite, trials = prepare(
        arguments.suite,
        episodes=arguments.episodes,
        seed=arguments.seed,
        sample=stages.sample,
        check=stages.check_task,
    )
    execute = arguments.execute or suite.execute or stages.actions_per_look(arguments.policy)
    folder = new_folder(arguments.out, "eval")
    make_stage = partial(stages.make_pair, arguments.policy, safety=arguments.safety)
    if suite.world is not None:
        if arguments.safety not in (None, stages.NO_SAFETY):
            raise SpecError("a suite with a world of its own runs without a safety filter; leave --safety out")
        make_stage = partial(stages.make_wrapped_pair, arguments.policy, suite.world)
    workers = min(arguments.workers or stages.cores(), len(trials))
    console = Console(stderr=True, quiet=arguments.json)
    played: list[Played] = []
    complete = False
    try:
        with _progress(console) as bar:
            job = bar.add_task("episodes", total=len(trials), good=0)
            for each in play(trials, make_stage, execute=execute, workers=workers):
                played.append(each)
                good = sum(one.episode.outcome is one.trial.expects for one in played)
                bar.update(job, advance=1, good=good)
        complete = True
    finally:
        report = Report(
            suite=arguments.suite,
            policy=arguments.policy,
            seed=arguments.seed,
            execute=execute,
            played=tuple(played),
            complete=complete,
        )
        report.write(folder)
    _say(report, str(folder), as_json=arguments.json)
    return 0


def _progress(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[good]} succeeded"),
        TimeRemainingColumn(),
        console=console,
    )


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
    description="Run N episodes dealt over the tasks of a suite and print success rates with 95 % intervals (Wilson).",
    example="aubergine eval --suite bowl --episodes 200 --seed 0 --out runs/bowl",
    add_arguments=add_arguments,
    run=run,
)
