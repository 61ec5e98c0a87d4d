"""`aubergine collect`: demonstrations of the scripted teacher, as a dataset that others can read."""

import argparse
import json
from pathlib import Path

from agent.cli import stage as stages
from agent.cli.command import Command, add_safety_argument, new_folder, positive, whole

FIRST_TRAINING_SEED = 1_000_000
INTERRUPTED = 130


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--family", default="all", metavar="NAME", help="a family, a named task, or all (default: all)")
    parser.add_argument("--episodes", type=positive, default=100, metavar="N", help="how many seeds to try (100)")
    parser.add_argument(
        "--seed", type=whole, default=FIRST_TRAINING_SEED, help=f"of the first episode ({FIRST_TRAINING_SEED:,})"
    )
    parser.add_argument(
        "--out", metavar="DIR", help="the dataset; goes on where it was interrupted (runs/collect-<time>)"
    )
    parser.add_argument("--workers", type=positive, default=stages.cores(), metavar="N", help="processes (one a core)")
    parser.add_argument(
        "--store",
        choices=("lerobot", "frames"),
        default="lerobot",
        help="lerobot: LeRobotDataset v3.0 with films; frames: raw arrays for training here",
    )
    parser.add_argument(
        "--like",
        metavar="NAME|DIR",
        help="record what this trained policy sees, so that heads and adapters can be trained for it",
    )
    add_safety_argument(parser)
    parser.add_argument("--clean", action="store_true", help="undisturbed demonstrations only")


def run(arguments: argparse.Namespace) -> int:
    """Collect; 0 when every seed was tried."""
    from agent.cli.classroom import ClassroomFactory, Share
    from agent.recording.collect import collect
    from agent.recording.demonstrate import Coaching
    from agent.recording.frame_sink import FrameStoreSink
    from agent.recording.writer import DatasetWriter
    from policies.shipped import embodiment_of, find_checkpoint

    # A wrong file is told here and not by every worker.
    stages.safety_limits(arguments.safety)
    mix = tuple(Share(*pair) for pair in stages.task_mix(arguments.family))
    body = embodiment_of(find_checkpoint(arguments.like)) if arguments.like else None
    factory = ClassroomFactory(mix, cameras=body.cameras if body else None, safety=arguments.safety)
    folder = new_folder(arguments.out, "collect")
    sink = DatasetWriter(folder) if arguments.store == "lerobot" else FrameStoreSink(folder)
    result = collect(
        factory,
        range(arguments.seed, arguments.seed + arguments.episodes),
        (sink,),
        attempts_file=attempts_file(folder),
        workers=arguments.workers,
        coaching=Coaching(clean_share=1.0) if arguments.clean else None,
    )
    if arguments.json:
        answer = {
            "out": str(folder),
            "stored": result.stored,
            "already_there": result.already_there,
            "frames": result.frames,
            "outcomes": {str(outcome): count for outcome, count in result.outcomes.items()},
            "success_share": round(result.success_share, 4),
            "died": result.died,
            "interrupted": result.interrupted,
        }
        print(json.dumps(answer))
    else:
        print(
            f"{result.stored} episodes in {folder}; {result.success_share:.1%} of {result.attempts} attempts succeeded"
        )
    return INTERRUPTED if result.interrupted else 0


def attempts_file(folder: Path) -> Path:
    """Where a collection notes what came of each seed."""
    return folder / "attempts.jsonl"


COMMAND = Command(
    name="collect",
    summary="record demonstrations of the scripted teacher",
    description=(
        "Record demonstrations as a LeRobotDataset v3.0. The teacher is disturbed now and then and shows the way back; "
        "only episodes that end in success are kept. Started again with the same --out, it goes on where it stopped."
    ),
    example="aubergine collect --family put_in --episodes 200 --out runs/put_in",
    add_arguments=add_arguments,
    run=run,
)
