"""Plays failed episodes again and films them: the world repeats itself by seed, so nothing is filmed in vain."""

from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

from agent.cli import stage as stages
from agent.cli.wrapped import FirstLook
from agent.evaluation.gallery import failures
from agent.evaluation.records import film_name, load_run
from agent.evaluation.suite import Trial
from agent.recording.video import VideoRecorder
from agent.runtime import run_episode


def film_failures(folder: Path, trials: Iterable[Trial], *, policy: str, execute: int, most: int) -> list[Path]:
    """Film up to `most` failures of the run in `folder` into its films/; return the files written.

    A film whose episode ends otherwise than recorded (a policy that does not repeat itself) is thrown away.
    """
    by_question = {(trial.row, trial.seed): trial for trial in trials}
    lost = failures(load_run(folder))[:most]
    if not lost:
        return []
    stage, films = stages.make_stage(policy), []
    with closing(stage.world):
        for record in lost:
            trial = by_question[record.row, record.seed]
            path = folder / "films" / f"{film_name(record)}.mp4"
            fps = max(1, round(stage.world.embodiment.rate_hz))
            with VideoRecorder(path, lambda _: stage.picture(), fps=fps) as film:
                player = FirstLook(stage.policy, film.begin)
                episode = run_episode(
                    stage.world, player, trial.task, seed=trial.seed, execute=execute, observers=(film,)
                )
            if episode.outcome is record.outcome:
                films.append(path)
            else:
                path.unlink()
    return films
