"""`aubergine drive`: one instruction on a robot, through the same loop and the same limits as in simulation."""

import argparse
import json
from contextlib import nullcontext

from rich.console import Console

from agent.cli.command import Command, add_policy_argument, chosen_policy, new_folder, positive, whole
from agent.errors import SpecError
from agent.types import Episode, Outcome, Task


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("instruction", help="what the robot should do, in quotes")
    parser.add_argument("--robot", required=True, metavar="CONFIG", help="a file such as configs/robot/fake.yaml")
    add_policy_argument(parser)
    parser.add_argument("--execute", type=positive, metavar="K", help="actions carried out per look")
    parser.add_argument(
        "--ahead", action="store_true", help="think about the next actions while the last are carried out"
    )
    parser.add_argument("--max-steps", type=positive, default=60, metavar="N", help="control steps, then it ends (60)")
    parser.add_argument("--seed", type=whole, default=0, help="decides the scene of an emulated cell (0)")
    parser.add_argument("--out", metavar="DIR", help="where log and interventions go (default: runs/drive-<time>)")


def run(arguments: argparse.Namespace) -> int:
    """Drive one episode; 0 when it ran to its end, 1 when a fault or a refusal ended it. Only emulated cells judge."""
    from agent.cli.live import LiveLine
    from agent.cli.rig import ahead_of, build_rig, robot_policy
    from agent.recording.log import EpisodeLog
    from agent.runtime import check_request, run_episode

    if not arguments.instruction.strip():
        raise SpecError("the instruction is empty; say what the robot should do")
    console = Console(stderr=True, quiet=arguments.json)
    asked = Task("drive", arguments.instruction, None, arguments.max_steps)
    rig = build_rig(
        arguments.robot,
        task=asked,
        seed=arguments.seed,
        listener=lambda each: console.print(f"safety: {each.rule}: {each.detail}", style="yellow"),
    )
    task = rig.cell.task if rig.cell is not None else asked
    policy, policy_execute = robot_policy(chosen_policy(arguments), rig.world.embodiment, rig.cell)
    execute = arguments.execute or policy_execute
    # Refused before anything is connected and before a folder is made.
    check_request(rig.world, policy, task, execute=execute)
    folder = new_folder(arguments.out, "drive")
    body = rig.world.embodiment
    try:
        with (
            ahead_of(policy, execute) if arguments.ahead else nullcontext((policy, execute)) as (driving, rows),
            EpisodeLog(folder) as log,
            LiveLine(console, state=body.state, max_steps=task.max_steps) as live,
        ):
            episode = run_episode(rig.world, driving, task, seed=0, execute=rows, observers=(log, live))
            log.finish(episode)
    finally:
        rig.close()
        rig.safety.journal.write(folder / "interventions.jsonl")
    latest = max(rig.inner.late, default=0.0)
    _say(episode, rig.safety.journal.counts, latest, str(folder), as_json=arguments.json)
    well = (Outcome.SUCCESS,) if rig.cell is not None else (Outcome.SUCCESS, Outcome.TIMEOUT)
    return 0 if episode.outcome in well else 1


def _say(episode: Episode, interventions: dict[str, int], latest: float, folder: str, *, as_json: bool) -> None:
    if as_json:
        answer = {
            "outcome": episode.outcome.value,
            "instruction": episode.task.instruction,
            "steps": episode.steps,
            "seconds": round(episode.seconds, 3),
            "detail": episode.detail,
            "interventions": interventions,
            "latest_tick_s": round(latest, 4),
            "out": folder,
        }
        print(json.dumps(answer, ensure_ascii=False))
        return
    print(f"{episode.outcome.value}: {episode.detail} ({episode.seconds:.1f} s)")
    for rule, count in interventions.items():
        print(f"the safety filter stepped in: {rule} {count} x")
    print(f"log: {folder}")


COMMAND = Command(
    name="drive",
    summary="carry out one instruction on a robot",
    description=(
        "Carry out one instruction on the robot that a file describes, behind its safety filter. No software is a "
        "safety-rated stop: keep the hardware's at hand (docs/safety.md). Nobody judges the outcome: exit code 0 says "
        "that it ran to its end (in an emulated cell, that it succeeded), 1 that a fault ended it, 2 that the request "
        "was wrong and nothing was connected."
    ),
    example='aubergine drive "put the eggplant in the bowl" --robot configs/robot/fake.yaml --policy hold',
    add_arguments=add_arguments,
    run=run,
)
