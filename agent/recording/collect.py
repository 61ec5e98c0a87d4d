"""Collects demonstrations on several processes; may be killed and started again at any time."""

import json
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tqdm import tqdm

from agent.errors import SpecError
from agent.ports import Teacher, World
from agent.recording.demonstrate import Coached, Coaching, Disturber
from agent.recording.episode import EpisodeRecorder, EpisodeSink
from agent.recording.glances import Glancing, Look
from agent.runtime import run_episode
from agent.types import Outcome, Task
from agent.workers import Died, Done, Workers

_PATIENCE_SECONDS = 20.0
"""After Ctrl-C, how long an episode in flight may still take."""


def _family_is_relation(task: Task) -> str:
    return task.goal.relation if task.goal else "free"


@dataclass(frozen=True)
class Classroom:
    """What a worker needs to make demonstrations: built once in every worker process by the `factory`.

    task_for: seed -> the task of that episode.  disturbers: (weight, disturber), see `Coached`.
    family_of: task -> the evaluation row it belongs to.  look: tells what is true, see `agent.recording.glances`.
    """

    world: World
    teacher: Teacher
    task_for: Callable[[int], Task]
    disturbers: Sequence[tuple[float, Disturber]] = ()
    family_of: Callable[[Task], str] = _family_is_relation
    look: Look | None = None


@dataclass(frozen=True)
class Attempt:
    """What came of one seed, without its frames."""

    outcome: Outcome
    detail: str
    steps: int
    stored: bool


@dataclass
class Collected:
    """What a collection came to.

    outcomes: how the attempts of this run ended.  frames: stored by this run.  stored: how many of the seeds asked for
    every sink now holds.  already_there: seeds that needed no attempt.
    """

    outcomes: Counter[str] = field(default_factory=Counter)
    stored: int = 0
    frames: int = 0
    already_there: int = 0
    died: list[int] = field(default_factory=list)
    """Seeds whose worker process died; they are missing and are tried again by the next run."""
    interrupted: bool = False

    @property
    def attempts(self) -> int:
        """Episodes that ended in this run, the world's errors and dead workers left out."""
        return sum(self.outcomes.values()) - self.outcomes[Outcome.ERROR]

    @property
    def success_share(self) -> float:
        return self.outcomes[Outcome.SUCCESS] / max(self.attempts, 1)


@dataclass(frozen=True)
class DemonstrationJob:
    """Made in the parent, called in a worker: `job()` builds the classroom and returns seed -> Attempt."""

    factory: Callable[[], Classroom]
    sinks: tuple[EpisodeSink, ...]
    coaching: Coaching
    keep_failures: bool

    def __call__(self) -> Callable[[int], Attempt]:
        classroom = self.factory()
        coached = Coached(classroom.teacher, classroom.disturbers, coaching=self.coaching)
        glancing = Glancing(coached, classroom.look) if classroom.look else None

        def attempt(seed: int) -> Attempt:
            task = classroom.task_for(seed)
            recorder = EpisodeRecorder(classroom.world.embodiment, note=coached.note)
            try:
                episode = run_episode(
                    classroom.world, glancing or coached, task, seed=seed, execute=1, observers=(recorder,)
                )
            except SpecError as problem:  # a crowded scene that found no room; others will
                return Attempt(Outcome.ERROR, str(problem), 0, stored=False)
            judged = episode.outcome in (Outcome.SUCCESS, Outcome.FAILURE, Outcome.TIMEOUT)
            wanted = episode.outcome is Outcome.SUCCESS or (self.keep_failures and judged)
            if wanted and episode.steps:
                recording = recorder.finish(
                    episode, family=classroom.family_of(task), notes=glancing.notes if glancing else None
                )
                for sink in self.sinks:
                    sink.add(recording)
            return Attempt(episode.outcome, episode.detail, episode.steps, wanted and episode.steps > 0)

        return attempt


def collect(
    factory: Callable[[], Classroom],
    seeds: Sequence[int],
    sinks: Sequence[EpisodeSink],
    *,
    attempts_file: Path,
    workers: int = 2,
    coaching: Coaching | None = None,
    keep_failures: bool = False,
) -> Collected:
    """Attempt every seed once and store the successful episodes (all judged ones with `keep_failures`) in every sink.

    factory: a picklable top-level callable; each worker process calls it once. attempts_file: JSON lines, what came of
    each seed; together with the sinks it tells a later run which seeds are missing. Start again with the same arguments
    after a kill: seeds that are stored, or were tried and not kept, are left out. Ctrl-C ends early with readable files
    (`interrupted`). A worker that dies costs its seed, nothing else. Raises SpecError when the request is wrong.
    """
    if not sinks:
        raise SpecError("collect needs at least one place to store episodes")
    opened: list[EpisodeSink] = []
    result = Collected()
    try:
        for sink in sinks:
            sink.open()
            opened.append(sink)
        missing = missing_seeds(seeds, sinks, attempts_file, keep_failures=keep_failures)
        result.already_there = len(seeds) - len(missing)
        job = DemonstrationJob(factory, tuple(sinks), coaching or Coaching(), keep_failures)
        if missing:
            run_job(job, missing, attempts_file, result, workers=min(workers, len(missing)))
        stored = set.intersection(*(sink.seeds() for sink in sinks))
        result.stored = len(stored & set(seeds))
    finally:
        for sink in opened:
            sink.close()
    return result


def missing_seeds(
    seeds: Sequence[int], sinks: Sequence[EpisodeSink], attempts_file: Path, *, keep_failures: bool = False
) -> list[int]:
    """Return the seeds, in order, that some sink lacks and that are worth an attempt.

    A seed that failed earlier is not tried again: an episode follows from its seed, so it would fail again.
    """
    if len(set(seeds)) != len(seeds):
        raise SpecError("a seed is named twice")
    stored = set.intersection(*(sink.seeds() for sink in sinks))
    kept = {Outcome.SUCCESS, Outcome.FAILURE, Outcome.TIMEOUT} if keep_failures else {Outcome.SUCCESS}
    hopeless = {seed for seed, outcome in read_attempts(attempts_file) if outcome not in {*kept, Outcome.ERROR}}
    return [seed for seed in seeds if seed not in stored and seed not in hopeless]


def read_attempts(path: Path) -> Iterator[tuple[int, str]]:
    """Yield (seed, outcome) of every line of an attempts file; a last line cut off by a kill is skipped."""
    if not path.exists():
        return
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            entry = json.loads(line)
            yield int(entry["seed"]), str(entry["outcome"])
        except (ValueError, KeyError, TypeError):
            continue


def run_job(
    job: Callable[[], Callable[[int], Attempt]],
    missing: Sequence[int],
    attempts_file: Path,
    result: Collected,
    *,
    workers: int,
) -> None:
    """Let worker processes attempt the seeds and note what came of each, in `attempts_file` and in `result`."""
    attempts_file.parent.mkdir(parents=True, exist_ok=True)
    with (
        attempts_file.open("a", encoding="utf-8") as log,
        Workers(job, count=workers) as crew,
        tqdm(total=len(missing), unit="episode", dynamic_ncols=True) as bar,
    ):
        # A line that a kill cut off must not swallow the next one.
        log.write("\n" if log.tell() else "")

        def take(answer: Done[Attempt] | Died) -> None:
            if isinstance(answer, Died):
                result.died.append(answer.seed)
            else:
                attempt = answer.answer
                result.outcomes[attempt.outcome] += 1
                result.frames += attempt.steps if attempt.stored else 0
                entry = {"seed": answer.seed, "outcome": str(attempt.outcome), "steps": attempt.steps}
                log.write(json.dumps(entry | {"detail": attempt.detail}) + "\n")
                log.flush()
            bar.set_postfix_str(_progress(result), refresh=False)
            bar.update()

        try:
            for answer in crew.run(missing):
                take(answer)
        except KeyboardInterrupt:
            result.interrupted = True
            bar.write("stopping: waiting for the episodes in flight (Ctrl-C again drops them)", file=sys.stderr)
            try:
                for answer in crew.drain(seconds=_PATIENCE_SECONDS):
                    take(answer)
            except KeyboardInterrupt:
                bar.write("dropped the episodes in flight", file=sys.stderr)


def _progress(result: Collected) -> str:
    text = f"success {result.success_share:.1%}"
    if result.outcomes[Outcome.ERROR]:
        text += f", {result.outcomes[Outcome.ERROR]} world errors"
    if result.died:
        text += f", {len(result.died)} workers died"
    return text
