"""What every head keeps to, and what each must be able to learn."""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from agent.errors import SpecError
from agent.settings import from_mapping
from policies.codec import CodecConfig, make_codec
from policies.decoder import DecoderConfig
from policies.heads.base import Head, HeadConfig
from policies.heads.cached import ToyConfig, reach, route_shares, two_routes
from policies.heads.continuous import FlowHead
from policies.heads.diffusion import LEVELS, DiffusionHead
from policies.heads.factory import make_head
from policies.heads.fitting import FitConfig, fit
from policies.heads.tokens import TokenHead

KINDS = ("tokens", "parallel", "regression", "flow", "mip", "diffusion")
DRAWING = ("tokens", "parallel", "flow", "diffusion")
NET = DecoderConfig(width=32, layers=2, heads=2)
CODEC = CodecConfig(chunk=4, held=(3, 5))
TOY = ToyConfig(count=4000, tokens=4, width=32)


def head(kind: str, codec: CodecConfig = CODEC, **settings: object) -> Head:
    torch.manual_seed(0)
    config = from_mapping(HeadConfig, {"kind": kind, **settings}, where="test")
    return make_head(config, NET, codec)


def random_weights(made: Head) -> Head:
    """Large weights: a head that has learnt nothing yet says nearly the same to everything."""
    generator = torch.Generator().manual_seed(1)
    for parameter in made.parameters():
        torch.nn.init.normal_(parameter, std=0.4, generator=generator)
    return made.eval()


def prefix(count: int) -> torch.Tensor:
    return torch.randn(count, 4, 32, generator=torch.Generator().manual_seed(7))


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("gripper", ["vector", "logit"])
@pytest.mark.parametrize("kind", KINDS)
def test_chunks_stay_in_bounds_with_the_gripper_at_0_or_1_and_held_columns_at_0(kind: str, gripper: str) -> None:
    made = random_weights(head(kind, gripper=gripper, temperature=2.0))
    chunks = made.sample(prefix(256), generator=seeded(0))
    assert chunks.shape == (256, 4, 7) and chunks.dtype == torch.float32
    assert chunks.abs().max() <= 1 and chunks[:, :, [0, 1, 2, 4]].std() > 0.1
    assert chunks[:, :, 6].unique().tolist() == [0, 1]
    assert not chunks[:, :, [3, 5]].any()


@pytest.mark.parametrize("kind", KINDS)
def test_equal_seeds_give_equal_chunks_and_only_drawing_heads_give_others(kind: str) -> None:
    made, given = random_weights(head(kind, temperature=1.0)), prefix(8)
    one, same, other = (made.sample(given, generator=seeded(seed)) for seed in (1, 1, 2))
    assert torch.equal(one, same)
    assert torch.equal(one, other) == (kind not in DRAWING)


@pytest.mark.parametrize("kind", KINDS)
def test_without_a_generator_a_chunk_does_not_depend_on_its_batch(kind: str) -> None:
    made, given = random_weights(head(kind, temperature=1.0)), prefix(5)
    alone = torch.cat([made.sample(row) for row in given.split(1)])
    assert torch.allclose(made.sample(given), alone, atol=1e-4)


@pytest.mark.parametrize("gripper", ["vector", "logit"])
@pytest.mark.parametrize("kind", KINDS)
def test_rows_without_a_label_do_not_reach_the_loss(kind: str, gripper: str) -> None:
    made, given = random_weights(head(kind, gripper=gripper)), prefix(3)
    actions = torch.rand(3, 4, 7, generator=seeded(2)) * 2 - 1
    weights = torch.ones(3, 4)
    weights[:, 2:] = 0
    other = actions.clone()
    other[:, 2:, :6] *= -1
    if kind in ("flow", "mip", "diffusion"):
        # Rows look at one another, so noised ones without a label are seen; their own error must still not count.
        made.denoiser.layers = torch.nn.ModuleList()  # type: ignore[union-attr]
    losses = [float(made.loss(given, a, weights, generator=seeded(0)).detach()) for a in (actions, other)]
    full = float(made.loss(given, other, torch.ones(3, 4), generator=seeded(0)).detach())
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)
    assert abs(full - losses[0]) > 3e-5 * losses[0]


@pytest.mark.parametrize("kind", KINDS)
def test_every_parameter_is_trained(kind: str) -> None:
    """What never gets a gradient has no optimizer state, and such a run could not be resumed."""
    made = head(kind)
    actions = torch.rand(3, 4, 7, generator=seeded(2))
    made.loss(prefix(3), actions, torch.ones(3, 4), generator=seeded(0)).backward()  # type: ignore[no-untyped-call]
    assert [name for name, parameter in made.named_parameters() if parameter.grad is None] == []


@pytest.mark.parametrize("kind", KINDS)
def test_each_head_learns_a_toy_mapping(kind: str, tmp_path: Path) -> None:
    data = reach(replace(TOY, count=32, rows=2, noise=0.0))
    made = head(kind, data.codec(CodecConfig()))
    steps = 400 if kind == "diffusion" else 250
    config = FitConfig(steps=steps, batch=32, learning_rate=4e-3, warmup=20, average_decay=0.98)
    fit(made, data, config, state=tmp_path / "state.safetensors", settings={})
    given, wanted, _ = data.batch(slice(None))
    told = made.sample(given)
    error = float((told - wanted)[:, :, :6].abs().mean())
    blind = float((wanted - wanted.mean(dim=0))[:, :, :6].abs().mean())
    assert error < 0.2 * blind
    assert float((told[:, :, 6] == wanted[:, :, 6]).float().mean()) > 0.95


@pytest.fixture(scope="module")
def routes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, float]]:
    """Which way chunks of trained heads go where left and right are equally good."""
    data, test = two_routes(TOY), two_routes(replace(TOY, count=256, seed=1))
    shares = {}
    for kind, steps in (("tokens", 150), ("regression", 150), ("flow", 300), ("diffusion", 300)):
        made = head(kind, data.codec(CodecConfig()), temperature=1.0)
        config = FitConfig(steps=steps, batch=128, learning_rate=4e-3, warmup=20, average_decay=0.98)
        fit(made, data, config, state=tmp_path_factory.mktemp(kind) / "state.safetensors", settings={})
        chunks = made.sample(test.batch(slice(None))[0], generator=seeded(0)).numpy()
        shares[kind] = route_shares(chunks, test.chunks)
    return shares


def test_of_two_equal_routes_regression_takes_neither(routes: dict[str, dict[str, float]]) -> None:
    assert routes["regression"]["neither"] > 0.7


@pytest.mark.parametrize("kind", ["tokens", "flow", "diffusion"])
def test_of_two_equal_routes_generative_heads_keep_both(kind: str, routes: dict[str, dict[str, float]]) -> None:
    assert 0.3 <= routes[kind]["left"] <= 0.7
    assert 0.3 <= routes[kind]["right"] <= 0.7


@pytest.mark.parametrize("codec", [CODEC, CodecConfig(kind="dct", held=(3, 5), kept=3), CodecConfig(kind="openvla")])
def test_cached_and_naive_tokens_agree_through_the_head(codec: CodecConfig) -> None:
    made = random_weights(head("tokens", codec))
    assert isinstance(made, TokenHead)
    slow = made.decoder.generate_slowly(prefix(8)).tokens.numpy()
    assert np.array_equal(made.sample(prefix(8)).numpy(), made.codec.decode(slow))
    assert len(np.unique(slow, axis=0)) > 1


@pytest.mark.parametrize("temperature", [0.0, 5.0])
@pytest.mark.parametrize("kind", ["bins", "dct", "openvla"])
def test_parallel_tokens_are_legal_at_every_position(kind: str, temperature: float) -> None:
    codec = CodecConfig(kind=kind)
    made = random_weights(head("parallel", codec))
    assert isinstance(made, TokenHead)
    written = made.decoder.generate(prefix(64), temperature=temperature, generator=seeded(0))
    legal = make_codec(codec).legal
    assert legal[np.arange(len(legal)), written.tokens.numpy()].all()
    assert torch.isfinite(written.log_probabilities).all()


@pytest.mark.parametrize("pick", ["mode", "median"])
def test_parallel_greedy_picks_as_the_autoregressive_decoder_would(pick: str) -> None:
    made = random_weights(make_head(HeadConfig(kind="parallel"), replace(NET, pick=pick), CODEC))
    assert isinstance(made, TokenHead)
    decoder = made.decoder
    logits = decoder.logits(prefix(16), torch.zeros(16, 1))
    one_by_one = [decoder._choose(logits[:, place], place, 0.0, None) for place in range(logits.shape[1])]
    assert torch.equal(decoder.generate(prefix(16)).tokens, torch.stack(one_by_one, dim=1))


def test_parallel_positions_see_those_after_them() -> None:
    made = random_weights(head("parallel"))
    assert isinstance(made, TokenHead)
    before = made.decoder.logits(prefix(1), torch.zeros(1, 1))
    with torch.no_grad():
        made.decoder.place[-1] += 1.0
    assert (made.decoder.logits(prefix(1), torch.zeros(1, 1))[0, 0, :9] != before[0, 0, :9]).any()


@pytest.mark.parametrize("level", [0, 20, 50, 80, 99])
def test_noised_chunks_have_the_moments_of_the_forward_process(level: int) -> None:
    """q(x_t | x_0) = N(√ᾱ_t x_0, (1 - ᾱ_t) I), ᾱ_t = f(t + 1) / f(0), f(t) = cos²((t / 100 + 0.008) / 1.008 π / 2)."""
    made = head("diffusion", CodecConfig(chunk=1))
    assert isinstance(made, DiffusionHead)
    kept = np.cos((np.arange(LEVELS + 1) / LEVELS + 0.008) / 1.008 * np.pi / 2) ** 2
    beta = np.minimum(1 - kept[1:] / kept[:-1], 0.999)
    alpha_bar = float(np.cumprod(1 - beta)[level])
    count = 100_000
    clean = torch.full((count, 1, 1), 0.8)
    z = torch.randn(clean.shape, generator=seeded(level))
    drawn = made.noised(clean, z, torch.full((count,), level)).double()
    assert float(drawn.mean()) == pytest.approx(np.sqrt(alpha_bar) * 0.8, abs=0.01)
    assert float(drawn.var()) == pytest.approx(1 - alpha_bar, rel=0.01)


def test_ddim_is_deterministic_after_its_first_noise() -> None:
    made = random_weights(head("diffusion"))
    generator = seeded(3)
    made.sample(prefix(4), generator=generator)
    once = seeded(3)
    torch.randn(4, 4, 4, generator=once)
    assert torch.equal(generator.get_state(), once.get_state())


def test_training_times_of_flow_are_biased_to_high_noise() -> None:
    biased, uniform = head("flow", noise_bias=1.5), head("flow", noise_bias=1.0)
    assert isinstance(biased, FlowHead) and isinstance(uniform, FlowHead)
    # Beta(1.5, 1) has mean 0.6.
    assert float(biased.times(100_000, generator=seeded(0)).mean()) == pytest.approx(0.4, abs=0.005)
    assert float(uniform.times(100_000, generator=seeded(0)).mean()) == pytest.approx(0.5, abs=0.005)


@pytest.mark.parametrize("steps", [1, 4, 10])
def test_flow_takes_the_steps_it_is_told(steps: int) -> None:
    made = random_weights(head("flow", steps=steps))
    assert isinstance(made, FlowHead)
    seen: list[float] = []
    made.denoiser.register_forward_pre_hook(lambda _, given: seen.append(float(given[1][0])))
    made.sample(prefix(1))
    assert seen == pytest.approx([step / steps for step in range(steps)])


def test_what_does_not_exist_is_named() -> None:
    with pytest.raises(
        SpecError, match=r"no action head 'flows'; did you mean 'flow'\? There are: diffusion, flow, mip"
    ):
        head("flows")
    with pytest.raises(SpecError, match=r"no way to say the gripper 'bit'.*There are: logit, vector"):
        head("flow", gripper="bit")
    with pytest.raises(SpecError, match="draws in 1 to 100 steps, not 101"):
        head("diffusion", steps=101)
    with pytest.raises(SpecError, match="not -1"):
        head("flow", steps=-1)


def test_without_diffusers_the_diffusion_head_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "diffusers", None)
    with pytest.raises(SpecError, match=r"needs diffusers; get it with: pip install 'aubergine\[imagine\]'"):
        head("diffusion")
    assert isinstance(head("flow"), FlowHead)
