"""`aubergine train`: a policy from a plan, or what else a file's `kind` names."""

import argparse
import json
import re
from collections.abc import Callable
from pathlib import Path

from rich.console import Console

from agent.cli.command import Command
from agent.errors import unknown_name

INTERRUPTED = 130


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("plan", metavar="CONFIG.yaml", help="what to collect, train and try, as in configs/train")
    parser.add_argument("--out", metavar="DIR", help="where everything goes (default: runs/<name of the plan>)")
    parser.add_argument("--resume", action="store_true", help="go on where an earlier run with the same --out stopped")


def run(arguments: argparse.Namespace) -> int:
    """Do what the file's kind says; 0 when it ran through."""
    kind = kind_of(Path(arguments.plan))
    if kind not in KINDS:
        raise unknown_name("kind of training", kind, KINDS)
    return KINDS[kind](arguments)


def kind_of(path: Path) -> str:
    """Return the file's `kind:`, "policy" when it says none or cannot be read: the loader then says what is wrong."""
    try:
        found = re.search(r"^kind:\s*(\S+)", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    except (OSError, UnicodeDecodeError):
        return "policy"
    return found[1] if found else "policy"


def train_policy(arguments: argparse.Namespace) -> int:
    """Follow the plan; 0 when it ran through."""
    from agent.cli.training import Plan, follow
    from agent.settings import load_settings

    plan = load_settings(arguments.plan, Plan)
    out = Path(arguments.out) if arguments.out else Path("runs") / Path(arguments.plan).stem
    console = Console(stderr=True, quiet=arguments.json)
    outcome = follow(plan, out, resume=arguments.resume, say=console.print)
    best = str(outcome.best) if outcome.best else None
    if arguments.json:
        print(json.dumps({"out": str(out), "best": best, "rates": outcome.rates, "finished": outcome.finished}))
    elif outcome.finished:
        print(f"best checkpoint: {best}")
    else:
        print(f"interrupted; go on with: aubergine train {arguments.plan} --out {out} --resume")
    return 0 if outcome.finished else INTERRUPTED


def train_imagination(arguments: argparse.Namespace) -> int:
    """Train one part of the imagination; 0 when it ran through."""
    from agent.settings import load_settings
    from imagination.plan import ImaginePlan, follow

    plan = load_settings(arguments.plan, ImaginePlan)
    out = Path(arguments.out) if arguments.out else Path("runs") / Path(arguments.plan).stem
    trained = follow(plan, out, resume=arguments.resume)
    if arguments.json:
        print(json.dumps({"out": str(out), "steps": trained.steps, "finished": trained.finished}))
    elif trained.finished:
        print(f"trained: {out / 'model'}")
    else:
        print(f"interrupted; go on with: aubergine train {arguments.plan} --out {out} --resume")
    return 0 if trained.finished else INTERRUPTED


def train_chat(arguments: argparse.Namespace) -> int:
    """Fine-tune the language model of `aubergine chat`; 0 when it ran through."""
    from agent.cli.training_chat import run_chat

    return run_chat(arguments)


KINDS: dict[str, Callable[[argparse.Namespace], int]] = {
    "policy": train_policy,
    "imagine": train_imagination,
    "chat": train_chat,
}
"""What a file's `kind:` may be, and what trains it."""

COMMAND = Command(
    name="train",
    summary="train a policy, or the language model, as a plan says",
    description=(
        "Collect the demonstrations that a plan asks for, train on them, run DAgger rounds (the learner acts, the "
        "teacher corrects), try every checkpoint in closed loop on development seeds, and keep the best in DIR/best. "
        "With `kind: chat` in the plan: fine-tune the language model on made-up conversations into DIR/adapter."
    ),
    example="aubergine train configs/train/vla.yaml --out runs/vla",
    add_arguments=add_arguments,
    run=run,
)
