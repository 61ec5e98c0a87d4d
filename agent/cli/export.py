"""Episodes of an evaluation as datasets for others: LeRobotDataset v3.0 and Rerun, written as the episodes end."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import cast

from agent.errors import AubergineError
from agent.evaluation.play import Ended, Player
from agent.evaluation.records import EpisodeRecord, film_name
from agent.evaluation.suite import Trial
from agent.recording.episode import EpisodeRecorder, Recording
from agent.types import Embodiment, Episode, Observation, Outcome, Step

LINKS = 10
"""More than any chain has links: the key of a recording is its episode's times this, plus the link."""
Sink = Callable[[Trial, Recording], None]


class RecordingWitness:
    """Keeps every frame of an episode; a chain gives one recording a link, each with its own words."""

    def __init__(self, embodiment: Embodiment) -> None:
        self._embodiment = embodiment
        self._links: list[EpisodeRecorder] = []

    def on_step(self, tick: int, before: Observation, step: Step) -> None:
        if tick == 0:
            self._links.append(EpisodeRecorder(self._embodiment))
        self._links[-1].on_step(tick, before, step)

    def finish(self, trial: Trial, episode: Episode) -> tuple[Recording, ...]:
        """Return one recording for every task that was begun; none when the episode ended before its first step."""
        made = []
        for link, (task, recorder) in enumerate(zip((trial.task, *trial.then), self._links, strict=False)):
            outcome = Outcome.SUCCESS if trial.then and link < episode.completed else episode.outcome
            recording = recorder.finish(replace(episode, task=task, outcome=outcome), family=trial.row)
            made.append(replace(recording, episode=replace(recording.episode, steps=len(recording))))
        return tuple(made)


class Exporting:
    """A player whose witnessed episodes go to `sinks` before anyone hears that they ended.

    ids: of the trials, by index (agent.evaluation.identity). Raises AubergineError when the disk refuses; the run
    database then still holds what ended before.
    """

    def __init__(self, inner: Player, trials: Sequence[Trial], ids: Sequence[str], sinks: Sequence[Sink]) -> None:
        self._inner, self._trials, self._ids, self._sinks = inner, trials, ids, sinks

    def __enter__(self) -> "Exporting":
        self._inner.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._inner.__exit__(None, None, None)

    def play(self, todo: Iterable[int]) -> Iterator[Ended]:
        """See Player."""
        for ended in self._inner.play(todo):
            # An episode whose process died left nothing behind.
            for link, recording in enumerate(cast(tuple[Recording, ...], ended.seen or ())):
                keyed = replace(recording, key=recording_key(self._ids[ended.index], link))
                try:
                    for sink in self._sinks:
                        sink(self._trials[ended.index], keyed)
                except OSError as error:
                    raise AubergineError(
                        f"cannot write the export: {error.strerror}; the episodes finished so far are kept: mend this "
                        "and give the same command again"
                    ) from error
            yield replace(ended, seen=None)


def recording_key(id_: str, link: int) -> int:
    """Return a number that no other recording has: rows of a suite may share their seeds."""
    return int(id_[:10], 16) * LINKS + link


@contextmanager
def opened_sinks(*, lerobot: Path | None, rerun: Path | None) -> Iterator[list[Sink]]:
    """Open what is asked for; complete it afterwards, also after Ctrl-C.

    Raises SpecError as DatasetWriter and RerunFile do.
    """
    sinks: list[Sink] = []
    with ExitStack() as stack:
        if rerun is not None:
            from agent.recording.rerun_file import RerunFile

            file = RerunFile(rerun)
            stack.callback(file.close)
            sinks.append(lambda trial, recording: file.add(_name(trial, recording), recording))
        if lerobot is not None:
            from agent.recording.writer import DatasetWriter

            writer = DatasetWriter(lerobot)
            writer.open()
            stack.callback(writer.close)
            sinks.append(lambda trial, recording: writer.add(recording))
        yield sinks


def _name(trial: Trial, recording: Recording) -> str:
    stem = film_name(EpisodeRecord(trial.row, "", trial.seed, Outcome.SUCCESS, axis=trial.axis, level=trial.level))
    return f"{stem}-{(recording.key or 0) % LINKS + 1}" if trial.then else stem
