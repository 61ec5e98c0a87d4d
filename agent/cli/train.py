"""`aubergine train`: a policy from a plan, or what else a file's `kind` names."""

import argparse
import json
import re
from collections.abc import Callable
from pathlib import Path

from rich.console import Console

from agent.cli.command import Command
from agent.errors import SpecError, unknown_name

INTERRUPTED = 130
PLANS = Path(__file__).resolve().parents[2] / "configs" / "train"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "plan", metavar="CONFIG.yaml", nargs="?", help="what to collect, train and try, as in configs/train"
    )
    parser.add_argument(
        "--lora", action="store_true", help="an adapter for a trained policy (without a plan: configs/train/lora.yaml)"
    )
    parser.add_argument(
        "--say",
        metavar="WORDS",
        action="append",
        help="with --lora: what it shall learn to do, instead of the plan's instructions; may be given several times",
    )
    parser.add_argument("--out", metavar="DIR", help="where everything goes (default: runs/<name of the plan>)")
    parser.add_argument("--resume", action="store_true", help="go on where an earlier run with the same --out stopped")


def run(arguments: argparse.Namespace) -> int:
    """Do what the file's kind says; 0 when it ran through."""
    if arguments.plan is None:
        if not arguments.lora:
            raise SpecError("there is no plan to train by; name a file such as configs/train/vla.yaml, or give --lora")
        arguments.plan = str(PLANS / "lora.yaml")
    kind = kind_of(Path(arguments.plan))
    if kind not in KINDS:
        raise unknown_name("kind of training", kind, KINDS)
    if (arguments.lora or arguments.say) and kind != "lora":
        raise SpecError(f"{arguments.plan} is a plan of kind '{kind}', and --lora and --say need one of kind 'lora'")
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


def train_head(arguments: argparse.Namespace) -> int:
    """Train another action head on a trained policy; 0 when it ran through."""
    from agent.cli.training_head import run_head

    return run_head(arguments)


def train_lora(arguments: argparse.Namespace) -> int:
    """Train an adapter for a trained policy; 0 when it ran through."""
    from agent.cli.training_lora import run_lora

    return run_lora(arguments)


KINDS: dict[str, Callable[[argparse.Namespace], int]] = {
    "policy": train_policy,
    "imagine": train_imagination,
    "chat": train_chat,
    "head": train_head,
    "lora": train_lora,
}
"""What a file's `kind:` may be, and what trains it."""

COMMAND = Command(
    name="train",
    summary="train a policy, or the language model, as a plan says",
    description=(
        "Collect the demonstrations that a plan asks for, train on them, run DAgger rounds (the learner acts, the "
        "teacher corrects), try every checkpoint in closed loop on development seeds, and keep the best in DIR/best. "
        "With `kind: chat` in the plan: fine-tune the language model on made-up conversations into DIR/adapter. "
        "With `kind: head`: another action head on a trained policy into DIR/checkpoint. With `kind: lora`, or --lora: "
        "an adapter for a trained policy into DIR/adapter, from a few demonstrations of what is new."
    ),
    example="aubergine train configs/train/vla.yaml --out runs/vla",
    add_arguments=add_arguments,
    run=run,
)
