"""A finished run as it lies on disk: one record an episode, and what was asked. The only reader of a run's folder."""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from agent.errors import SpecError
from agent.evaluation.statistics import Tally, tally
from agent.types import Outcome, Status

FILM_SUFFIXES = (".mp4", ".webm", ".gif", ".png", ".webp", ".jpg")
"""What the gallery can show, best first."""


@dataclass(frozen=True)
class EpisodeRecord:
    """One episode. `outcome`, `status` and the three readings mean what they mean in agent.types.Episode.

    row: which row of the report it belongs to.  axis, level: where the report draws it; "" and 0 outside of graded
    suites.  expects: the outcome that counts as success.  confidence: what the policy said of itself, in [0, 1].
    """

    row: str
    instruction: str
    seed: int
    outcome: Outcome
    steps: int = 0
    seconds: float = 0.0
    detail: str = ""
    status: Status = field(default_factory=Status)
    success_any: bool = False
    success_last: bool = False
    success_held: bool = False
    axis: str = ""
    level: int = 0
    expects: Outcome = Outcome.SUCCESS
    completed: int = 0
    confidence: float | None = None

    @property
    def pairing(self) -> tuple[str, int, str, str, int]:
        """Equal for two episodes that put the same question: task, seed, instruction, and what was perturbed."""
        return self.row, self.seed, self.instruction, self.axis, self.level

    @property
    def scene(self) -> int:
        """Equal for episodes that start from the same scene: they are no independent draws.

        Rows share a seed only where they meet the same scene.
        """
        return self.seed

    @property
    def succeeded(self) -> bool:
        return self.outcome is self.expects

    @property
    def counts(self) -> bool:
        """False when the world broke: such an episode says nothing about the policy."""
        return self.outcome is not Outcome.ERROR


@dataclass(frozen=True)
class Run:
    """A run's folder, read.

    command: the words that repeat it.  versions: package -> version.  mean_completed: links done, over the chains.
    """

    folder: Path
    suite: str
    policy: str
    seed: int
    execute: int
    complete: bool
    command: str
    versions: dict[str, str]
    records: tuple[EpisodeRecord, ...]
    mean_completed: float | None = None

    @property
    def rows(self) -> list[str]:
        """Names of the rows in alphabetical order."""
        return sorted({record.row for record in self.records})

    def film(self, record: EpisodeRecord) -> Path | None:
        """Return the film or filmstrip of an episode if the folder holds one: films/<film_name><suffix>."""
        stem = film_name(record)
        files = (self.folder / "films" / f"{stem}{suffix}" for suffix in FILM_SUFFIXES)
        return next((file for file in files if file.is_file()), None)


def film_name(record: EpisodeRecord) -> str:
    """Return the file name, without suffix, of an episode's film: letters, digits and dashes.

    >>> film_name(EpisodeRecord("put the eggplant in the bowl", "", 7, Outcome.TIMEOUT, axis="light", level=3))
    'put-the-eggplant-in-the-bowl-7-light-3'
    """
    perturbed = f"-{record.axis}-{record.level}" if record.axis else ""
    return re.sub(r"[^a-z0-9]+", "-", f"{record.row}-{record.seed}{perturbed}".lower()).strip("-")


def tally_records(records: Iterable[EpisodeRecord]) -> Tally:
    """Count episodes, each by the outcome that it expects."""
    rows = list(records)
    return tally(rows, expected=[row.expects for row in rows])


def load_run(folder: Path) -> Run:
    """Read results.json and episodes.jsonl of a run; raise SpecError saying which file is missing or broken."""
    results = _read_results(folder / "results.json")
    records = load_records(folder)
    versions, completed = results.get("versions"), results.get("mean_completed")
    run = Run(
        folder=folder,
        suite=str(results.get("suite", "")),
        policy=str(results.get("policy", "")),
        seed=_whole(results.get("seed", 0)),
        execute=_whole(results.get("execute", 0)),
        complete=bool(results.get("complete", True)),
        command=str(results.get("command", "")),
        versions={str(k): str(v) for k, v in versions.items()} if isinstance(versions, dict) else {},
        records=tuple(records),
        mean_completed=None if completed is None else float(str(completed)),
    )
    if not records:
        raise SpecError(f"{folder} holds no episode; a run needs at least one before it can be read")
    return run


def load_records(folder: Path) -> list[EpisodeRecord]:
    """Read the finished episodes of a run in the order of their seeds."""
    path = folder / "episodes.jsonl"
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise _no_run(path, error) from error
    records = []
    for number, line in enumerate(lines, start=1):
        try:
            records.append(record_from(json.loads(line)))
        except (ValueError, KeyError, TypeError) as error:
            raise SpecError(f"{path}:{number}: this line is no episode ({error})") from error
    return sorted(records, key=lambda record: record.pairing[1:] + record.pairing[:1])


def record_from(line: Mapping[str, object]) -> EpisodeRecord:
    """Build a record from one line of episodes.jsonl; raises KeyError or ValueError when it is none."""
    wrong, sure = line.get("wrong_object"), line.get("confidence")
    status = Status(
        satisfied=bool(line.get("success_last", False)),
        held=bool(line.get("success_held", False)),
        reached=bool(line.get("reached", False)),
        grasped=bool(line.get("grasped", False)),
        lifted=bool(line.get("lifted", False)),
        wrong_object=None if wrong is None else str(wrong),
    )
    return EpisodeRecord(
        row=str(line["task"]),
        instruction=str(line["instruction"]),
        seed=_whole(line["seed"]),
        outcome=Outcome(str(line["outcome"])),
        steps=_whole(line.get("steps", 0)),
        seconds=float(str(line.get("seconds", 0.0))),
        detail=str(line.get("detail", "")),
        status=status,
        success_any=bool(line.get("success_any", False)),
        success_last=status.satisfied,
        success_held=status.held,
        axis=str(line.get("axis") or ""),
        level=_whole(line.get("level") or 0),
        expects=Outcome(str(line.get("expects", Outcome.SUCCESS))),
        completed=_whole(line.get("completed", 0)),
        confidence=None if sure is None else float(str(sure)),
    )


def _read_results(path: Path) -> dict[str, object]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise _no_run(path, error) from error
    except ValueError as error:
        raise SpecError(f"{path} is no JSON: {error}") from error
    if not isinstance(content, dict):
        raise SpecError(f"{path} holds no object; it is not the results of a run")
    return content


def _no_run(path: Path, error: OSError) -> SpecError:
    return SpecError(f"{path.parent} is no finished run: cannot read {path.name} ({error.strerror})")


def _whole(value: object) -> int:
    return int(str(value))
