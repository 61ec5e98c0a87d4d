"""`kind: lora` in a plan: a trained policy learns a new thing or new words from a few demonstrations."""

import argparse
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from time import perf_counter

import numpy as np
from rich.console import Console

from agent.cli import stage as stages
from agent.cli.classroom import ClassroomFactory, Share
from agent.cli.collect import INTERRUPTED, attempts_file
from agent.cli.training import STILLS_APART, Trial, judge, rate_in
from agent.errors import SpecError
from agent.evaluation.suite import load_suite
from agent.recording.collect import Collected, collect
from agent.recording.demonstrate import Coaching
from agent.recording.frame_sink import FrameStoreSink
from agent.recording.stills import collect_stills
from agent.settings import load_settings, save_settings
from agent.types import CameraSpec, Task
from policies.adapting import AdaptConfig, adapt
from policies.shipped import embodiment_of, find_checkpoint, pretrained_names

KNOWN_APART = 1_000_000
"""What is known is shown in scenes whose seeds lie this far from those of what is new."""


@dataclass(frozen=True)
class Known:
    """What the policy is reminded of: episodes of `tasks` and still pictures of their scenes."""

    tasks: tuple[Share, ...]
    demonstrations: int = 120
    stills: int = 600


@dataclass(frozen=True)
class LoraPlan:
    """What `aubergine train` does for an adapter.

    instructions: what is new, in the words that shall be understood; each names things of the catalogue, and is shown
    as often as the others.  demonstrations: of those, by the disturbed teacher.  known: what must not be forgotten;
    null: nothing.  init_from: a bundled policy's name or a checkpoint folder.  trials: how the policy is judged in
    closed loop, each without the adapter and with it.  safety, first_seed, workers: as for a policy.
    """

    instructions: tuple[str, ...]
    kind: str = "lora"
    init_from: str = "vla"
    demonstrations: int = 20
    known: Known | None = None
    train: AdaptConfig = field(default_factory=AdaptConfig)
    coaching: Coaching = field(default_factory=Coaching)
    trials: tuple[Trial, ...] = ()
    safety: str | None = None
    first_seed: int = 2_000_000
    workers: int = 0

    def __post_init__(self) -> None:
        if not self.instructions or self.demonstrations < 1:
            raise ValueError("an adapter needs at least one instruction and one demonstration")
        if self.first_seed < 1_000_000:
            raise ValueError(f"training seeds start at 1000000, got first_seed {self.first_seed}")


@dataclass(frozen=True)
class LoraOutcome:
    """adapter: its folder, None when it was interrupted before.  minutes: from the first demonstration to the adapter,
    of this call.  rates: trial -> without the adapter and with it."""

    adapter: Path | None
    minutes: float
    rates: dict[str, tuple[float, float]]
    finished: bool


@dataclass(frozen=True)
class Spoken(ClassroomFactory):
    """A classroom whose tasks are what `instructions` ask for, one after the other."""

    instructions: tuple[str, ...] = ()

    def task_for(self, seed: int) -> Task:
        return stages.task_for(self.instructions[seed % len(self.instructions)])


def run_lora(arguments: argparse.Namespace) -> int:
    """Follow the plan; 0 when it ran through."""
    plan = load_settings(arguments.plan, LoraPlan)
    if arguments.say:
        plan = replace(plan, instructions=tuple(arguments.say))
    out = Path(arguments.out) if arguments.out else Path("runs") / Path(arguments.plan).stem
    console = Console(stderr=True, quiet=arguments.json)
    outcome = follow(plan, out, resume=arguments.resume, say=console.print)
    if arguments.json:
        print(json.dumps({**asdict(outcome), "out": str(out), "adapter": str(outcome.adapter or "") or None}))
    elif outcome.finished:
        print(f'adapter: {outcome.adapter}; try it: aubergine run "{plan.instructions[0]}" --adapter {outcome.adapter}')
    else:
        print(f"interrupted; go on with: aubergine train {arguments.plan} --out {out} --resume")
    return 0 if outcome.finished else INTERRUPTED


def follow(plan: LoraPlan, out: Path, *, resume: bool, say: Callable[[str], None]) -> LoraOutcome:
    """Carry the plan out in `out`: leaves new/ and known/ (frames), adapter/ and the trials' results there."""
    if (out / "plan.yaml").exists() and not resume:
        raise SpecError(f"{out} already holds a training run; add --resume, or choose another folder")
    base, began = find_checkpoint(plan.init_from), perf_counter()
    for instruction in plan.instructions:
        task = stages.task_for(instruction)
        if task.goal is None:
            raise SpecError(
                f"nobody can show how to '{instruction}': it names no goal; say it as 'aubergine run' takes it"
            )
        stages.check_task(task, plan.first_seed)
    for share in plan.known.tasks if plan.known else ():
        stages.task_mix(share.task)
    for trial in plan.trials:
        load_suite(trial.suite)
    out.mkdir(parents=True, exist_ok=True)
    save_settings(out / "plan.yaml", plan)
    if not _show(plan, out, embodiment_of(base).cameras):
        return LoraOutcome(None, _minutes(began), {}, finished=False)
    known = out / "known" if plan.known else None
    # An adapter names its base: a bundled one by name, another by where it lies, whoever asks from wherever.
    name = plan.init_from if plan.init_from in pretrained_names() else str(base.resolve())
    made = adapt(plan.train, name, base, out / "new", known, out)
    minutes = _minutes(began)
    if made.adapter is None:
        return LoraOutcome(None, minutes, {}, finished=False)
    say(f"{made.parameters / 1e6:.2f} M parameters in {minutes:.1f} minutes")
    rates: dict[str, tuple[float, float]] = {}
    for trial in plan.trials:
        found = _judged(plan, trial, base, made.adapter, out)
        if found is None:
            return LoraOutcome(made.adapter, minutes, rates, finished=False)
        rates[trial.suite] = found
        say(
            f"{trial.suite}: {found[0]:.1%} without the adapter, {found[1]:.1%} with it, {trial.episodes} episodes each"
        )
    return LoraOutcome(made.adapter, minutes, rates, finished=True)


def _show(plan: LoraPlan, out: Path, cameras: tuple[CameraSpec, ...]) -> bool:
    """Collect what is new and what is known; False when that was interrupted."""
    spoken = Spoken((), cameras=cameras, safety=plan.safety, instructions=plan.instructions)
    if _collect(plan, spoken, out / "new", first=plan.first_seed, count=plan.demonstrations).interrupted:
        return False
    if plan.known is None:
        return True
    factory = ClassroomFactory(plan.known.tasks, cameras=cameras, safety=plan.safety)
    first, frames = plan.first_seed + KNOWN_APART, out / "known"
    pictures = collect_stills(
        factory.studio,
        range(first + STILLS_APART, first + STILLS_APART + plan.known.stills),
        (FrameStoreSink(frames),),
        attempts_file=frames / "stills.jsonl",
        workers=plan.workers or stages.cores(),
    )
    if pictures.interrupted:
        return False
    return not _collect(plan, factory, frames, first=first, count=plan.known.demonstrations).interrupted


def _collect(plan: LoraPlan, factory: ClassroomFactory, frames: Path, *, first: int, count: int) -> Collected:
    return collect(
        factory,
        range(first, first + count),
        (FrameStoreSink(frames),),
        attempts_file=attempts_file(frames),
        workers=plan.workers or stages.cores(),
        coaching=plan.coaching,
    )


def _judged(plan: LoraPlan, trial: Trial, base: Path, adapter: Path, out: Path) -> tuple[float, float] | None:
    """The rates without the adapter and with it; None when judging was interrupted."""
    rates = []
    for name, policy in (("without", base), ("with", adapter)):
        folder = out / "trials" / Path(trial.suite).stem / name
        folder.mkdir(parents=True, exist_ok=True)
        if not (folder / "results.json").exists() and not judge(
            trial, policy, folder, safety=plan.safety, workers=plan.workers
        ):
            return None
        rates.append(rate_in(folder))
    return rates[0], rates[1]


def _minutes(began: float) -> float:
    return float(np.round((perf_counter() - began) / 60, 2))
