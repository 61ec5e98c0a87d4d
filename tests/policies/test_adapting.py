"""Adapters: what they are trained on, what they leave alone, and how a policy with one is named."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from agent.errors import SpecError
from policies.adapting import AdaptConfig, adapt
from policies.checkpoint import load_checkpoint, load_policy, load_trained
from policies.digest import digest_of
from policies.lora import LoraSettings, load_adapter
from policies.shipped import is_trained, locate
from policies.train import train
from tests.policies.conftest import FAST
from tests.policies.toy import TOY, observation, scene, write_store

SHORT = AdaptConfig(
    lora=LoraSettings(rank=4, alpha=8, targets=("into", "out", "feed.0", "self_in", "think.0")),
    steps=4,
    batch=8,
    warmup=1,
    learning_rate=0.02,
    average_decay=0.5,
    save_every=2,
)


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """What is new and what is known."""
    folder = tmp_path_factory.mktemp("stores")
    write_store(folder / "new", episodes=4, seed=5)
    write_store(folder / "known", episodes=12)
    return folder / "new", folder / "known"


@pytest.fixture(scope="module")
def base(stores: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.set_num_threads(1)
    config = replace(FAST, steps=4, batch=16, held_out=0.0)
    return train(config, stores[1], tmp_path_factory.mktemp("base"), embodiment=TOY).checkpoint


@pytest.fixture(scope="module")
def adapter(base: Path, stores: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = adapt(SHORT, str(base), base, *stores, tmp_path_factory.mktemp("adapted"))
    assert made.adapter is not None and made.steps == 4
    return made.adapter


def test_an_adapter_is_small_and_fits_the_untouched_base_alone(adapter: Path, base: Path) -> None:
    assert sorted(file.name for file in adapter.iterdir()) == ["adapter.json", "adapter.safetensors"]
    card = json.loads((adapter / "adapter.json").read_text())
    assert card["base"] == str(base) and card["digest"] == digest_of(load_checkpoint(base).model)
    weights = load_file(adapter / "adapter.safetensors")
    assert all(".lora_" in name for name in weights)
    assert any(float(value.abs().max()) > 0 for name, value in weights.items() if ".lora_B" in name)


def test_a_policy_with_an_adapter_has_three_names(adapter: Path, base: Path, tmp_path: Path) -> None:
    beside = tmp_path / "checkpoint"
    shutil.copytree(base, beside)
    shutil.copytree(adapter, beside / "adapters" / "squares")
    # In mid-episode: where one begins, a policy that has learnt so little may refuse.
    look = replace(observation(scene(np.random.default_rng(3))[0], "red"), time=1.0)
    names = (str(adapter), f"{base}+{adapter}", f"{beside}+squares")
    assert all(is_trained(name) for name in names)
    policies = [load_policy(name) for name in names]
    found = [policy.act(look).actions for policy in policies]
    assert np.array_equal(found[0], found[1]) and np.array_equal(found[0], found[2])
    assert not np.array_equal(policies[0].aims(look), load_policy(str(base)).aims(look))
    with pytest.raises(SpecError, match="no adapter 'square'; did you mean 'squares'"):
        locate(f"{beside}+square")
    with pytest.raises(SpecError, match=r"it is no folder with adapter\.json, and checkpoint has none"):
        locate(f"{base}+squares")


def test_what_the_adapter_was_told_counts_as_heard(adapter: Path, base: Path, tmp_path: Path) -> None:
    told = set(json.loads((adapter / "adapter.json").read_text())["heard"])
    known = load_checkpoint(base).heard
    assert told and known, "both were trained on sentences"
    taught = tmp_path / "taught"
    shutil.copytree(adapter, taught)
    card = json.loads((adapter / "adapter.json").read_text()) | {"heard": ["quince"]}
    (taught / "adapter.json").write_text(json.dumps(card))
    assert load_trained(str(taught)).heard == known | {"quince"}
    unrecorded = tmp_path / "unrecorded"
    shutil.copytree(base, unrecorded)
    (unrecorded / "words.json").unlink()
    assert load_trained(f"{unrecorded}+{taught}").heard == frozenset(), "its own words are not known"


def test_worked_into_the_layers_it_acts_as_beside_them(adapter: Path, base: Path) -> None:
    beside = load_checkpoint(base)
    load_adapter(beside.model, adapter.name, adapter.parent, base="base")
    inside = load_trained(str(adapter))
    assert inside.name == "checkpoint+adapter"
    assert inside.model.state_dict().keys() == load_checkpoint(base).model.state_dict().keys()
    prefix = torch.randn(3, 9, 32, generator=torch.Generator().manual_seed(0))
    tokens = torch.zeros(3, beside.model.decoder.legal.shape[0], dtype=torch.int64)
    apart, merged = (made.model.decoder.logits(prefix, tokens) for made in (beside, inside))
    legal = torch.isfinite(merged)
    assert torch.allclose(apart[legal], merged[legal], atol=1e-4)


def test_stopped_and_taken_up_again_it_ends_with_the_same_weights(
    adapter: Path, base: Path, stores: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Impatient(Exception):
        pass

    from policies import adapting

    real = adapting.save_state

    def save_and_break(*arguments: object, **named: object) -> None:
        real(*arguments, **named)  # type: ignore[arg-type]
        raise Impatient

    with monkeypatch.context() as patched, pytest.raises(Impatient):
        patched.setattr(adapting, "save_state", save_and_break)
        adapt(SHORT, str(base), base, *stores, tmp_path)
    again = adapt(SHORT, str(base), base, *stores, tmp_path)
    assert again.adapter is not None
    one, other = (load_file(folder / "adapter.safetensors") for folder in (adapter, again.adapter))
    assert all(torch.equal(one[name], other[name]) for name in one)
    with pytest.raises(SpecError, match=r"other settings \(steps\)"):
        adapt(replace(SHORT, steps=9), str(base), base, *stores, tmp_path)


def test_without_anything_known_all_of_the_loss_is_new(base: Path, stores: tuple[Path, Path], tmp_path: Path) -> None:
    alone = adapt(replace(SHORT, steps=1, share=0.5), str(base), base, stores[0], None, tmp_path / "alone")
    whole = adapt(replace(SHORT, steps=1, share=1.0), str(base), base, *stores, tmp_path / "whole")
    assert alone.adapter is not None and whole.adapter is not None
    one, other = (load_file(folder / "adapter.safetensors") for folder in (alone.adapter, whole.adapter))
    assert all(torch.equal(one[name], other[name]) for name in one)
    with pytest.raises(ValueError, match="got share 0"):
        replace(SHORT, share=0.0)
