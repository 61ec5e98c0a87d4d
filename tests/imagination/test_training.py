"""The training loop: a killed run ends with the weights of one that was not."""

from pathlib import Path

import pytest
import torch
from torch import nn

from agent.errors import SpecError
from imagination.training import Schedule, fit
from policies.schedule import generator_of

SCHEDULE = Schedule(steps=8, warmup=2, save_every=3, report_every=2, average_decay=0.9)


class Killed(RuntimeError):
    """Stands for a process that ends without a word."""


def run(out: Path, *, die_at: int | None = None, resume: bool = False, settings: str = "a") -> nn.Module:
    torch.manual_seed(1)
    model = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 1))

    def loss(step: int) -> dict[str, torch.Tensor]:
        if step == die_at:
            raise Killed
        x = torch.randn(16, 4, generator=generator_of(7, step))
        return {"total": ((model(x) - x.sum(1, keepdim=True)) ** 2).mean()}

    fit(model, loss, SCHEDULE, out, settings={"which": settings}, resume=resume)
    return model


def test_a_killed_run_resumes_to_the_same_weights(tmp_path: Path) -> None:
    whole = run(tmp_path / "whole")
    with pytest.raises(Killed):
        run(tmp_path / "killed", die_at=5)
    resumed = run(tmp_path / "killed", resume=True)
    for (name, value), other in zip(whole.state_dict().items(), resumed.state_dict().values(), strict=True):
        assert torch.equal(value, other), name


def test_a_run_is_not_overwritten_and_nothing_is_not_resumed(tmp_path: Path) -> None:
    run(tmp_path)
    with pytest.raises(SpecError, match="--resume"):
        run(tmp_path)
    with pytest.raises(SpecError, match="nothing to resume"):
        run(tmp_path / "empty", resume=True)
    with pytest.raises(SpecError, match="other settings"):
        run(tmp_path, resume=True, settings="b")


def test_a_gradient_that_is_not_finite_stops_the_training(tmp_path: Path) -> None:
    model = nn.Linear(1, 1)
    with pytest.raises(SpecError, match="diverged at step 0"):
        fit(
            model, lambda step: {"total": model(torch.ones(1, 1)).sum() * float("nan")}, SCHEDULE, tmp_path, settings={}
        )
