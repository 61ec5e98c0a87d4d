"""Training on a store: every part trains, leaves a folder that loads, and a killed run ends with the same weights."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from imagination import parts
from imagination.autoencoder import load_autoencoder
from imagination.captions import draw_caption, write_caption
from imagination.collecting import clip_shard, still_shard
from imagination.denoiser import load_denoiser
from imagination.figures import clips_from, pairs_from
from imagination.judge import JudgeConfig, load_judge
from imagination.pairs import pair_shard
from imagination.parts import PartTraining, train_autoencoder, train_decoder, train_denoiser, train_judge
from imagination.stills import Still
from imagination.store import write_shard
from imagination.training import Schedule
from tests.imagination.conftest import TINY, TINY_AUTOENCODER


class Killed(RuntimeError):
    """Stands for a process that ends without a word."""


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory, stills: tuple[Still, ...]) -> PartTraining:
    """A store of two dozen stills and one clip, made by hand, so that nothing has to be collected."""
    rng, store = np.random.default_rng(0), tmp_path_factory.mktemp("store")
    texts = [write_caption(draw_caption(still.things, rng), rng) for still in stills for _ in range(2)]
    write_shard(store / "stills-00000", still_shard(stills, texts))
    write_shard(store / "clips-00000", clip_shard(list(clips_from(500_000, 1))))
    write_shard(store / "pairs-00000", pair_shard(list(pairs_from(500_000, 2))))
    return PartTraining(
        schedule=Schedule(steps=4, batch=6, warmup=1, save_every=2, threads=1, device="cpu"),
        store=store,
        scenes=1,
        episodes=1,
        pairs=1,
        autoencoder_model=TINY_AUTOENCODER,
        judge_model=JudgeConfig(widths=(8, 8, 16)),
        denoiser_model=TINY,
    )


def test_autoencoder_judge_and_denoiser_train_one_on_the_other_and_resume_exactly(
    config: PartTraining, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert train_autoencoder(config, tmp_path / "autoencoder", resume=False).finished
    assert train_judge(config, tmp_path / "judge", resume=False).finished
    load_judge(tmp_path / "judge" / "model")
    scale = load_autoencoder(tmp_path / "autoencoder" / "model").config.scaling_factor
    assert scale != 1.0
    first = load_autoencoder(tmp_path / "autoencoder" / "model")
    again = replace(config, autoencoder=tmp_path / "autoencoder" / "model")
    assert train_decoder(again, tmp_path / "decoder", resume=False).finished
    second = load_autoencoder(tmp_path / "decoder" / "model")
    for name, same in (("encoder", True), ("quant_conv", True), ("decoder", False)):
        pairs = zip(getattr(first, name).parameters(), getattr(second, name).parameters(), strict=True)
        assert all(torch.equal(a, b) for a, b in pairs) is same, name
    assert second.config.scaling_factor == scale
    schedule = replace(config.schedule, bfloat16=True)
    config = replace(config, autoencoder=tmp_path / "autoencoder" / "model", schedule=schedule)
    assert train_denoiser(config, tmp_path / "whole", resume=False).finished
    load_denoiser(tmp_path / "whole" / "model")
    real, calls = parts.denoiser_loss, []

    def dying(*arguments: object, **more: object) -> dict[str, torch.Tensor]:
        calls.append(1)
        if len(calls) == 4:
            raise Killed
        return real(*arguments, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(parts, "denoiser_loss", dying)
    with pytest.raises(Killed):
        train_denoiser(config, tmp_path / "killed", resume=False)
    monkeypatch.setattr(parts, "denoiser_loss", real)
    assert train_denoiser(config, tmp_path / "killed", resume=True).finished
    whole, resumed = (load_file(tmp_path / name / "state.safetensors") for name in ("whole", "killed"))
    assert set(whole) == set(resumed)
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)


def test_training_seeds_start_at_a_million() -> None:
    with pytest.raises(ValueError, match="1000000"):
        PartTraining(first_seed=9)
