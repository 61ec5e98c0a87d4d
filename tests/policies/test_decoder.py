import numpy as np
import pytest
import torch

from policies.codec import CodecConfig, make_codec
from policies.decoder import ActionDecoder, DecoderConfig
from policies.heads.factory import vocabulary_of

CODEC = make_codec(CodecConfig(chunk=2))


def decoder(**settings: object) -> ActionDecoder:
    torch.manual_seed(0)
    made = ActionDecoder(DecoderConfig(width=16, layers=2, heads=2, **settings), vocabulary_of(CODEC))  # type: ignore[arg-type]
    for parameter in made.parameters():  # trained weights are not near zero; make differences show
        torch.nn.init.normal_(parameter, std=0.4)
    return made.eval()


@pytest.mark.parametrize("pick", ["mode", "median"])
def test_cached_and_naive_generation_agree_token_for_token(pick: str) -> None:
    model, prefix = decoder(pick=pick), torch.randn(8, 5, 16)
    fast, slow = model.generate(prefix), model.generate_slowly(prefix)
    assert fast.tokens.tolist() == slow.tokens.tolist()
    assert fast.log_probabilities.numpy() == pytest.approx(slow.log_probabilities.numpy(), abs=1e-4)
    assert len({tuple(row) for row in fast.tokens.tolist()}) > 1


def test_every_generated_row_is_legal_even_when_sampled_hot() -> None:
    tokens = decoder().generate(torch.randn(64, 5, 16), temperature=5.0, generator=torch.Generator().manual_seed(1))
    assert CODEC.legal[np.arange(len(CODEC.legal)), tokens.tokens.numpy()].all()
    assert torch.isfinite(tokens.log_probabilities).all()


def test_sampling_repeats_with_its_seed() -> None:
    model, prefix = decoder(), torch.randn(4, 5, 16)
    one, same, other = (
        model.generate(prefix, temperature=1.0, generator=torch.Generator().manual_seed(seed)).tokens.tolist()
        for seed in (1, 1, 2)
    )
    assert one == same != other


def test_a_position_does_not_see_what_comes_after_it() -> None:
    model, prefix = decoder(), torch.randn(1, 5, 16)
    tokens = model.generate(prefix).tokens
    changed = tokens.clone()
    changed[0, 5] = (changed[0, 5] + 9) % 255
    before, after = model.logits(prefix, tokens), model.logits(prefix, changed)
    assert torch.equal(before[:, :6], after[:, :6])
    assert not torch.equal(before[:, 6:], after[:, 6:])


def test_smoothed_loss_prefers_near_misses_and_plain_does_not_care() -> None:
    target = torch.zeros(1, 14, dtype=torch.int64)
    target[0, [6, 13]] = 255
    smooth = decoder()._targets(target)
    assert smooth.sum(dim=2) == pytest.approx(1, abs=1e-5)
    assert smooth[0, 0, 0] > smooth[0, 0, 2] > smooth[0, 0, 9] > 0
    assert smooth[0, 6, 255] == 1
    assert (smooth[0, :6, 255:] == 0).all()
    assert decoder(smoothing_bins=0.0)._targets(target)[0, 0].tolist() == [1.0] + [0.0] * 256


@torch.no_grad()
def test_padded_tokens_change_nothing() -> None:
    model, prefix = decoder(), torch.randn(2, 5, 16)
    tokens = model.generate(prefix).tokens
    weight = torch.ones(2, 14)
    weight[:, 7:] = 0
    changed = tokens.clone()
    changed[:, 7] = (changed[:, 7] + 20) % 255
    assert model.loss(prefix, tokens, weight) == model.loss(prefix, changed, weight)
    assert float(model.loss(prefix, tokens, weight * 0)) == 0
