"""`aubergine compare --plan`: how many episodes a difference would need, before anything is run."""

import argparse
import json
from typing import TYPE_CHECKING

from agent.errors import SpecError

if TYPE_CHECKING:
    from agent.evaluation.power import Plan


def add_plan_arguments(parser: argparse.ArgumentParser) -> None:
    plan = parser.add_argument_group("planning, instead of two runs")
    plan.add_argument("--plan", action="store_true", help="say how many episodes a difference would need")
    plan.add_argument("--rate", type=float, metavar="P", help="success rate of the one policy, such as 0.8")
    plan.add_argument("--difference", type=float, metavar="D", help="by how much the other is better or worse")
    plan.add_argument("--power", type=float, default=0.8, help="chance to find it (0.8)")


def run_plan(arguments: argparse.Namespace) -> int:
    """Print the plan; 0 when there is one. Raises SpecError for rates and chances that are none."""
    if arguments.first or arguments.second:
        raise SpecError("--plan takes no runs; leave the folders out")
    if arguments.rate is None or arguments.difference is None:
        raise SpecError("--plan needs --rate and --difference, such as --rate 0.8 --difference 0.05")
    from agent.evaluation.power import plan

    made = plan(rate=arguments.rate, difference=arguments.difference, alpha=arguments.alpha, wanted=arguments.power)
    if arguments.json:
        print(json.dumps(made.as_mapping()))
    else:
        print("\n".join(_lines(made)))
    return 0


def _lines(made: "Plan") -> list[str]:
    head = (
        f"{100 * made.rate:g} % against {100 * (made.rate + made.difference):g} %, found with a chance of "
        f"{100 * made.wanted:g} % by McNemar's exact test at {made.alpha:g}, each policy playing the same scenes:"
    )
    said = [head]
    for case in made.cases:
        pairs = "more than 100,000" if case.pairs is None else f"{case.pairs:,}"
        share = f"if {100 * case.discordance:.3g} % of the scenes end differently"
        said.append(f"  {pairs:>17} episodes of each, {share}: {case.name}")
    said.append("`aubergine compare` of a first, short run tells how many scenes end differently for your policies.")
    return said
