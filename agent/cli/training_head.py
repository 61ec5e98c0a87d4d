"""`kind: head` in a plan: another action head on a trained policy, whose backbone stays as it is."""

import argparse
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console

from agent.cli import stage as stages
from agent.cli.classroom import ClassroomFactory, Share
from agent.cli.collect import INTERRUPTED, attempts_file
from agent.cli.training import Trial, judge, rate_in
from agent.errors import SpecError
from agent.evaluation.suite import load_suite
from agent.recording.collect import collect
from agent.recording.demonstrate import Coaching
from agent.recording.frame_sink import FrameStoreSink
from agent.settings import load_settings, save_settings
from agent.types import Embodiment
from policies.heads.train_head import HeadTraining, train_head
from policies.shipped import embodiment_of, find_checkpoint


@dataclass(frozen=True)
class HeadPlan:
    """What `aubergine train` does for a head.

    init_from: a bundled policy's name or a checkpoint folder.  frames: the frame store to learn from; heads that are
    to be compared share one, and with it the cached prefixes beside it.  demonstrations: episodes of the disturbed
    teacher over `tasks` that are collected into it, as far as they are not there yet; 0: the store is used as it is.
    trial: how the checkpoint is judged in closed loop; null: not at all.  safety, first_seed, workers: as for a policy.
    """

    train: HeadTraining
    frames: Path
    kind: str = "head"
    init_from: str = "vla"
    tasks: tuple[Share, ...] = ()
    demonstrations: int = 0
    coaching: Coaching = field(default_factory=Coaching)
    trial: Trial | None = field(default_factory=Trial)
    safety: str | None = None
    first_seed: int = 1_000_000
    workers: int = 0

    def __post_init__(self) -> None:
        if self.demonstrations and not self.tasks:
            raise ValueError("demonstrations need at least one task to show")
        if self.first_seed < 1_000_000:
            raise ValueError(f"training seeds start at 1000000, got first_seed {self.first_seed}")


@dataclass(frozen=True)
class HeadOutcome:
    """checkpoint: None when it was interrupted before.  rate: in closed loop, None when it was not judged."""

    checkpoint: Path | None
    rate: float | None
    finished: bool


def run_head(arguments: argparse.Namespace) -> int:
    """Follow the plan; 0 when it ran through."""
    plan = load_settings(arguments.plan, HeadPlan)
    out = Path(arguments.out) if arguments.out else Path("runs") / "heads" / Path(arguments.plan).stem
    console = Console(stderr=True, quiet=arguments.json)
    outcome = follow(plan, out, resume=arguments.resume, say=console.print)
    if arguments.json:
        checkpoint = str(outcome.checkpoint) if outcome.checkpoint else None
        told = {"out": str(out), "checkpoint": checkpoint, "rate": outcome.rate, "finished": outcome.finished}
        print(json.dumps(told))
    elif outcome.finished:
        print(f"checkpoint: {outcome.checkpoint}")
    else:
        print(f"interrupted; go on with: aubergine train {arguments.plan} --out {out} --resume")
    return 0 if outcome.finished else INTERRUPTED


def follow(plan: HeadPlan, out: Path, *, resume: bool, say: Callable[[str], None]) -> HeadOutcome:
    """Carry the plan out in `out`: leaves checkpoint/, the training state and results.json there."""
    if (out / "plan.yaml").exists() and not resume:
        raise SpecError(f"{out} already holds a training run; add --resume, or choose another folder")
    base = find_checkpoint(plan.init_from)
    for share in plan.tasks:
        stages.task_mix(share.task)
    if plan.trial:
        load_suite(plan.trial.suite)
    out.mkdir(parents=True, exist_ok=True)
    save_settings(out / "plan.yaml", plan)
    if plan.demonstrations and not demonstrate(plan, embodiment_of(base)):
        return HeadOutcome(None, None, finished=False)
    say(f"a head of kind '{plan.train.head.kind}' on the backbone of '{plan.init_from}'")
    trained = train_head(plan.train, base, plan.frames, out)
    if trained.checkpoint is None:
        return HeadOutcome(None, None, finished=False)
    if plan.trial is None:
        return HeadOutcome(trained.checkpoint, None, finished=True)
    if not judge(plan.trial, trained.checkpoint, out, safety=plan.safety, workers=plan.workers):
        return HeadOutcome(trained.checkpoint, None, finished=False)
    rate = rate_in(out)
    say(f"{rate:.1%} of {plan.trial.episodes} episodes succeeded")
    return HeadOutcome(trained.checkpoint, rate, finished=True)


def demonstrate(plan: HeadPlan, body: Embodiment) -> bool:
    """Collect what the store lacks of the demonstrations; False when that was interrupted."""
    collected = collect(
        ClassroomFactory(plan.tasks, cameras=body.cameras, safety=plan.safety),
        range(plan.first_seed, plan.first_seed + plan.demonstrations),
        (FrameStoreSink(plan.frames),),
        attempts_file=attempts_file(plan.frames),
        workers=plan.workers or stages.cores(),
        coaching=plan.coaching,
    )
    return not collected.interrupted
