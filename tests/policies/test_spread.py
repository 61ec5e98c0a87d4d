"""A batch worked in parts, by one process or by two, and what accelerate adds where there is one: nothing."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from agent.errors import SpecError
from policies.feed import Feed, batches, changed, measured, open_store
from policies.model import VLAModel, fitted
from policies.samples import Augmentation
from policies.schedule import generator_of, make_optimizer
from policies.spread import processes_for
from policies.train import TrainConfig, train
from tests.policies.conftest import FAST
from tests.policies.toy import TOY, write_store

ONE_STEP = replace(FAST, steps=1, batch=8, norms="kept", held_out=0.0, device="cpu")


@pytest.fixture(scope="module")
def lone_frames(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Episodes of one frame: every part of a batch holds equally much to learn from."""
    folder = tmp_path_factory.mktemp("lone") / "frames"
    write_store(folder, episodes=16, frames=1)
    return folder


def gradient(config: TrainConfig, frames: Path, out: Path) -> dict[str, torch.Tensor]:
    """What the first step's gradient was, but for a factor: the optimizer's first moment after it."""
    train(config, frames, out, embodiment=TOY)
    state = load_file(out / "state.safetensors")
    return {name: value for name, value in state.items() if name.startswith("exp_avg/")}


def assert_alike(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> None:
    assert one.keys() == other.keys() and len(one) > 50
    largest = max(float(value.abs().max()) for value in one.values())
    for name, value in one.items():
        assert torch.allclose(value, other[name], rtol=1e-3, atol=1e-5 * largest), name


def test_parts_add_up_to_the_gradient_of_the_whole_batch(lone_frames: Path, tmp_path: Path) -> None:
    whole = gradient(ONE_STEP, lone_frames, tmp_path / "whole")
    parts = gradient(replace(ONE_STEP, accumulate=4), lone_frames, tmp_path / "parts")
    assert_alike(whole, parts)
    other = gradient(replace(ONE_STEP, seed=1), lone_frames, tmp_path / "other")
    with pytest.raises(AssertionError):
        assert_alike(whole, other)


def test_two_processes_find_the_gradient_that_one_finds(lone_frames: Path, tmp_path: Path) -> None:
    whole = gradient(ONE_STEP, lone_frames, tmp_path / "whole")
    shared = gradient(replace(ONE_STEP, processes=2, accumulate=2), lone_frames, tmp_path / "shared")
    assert_alike(whole, shared)
    with pytest.raises(SpecError, match="already holds a training run"):
        gradient(replace(ONE_STEP, processes=2), lone_frames, tmp_path / "shared")


def test_one_process_trains_bit_for_bit_as_a_plain_loop_does(lone_frames: Path, tmp_path: Path) -> None:
    config = replace(ONE_STEP, steps=3, norms="batch")
    train(config, lone_frames, tmp_path, embodiment=TOY)
    state = load_file(tmp_path / "state.safetensors")
    torch.manual_seed(config.seed)
    store = open_store(lone_frames, TOY)
    statistics = measured(store, TOY, config.dataset)
    held = tuple(int(d) for d in np.flatnonzero(statistics.vector("action").degenerate))
    model = VLAModel(fitted(config.model, TOY, text_dim=32, held=held), TOY).train()
    feed = Feed(
        store, lone_frames, statistics, fitted(config.model, TOY, text_dim=32, held=held), device=torch.device("cpu")
    )
    samples = feed.samples(0.0)
    source, assemble = batches(samples, seed=config.seed, size=config.batch, start=0), feed.assembler(samples)
    optimizer = make_optimizer(model, config.learning_rate, config.weight_decay)
    for step in range(config.steps):
        lesson = changed(*assemble(*source.next()), Augmentation(), generator_of(config.seed, step))
        losses = model(lesson.inputs, lesson.labels, config.loss, lesson.noise, torch.Generator())
        for group in optimizer.param_groups:
            group["lr"] = config.rate(step)
        optimizer.zero_grad()
        losses.total.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), config.clip)
        optimizer.step()
    source.close()
    assert [name for name, value in model.state_dict().items() if not torch.equal(value, state[f"model/{name}"])] == []


def test_what_cannot_be_shared_out_is_refused(lone_frames: Path, tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="a batch of 8 samples cannot be worked in 9 parts"):
        train(replace(ONE_STEP, accumulate=9), lone_frames, tmp_path, embodiment=TOY)
    with pytest.raises(ValueError, match="1 part or more, got accumulate 0"):
        replace(ONE_STEP, accumulate=0)
    with pytest.raises(SpecError, match="no way to treat norms 'frozen'; There are: batch, kept"):
        replace(ONE_STEP, norms="frozen")
    with pytest.raises(SpecError, match="1 process or more, or 0 for one a GPU, not -1"):
        processes_for(-1, "cpu")
    assert processes_for(0, "cpu") == 1 and processes_for(3, "cpu") == 3
