"""`aubergine run "arrange the cubes in a circle"`: the layout diffuser says where, pick and place carries it out."""

import argparse
import json
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from agent.cli import stage as stages
from agent.cli.command import new_folder
from agent.errors import SpecError
from agent.types import Episode, Outcome

if TYPE_CHECKING:
    from imagination.asking import Request
    from sim.world import TabletopWorld


def is_arrangement(instruction: str) -> bool:
    """Say whether the instruction asks for an arrangement of several things; raises SpecError for unknown things."""
    return _request(instruction) is not None


def run_arrangement(arguments: argparse.Namespace) -> int:
    """Arrange, film it and judge the outcome by geometry; 0 when it holds, 1 when not."""
    request = _request(arguments.instruction)
    assert request is not None
    if arguments.policy not in (stages.DEFAULT_POLICY, "expert"):
        raise SpecError(
            f"'{arguments.policy}' takes words, not places on the table; arrangements are carried out by the expert"
        )
    stage = stages.make_stage("expert", safety=arguments.safety)
    console = Console(stderr=True, quiet=arguments.json)
    console.print("carried out by the expert: a layout names places, and the learned policy takes words only")
    try:
        folder = new_folder(arguments.out, "run")
        episode, film = _play(stage, request, folder, arguments, console)
    finally:
        stage.world.close()
    if arguments.json:
        print(
            json.dumps(
                {
                    "outcome": episode.outcome.value,
                    "instruction": request.text,
                    "policy": "expert",
                    "seed": episode.seed,
                    "steps": episode.steps,
                    "moves": episode.completed,
                    "out": str(folder),
                    "detail": episode.detail,
                }
            )
        )
    else:
        print(f"{episode.outcome.value}: {episode.detail} ({episode.seconds:.1f} s)\nfilm: {film}")
    return 0 if episode.outcome is Outcome.SUCCESS else 1


def _play(
    stage: stages.Stage, request: "Request", folder: Path, arguments: argparse.Namespace, console: Console
) -> tuple[Episode, Path]:
    from imagination.needs import require_diffusers

    require_diffusers()
    from agent.cli.live import LiveLine
    from agent.recording.log import EpisodeLog
    from agent.recording.video import VideoRecorder, contact_sheet
    from imagination.carrying import carry_out, plan_chain

    world = _tabletop(stage)
    chain = plan_chain(world, request, seed=arguments.seed)
    console.print(f"{len(chain.tasks)} moves: " + ", ".join(task.goal.subject for task in chain.tasks if task.goal))
    film_path = folder / "episode.mp4"
    with ExitStack() as open_files:
        film = VideoRecorder(film_path, lambda _: stage.picture(), fps=max(1, round(world.embodiment.rate_hz)))
        open_files.callback(lambda: contact_sheet(film.kept, folder / "contact_sheet.png") if film.kept else None)
        open_files.enter_context(film)
        log = open_files.enter_context(EpisodeLog(folder))
        most = chain.tasks[0].max_steps
        live = open_files.enter_context(LiveLine(console, state=world.embodiment.state, max_steps=most))
        watchers = (log, film, live)
        episode = carry_out(chain, world, stage.policy, execute=stage.execute, guarded=stage.world, observers=watchers)
        log.finish(episode)
    return episode, film_path


def _tabletop(stage: stages.Stage) -> "TabletopWorld":
    """The world itself, behind its safety filter or not: arranging looks at true positions, as the expert does."""
    from sim.world import TabletopWorld

    world = getattr(stage.world, "inner", stage.world)
    if not isinstance(world, TabletopWorld):
        raise SpecError(f"things can be arranged on the tabletop only, not in '{stage.world.embodiment.name}'")
    return world


def _request(instruction: str) -> "Request | None":
    from sim.grammar import understand

    if understand(instruction) is not None:
        return None
    from imagination.asking import read_request

    return read_request(instruction)
