"""Other heads on a trained backbone: cached once, trained alone, loaded and acting as any policy."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from agent.cli import main
from policies.checkpoint import load_checkpoint, load_policy
from policies.decoder import DecoderConfig
from policies.heads import measure
from policies.heads.base import HeadConfig
from policies.heads.caching import CacheConfig, cached_prefixes
from policies.heads.fitting import FitConfig
from policies.heads.train_head import HeadTraining, train_head
from policies.samples import Augmentation
from tests.policies.toy import ACTION, observation, scene

STILL = CacheConfig(passes=1, batch=16, augmentation=Augmentation(0.0, 0.0, 0.0, 0.0))
NET = DecoderConfig(width=32, layers=1, heads=2)
FIT = FitConfig(steps=12, batch=16, warmup=2)


def looks() -> list:  # type: ignore[type-arg]
    """In mid-episode: where one begins, a policy that has learnt so little may refuse."""
    rng = np.random.default_rng(7)
    return [replace(observation(scene(rng)[0], colour), time=1.0) for colour in ("red", "blue") * 3]


@pytest.mark.parametrize("kind", ["flow", "mip", "diffusion", "regression", "parallel", "tokens"])
def test_a_head_on_a_trained_backbone_is_a_policy_like_any_other(
    kind: str, base: Path, few_frames: Path, tmp_path: Path
) -> None:
    config = HeadTraining(HeadConfig(kind=kind), NET, STILL, FIT)
    made = train_head(config, base, few_frames, tmp_path)
    assert made.checkpoint is not None and made.samples == 48
    old, new = load_checkpoint(base), load_checkpoint(made.checkpoint)
    assert new.config.head.kind == kind and new.statistics == old.statistics
    for name, weight in old.model.backbone.state_dict().items():
        assert torch.equal(weight, new.model.backbone.state_dict()[name]), name
    policy, seen = load_policy(str(made.checkpoint)), looks()
    policy.reset(seed=1)
    alone = [policy.act(look) for look in seen]
    assert all(ACTION.problem(row) is None for chunk in alone for row in chunk.actions)
    for one, together in zip(alone, policy.act_batch(seen), strict=True):
        np.testing.assert_allclose(one.actions, together.actions, atol=1e-5)
        assert (one.confidence is None) == (together.confidence is None) == (kind not in ("parallel", "tokens"))
    explained = policy.explain()
    assert explained is not None and len(explained.path) == len(alone[-1].actions) + 1
    assert (explained.probabilities.size == 0) == (kind not in ("parallel", "tokens"))


def test_greedily_a_flow_repeats_itself_and_above_temperature_0_it_draws(
    base: Path, few_frames: Path, tmp_path: Path
) -> None:
    made = train_head(HeadTraining(HeadConfig(kind="flow"), NET, STILL, FIT), base, few_frames, tmp_path)
    greedy, drawing = (load_policy(str(made.checkpoint), temperature=heat) for heat in (0.0, 1.0))
    runs = []
    for policy, seed in ((greedy, 1), (greedy, 2), (drawing, 1), (drawing, 1), (drawing, 2)):
        policy.reset(seed=seed)
        runs.append(policy.act(looks()[0]).actions)
    assert np.array_equal(runs[0], runs[1]) and np.array_equal(runs[2], runs[3])
    assert not np.array_equal(runs[3], runs[4]) and not np.array_equal(runs[0], runs[2])


def test_prefixes_are_kept_for_equal_weights_and_settings(base: Path, few_frames: Path) -> None:
    trained = load_checkpoint(base)
    cached = cached_prefixes(trained, few_frames, STILL)
    assert cached.prefixes.shape == (48, 9, 32) and cached.weights[3].tolist() == [1, 0, 0, 0]
    assert np.ptp(np.asarray(cached.prefixes, dtype=np.float32), axis=0).max() > 0.01
    (kept,) = (few_frames.parent / "frames-prefixes").iterdir()
    before = (kept / "prefixes.npy").stat().st_mtime_ns
    cached_prefixes(trained, few_frames, STILL)
    assert (kept / "prefixes.npy").stat().st_mtime_ns == before
    twice = cached_prefixes(trained, few_frames, CacheConfig(passes=2, batch=16))
    assert twice.prefixes.shape == (96, 9, 32)
    assert np.array_equal(twice.chunks[::2], twice.chunks[1::2]), "looks at one frame stand side by side"
    assert not np.array_equal(twice.prefixes[0], twice.prefixes[1]), "each look is changed in another way"
    assert np.isfinite(twice.prefixes).all()


def test_the_decoder_s_loss_is_that_of_the_head_around_it(base: Path, few_frames: Path) -> None:
    trained = load_checkpoint(base)
    cached = cached_prefixes(trained, few_frames, STILL)
    prefix, actions, weights = cached.batch(slice(None))
    codec, head = trained.model.codec, trained.model.head()
    tokens, counts = codec.encode(actions.numpy()), codec.weights(weights.numpy() == 0)
    plain = trained.model.decoder.loss(prefix, torch.from_numpy(tokens), torch.from_numpy(counts))
    assert float(head.loss(prefix, actions, weights).detach()) == float(plain.detach()) > 0


def test_one_line_measures_heads_on_a_store_and_leaves_checkpoints(
    base: Path, few_frames: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(measure, "LOOKS", 3)
    line = [str(few_frames), "--checkpoint", str(base), "--out", str(tmp_path), "--steps", "4", "--route-steps", "1"]
    line += ["--batch", "16", "--layers", "1", "--threads", "1", "--passes", "1", "--json", "--heads", "flow-4", "mip"]
    assert measure.main(line) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["samples"] == 48 and [row["head"] for row in told["heads"]] == ["flow-4", "mip"]
    for name, kind in (("flow-4", "flow"), ("mip", "mip")):
        assert load_checkpoint(tmp_path / name).config.head.kind == kind


def test_the_command_line_trains_a_head_as_its_plan_says(
    base: Path, few_frames: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plan = tmp_path / "flow.yaml"
    plan.write_text(
        f"kind: head\ninit_from: {base}\nframes: {few_frames}\ntrial: null\ntrain:\n  head: {{kind: flow}}\n"
        "  decoder: {layers: 1, heads: 2}\n  prefixes: {passes: 1}\n  fit: {steps: 3, batch: 8}\n"
    )
    words = ["train", str(plan), "--out", str(tmp_path / "out"), "--json"]
    assert main(words) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["finished"] and load_checkpoint(Path(told["checkpoint"])).config.decoder.width == 32
    assert main(words) == 2
    assert "already holds a training run; add --resume" in capsys.readouterr().err
    plan.write_text(plan.read_text().replace(str(base), "vlaa"))
    assert main(["train", str(plan), "--out", str(tmp_path / "other")]) == 2
    assert "no policy 'vlaa'; did you mean 'vla'?" in capsys.readouterr().err
