"""`aubergine train`: a policy, or the language model of `aubergine chat`, from a plan."""

import argparse
import json
from pathlib import Path

import yaml
from rich.console import Console

from agent.cli.command import Command
from agent.errors import unknown_name

INTERRUPTED = 130
POLICY, CHAT = "policy", "chat"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("plan", metavar="CONFIG.yaml", help="what to collect, train and try, as in configs/train")
    parser.add_argument("--out", metavar="DIR", help="where everything goes (default: runs/<name of the plan>)")
    parser.add_argument("--resume", action="store_true", help="go on where an earlier run with the same --out stopped")


def run(arguments: argparse.Namespace) -> int:
    """Follow the plan; 0 when it ran through."""
    kind = kind_of(Path(arguments.plan))
    if kind == CHAT:
        from agent.cli.training_chat import run_chat

        return run_chat(arguments)
    if kind != POLICY:
        raise unknown_name("kind of training", kind, (POLICY, CHAT))
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


def kind_of(path: Path) -> str:
    """Return what the file's `kind` says is trained; a policy where it says nothing or is no mapping at all."""
    try:
        read = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        # Whoever loads the settings says what is wrong with the file, and where.
        return POLICY
    return str(read.get("kind", POLICY)) if isinstance(read, dict) else POLICY


COMMAND = Command(
    name="train",
    summary="train a policy, or the language model, as a plan says",
    description=(
        "Collect the demonstrations that a plan asks for, train on them, run DAgger rounds (the learner acts, the "
        "teacher corrects), try every checkpoint in closed loop on development seeds, and keep the best in DIR/best. "
        "With `kind: chat` in the plan: fine-tune the language model on made-up conversations into DIR/adapter."
    ),
    example="aubergine train configs/train/first.yaml --out runs/first",
    add_arguments=add_arguments,
    run=run,
)
