"""Trains the layout diffuser on arrangements that geometry draws, and measures it on counts that it never saw."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from agent.settings import to_mapping
from imagination.arranger import (
    Arranger,
    ArrangerConfig,
    Table,
    arranger_loss,
    load_arranger,
    make_table,
    sample_poses,
    save_arranger,
    schedule,
    to_metres,
    to_units,
)
from imagination.layout_cases import TRAINED_COUNTS, Case, draw_case
from imagination.patterns import holds, is_clear, on_table
from imagination.training import Schedule, Trained, fit
from policies.schedule import generator_of, pick_device
from policies.text import TextTable, make_text_encoder

CARD = """# Layout diffuser

Denoises the poses (x, y, yaw) of the things on the table together, given a sentence ("in a line", "in a circle",
"sorted by colour", "set the table"), what the things are, and where they stand now.
Set transformer, {parameters} parameters,
v-prediction, squared-cosine schedule.

Data: {cases} arrangements drawn by `imagination/layout_cases.py` (seeds from {first_seed}), {counts} movable things.
Training: {steps} steps of {batch}, {seconds:.0f} s on this run's last leg.

Measure it with `python -m imagination.measure arrange`.

Limits: positions are learned inside the table of this simulator; kinds far larger than those of training are placed too
close together; what is asked for must be one of the four arrangements.
"""


@dataclass(frozen=True)
class ArrangerTraining:
    """cases: how many arrangements are drawn.  start_from: folder of a trained one whose weights are taken.

    first_seed: of the first case; training seeds start at 1,000,000.
    """

    model: ArrangerConfig = field(default_factory=ArrangerConfig)
    schedule: Schedule = field(default_factory=Schedule)
    cases: int = 20_000
    start_from: Path | None = None
    first_seed: int = 1_000_000

    def __post_init__(self) -> None:
        if self.first_seed < 1_000_000:
            raise ValueError(f"training seeds start at 1000000, got first_seed {self.first_seed}")


@dataclass(frozen=True)
class Score:
    """Counts over `cases`: the relation holds, nothing collides and all is on the table, and both."""

    cases: int
    holds: int
    clear: int
    both: int


def train_arranger(config: ArrangerTraining, out: Path, *, resume: bool = False) -> Trained:
    """Draw the cases, train, and write out/model; the cases are drawn again, alike, when resuming."""
    if config.schedule.threads:
        torch.set_num_threads(config.schedule.threads)
    out.mkdir(parents=True, exist_ok=True)
    device = pick_device(config.schedule.device)
    words = TextTable(make_text_encoder(config.model.text))
    seeds = range(config.first_seed, config.first_seed + config.cases)
    cases = [draw_case(np.random.default_rng(seed)) for seed in tqdm(seeds, desc="arrangements", unit="case")]
    table, answers = tensors(cases, words)
    table, answers = table.to(device), answers.to(device)
    free = torch.tensor([case.pattern != "table" for case in cases], device=device)
    torch.manual_seed(config.schedule.seed)
    model = Arranger(config.model, text_dim=words.encoder.dim).to(device)
    if config.start_from is not None:
        model.load_state_dict(load_arranger(config.start_from)[0].state_dict())
    noise = schedule()

    def loss(step: int) -> dict[str, torch.Tensor]:
        generator = generator_of(config.schedule.seed, step)
        chosen = torch.randint(0, len(cases), (config.schedule.batch,), generator=generator).to(device)
        flips = torch.randint(0, 2, (2, len(chosen)), generator=generator).to(device) * free[chosen]
        problem, answer = mirrored(table.rows(chosen), answers[chosen], flips)
        return {"total": arranger_loss(model, noise, problem, answer, generator)}

    settings = {"arranger": to_mapping(config)}
    trained = fit(model, loss, config.schedule, out, settings=settings, resume=resume)
    if trained.finished:
        card = CARD.format(
            parameters=sum(p.numel() for p in model.parameters()),
            cases=len(cases),
            first_seed=config.first_seed,
            counts=", ".join(map(str, TRAINED_COUNTS)),
            steps=trained.steps,
            batch=config.schedule.batch,
            seconds=trained.seconds,
        )
        save_arranger(out / "model", model.cpu(), card)
    return trained


def tensors(cases: Sequence[Case], words: TextTable) -> tuple[Table, torch.Tensor]:
    """Return the problems and the answers (B, N, 4) of cases."""
    table = make_table(
        [(case.text, case.items, case.start) for case in cases], words, width=max(len(case.items) for case in cases)
    )
    answers = torch.zeros_like(table.start)
    for row, case in enumerate(cases):
        answers[row, : len(case.items)] = torch.from_numpy(to_units(case.answer)).float()
    return table, answers


def mirrored(table: Table, answers: torch.Tensor, flips: torch.Tensor) -> tuple[Table, torch.Tensor]:
    """Mirror problems and answers in x and in y where `flips` (2, B) is 1; rows and rings stay what they are."""
    sign = 1.0 - 2.0 * flips
    factor = torch.stack([sign[0], sign[1], torch.ones_like(sign[0]), sign[0] * sign[1]], dim=1)[:, None]
    return Table(table.known, table.kind, table.text, table.start * factor, table.there), answers * factor


def score(model: Arranger, words: TextTable, cases: Sequence[Case], *, seed: int, draws: int = 1) -> Score:
    """Count how many cases the model solves with the first of `draws` layouts that passes, else with the first."""
    table, _ = tensors(cases, words)
    verdicts: dict[int, tuple[bool, bool, bool]] = {}
    for draw in range(draws):
        open_ones = [row for row in range(len(cases)) if not verdicts.get(row, (False,) * 3)[2]]
        if not open_ones:
            break
        poses = sample_poses(model, table.rows(torch.tensor(open_ones)), seed=seed + draw)
        for row, layout in zip(open_ones, to_metres(poses.numpy().astype(np.float64)), strict=True):
            verdict = judged(cases[row], layout[: len(cases[row].items)])
            if verdict[2] or row not in verdicts:
                verdicts[row] = verdict
    return Score(len(cases), *(sum(verdict[part] for verdict in verdicts.values()) for part in range(3)))


def judged(case: Case, layout: np.ndarray[tuple[int, int], np.dtype[np.float64]]) -> tuple[bool, bool, bool]:
    """Say whether the relation holds, whether nothing collides and all is on the table, and both."""
    free = [index for index, item in enumerate(case.items) if not item.fixed]
    told = holds(case.pattern, case.items, layout)
    clear = is_clear(case.items, layout) and on_table(layout[free])
    return told, clear, told and clear
