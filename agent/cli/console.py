"""`aubergine console`: the robot's page in a browser on this machine."""

import argparse
import asyncio
import json
import signal
from contextlib import ExitStack
from typing import TYPE_CHECKING

from rich.console import Console

from agent.cli.chat import add_talk_arguments, opened_talk
from agent.cli.command import Command
from agent.cli.serve import port

if TYPE_CHECKING:
    from agent.cli.talk import Talk
    from agent.console.desk import Desk
    from dialogue.memory.store import Memory

CAMERAS = {"front": (360, 480), "wrist": (240, 320)}
"""Height and width of what the page shows, in pixels."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_talk_arguments(parser)
    parser.add_argument("--port", type=port, default=8010, help="of the page, 0: any that is free (8010)")
    parser.add_argument(
        "--speed", type=speed, default=1.0, metavar="X", help="times real time, 0: as fast as it goes (1)"
    )


def speed(text: str) -> float:
    """Parse a number from 0 to 100."""
    try:
        number = float(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"must be a number, got '{text}'") from error
    if not 0.0 <= number <= 100.0:
        raise argparse.ArgumentTypeError(f"must be from 0 to 100, got {text}")
    return number


def run(arguments: argparse.Namespace) -> int:
    """Serve the page until interrupted or terminated; 0 then."""
    with ExitStack() as open_things:
        talk, memory = opened_talk(arguments, open_things)
        desk = open_things.enter_context(make_desk(talk, memory, speed=arguments.speed))
        return asyncio.run(_serve(desk, arguments))


def make_desk(talk: "Talk", memory: "Memory | None", *, speed: float) -> "Desk":
    """Return the desk of a conversation in the simulated world; enter it to begin."""
    from agent.console.desk import Desk

    world = talk.world
    desk = Desk(
        talk.conversation,
        talk.mailbox,
        look=lambda: {name: world.render(name, *size).rgb for name, size in CAMERAS.items()},
        memory=memory,
        pace=1.0 / (world.embodiment.rate_hz * speed) if speed else 0.0,
    )
    talk.watches.add(desk)
    return desk


async def _serve(desk: "Desk", arguments: argparse.Namespace) -> int:
    from agent.console.server import ConsoleServer

    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    console = Console(stderr=True, quiet=arguments.json)
    async with ConsoleServer(desk, tuple(CAMERAS), port=arguments.port) as server:
        if arguments.json:
            print(json.dumps({"url": server.url}), flush=True)
        console.print(f"the robot's page: {server.url}; Ctrl-C ends it", highlight=False)
        await stop.wait()
    return 0


COMMAND = Command(
    name="console",
    summary="talk with the robot on a page: chat, cameras, plan, stop, memory",
    description=(
        "Serves a page on 127.0.0.1: the conversation, both cameras live, the plan with its steps lighting up, a stop "
        "button (or Esc), and the memory. From elsewhere: ssh -L 8010:127.0.0.1:8010 HOST. "
        "Exit code: 0 when ended, 2 when the request was wrong."
    ),
    example='aubergine console --policy expert --things "red cube, blue cube, lemon, white bowl"',
    add_arguments=add_arguments,
    run=run,
)
