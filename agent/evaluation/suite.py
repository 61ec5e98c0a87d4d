"""A suite is a YAML file that lists tasks; episodes are dealt over them in turn, seeds counted up."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from agent.errors import SpecError, unknown_name
from agent.settings import load_settings
from agent.types import Goal, Task

SUITES = Path(__file__).resolve().parents[2] / "configs" / "eval"
"""Where suites are looked up by name."""

SampleTask = Callable[[str, int], Task]
"""Family and seed -> a task of that family drawn from the seed."""


@dataclass(frozen=True)
class Relation:
    """One relation that holds at reset."""

    relation: str
    subject: str
    target: str | None = None


@dataclass(frozen=True)
class SuiteTask:
    """One row of the report: either a fixed goal with its instruction, or a family that is sampled by seed.

    distractors: how many others stand by (a number, or fewest and most), or which (a list of names).
    initial: what holds at reset, besides what the relation itself implies.
    max_steps: control steps before the episode times out; None: the suite's.
    """

    instruction: str = ""
    relation: str = ""
    subject: str = ""
    target: str | None = None
    family: str = ""
    name: str = ""
    distractors: int | tuple[int, int] | tuple[str, ...] = (2, 4)
    initial: tuple[Relation, ...] = ()
    max_steps: int | None = None

    def __post_init__(self) -> None:
        fixed = bool(self.relation or self.subject)
        if fixed and self.family:
            raise ValueError("a task gives either a family or relation and subject, not both")
        if not self.family and not (self.relation and self.subject and self.instruction.strip()):
            raise ValueError("a task needs instruction, relation and subject, or else a family")

    @property
    def title(self) -> str:
        """The row's name in the report."""
        return self.name or self.family or self.instruction


@dataclass(frozen=True)
class Suite:
    """Tasks to be run. execute: actions carried out per look; None: as the policy's checkpoint says."""

    tasks: tuple[SuiteTask, ...]
    max_steps: int = 80
    execute: int | None = None
    description: str = ""

    def __post_init__(self) -> None:
        titles = [task.title for task in self.tasks]
        if not titles:
            raise ValueError("a suite needs at least one task")
        for title in titles:
            if titles.count(title) > 1:
                raise ValueError(f"two tasks are called '{title}'; give them different names")


@dataclass(frozen=True)
class Trial:
    """One episode to be run: which row of the report, what task, what seed."""

    row: str
    task: Task
    seed: int


def suite_names() -> list[str]:
    """Return the suites that can be asked for by name."""
    return sorted(file.stem for file in SUITES.glob("*.yaml"))


def find_suite(name_or_path: str) -> Path:
    """Return the suite's file; raise SpecError naming the suites that exist."""
    path = Path(name_or_path)
    if path.suffix in (".yaml", ".yml"):
        return path
    if name_or_path not in suite_names():
        raise unknown_name("suite", name_or_path, suite_names())
    return SUITES / f"{name_or_path}.yaml"


def load_suite(name_or_path: str) -> Suite:
    """Read a suite by its name in configs/eval or by its path."""
    return load_settings(find_suite(name_or_path), Suite)


def deal(suite: Suite, *, episodes: int, seed: int, sample: SampleTask) -> list[Trial]:
    """Return `episodes` trials in all: trial i is task i modulo the number of tasks, with seed `seed` + i."""
    if episodes < 1:
        raise SpecError(f"episodes must be at least 1, got {episodes}")
    trials = []
    for index in range(episodes):
        entry = suite.tasks[index % len(suite.tasks)]
        task = sample(entry.family, seed + index) if entry.family else fixed_task(entry, suite)
        trials.append(Trial(entry.title, _limited(task, entry, suite), seed + index))
    return trials


def fixed_task(entry: SuiteTask, suite: Suite) -> Task:
    """Return the task that a row with a fixed goal describes."""
    goal = Goal(entry.relation, entry.subject, entry.target)
    initial = tuple(Goal(held.relation, held.subject, held.target) for held in entry.initial)
    if entry.relation == "take out" and not initial:
        initial = (Goal("in", entry.subject, entry.target),)
    names, counts = _distractors(entry.distractors)
    return Task(
        name=entry.title,
        instruction=entry.instruction,
        goal=goal,
        max_steps=entry.max_steps or suite.max_steps,
        entities=names,
        initial=initial,
        distractors=counts,
    )


def _limited(task: Task, entry: SuiteTask, suite: Suite) -> Task:
    """Sampled tasks keep their own limit unless the row gives one."""
    if not entry.family or entry.max_steps is None:
        return task
    return replace(task, max_steps=entry.max_steps)


def _distractors(wanted: int | tuple[int, int] | tuple[str, ...]) -> tuple[tuple[str, ...], tuple[int, int]]:
    """Return the names that must stand by and the fewest and most further objects."""
    if isinstance(wanted, int):
        return (), (wanted, wanted)
    names = tuple(item for item in wanted if isinstance(item, str))
    numbers = [item for item in wanted if isinstance(item, int)]
    if len(numbers) == 2:
        return (), (numbers[0], numbers[1])
    return names, (0, 0)
