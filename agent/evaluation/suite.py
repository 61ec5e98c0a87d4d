"""A suite is a YAML file that lists tasks; episodes are dealt over them in turn, seeds counted up."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from agent.errors import SpecError, unknown_name
from agent.evaluation.gym_spec import GymWorldSpec
from agent.evaluation.rows import SuiteTask, Sweep
from agent.evaluation.tasks import SampleTask, links_of
from agent.settings import line_of, load_settings
from agent.types import Outcome, Task
from sim.perturb import Perturbation, at_level

SUITES = Path(__file__).resolve().parents[2] / "configs" / "eval"
"""Where suites are looked up by name."""

CheckTask = Callable[[Task, int], None]
"""Task and seed -> nothing; raises SpecError when no scene can be built from them or nothing can judge it."""


@dataclass(frozen=True)
class Suite:
    """Tasks to be run.

    execute: actions carried out per look; None: as the policy's checkpoint says.  episodes: how many when nobody says.
    same_scenes: every row meets the same scenes, so rows can be compared scene by scene.
    sweep: rows are axes and levels instead of tasks.  world: a Gymnasium environment to run in; None: the tabletop.
    """

    tasks: tuple[SuiteTask, ...]
    max_steps: int = 80
    execute: int | None = None
    description: str = ""
    episodes: int = 100
    same_scenes: bool = False
    sweep: Sweep | None = None
    world: GymWorldSpec | None = None

    def __post_init__(self) -> None:
        titles = [task.title for task in self.tasks]
        if not titles:
            raise ValueError("a suite needs at least one task")
        for title in titles:
            if titles.count(title) > 1:
                raise ValueError(f"two tasks are called '{title}'; give them different names")
        if self.sweep and any(task.perturb.moved for task in self.tasks):
            raise ValueError("a suite with a sweep perturbs its tasks itself; leave out their 'perturb'")


@dataclass(frozen=True)
class Trial:
    """One episode to be run: which row of the report, what task, what seed.

    axis, level: where the report draws the row; "" and 0 outside of graded suites.  perturbation: of the world; what it
    changes in the task is changed already.  expects: the outcome that counts as success.
    then: tasks that follow without a reset, each when the one before was done.
    """

    row: str
    task: Task
    seed: int
    axis: str = ""
    level: int = 0
    perturbation: Perturbation = Perturbation()
    expects: Outcome = Outcome.SUCCESS
    then: tuple[Task, ...] = ()


@dataclass(frozen=True)
class _Place:
    """Where a trial comes from: its entry's number in the file, the row it counts for, its round and seed."""

    entry: int
    row: str
    axis: str
    level: int
    perturbation: Perturbation
    round: int
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


def prepare(
    name_or_path: str, *, episodes: int | None, seed: int, sample: SampleTask, check: CheckTask
) -> tuple[Suite, list[Trial]]:
    """Read a suite and deal its trials, every scene of them checked before the first episode.

    episodes: in all; None: as many as the suite says. Raises SpecError with file and line for an unknown name, a scene
    that cannot be built and a task that nothing can judge.
    """
    path, suite = find_suite(name_or_path), load_suite(name_or_path)
    trials = []
    for place in _places(suite, episodes=suite.episodes if episodes is None else episodes, seed=seed):
        try:
            trial = _trial(suite, place, sample)
            if suite.world is None:
                _check(trial, check)
        except SpecError as error:
            line = line_of(path, ("tasks", place.entry))
            raise SpecError(f"{path}:{line}: {error}") from error
        trials.append(trial)
    return suite, trials


def deal(suite: Suite, *, episodes: int, seed: int, sample: SampleTask) -> list[Trial]:
    """Return `episodes` trials in all: trial i is task i modulo the number of tasks, with seed `seed` + i.

    With same_scenes or a sweep the seed counts rounds instead: all rows meet scene `seed`, then all meet `seed` + 1.
    """
    return [_trial(suite, place, sample) for place in _places(suite, episodes=episodes, seed=seed)]


def _places(suite: Suite, *, episodes: int, seed: int) -> list[_Place]:
    if episodes < 1:
        raise SpecError(f"episodes must be at least 1, got {episodes}")
    if suite.sweep:
        cells = [("none", "", 0, Perturbation())]
        cells += [(f"{a} {n}", a, n, at_level(a, n)) for a in suite.sweep.axes for n in suite.sweep.levels]
        return [
            _Place((index // len(cells)) % len(suite.tasks), *cells[index % len(cells)], 0, seed + index // len(cells))
            for index in range(episodes)
        ]
    places = []
    for index in range(episodes):
        number, turn = index % len(suite.tasks), index // len(suite.tasks)
        entry = suite.tasks[number]
        chosen = seed + (turn if suite.same_scenes else index)
        places.append(_Place(number, entry.title, entry.axis, entry.level, entry.perturb, turn, chosen))
    return places


def _trial(suite: Suite, place: _Place, sample: SampleTask) -> Trial:
    entry = suite.tasks[place.entry]
    first, *rest = links_of(
        entry, place.perturbation, seed=place.seed, round_=place.round, max_steps=suite.max_steps, sample=sample
    )
    return Trial(
        row=place.row,
        task=first,
        seed=place.seed,
        axis=place.axis,
        level=place.level,
        perturbation=place.perturbation,
        expects=entry.expects,
        then=tuple(rest),
    )


def _check(trial: Trial, check: CheckTask) -> None:
    if trial.task.goal is None and trial.expects is Outcome.SUCCESS:
        raise SpecError(f"'{trial.task.instruction}' has no goal that could be judged; give relation and subject")
    check(trial.task, trial.seed)
