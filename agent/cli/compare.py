"""`aubergine compare`: two runs of one suite, paired scene by scene."""

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

from agent.cli.command import Command, whole
from agent.cli.plan import add_plan_arguments, run_plan
from agent.errors import SpecError

if TYPE_CHECKING:
    from agent.evaluation.compare import Compared, Comparison
    from agent.evaluation.sequential import Sequential
    from agent.evaluation.statistics import Interval

WORTH_FINDING = (0.02, 0.05, 0.1, 0.2)
"""Differences for which the number of pairs needed is told."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("first", nargs="?", metavar="DIR_A", help="a folder that `aubergine eval` wrote")
    parser.add_argument("second", nargs="?", metavar="DIR_B", help="another, of the same suite and seeds")
    parser.add_argument(
        "--sequential", action="store_true", help="also bet on the pairs in order: may be asked again after every pair"
    )
    parser.add_argument(
        "--alpha", type=float, default=0.05, help="error rate of the sequential test or the plan (0.05)"
    )
    parser.add_argument("--seed", type=whole, default=0, help="of the bootstrap (0)")
    add_plan_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """Compare, or plan; 0 whatever comes out."""
    if arguments.plan:
        return run_plan(arguments)
    if not arguments.first or not arguments.second:
        raise SpecError("compare needs two folders that `aubergine eval` wrote, or --plan")
    from agent.evaluation.compare import compare, pair
    from agent.evaluation.records import load_run
    from agent.evaluation.sequential import bet

    first, second = load_run(Path(arguments.first)), load_run(Path(arguments.second))
    paired = pair(first.records, second.records)
    result = compare(paired, seed=arguments.seed)
    betting = None
    if arguments.sequential:
        betting = bet((a.succeeded - b.succeeded for a, b in paired.pairs), alpha=arguments.alpha)
    if arguments.json:
        names = {"a": arguments.first, "b": arguments.second, "policy_a": first.policy, "policy_b": second.policy}
        print(json.dumps({**names, **as_mapping(result, betting)}))
        return 0
    print(f"A: {first.policy} ({arguments.first})   B: {second.policy} ({arguments.second})")
    print("\n".join(lines(result, betting)))
    return 0


def needed(row: "Compared") -> dict[str, int | None]:
    """Return difference -> pairs that it would need, with as many pairs ended differently as in `row`."""
    from agent.evaluation.power import pairs_needed

    return {
        f"{difference:g}": pairs_needed(difference=difference, discordance=max(difference, row.table.discordance))
        for difference in WORTH_FINDING
    }


def as_mapping(result: "Comparison", betting: "Sequential | None") -> dict[str, object]:
    """Return what --json prints, without the names of the runs."""
    answer: dict[str, object] = {
        "overall": _row(result.overall),
        "tasks": {row.row: _row(row) for row in result.rows},
        "without_twin": [result.alone_a, result.alone_b],
        "lost_to_errors": result.broken,
        "pairs_needed": needed(result.overall),
    }
    if betting:
        answer["sequential"] = {
            "alpha": betting.alpha,
            "pairs": betting.pairs,
            "stopped_at": betting.stopped_at,
            "evidence": betting.evidence,
            "p": betting.p,
            "interval": [betting.interval.low, betting.interval.high],
        }
    return answer


def lines(result: "Comparison", betting: "Sequential | None") -> list[str]:
    """Return the comparison as it is printed."""
    from agent.evaluation.statistics import percent_points

    rows = (*result.rows, result.overall)
    width = max(len(row.row) for row in rows)
    said = [f"{'':<{width}}  pairs  A only  B only  A − B  Tango 95 %      over scenes 95 %  p       p (Holm)"]
    for row in rows:
        table = row.table
        said.append(
            f"{row.row:<{width}}  {table.pairs:>5}  {table.only_a:>6}  {table.only_b:>6}  "
            f"{percent_points(table.difference):>5}  {row.tango.percent():<14}  {row.bootstrap.percent():<16}  "
            f"{row.p:<6.3g}  {row.p_holm:.3g}"
        )
    if result.alone_a or result.alone_b or result.broken:
        said.append(
            f"left out: {result.alone_a} of A and {result.alone_b} of B without a twin, {result.broken} lost to errors"
        )
    wants = ", ".join(
        f"{100 * float(difference):g} points: {pairs or 'more than 100,000'}"
        for difference, pairs in needed(result.overall).items()
    )
    said.append(f"pairs needed to find a difference four times out of five: {wants}")
    if betting:
        said.append(betting_line(betting))
    return said


def betting_line(betting: "Sequential") -> str:
    """Return the sequential test's result in one line."""
    found = f"decided after {betting.stopped_at} of {betting.pairs} pairs"
    if betting.stopped_at is None:
        found = f"undecided after {betting.pairs} pairs; go on or stop as you like"
    return (
        f"betting at error rate {betting.alpha:g}: {found}; anytime-valid p = {betting.p:.3g}, "
        f"difference {betting.interval.percent()}"
    )


def _row(row: "Compared") -> dict[str, object]:
    table = row.table
    return {
        "pairs": table.pairs,
        "scenes": row.scenes,
        "both": table.both,
        "only_a": table.only_a,
        "only_b": table.only_b,
        "neither": table.neither,
        "difference": round(table.difference, 6),
        "tango_95": _ends(row.tango),
        "bootstrap_95": _ends(row.bootstrap),
        "p": row.p,
        "p_holm": row.p_holm,
    }


def _ends(interval: "Interval") -> list[float]:
    return [round(interval.low, 6), round(interval.high, 6)]


COMMAND = Command(
    name="compare",
    summary="compare two runs, paired scene by scene",
    description=(
        "Pair the episodes of two runs that put the same question, and say by how much the first policy is better: "
        "McNemar's exact test, the difference with intervals, Holm over the tasks, and how many pairs one would need.\n"
        "Before anything is run: aubergine compare --plan --rate 0.8 --difference 0.05 --power 0.8"
    ),
    example="aubergine compare runs/new runs/old --sequential",
    add_arguments=add_arguments,
    run=run,
)
