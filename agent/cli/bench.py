"""`aubergine bench`: how fast, how small, how repeatable; peers are measured in the same run."""

import argparse
import json
from pathlib import Path

from rich.console import Console
from rich.table import Table

from agent.cli.command import Command, add_safety_argument, positive


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--resets", type=positive, default=1000, metavar="N", help="for the memory figure (1000)")
    parser.add_argument("--rounds", type=positive, default=5, metavar="N", help="repetitions a median is taken of (5)")
    parser.add_argument("--policy", default="vla", metavar="NAME|DIR", help="whose chunks are timed (default: vla)")
    add_safety_argument(parser)
    parser.add_argument("--out", metavar="FILE", help="also write the JSON object here")


def run(arguments: argparse.Namespace) -> int:
    """Measure everything; 0 always."""
    from agent.cli.measure import measure

    console = Console(stderr=True, quiet=arguments.json)
    figures = measure(
        rounds=arguments.rounds,
        resets=arguments.resets,
        safety=arguments.safety,
        policy=arguments.policy,
        say=console.print,
    )
    text = json.dumps(figures, indent=None if arguments.json else 2)
    if arguments.out:
        Path(arguments.out).write_text(text + "\n", encoding="utf-8")
    if arguments.json:
        print(text)
        return 0
    table = Table("figure", "value")
    for name, value in figures.items():
        table.add_row(name, f"{value:.4g}" if isinstance(value, float) else str(value))
    Console().print(table)
    return 0


COMMAND = Command(
    name="bench",
    summary="measure speed, memory and repeatability",
    description=(
        "Measure control steps a second beside panda-gym's, the safety filter, resets, memory, byte identity, the "
        "residual of the inverse kinematics, the policy's latency, serving it, the control loop's jitter and pace with "
        "a slow model, the time to the first action and the pace of evaluations. Takes some twelve minutes; medians."
    ),
    example="aubergine bench --json",
    add_arguments=add_arguments,
    run=run,
)
