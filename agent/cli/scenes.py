"""What commands have in common that count right answers over scenes."""

import argparse

from agent.cli import stage as stages
from agent.evaluation.statistics import wilson


def scenes_parser(description: str | None, *, scenes: int) -> argparse.ArgumentParser:
    """Return a parser for --policy, --scenes (how many, unless said), --seed and --json."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--policy", default=stages.DEFAULT_POLICY)
    parser.add_argument("--scenes", type=int, default=scenes)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    return parser


def share(good: int, count: int) -> str:
    """Return "9/10 = 90.0 % [59.6, 98.2]", with Wilson's interval."""
    return f"{good}/{count} = {100 * good / max(count, 1):.1f} % {wilson(good, count).percent()}"
