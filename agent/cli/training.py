"""From a plan to a checkpoint: collect, train, let the learner act while the teacher corrects it, choose the best."""

import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from agent.cli import stage as stages
from agent.cli.classroom import ClassroomFactory, Share
from agent.cli.contest import enter, make_player, open_store
from agent.errors import SpecError
from agent.evaluation.run import Report
from agent.evaluation.session import evaluate
from agent.evaluation.suite import load_suite, prepare
from agent.recording.collect import Collected, collect
from agent.recording.demonstrate import Coaching
from agent.recording.frame_sink import FrameStoreSink
from agent.recording.stills import collect_stills
from agent.settings import save_settings
from agent.types import CameraSpec, Embodiment
from policies.shipped import find_checkpoint
from policies.train import TrainConfig, train

LEARNER_COACHING = Coaching(
    teacher_rows=(4, 10), roll_in_rows=(4, 24), clean_share=0.0, disturbed_start_share=0.7, calm_after=56
)
"""How a learner and its teacher take turns in a round of DAgger."""
LEAST_PRACTICE = 0.5
"""What is left of a task's weight in a round of DAgger when it never failed in the last trial; it grows by half a
weight for each quarter of its episodes that failed."""
STILLS_APART = 5_000_000
"""Still pictures are of scenes whose seeds lie this far from those of the episodes."""


@dataclass(frozen=True)
class Round:
    """A round of DAgger. episodes: collected with the learner rolled in.  steps: of the optimizer afterwards.

    coaching: longer roll-ins than the teacher's demonstrations have, so that the learner meets its own mistakes.
    """

    episodes: int
    steps: int
    coaching: Coaching = field(default_factory=lambda: LEARNER_COACHING)


@dataclass(frozen=True)
class Trial:
    """How a checkpoint is judged in closed loop; choices are made on development seeds (500,000-599,999)."""

    suite: str = "bowl"
    episodes: int = 50
    seed: int = 500_000


@dataclass(frozen=True)
class Plan:
    """What `aubergine train` does, from nothing to a checkpoint.

    stills: scenes that are photographed, twice each, before anyone acts.  demonstrations: episodes of the disturbed
    teacher.  learner_share: share of the roll-in segments that the learner
    gets in a DAgger round.  init_from: a bundled policy's name or a checkpoint folder whose weights, statistics and
    words the training goes on from; null: from nothing.  safety: limits that every world stands behind, a YAML file
    or "off"; null: the usual ones.  odd: teach with things that no catalogue has, too.  first_seed: of the first
    episode; training seeds start at 1,000,000.  workers: processes for collecting and judging, 0: one a core.
    """

    tasks: tuple[Share, ...]
    demonstrations: int
    cameras: tuple[CameraSpec, ...]
    stills: int = 0
    train: TrainConfig = field(default_factory=TrainConfig)
    rounds: tuple[Round, ...] = ()
    trial: Trial = field(default_factory=Trial)
    coaching: Coaching = field(default_factory=Coaching)
    learner_share: float = 0.7
    init_from: str | None = None
    safety: str | None = None
    odd: bool = False
    first_seed: int = 1_000_000
    workers: int = 0

    def __post_init__(self) -> None:
        if not self.tasks or not self.cameras:
            raise ValueError("a plan needs at least one task and one camera")
        if self.first_seed < 1_000_000:
            raise ValueError(f"training seeds start at 1000000, got first_seed {self.first_seed}")


@dataclass(frozen=True)
class Outcome:
    """best: the chosen checkpoint, None before the first was judged.  finished: False when it was interrupted."""

    best: Path | None
    rates: tuple[float, ...]
    finished: bool


def follow(plan: Plan, out: Path, *, resume: bool, say: Callable[[str], None]) -> Outcome:
    """Carry the plan out in `out`; with `resume`, go on where an earlier call was interrupted.

    Leaves frames/ (what was collected), round-0/, round-1/ ... (training state, checkpoint, results.json), and best/.
    """
    if (out / "plan.yaml").exists() and not resume:
        raise SpecError(f"{out} already holds a training run; add --resume, or choose another folder")
    for share in plan.tasks:
        stages.task_mix(share.task)
    load_suite(plan.trial.suite)
    if plan.init_from:
        find_checkpoint(plan.init_from)
    out.mkdir(parents=True, exist_ok=True)
    save_settings(out / "plan.yaml", plan)
    rates: list[float] = []
    if _photograph(plan, out / "frames").interrupted:
        return Outcome(_best(out), (), finished=False)
    first, steps = plan.first_seed, plan.train.steps
    for number, episodes in enumerate([plan.demonstrations, *(each.episodes for each in plan.rounds)]):
        folder = out / f"round-{number}"
        if not (folder / "results.json").exists():
            say(f"round {number}: {episodes} episodes, then {steps} steps")
            if not _one_round(plan, out, number, seeds=range(first, first + episodes), steps=steps):
                return Outcome(_best(out), tuple(rates), finished=False)
        rates.append(rate_in(folder))
        say(f"round {number}: {rates[-1]:.1%} of {plan.trial.episodes} episodes succeeded")
        _keep_best(out, folder, rates)
        first += episodes
        steps = plan.rounds[number].steps if number < len(plan.rounds) else 0
    return Outcome(_best(out), tuple(rates), finished=True)


def _one_round(plan: Plan, out: Path, number: int, *, seeds: Sequence[int], steps: int) -> bool:
    """Collect, train and judge; False when one of them was interrupted."""
    folder, before = out / f"round-{number}", out / f"round-{number - 1}" / "checkpoint"
    learner = before if number else None
    begun = find_checkpoint(plan.init_from) if plan.init_from else None
    tasks = practised(plan.tasks, before.parent / "results.json") if number else plan.tasks
    coaching = plan.rounds[number - 1].coaching if number else plan.coaching
    taught = replace(plan, tasks=tasks)
    if _collect(taught, out / "frames", seeds, learner=learner, coaching=coaching).interrupted:
        return False
    training = train(
        replace(plan.train, steps=steps),
        out / "frames",
        folder,
        embodiment=_embodiment(plan),
        resume=(folder / "state.safetensors").exists(),
        init_from=learner or begun,
    )
    return training.finished and judge(
        plan.trial, training.checkpoint, folder, safety=plan.safety, workers=plan.workers
    )


def practised(tasks: Sequence[Share], results: Path) -> tuple[Share, ...]:
    """Return the tasks with more weight on those that failed most, where a trial's results have a row of their name."""
    rows = json.loads(results.read_text(encoding="utf-8"))["tasks"]
    failed = {name: 1 - float(row["rate"]) for name, row in rows.items()}
    return tuple(
        replace(each, weight=each.weight * (LEAST_PRACTICE + 2 * failed[each.task])) if each.task in failed else each
        for each in tasks
    )


def _photograph(plan: Plan, frames: Path) -> Collected:
    first = plan.first_seed + STILLS_APART
    return collect_stills(
        _classroom(plan, learner=None).studio,
        range(first, first + plan.stills),
        (FrameStoreSink(frames),),
        attempts_file=frames / "stills.jsonl",
        workers=plan.workers or stages.cores(),
    )


def _classroom(plan: Plan, *, learner: Path | None) -> ClassroomFactory:
    return ClassroomFactory(
        plan.tasks,
        cameras=plan.cameras,
        learner=learner,
        learner_share=plan.learner_share,
        safety=plan.safety,
        odd=plan.odd,
    )


def _collect(plan: Plan, frames: Path, seeds: Sequence[int], *, learner: Path | None, coaching: Coaching) -> Collected:
    return collect(
        _classroom(plan, learner=learner),
        seeds,
        (FrameStoreSink(frames),),
        attempts_file=frames / "attempts.jsonl",
        workers=plan.workers or stages.cores(),
        coaching=coaching,
        # What the teacher shows in an episode that the learner spoiled is as true as in one that went well.
        keep_failures=learner is not None,
    )


def judge(trial: Trial, checkpoint: Path, folder: Path, *, safety: str | None, workers: int) -> bool:
    """Write results.json of the checkpoint in closed loop; what an interrupted judgement finished is kept."""
    suite, trials = prepare(
        trial.suite, episodes=trial.episodes, seed=trial.seed, sample=stages.sample, check=stages.check_task
    )
    entrant = enter(str(checkpoint), execute=suite.execute, world=suite.world, safety=safety)
    player = make_player(entrant, trials, workers=workers or None)
    try:
        with open_store(folder) as store:
            played = tuple(evaluate(trials, entrant.conditions, store, player))
    except KeyboardInterrupt:
        return False
    report = Report(trial.suite, str(checkpoint), trial.seed, entrant.conditions.execute, played, complete=True)
    report.write(folder)
    return True


def _embodiment(plan: Plan) -> Embodiment:
    world = stages.tabletop(plan.cameras)
    world.close()
    return world.embodiment


def rate_in(folder: Path) -> float:
    """The overall rate that `judge` wrote there."""
    overall = json.loads((folder / "results.json").read_text(encoding="utf-8"))["overall"]
    return float(overall["rate"])


def _keep_best(out: Path, folder: Path, rates: Sequence[float]) -> None:
    """Copy the checkpoint of `folder` to best/ when it is the best so far; of two equal ones the later."""
    if rates[-1] < max(rates):
        return
    shutil.rmtree(out / "best", ignore_errors=True)
    shutil.copytree(folder / "checkpoint", out / "best")


def _best(out: Path) -> Path | None:
    return out / "best" if (out / "best").is_dir() else None
