"""Runs the trials of a suite, in this process or dealt over several, and writes what came of them."""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from agent.evaluation.attempt import attempt as attempt_trial
from agent.evaluation.statistics import Tally, tally
from agent.evaluation.suite import Trial
from agent.ports import Policy, World
from agent.types import Episode, Outcome
from agent.workers import Died, Done, Workers

Stage = tuple[World, Policy]
MakeStage = Callable[[], Stage]
"""Builds a world and a policy; must be picklable when several processes are used."""

RECORDED_PACKAGES = ("aubergine", "numpy", "pybullet", "torch", "transformers")


@dataclass(frozen=True)
class Played:
    """One trial and what came of it."""

    trial: Trial
    episode: Episode

    def as_mapping(self) -> dict[str, object]:
        """Return one line of episodes.jsonl."""
        episode = self.episode
        return {
            "task": self.trial.row,
            "instruction": episode.task.instruction,
            "seed": episode.seed,
            "outcome": episode.outcome.value,
            "steps": episode.steps,
            "seconds": round(episode.seconds, 3),
            "detail": episode.detail,
            "success_any": episode.success_any,
            "success_last": episode.success_last,
            "success_held": episode.success_held,
            "wrong_object": episode.status.wrong_object,
            "axis": self.trial.axis,
            "level": self.trial.level,
            "expects": self.trial.expects.value,
            "links": 1 + len(self.trial.then),
            "completed": episode.completed,
        }


def play(trials: Sequence[Trial], make_stage: MakeStage, *, execute: int, workers: int = 1) -> Iterator[Played]:
    """Yield every trial once it is over, in order with one worker, as they finish with several.

    Each process builds its own world and policy and computes on one thread. A trial whose process dies is an ERROR:
    the world's fault, left out of the rate.
    """
    job = TrialJob(tuple(trials), make_stage, execute)
    if workers <= 1:
        attempt = job()
        for index, trial in enumerate(trials):
            yield Played(trial, attempt(index))
        return
    with Workers(job, count=workers) as crew:
        for answer in crew.run(range(len(trials))):
            trial = trials[answer.seed]
            yield Played(trial, answer.answer if isinstance(answer, Done) else _died(trial, answer))


@dataclass(frozen=True)
class TrialJob:
    """Made in the parent, called in a worker: `job()` builds the stage and returns index of a trial -> Episode."""

    trials: tuple[Trial, ...]
    make_stage: MakeStage
    execute: int

    def __call__(self) -> Callable[[int], Episode]:
        world, policy = self.make_stage()

        def attempt(index: int) -> Episode:
            return attempt_trial(world, policy, self.trials[index], execute=self.execute)

        return attempt


def _died(trial: Trial, end: Died) -> Episode:
    detail = f"the process died with exit code {end.exit_code}"
    return Episode(trial.task, trial.seed, Outcome.ERROR, steps=0, detail=detail, seconds=0.0)


@dataclass(frozen=True)
class Report:
    """What was asked and what came of it; `complete` is false when it was interrupted."""

    suite: str
    policy: str
    seed: int
    execute: int
    played: tuple[Played, ...]
    complete: bool

    def by_task(self) -> dict[str, Tally]:
        """Row name -> counts, in alphabetical order."""
        rows = sorted({played.trial.row for played in self.played})
        return {row: _tally(each for each in self.played if each.trial.row == row) for row in rows}

    def overall(self) -> Tally:
        """Counts over all rows."""
        return _tally(self.played)

    def mean_completed(self) -> float | None:
        """Mean number of links done, over the chains that the world did not break; None where there are none."""
        done = [p.episode.completed for p in self.played if p.trial.then and p.episode.outcome is not Outcome.ERROR]
        return sum(done) / len(done) if done else None

    def as_mapping(self) -> dict[str, object]:
        """Return what results.json holds."""
        return {
            "suite": self.suite,
            "policy": self.policy,
            "seed": self.seed,
            "execute": self.execute,
            "complete": self.complete,
            "overall": self.overall().as_mapping(),
            "mean_completed": self.mean_completed(),
            "tasks": {row: {**counts.as_mapping(), **self._drawn(row)} for row, counts in self.by_task().items()},
            "versions": versions(),
        }

    def _drawn(self, row: str) -> dict[str, object]:
        """Where the report draws the row, and what it counts as success."""
        trial = next(played.trial for played in self.played if played.trial.row == row)
        return {"axis": trial.axis, "level": trial.level, "expects": trial.expects.value}

    def write(self, folder: Path) -> None:
        """Write results.json and episodes.jsonl (one line an episode, by seed) into `folder`."""
        folder.mkdir(parents=True, exist_ok=True)
        ordered = sorted(self.played, key=lambda each: each.trial.seed)
        lines = "".join(json.dumps(each.as_mapping()) + "\n" for each in ordered)
        (folder / "episodes.jsonl").write_text(lines, encoding="utf-8")
        text = json.dumps(self.as_mapping(), indent=2, ensure_ascii=False) + "\n"
        (folder / "results.json").write_text(text, encoding="utf-8")


def _tally(played: Iterable[Played]) -> Tally:
    rows = list(played)
    return tally([each.episode for each in rows], expected=[each.trial.expects for each in rows])


def versions() -> dict[str, str]:
    """Return the installed versions of the packages that can move a score."""
    found = {}
    for package in RECORDED_PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found
