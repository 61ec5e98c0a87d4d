"""`aubergine serve`: one policy for others to call."""

import argparse
import asyncio
import json
import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from agent.cli import stage as stages
from agent.cli.command import Command, add_policy_argument, chosen_policy, positive, whole
from agent.ports import Policy

if TYPE_CHECKING:
    from agent.serving.server import ServeConfig

LARGEST_PORT = 65535


def port(text: str) -> int:
    """Parse a port; 0 is any that is free."""
    number = whole(text)
    if number > LARGEST_PORT:
        raise argparse.ArgumentTypeError(f"must be at most {LARGEST_PORT}, got {number}")
    return number


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_policy_argument(parser)
    parser.add_argument("--host", default="127.0.0.1", help="others than this machine's own need --token-file")
    parser.add_argument("--port", type=port, default=8000, help="of the websocket, 0: any (8000)")
    parser.add_argument("--rest-port", type=port, default=8001, metavar="PORT", help="of POST /act, 0: any (8001)")
    parser.add_argument("--no-rest", action="store_true", help="websocket only")
    parser.add_argument("--token-file", metavar="FILE", help="clients must show the token in this file")
    parser.add_argument(
        "--lanes", type=positive, default=stages.cores(), metavar="N", help="parts of a batch at once (one a core)"
    )
    parser.add_argument("--max-clients", type=positive, default=64, metavar="N", help="connections at once (64)")


def run(arguments: argparse.Namespace) -> int:
    """Serve until interrupted or terminated; 0 then."""
    # Read when torch is imported: one thread a lane, and the same sums however many lanes there are.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    from agent.serving.gate import check_reach, read_token
    from agent.serving.server import ServeConfig

    token = read_token(Path(arguments.token_file)) if arguments.token_file else None
    check_reach(arguments.host, token)
    config = ServeConfig(
        host=arguments.host,
        port=arguments.port,
        rest_port=None if arguments.no_rest else arguments.rest_port,
        token=token,
        max_clients=arguments.max_clients,
        lanes=arguments.lanes,
    )
    policy, execute = stages.make_policy(chosen_policy(arguments))
    return asyncio.run(_serve(policy, execute, arguments, config))


async def _serve(policy: Policy, execute: int, arguments: argparse.Namespace, config: "ServeConfig") -> int:
    from agent.serving.card import Card
    from agent.serving.server import PolicyServer

    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    card = Card(Path(arguments.policy).name, policy.embodiment, execute)
    console = Console(stderr=True, quiet=arguments.json)
    async with PolicyServer(policy, card, config) as server:
        websocket = f"ws://{_bracketed(config.host)}:{server.port}"
        rest = f"http://{_bracketed(config.host)}:{server.rest_port}/act" if server.rest_port else None
        if arguments.json:
            answer = {"policy": card.policy, "embodiment": policy.embodiment.name, "url": websocket, "rest": rest}
            print(json.dumps(answer), flush=True)
        console.print(f"serving {card.policy} at {websocket}" + (f" and {rest}" if rest else "") + "; Ctrl-C stops")
        await stop.wait()
    console.print(f"stopped; {server.answered} requests answered")
    return 0


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


COMMAND = Command(
    name="serve",
    summary="let others call a policy over the network",
    description=(
        "Serve a policy with openpi's websocket protocol (keys of LIBERO, DROID or this project) and OpenVLA's "
        "POST /act. Answers this machine only; other hosts need --token-file, and a tunnel or proxy that encrypts. "
        "Use it elsewhere as --policy ws://HOST:PORT. Exit code: 0 when stopped, 2 when the request was wrong."
    ),
    example="aubergine serve --policy vla --port 8000",
    add_arguments=add_arguments,
    run=run,
)
