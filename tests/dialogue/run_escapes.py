"""Feeds every escape through reader, verifier and executor in one process that is watched by an audit hook.

Prints one JSON line a text: what became of it, the seconds it took, and every file, process, socket or piece of code
that was touched meanwhile. Run as a program by test_escapes.py; the process must live to the end.
"""

import json
import sys
import time
from pathlib import Path

from agent.safety.zones import BoxZone
from dialogue.executor import Executor
from dialogue.memory.store import Memory
from dialogue.problem import Unfit
from dialogue.syntax import PlanError, parse_plan
from tests.dialogue.escapes import CORPUS
from tests.dialogue.mind import MindWorld, mind_body, table

WATCHED = (
    "open",
    "exec",
    "compile",
    "import",
    "os.",
    "subprocess.",
    "socket.",
    "ctypes.",
    "shutil.",
    "pty.",
    "gc.",
    "sys.set",
)
HAND = BoxZone("your hand", (0.50, 0.10, -0.1), (0.80, 0.40, 0.6))
touched: list[str] = []
watching = False


def watch(event: str, arguments: tuple[object, ...]) -> None:
    if watching and event.startswith(WATCHED):
        touched.append(f"{event} {arguments!r:.80}")


def outcome(text: str, memory: Memory) -> tuple[str, list[str], list[str]]:
    """How the text ended, what was said, and the goals that reached the world."""
    world = MindWorld(table(zones=(HAND,)))
    try:
        plan = parse_plan(text)
    except PlanError as error:
        assert str(error).isprintable(), ascii(str(error))
        return "unreadable", [], []
    try:
        report = Executor(mind_body(world), book=memory).run(plan)
    except Unfit as unfit:
        return f"escaped: {unfit}", [], []
    heard = [event.text for event in report.events if event.what.value in ("said", "asked", "remembered", "forgotten")]
    return report.ending.value, heard, [f"{task.goal}" for task in world.tasks]


def main() -> None:
    global watching
    sys.addaudithook(watch)
    with_memory = Memory(Path(sys.argv[1]))
    # The first plan imports what every plan needs, and the first warning of each kind reads source files.
    outcome("place carrot in blue bowl\npush blue cube forward\nforget x\nremember y\npick z", with_memory)
    for text in CORPUS:
        touched.clear()
        began = time.perf_counter()
        watching = True
        ended, heard, goals = outcome(text, with_memory)
        watching = False
        seconds = time.perf_counter() - began
        row = {"text": text, "ended": ended, "heard": heard, "goals": goals, "seconds": seconds, "touched": touched}
        print(json.dumps(row), flush=True)
    with_memory.close()


if __name__ == "__main__":
    main()
