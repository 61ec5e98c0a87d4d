"""`aubergine run`: one instruction, one episode, on film."""

import argparse
import json
from dataclasses import replace
from pathlib import Path

from agent.cli import stage as stages
from agent.cli.command import Command, new_folder, positive, whole
from agent.cli.live import LiveLine
from agent.errors import SpecError
from agent.types import Episode, Outcome, Task


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("instruction", nargs="?", help="what the robot should do, in quotes")
    parser.add_argument(
        "--policy",
        default=stages.DEFAULT_POLICY,
        metavar="NAME|DIR",
        help=f"{', '.join(stages.POLICIES)}, or a checkpoint folder (default: {stages.DEFAULT_POLICY})",
    )
    parser.add_argument("--seed", type=whole, default=0, help="decides the scene (default: 0)")
    parser.add_argument("--out", metavar="DIR", help="where film, contact sheet and log go (default: runs/run-<time>)")
    parser.add_argument("--execute", type=positive, metavar="K", help="actions carried out per look")
    parser.add_argument("--max-steps", type=positive, metavar="N", help="control steps before giving up")
    parser.add_argument("--list", action="store_true", help="name the policies, tasks and objects, and stop")


def run(arguments: argparse.Namespace) -> int:
    """Run one episode; 0 when it succeeded, 1 when not."""
    if arguments.list:
        return _list(as_json=arguments.json)
    if arguments.instruction is None or not arguments.instruction.strip():
        raise SpecError("the instruction is empty; say what to do, as in: aubergine run \"put the eggplant in the bowl\"")
    from sim.tasks import task_from_instruction

    task = task_from_instruction(arguments.instruction)
    if arguments.max_steps:
        task = replace(task, max_steps=arguments.max_steps)
    stage = stages.make_stage(arguments.policy)
    try:
        folder = new_folder(arguments.out, "run")
        episode = _play(stage, task, folder, arguments)
    finally:
        stage.world.close()
    _say(episode, stage.policy_name, folder, as_json=arguments.json)
    return 0 if episode.outcome is Outcome.SUCCESS else 1


COMMAND = Command(
    name="run",
    summary="carry out one instruction and film it",
    description="Carry out one instruction in the simulated world; writes a film, a contact sheet and an episode log.",
    example='aubergine run "put the eggplant in the bowl" --seed 7',
    add_arguments=add_arguments,
    run=run,
)
