"""Plays failed episodes again and films them: the world repeats itself by seed, so nothing is filmed in vain."""

from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

from agent.cli.contest import Entrant
from agent.cli.wrapped import FirstLook
from agent.evaluation.gallery import failures
from agent.evaluation.play import looking_alike, play_one
from agent.evaluation.records import film_name, load_run
from agent.evaluation.suite import Trial
from agent.recording.video import VideoRecorder


def film_failures(folder: Path, trials: Iterable[Trial], entrant: Entrant, *, most: int) -> list[Path]:
    """Film up to `most` failures of the run in `folder` into its films/; return the files written.

    A film whose episode ends otherwise than recorded (a policy that does not repeat itself) is thrown away.
    """
    by_question = {trial.pairing: trial for trial in trials}
    lost = failures(load_run(folder))[:most]
    if not lost:
        return []
    stage, films = entrant.make_stage(), []
    fps = max(1, round(stage.world.embodiment.rate_hz))
    with closing(stage.world):
        for record in lost:
            path = folder / "films" / f"{film_name(record)}.mp4"
            with VideoRecorder(path, lambda _: stage.picture(), fps=fps) as film:
                episode, _ = play_one(
                    stage.world,
                    FirstLook(looking_alike(stage.policy), film.begin),
                    by_question[record.pairing],
                    execute=entrant.conditions.execute,
                    observers=(film,),
                )
            if episode.outcome is record.outcome:
                films.append(path)
            else:
                path.unlink()
    return films
