"""`aubergine run`: one instruction, one episode, on film."""

import argparse
import json
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from agent.cli import stage as stages
from agent.cli.arrange import is_arrangement, run_arrangement
from agent.cli.command import (
    Command,
    add_adapter_argument,
    add_policy_argument,
    add_safety_argument,
    chosen_policy,
    new_folder,
    positive,
    whole,
)
from agent.errors import SpecError
from agent.ports import Explains
from agent.runtime import run_episode
from agent.types import Episode, Outcome, Task

if TYPE_CHECKING:
    from agent.recording.video import FrameSource


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("instruction", nargs="?", help="what the robot should do, in quotes")
    add_policy_argument(parser)
    add_adapter_argument(parser)
    add_safety_argument(parser)
    parser.add_argument("--seed", type=whole, default=0, help="decides the scene (default: 0)")
    parser.add_argument("--out", metavar="DIR", help="where film, contact sheet and log go (default: runs/run-<time>)")
    parser.add_argument("--execute", type=positive, metavar="K", help="actions carried out per look")
    parser.add_argument("--max-steps", type=positive, metavar="N", help="control steps before giving up")
    parser.add_argument(
        "--explain", action="store_true", help="draw into the film where the policy looks, and its plan"
    )
    parser.add_argument("--list", action="store_true", help="name the policies, tasks, objects and suites, and stop")


def run(arguments: argparse.Namespace) -> int:
    """Run one episode; 0 when it succeeded, 1 when not."""
    if arguments.list:
        return _list(as_json=arguments.json)
    if arguments.instruction is None or not arguments.instruction.strip():
        raise SpecError(
            "the instruction is empty; say what the robot should do, such as 'put the eggplant in the bowl'"
        )
    if is_arrangement(arguments.instruction):
        return run_arrangement(arguments)
    task = stages.task_for(arguments.instruction, max_steps=arguments.max_steps)
    stage = stages.make_stage(chosen_policy(arguments, adapter=arguments.adapter), safety=arguments.safety)
    try:
        if arguments.explain:
            explaining(stage)
        files = Files(new_folder(arguments.out, "run"))
        console = Console(stderr=True, quiet=arguments.json)
        execute = arguments.execute or stage.execute
        episode = play(
            stage, task, files, seed=arguments.seed, execute=execute, console=console, explain=arguments.explain
        )
    finally:
        stage.world.close()
    _say(episode, stage, files, as_json=arguments.json)
    return 0 if episode.outcome is Outcome.SUCCESS else 1


@dataclass(frozen=True)
class Files:
    """What a run leaves in its folder."""

    folder: Path

    @property
    def film(self) -> Path:
        return self.folder / "episode.mp4"

    @property
    def contact_sheet(self) -> Path:
        return self.folder / "contact_sheet.png"

    @property
    def interventions(self) -> Path:
        return self.folder / "interventions.jsonl"


def explaining(stage: stages.Stage) -> Explains:
    """Return the stage's policy; SpecError when it cannot explain itself."""
    if not isinstance(stage.policy, Explains):
        raise SpecError(
            f"the policy '{stage.policy_name}' does not explain itself; those that do: vla, checkpoint folders, "
            "pi0:DIR, openvla:DIR"
        )
    return stage.policy


def film_source(stage: stages.Stage, *, explain: bool) -> "FrameSource":
    """Return what to film: the scene, with the policy's explanation on it when asked for."""
    if not explain:
        return lambda _: stage.picture()
    from agent.recording.explain import Overlay

    overlay, policy = Overlay(stages.FILM_CAMERA, stage.project), explaining(stage)
    return lambda _: overlay.draw(stage.picture(), policy.explain())


def play(
    stage: stages.Stage,
    task: Task,
    files: Files,
    *,
    seed: int,
    execute: int,
    console: Console,
    explain: bool = False,
) -> Episode:
    """Run the episode with live line, film, contact sheet and log. What was written is readable however it ends."""
    from agent.cli.live import LiveLine
    from agent.cli.wrapped import FirstLook
    from agent.recording.log import EpisodeLog
    from agent.recording.video import VideoRecorder, contact_sheet

    body = stage.world.embodiment
    with ExitStack() as open_files:
        film = VideoRecorder(files.film, film_source(stage, explain=explain), fps=max(1, round(body.rate_hz)))
        open_files.callback(lambda: contact_sheet(film.kept, files.contact_sheet) if film.kept else None)
        open_files.enter_context(film)
        log = open_files.enter_context(EpisodeLog(files.folder))
        live = open_files.enter_context(LiveLine(console, state=body.state, max_steps=task.max_steps))
        policy = FirstLook(stage.policy, film.begin)
        episode = run_episode(stage.world, policy, task, seed=seed, execute=execute, observers=(log, film, live))
        log.finish(episode)
    if stage.safety is not None:
        stage.safety.journal.write(files.interventions)
    return episode


def _say(episode: Episode, stage: stages.Stage, files: Files, *, as_json: bool) -> None:
    interventions = stage.safety.journal.counts if stage.safety else {}
    if as_json:
        answer = {
            "outcome": episode.outcome.value,
            "instruction": episode.task.instruction,
            "policy": stage.policy_name,
            "seed": episode.seed,
            "steps": episode.steps,
            "seconds": round(episode.seconds, 3),
            "out": str(files.folder),
            "task": episode.task.name,
            "detail": episode.detail,
            "success_any": episode.success_any,
            "success_last": episode.success_last,
            "success_held": episode.success_held,
            "interventions": interventions,
        }
        print(json.dumps(answer, ensure_ascii=False))
        return
    print(f"{episode.outcome.value}: {episode.detail} ({episode.seconds:.1f} s)")
    if interventions:
        rules = ", ".join(f"{rule} {count} x" for rule, count in interventions.items())
        print(f"the safety filter stepped in: {rules}; see {files.interventions}")
    print(f"film: {files.film}")
    print(f"pictures: {files.contact_sheet}")


def _list(*, as_json: bool) -> int:
    names = stages.catalogue()
    if as_json:
        print(json.dumps(names))
        return 0
    for kind, entries in names.items():
        print(f"{kind}: {', '.join(entries)}")
    return 0


COMMAND = Command(
    name="run",
    summary="carry out one instruction and film it",
    description=(
        "Carry out one instruction in the simulated world; writes a film, a contact sheet and a log. "
        "Exit code: 0 success, 1 the episode failed, 2 the request was wrong."
    ),
    example='aubergine run "put the eggplant in the bowl" --seed 7',
    add_arguments=add_arguments,
    run=run,
)
