"""What came of a run: its episodes, its rates, and the files that hold them."""

import json
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from agent.errors import AubergineError
from agent.evaluation.calibration import Calibration, calibrate
from agent.evaluation.identity import installed_versions
from agent.evaluation.statistics import Tally, tally
from agent.evaluation.suite import Trial
from agent.types import Episode, Outcome


@dataclass(frozen=True)
class Played:
    """One trial and what came of it.

    id: of the episode in the run database (agent.evaluation.identity).  fresh: it ended during this session.
    """

    trial: Trial
    episode: Episode
    id: str = ""
    fresh: bool = True

    def as_mapping(self) -> dict[str, object]:
        """Return one line of episodes.jsonl."""
        episode = self.episode
        return {
            "id": self.id,
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
            "reached": episode.status.reached,
            "grasped": episode.status.grasped,
            "lifted": episode.status.lifted,
            "wrong_object": episode.status.wrong_object,
            "axis": self.trial.axis,
            "level": self.trial.level,
            "expects": self.trial.expects.value,
            "links": 1 + len(self.trial.then),
            "completed": episode.completed,
            "confidence": episode.confidence,
        }


def tally_played(played: Iterable[Played]) -> Tally:
    """Count episodes, each by the outcome that its trial expects."""
    rows = list(played)
    return tally([each.episode for each in rows], expected=[each.trial.expects for each in rows])


@dataclass(frozen=True)
class Report:
    """What was asked and what came of it; `complete` is false when it was interrupted; `command` repeats the run."""

    suite: str
    policy: str
    seed: int
    execute: int
    played: tuple[Played, ...]
    complete: bool
    command: str = ""

    def by_task(self) -> dict[str, Tally]:
        """Row name -> counts, in alphabetical order."""
        rows = sorted({played.trial.row for played in self.played})
        return {row: tally_played(each for each in self.played if each.trial.row == row) for row in rows}

    def overall(self) -> Tally:
        """Counts over all rows."""
        return tally_played(self.played)

    def mean_completed(self) -> float | None:
        """Mean number of links done, over the chains that the world did not break; None where there are none."""
        done = [p.episode.completed for p in self.played if p.trial.then and p.episode.outcome is not Outcome.ERROR]
        return sum(done) / len(done) if done else None

    def calibration(self) -> Calibration:
        """Compare what the policy said of itself with what came of it."""
        counted = [each for each in self.played if each.episode.outcome is not Outcome.ERROR]
        return calibrate((each.episode.confidence, each.episode.outcome is each.trial.expects) for each in counted)

    def as_mapping(self) -> dict[str, object]:
        """Return what results.json holds."""
        return {
            "suite": self.suite,
            "policy": self.policy,
            "seed": self.seed,
            "execute": self.execute,
            "complete": self.complete,
            "command": self.command,
            "overall": self.overall().as_mapping(),
            "mean_completed": self.mean_completed(),
            "calibration": self.calibration().as_mapping(),
            "tasks": {row: {**counts.as_mapping(), **self._drawn(row)} for row, counts in self.by_task().items()},
            "versions": {each.package: each.version for each in installed_versions()},
        }

    def _drawn(self, row: str) -> dict[str, object]:
        """Where the report draws the row, and what it counts as success."""
        trial = next(played.trial for played in self.played if played.trial.row == row)
        return {"axis": trial.axis, "level": trial.level, "expects": trial.expects.value}

    def write(self, folder: Path) -> None:
        """Write results.json and episodes.jsonl (a line an episode, by seed and row) into `folder`, each whole or not.

        Raises AubergineError when they cannot be written; the run database still holds every episode.
        """
        ordered = sorted(self.played, key=lambda each: (each.trial.seed, each.trial.row))
        lines = "".join(json.dumps(each.as_mapping()) + "\n" for each in ordered)
        text = json.dumps(self.as_mapping(), indent=2, ensure_ascii=False) + "\n"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            _write(folder / "episodes.jsonl", lines)
            _write(folder / "results.json", text)
        except OSError as error:
            raise AubergineError(
                f"cannot write the results into {folder}: {error.strerror}; the episodes are kept: mend this and give "
                "the same command again"
            ) from error


def _write(path: Path, text: str) -> None:
    # Under a name of this process first: two that share a run end at the same time.
    fresh = path.with_name(f"{path.name}.{os.getpid()}")
    fresh.write_text(text, encoding="utf-8")
    fresh.replace(path)
