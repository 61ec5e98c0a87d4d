import copy
import json
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from agent.errors import SpecError
from policies.decoder import Layer
from policies.lora import LoraSettings, add_adapter, digest_of, load_adapter, save_adapter, use_adapter

LORA = LoraSettings(rank=4, alpha=8, targets=("self_in", "feed.2"))


class Small(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = Layer(16, 2)
        self.norm = nn.BatchNorm1d(16)
        self.out = nn.Linear(16, 3)

    def forward(self, tokens: Tensor) -> Tensor:
        out: Tensor = self.out(self.norm(self.layer(tokens, self.layer.prefix_keys(tokens))[:, -1]))
        return out


def small(seed: int = 0) -> Small:
    torch.manual_seed(seed)
    return Small().eval()


def train(model: nn.Module, tokens: Tensor) -> None:
    optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=0.1)
    for _ in range(5):
        optimizer.zero_grad()
        (model(tokens) - 1).square().mean().backward()
        optimizer.step()


@pytest.fixture
def tokens() -> Tensor:
    return torch.randn(8, 5, 16, generator=torch.Generator().manual_seed(3))


@pytest.fixture
def trained(tokens: Tensor, tmp_path: Path) -> Small:
    """A model with a trained adapter "ducks" that is saved under tmp_path."""
    model = small()
    add_adapter(model, "ducks", LORA)
    train(model, tokens)
    save_adapter(model, "ducks", tmp_path, lora=LORA, base="first")
    return model


def test_a_fresh_adapter_changes_nothing_and_asks_for_few_gradients(tokens: Tensor) -> None:
    model, plain = small(), small()
    count = add_adapter(model, "ducks", LORA)
    assert count == 4 * (16 + 48) + 4 * (64 + 16)
    assert {n.split(".lora_")[0] for n, p in model.named_parameters() if p.requires_grad} == {
        "layer.self_in",
        "layer.feed.2",
    }
    assert torch.equal(model(tokens), plain(tokens))


def test_training_leaves_the_base_as_it_was(trained: Small, tokens: Tensor) -> None:
    plain = small()
    base = {k.replace(".base_layer", ""): v for k, v in trained.state_dict().items() if ".lora_" not in k}
    assert base.keys() == plain.state_dict().keys()
    assert all(torch.equal(value, base[name]) for name, value in plain.state_dict().items())
    assert digest_of(trained) == digest_of(plain)
    assert not torch.allclose(trained(tokens), plain(tokens), atol=1e-2)


def test_an_adapter_loads_by_name_to_equal_outputs(trained: Small, tokens: Tensor, tmp_path: Path) -> None:
    fresh = small()
    card = load_adapter(fresh, "ducks", tmp_path, base="mine")
    assert torch.equal(fresh(tokens), trained(tokens))
    assert card.lora == LORA and card.base == "first"
    assert sum(file.stat().st_size for file in (tmp_path / "ducks").iterdir()) < 10_000


def test_an_adapter_of_another_base_is_refused_and_nothing_changes(trained: Small, tmp_path: Path) -> None:
    other = small(1)
    before = copy.deepcopy(other.state_dict())
    with pytest.raises(
        SpecError, match=r"made for 'first' \([0-9a-f]{12}\), and does not fit 'second' \([0-9a-f]{12}\)"
    ):
        load_adapter(other, "ducks", tmp_path, base="second")
    assert other.state_dict().keys() == before.keys()


def test_a_base_that_differs_in_a_buffer_alone_is_another(trained: Small, tmp_path: Path) -> None:
    other = small()
    other.norm.running_mean += 0.5  # type: ignore[operator]
    with pytest.raises(SpecError, match="does not fit"):
        load_adapter(other, "ducks", tmp_path, base="second")


def test_unknown_names_list_what_there_is(trained: Small, tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="no adapter 'duck'; did you mean 'ducks'"):
        load_adapter(small(), "duck", tmp_path, base="first")
    with pytest.raises(SpecError, match=r"no Linear layer 'self_inn'; did you mean 'self_in'"):
        add_adapter(small(), "more", LoraSettings(targets=("self_inn",)))
    with pytest.raises(SpecError, match=r"needs target layers; Linear layers are: layer\.self_in,"):
        add_adapter(small(), "more", LoraSettings())
    with pytest.raises(SpecError, match="cannot name an adapter"):
        load_adapter(small(), "../ducks", tmp_path, base="first")
    with pytest.raises(SpecError, match="already has an adapter 'ducks'"):
        add_adapter(trained, "ducks", LORA)


def test_broken_folders_are_one_sentence(trained: Small, tmp_path: Path) -> None:
    file = tmp_path / "ducks" / "adapter.json"
    values = json.loads(file.read_text())
    file.write_text(json.dumps({**values, "lora": {**values["lora"], "rank": 2}}))
    with pytest.raises(SpecError, match=r"are not those its adapter\.json describes"):
        load_adapter(small(), "ducks", tmp_path, base="first")
    file.write_text(json.dumps({**values, "format": 9}))
    with pytest.raises(SpecError, match="adapter format 9; this version reads 1"):
        load_adapter(small(), "ducks", tmp_path, base="first")
    (tmp_path / "ducks" / "adapter.safetensors").write_bytes(b"nothing")
    with pytest.raises(SpecError, match="cannot read the adapter"):
        load_adapter(small(), "ducks", tmp_path, base="first")


def test_adapters_stand_beside_one_another_and_one_works_at_a_time(
    trained: Small, tmp_path: Path, tokens: Tensor
) -> None:
    ducks, plain = trained(tokens), small()(tokens)
    add_adapter(trained, "geese", LoraSettings(rank=2, alpha=4, targets=("out",)))
    assert torch.equal(trained(tokens), plain)
    train(trained, tokens)
    geese = trained(tokens)
    assert digest_of(trained) == digest_of(small())
    use_adapter(trained, "ducks")
    assert torch.equal(trained(tokens), ducks)
    use_adapter(trained, None)
    assert torch.equal(trained(tokens), plain)
    use_adapter(trained, "geese")
    assert torch.equal(trained(tokens), geese)
    with pytest.raises(SpecError, match=r"no adapter on this model 'hens';.* There are: ducks, geese"):
        use_adapter(trained, "hens")
