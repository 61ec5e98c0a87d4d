"""`aubergine chat`: talk with the robot about the table in front of it."""

import argparse
import json
import queue
import sys
import threading
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from agent.cli.command import Command, add_policy_argument, add_safety_argument, chosen_policy, whole
from agent.cli.memory import default_file
from dialogue.events import Event, Happening

if TYPE_CHECKING:
    from agent.cli.talk import Talk
    from dialogue.conversation import Conversation, Turn
    from dialogue.interrupts import Interrupts
    from dialogue.memory.store import Memory

BYE = ("bye", "exit", "quit")
NO_MEMORY = "off"
JUDGES = ("state", "pictures")
THINGS = "red cube, blue cube, eggplant, lemon, white bowl, plate"
_SHOWN = {Happening.STARTED: "…", Happening.RETRIED: "again:", Happening.HEARD: "heard:", Happening.PAUSED: "paused:"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--say", action="append", metavar="WORDS", help="say this and stop; may be given several times")
    add_talk_arguments(parser)


def add_talk_arguments(parser: argparse.ArgumentParser) -> None:
    """What a conversation needs, whether it is typed in a terminal or on a page."""
    parser.add_argument("--things", default=THINGS, metavar="NAMES", help=f"what stands there (default: {THINGS})")
    parser.add_argument("--seed", type=whole, default=0, help="decides where things stand (default: 0)")
    parser.add_argument(
        "--llm",
        metavar="MODEL|URL",
        help="rules (plain requests, no network), smollm2, a folder, hub:name, or a server's http://host:port/v1 "
        "(default: rules, and smollm2 for what they do not understand)",
    )
    parser.add_argument("--adapter", metavar="DIR|none", help="a LoRA adapter for the model (default: the shipped one)")
    parser.add_argument(
        "--memory", metavar="FILE|off", help="where to remember (default: memory.db in your data folder)"
    )
    parser.add_argument(
        "--judge",
        choices=JUDGES,
        default=JUDGES[0],
        help="what tells whether a step worked: the simulator's state, or pictures and the gripper alone, as with a "
        "real arm (default: state)",
    )
    parser.add_argument("--no-rehearsal", action="store_true", help="do not first try plans in a copy of the world")
    add_policy_argument(parser)
    add_safety_argument(parser)


def opened_talk(arguments: argparse.Namespace, open_things: ExitStack) -> "tuple[Talk, Memory | None]":
    """Open what `add_talk_arguments` name; closing `open_things` closes it again."""
    from agent.cli.talk import Setup, make_agent, open_talk, table_task
    from dialogue.memory.store import Memory

    table_task(arguments.things)
    setup = Setup(
        things=arguments.things,
        policy=chosen_policy(arguments),
        seed=arguments.seed,
        safety=arguments.safety,
        rehearse=not arguments.no_rehearsal,
        judge=arguments.judge,
    )
    agent = make_agent(arguments.llm, arguments.adapter)
    memory = None
    if arguments.memory != NO_MEMORY:
        path = Path(arguments.memory) if arguments.memory else default_file()
        path.parent.mkdir(parents=True, exist_ok=True)
        memory = open_things.enter_context(Memory(path))
    talk = open_talk(agent, setup, memory=memory)
    open_things.callback(talk.close)
    return talk, memory


def run(arguments: argparse.Namespace) -> int:
    """Talk until the person goes; with --say, 1 when the last words were not carried out or answered."""
    console = Console(stderr=True, quiet=arguments.json)
    with ExitStack() as open_things:
        talk, _ = opened_talk(arguments, open_things)
        if arguments.say:
            return _script(talk.conversation, arguments.say, console, as_json=arguments.json)
        console.print(
            f"on the table: {arguments.things}. Type, and 'bye' to go; what you type while the arm moves is heard."
        )
        _terminal(talk.conversation, talk.mailbox, console)
    return 0


def _script(conversation: "Conversation", lines: list[str], console: Console, *, as_json: bool) -> int:
    turns = [_take(conversation, words, console) for words in lines]
    if as_json:
        print(json.dumps({"turns": [_record(turn) for turn in turns]}))
    else:
        for turn in turns:
            print(f"> {turn.words}\n{turn.text}")
    return 0 if turns[-1].answer is not None else 1


def _terminal(conversation: "Conversation", mailbox: "Interrupts", console: Console) -> None:
    """Read lines in a thread of their own: while the arm moves they are corrections, otherwise the next turn."""
    waiting: queue.Queue[str | None] = queue.Queue()
    moving = threading.Event()

    def read() -> None:
        for line in sys.stdin:
            if moving.is_set():
                mailbox.say(line.rstrip("\n"))
            else:
                waiting.put(line.rstrip("\n"))
        waiting.put(None)

    threading.Thread(target=read, daemon=True).start()
    while True:
        conversation.prepare()
        words = waiting.get()
        if words is None or words.strip().lower() in BYE:
            return
        moving.set()
        try:
            print(_take(conversation, words, console).text, flush=True)
        finally:
            moving.clear()


def _take(conversation: "Conversation", words: str, console: Console) -> "Turn":
    def listener(event: Event) -> None:
        if event.what in _SHOWN:
            console.print(f"[dim]{_SHOWN[event.what]} {event.text}[/dim]", highlight=False)

    return conversation.turn(words, listener)


def _record(turn: "Turn") -> dict[str, object]:
    answer, report = turn.answer, turn.report
    return {
        "words": turn.words,
        "text": turn.text,
        "act": answer.act.value if answer else None,
        "rule": answer.rule if answer else None,
        "options": list(answer.options) if answer else [],
        "proposed": answer.proposed if answer else "",
        "ending": report.ending.value if report else None,
    }


COMMAND = Command(
    name="chat",
    summary="talk with the robot about the table in front of it",
    description=(
        "A conversation: the language model proposes a plan, the verifier checks it, a copy of the world rehearses it, "
        "the policy carries it out. The robot acts, asks, corrects, refuses with a reason, or speaks; it remembers."
    ),
    example='aubergine chat --policy expert --say "put the red cube in the bowl" --say "now the blue one"',
    add_arguments=add_arguments,
    run=run,
)
