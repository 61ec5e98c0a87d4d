"""Cached data, and training that resumes exactly."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from agent.errors import SpecError
from policies.codec import CodecConfig
from policies.decoder import DecoderConfig
from policies.heads import fitting
from policies.heads.base import Head, HeadConfig
from policies.heads.cached import Cached, ToyConfig, reach, read_cached, route_shares, routes, two_routes, write_cached
from policies.heads.factory import make_head
from policies.heads.fitting import FitConfig, fit

TOY = ToyConfig(count=64, tokens=2, width=16)
FIT = FitConfig(steps=12, batch=8, warmup=2, save_every=5)


def head(kind: str = "flow") -> Head:
    torch.manual_seed(0)
    return make_head(HeadConfig(kind=kind), DecoderConfig(width=16, layers=1, heads=2), CodecConfig())


def interrupted(monkeypatch: pytest.MonkeyPatch, at: int) -> None:
    """Break off when step `at` begins, as a killed process would."""
    whole = fitting._one_step

    def step(*given: object) -> torch.Tensor:
        if given[4] == at:
            raise KeyboardInterrupt
        return whole(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(fitting, "_one_step", step)


@pytest.mark.parametrize("kind", ["flow", "diffusion", "tokens"])
def test_a_killed_run_ends_with_the_same_weights(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data, whole, first, second = reach(TOY), head(kind), head(kind), head(kind)
    fit(whole, data, FIT, state=tmp_path / "whole.safetensors", settings={})
    state = tmp_path / "broken.safetensors"
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        interrupted(patch, at=8)
        fit(first, data, FIT, state=state, settings={})
    for parameter in second.parameters():  # all of it must come from the state
        torch.nn.init.zeros_(parameter)
    done = fit(second, data, FIT, state=state, settings={})
    assert done.finished and done.steps == 12
    told = second.state_dict()
    assert all(torch.equal(value, told[name]) for name, value in whole.state_dict().items())


def test_a_finished_run_is_only_loaded(tmp_path: Path) -> None:
    data, one, two = reach(TOY), head(), head()
    state = tmp_path / "state.safetensors"
    fit(one, data, FIT, state=state, settings={})
    written = state.stat().st_mtime_ns
    assert fit(two, data, FIT, state=state, settings={}).samples_per_second is None
    assert state.stat().st_mtime_ns == written
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), two.parameters(), strict=True))


def test_a_run_of_other_settings_is_not_continued(tmp_path: Path) -> None:
    state = tmp_path / "state.safetensors"
    fit(head(), reach(TOY), FIT, state=state, settings={"head": "flow"})
    with pytest.raises(SpecError, match=r"other settings .head.;"):
        fit(head(), reach(TOY), FIT, state=state, settings={"head": "mip"})
    with pytest.raises(SpecError, match=r"other settings .learning_rate, samples."):
        data = reach(replace(TOY, count=65))
        fit(head(), data, replace(FIT, learning_rate=1e-4), state=state, settings={"head": "flow"})


def test_training_that_diverges_says_so(tmp_path: Path) -> None:
    data = reach(TOY)
    data.prefixes[:] = np.float16(np.inf)
    with pytest.raises(SpecError, match="diverged at step 0"):
        fit(head(), data, FIT, state=tmp_path / "state.safetensors", settings={})


@pytest.mark.parametrize("form", ["folder", "npz"])
def test_cached_data_reads_back(form: str, tmp_path: Path) -> None:
    data = reach(TOY)
    if form == "folder":
        write_cached(tmp_path / "data", data)
        read = read_cached(tmp_path / "data")
        assert isinstance(read.prefixes, np.memmap)
    else:
        np.savez(tmp_path / "data.npz", prefixes=data.prefixes, chunks=data.chunks, weights=data.weights)
        read = read_cached(tmp_path / "data.npz")
    for name in ("prefixes", "chunks", "weights"):
        assert np.array_equal(getattr(read, name), getattr(data, name))
    assert read.prefixes.dtype == np.float16


def test_broken_data_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="does not hold prefixes, chunks, weights"):
        read_cached(tmp_path)
    data = reach(TOY)
    write_cached(tmp_path, Cached(data.prefixes[:-1], data.chunks, data.weights))
    with pytest.raises(SpecError, match=r"prefixes \(63, 2, 16\), chunks \(64, 4, 7\).*; expected \(M, N, D\)"):
        read_cached(tmp_path)
    data.chunks[3, 1, 2] = np.nan
    write_cached(tmp_path, data)
    with pytest.raises(SpecError, match="not finite"):
        read_cached(tmp_path)


def test_columns_without_change_are_held_whatever_stands_in_unlabelled_rows() -> None:
    data = reach(TOY)
    data.weights[:, 3] = 0
    data.chunks[:, 3, 5] = np.arange(64)
    codec = data.codec(CodecConfig())
    assert codec.held == (5,) and codec.chunk == 4 and codec.binary == (6,)
    with pytest.raises(SpecError, match="no row with a label"):
        Cached(data.prefixes, data.chunks, data.weights * 0).codec(CodecConfig())


def test_rows_held_out_are_the_last_ones() -> None:
    training, apart = reach(TOY).split(0.25)
    assert len(training) == 48 and len(apart) == 16
    assert np.array_equal(apart.chunks, reach(TOY).chunks[48:])


def test_shares_tell_left_right_and_neither_apart() -> None:
    point = np.zeros((10, 2))
    sides = np.array([1.0] * 6 + [-1.0] * 4)
    truth = routes(point, np.ones(10), 4)
    assert route_shares(routes(point, sides, 4), truth) == pytest.approx({"left": 0.6, "right": 0.4, "neither": 0.0})
    mixed = routes(point, sides, 4)
    mixed[0, :, 6] = 0  # the gripper of the other way
    mixed[1:3, :, 1] = 0  # straight at the obstacle
    assert route_shares(mixed, truth) == pytest.approx({"left": 0.3, "right": 0.4, "neither": 0.3})


def test_neither_side_can_be_told_from_the_prefix() -> None:
    data = two_routes(replace(TOY, count=2000))
    side = np.sign(data.chunks[:, 1, 1])
    flat = np.c_[data.prefixes.reshape(2000, -1).astype(np.float64), np.ones(2000)]
    guess = flat[1000:] @ np.linalg.lstsq(flat[:1000], side[:1000], rcond=None)[0]
    assert abs(np.mean(np.sign(guess) == side[1000:]) - 0.5) < 0.06
