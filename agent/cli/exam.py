"""`aubergine exam`: measure the language model of `aubergine chat`."""

import argparse
import json
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from agent.cli.command import Command, positive, whole

KINDS = ("requests", "asking", "conversations", "hazards", "twins")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "what",
        choices=KINDS,
        help="requests: four figures on held-out words; asking: calibrated questions; conversations: memory and "
        "corrections; the last three in simulation",
    )
    parser.add_argument(
        "-n",
        type=positive,
        metavar="N",
        help="how many (default: 500 requests, 300 dilemmas of each kind, 320 conversations, all cases)",
    )
    parser.add_argument("--seed", type=whole, default=0, help="first seed (default: 0; reported seeds are 0-9999)")
    parser.add_argument(
        "--no-memory", action="store_true", help="conversations: carry nothing from one turn to the next, as a control"
    )
    parser.add_argument("--free", action="store_true", help="requests: without the grammar")
    parser.add_argument(
        "--seen", action="store_true", help="requests: in the words of training, on seeds from 1,500,000"
    )
    parser.add_argument("--kinds", default="", metavar="K,K", help="requests: of these kinds only")
    parser.add_argument("--llm", metavar="MODEL|URL", help="as in `aubergine chat`")
    parser.add_argument("--adapter", metavar="DIR|none", help="as in `aubergine chat`")
    parser.add_argument("--policy", default="expert", help="hazards, twins: who moves the arm (default: expert)")
    parser.add_argument(
        "--no-rehearsal", action="store_true", help="hazards, twins: without trying plans in a copy first"
    )
    parser.add_argument("--save", metavar="DIR", help="asking: write the calibration for 15 %% into this folder")
    parser.add_argument("--out", metavar="FILE", help="also write everything, single answers included, as JSON")


def run(arguments: argparse.Namespace) -> int:
    """Examine; 0 when it ran through."""
    from agent.cli import exam_runs
    from agent.cli.talk import open_model

    console = Console(stderr=True, quiet=arguments.json)
    columns = (
        TextColumn(arguments.what),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[note]}"),
        TimeRemainingColumn(),
    )
    with Bar(*columns, console=console) as bar:
        row = bar.add_task("exam", total=None, note="loading")

        def tick(note: str) -> None:
            bar.update(row, advance=1, note=note)

        if arguments.what == "requests":
            bar.update(row, total=arguments.n or 500)
            model, _ = open_model(arguments.llm, arguments.adapter)
            result = exam_runs.chat_exam(
                model,
                requests=arguments.n or 500,
                seed=1_500_000 if arguments.seen else arguments.seed,
                split="seen" if arguments.seen else "held_out",
                constrained=not arguments.free,
                only=tuple(kind for kind in arguments.kinds.split(",") if kind),
                tick=tick,
            )
        elif arguments.what == "asking":
            bar.update(row, total=6 * (arguments.n or 300))
            model, _ = open_model(arguments.llm, arguments.adapter)
            save = Path(arguments.save) if arguments.save else None
            result = exam_runs.asking_exam(
                model, dilemmas=arguments.n or 300, seed=arguments.seed, tick=tick, save=save
            )
        elif arguments.what == "conversations":
            from agent.cli.exam_talks import conversations_exam

            number = arguments.n or 320
            bar.update(row, total=number)
            model, _ = open_model(arguments.llm, arguments.adapter)
            result = conversations_exam(
                model, number=number, seed=arguments.seed, memory=not arguments.no_memory, tick=tick
            )
        else:
            cases = exam_runs.chosen_cases(arguments.n, harmful=arguments.what == "hazards")
            bar.update(row, total=len(cases))
            result = exam_runs.hazard_exam(
                arguments.llm, arguments.adapter, cases=cases, policy=arguments.policy,
                rehearse=not arguments.no_rehearsal, tick=tick,
            )  # fmt: skip
    if arguments.out:
        Path(arguments.out).write_text(json.dumps(result, indent=1), encoding="utf-8")
    summary = {key: value for key, value in result.items() if key not in ("answers", "trials")}
    print(json.dumps(summary) if arguments.json else json.dumps(summary, indent=1))
    return 0


COMMAND = Command(
    name="exam",
    summary="measure the language model of `aubergine chat`",
    description=(
        "requests: how many answers are plans, do what was asked, can be carried out. asking: how often calibrated "
        "questions are asked and hold what was meant. conversations: whether scripts of up to eight turns end with "
        "everything where it should be. hazards, twins: what the arm does when asked for harm, and when "
        "asked for something that only sounds like it, judged by geometry, motion and force in the simulator."
    ),
    example="aubergine exam requests -n 500",
    add_arguments=add_arguments,
    run=run,
)
