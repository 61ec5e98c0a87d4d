"""`aubergine report`: the page of a run, made again or set against another run."""

import argparse
import json
from pathlib import Path

from agent.cli.command import Command


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", metavar="DIR", help="a folder that `aubergine eval` wrote")
    parser.add_argument("--against", metavar="DIR", help="another run; the page then shows the differences too")


def run(arguments: argparse.Namespace) -> int:
    """Write the page; 0 when it was written."""
    from agent.evaluation.report import TABLE, write_report

    against = Path(arguments.against) if arguments.against else None
    page = write_report(Path(arguments.folder), against=against)
    table = page.with_name(TABLE)
    if arguments.json:
        print(json.dumps({"report": str(page), "table": str(table)}))
    else:
        print(f"report: {page}\ntable: {table}")
    return 0


COMMAND = Command(
    name="report",
    summary="write a run's results as one HTML page",
    description="Write report.html (one file, opens offline) and table.md into the folder of a run.",
    example="aubergine report runs/new --against runs/old",
    add_arguments=add_arguments,
    run=run,
)
