"""Parses the command line, runs one command and turns errors into one sentence and an exit code."""

import argparse
import difflib
import json
import sys
from collections.abc import Sequence
from typing import NoReturn

from agent.cli import (
    ask,
    bench,
    chat,
    collect,
    compare,
    console,
    drive,
    evaluate,
    exam,
    imagine,
    memory,
    point,
    report,
    robots,
    run,
    serve,
    train,
)
from agent.cli.command import Command
from agent.errors import AubergineError

COMMANDS: tuple[Command, ...] = (
    run.COMMAND,
    chat.COMMAND,
    console.COMMAND,
    collect.COMMAND,
    train.COMMAND,
    point.COMMAND,
    ask.COMMAND,
    imagine.COMMAND,
    evaluate.COMMAND,
    compare.COMMAND,
    report.COMMAND,
    drive.COMMAND,
    robots.ROBOTS,
    robots.CHECK,
    bench.COMMAND,
    exam.COMMAND,
    serve.COMMAND,
    memory.COMMAND,
)

REQUEST_WRONG = 2
INTERRUPTED = 130


class _Parser(argparse.ArgumentParser):
    """Complains in one sentence instead of a page of usage."""

    def error(self, message: str) -> NoReturn:
        self.exit(REQUEST_WRONG, f"{self.prog}: {message}; see '{self.prog} --help'\n")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code: 0 success, 1 the episode failed, 2 the request was wrong."""
    words = list(sys.argv[1:] if argv is None else argv)
    parser = make_parser()
    if not words:
        parser.print_help()
        return 0
    _check_command(words[0])
    arguments = parser.parse_args(words)
    try:
        return int(arguments.run(arguments))
    except AubergineError as error:
        print(f"aubergine: {error}", file=sys.stderr)
        if arguments.json:
            print(json.dumps({"error": str(error)}))
        return REQUEST_WRONG
    except KeyboardInterrupt:
        print("aubergine: interrupted; what was written so far is complete and readable", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        # The reader (head, less) has seen enough; keep Python from complaining again at exit.
        sys.stderr.close()
        return 0


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of all commands; nothing heavy is imported for it."""
    parser = _Parser(
        prog="aubergine",
        description="A vision-language-action agent: camera frames and an instruction in, robot actions out.",
        epilog='example: aubergine run "put the eggplant in the bowl"',
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for command in COMMANDS:
        sub = commands.add_parser(
            command.name,
            help=command.summary,
            description=command.description,
            epilog="example: " + command.example,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        command.add_arguments(sub)
        sub.add_argument("--json", action="store_true", help="print one JSON object on stdout and nothing else there")
        sub.set_defaults(run=command.run)
    return parser


def _check_command(word: str) -> None:
    """Leave with one sentence when the first word is no command; argparse does not suggest the nearest."""
    names = [command.name for command in COMMANDS]
    if word.startswith("-") or word in names:
        return
    near = difflib.get_close_matches(word, names, n=1, cutoff=0.5)
    hint = f" did you mean '{near[0]}'?" if near else ""
    print(f"aubergine: no command '{word}';{hint} There are: {', '.join(names)}.", file=sys.stderr)
    sys.exit(REQUEST_WRONG)
