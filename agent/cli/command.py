"""What a sub-command is made of, and the argument types that several share."""

import argparse
import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from agent.cli.stage import DEFAULT_POLICY, POLICIES, forced
from agent.errors import SpecError


@dataclass(frozen=True)
class Command:
    """One sub-command. `run` returns the exit code; it imports what it needs when it is called."""

    name: str
    summary: str
    description: str
    example: str
    add_arguments: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace], int]


@contextmanager
def large_imports() -> Iterator[None]:
    """Import without looking for garbage: modules stay, and searching millions of their objects takes a fifth of the
    time that networks take to import."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def add_policy_argument(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--policy",
        default=DEFAULT_POLICY,
        metavar="NAME|DIR|URL",
        help=f"{', '.join(POLICIES)}, a checkpoint folder, or ws://host:port (default: {DEFAULT_POLICY})",
    )
    parser.add_argument(
        "--force", action="store_true", help="use a checkpoint although its golden actions no longer come out"
    )


def add_adapter_argument(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--adapter",
        metavar="NAME|DIR",
        help="what the policy was taught on top of its checkpoint: the name of an adapter beside it, or a folder",
    )


def chosen_policy(arguments: argparse.Namespace, *, adapter: str | None = None) -> str:
    """Return the policy's name, marked when --force is given: worker processes build it from this name alone.

    adapter: as `add_adapter_argument` has it; SpecError where the policy is no checkpoint, or it does not exist.
    """
    policy = str(arguments.policy)
    if adapter:
        from policies.shipped import is_trained, locate, with_adapter

        if not is_trained(policy):
            raise SpecError(f"the policy '{policy}' takes no adapter; a checkpoint does")
        policy = with_adapter(policy, adapter)
        locate(policy)
    return forced(policy) if arguments.force else policy


def add_safety_argument(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--safety",
        metavar="FILE|off",
        help="limits between policy and world, a YAML file (default: configs/sim/tabletop.yaml, or a wrapped "
        "environment's own bounds)",
    )


def positive(text: str) -> int:
    """Parse a whole number of at least 1."""
    number = whole(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"must be at least 1, got {number}")
    return number


def whole(text: str) -> int:
    """Parse a whole number of at least 0."""
    try:
        number = int(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"must be a whole number, got '{text}'") from error
    if number < 0:
        raise argparse.ArgumentTypeError(f"must be at least 0, got {number}")
    return number


def new_folder(given: str | None, kind: str) -> Path:
    """Return the folder for results, made: the given one, or runs/<kind>-<time>."""
    folder = Path(given) if given else Path("runs") / f"{kind}-{datetime.now():%Y%m%d-%H%M%S}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SpecError(f"cannot make the folder {folder}: {error.strerror}") from error
    return folder
