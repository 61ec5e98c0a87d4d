"""open_clip's towers in the policy, on a tiny model of the real classes with made-up weights."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from agent.errors import SpecError
from policies.backbone import make_tower
from policies.checkpoint import load_checkpoint, load_policy
from policies.clip import ClipText, ClipTower
from policies.instruction import check_length, pieces
from policies.model import tiny_model
from policies.train import train
from tests.policies.conftest import FAST
from tests.policies.toy import TOY, observation, scene, write_store

TINY = {
    "model_cfg": {
        "embed_dim": 8,
        "vision_cfg": {"image_size": 32, "layers": 2, "width": 16, "head_width": 8, "patch_size": 8},
        "text_cfg": {"context_length": 16, "vocab_size": 49408, "width": 8, "heads": 2, "layers": 2},
    }
}


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("clip")
    (folder / "open_clip_config.json").write_text(json.dumps(TINY))
    return f"open_clip:local-dir:{folder}"


@pytest.mark.parametrize("trains", [False, True])
def test_a_policy_with_open_clip_s_towers_trains_resumes_and_acts(address: str, trains: bool, tmp_path: Path) -> None:
    write_store(tmp_path / "frames", episodes=6)
    tiny = tiny_model()
    towers = replace(tiny.backbone, tower=address, tower_trains=trains)
    model = replace(tiny, backbone=towers, text_encoder=address)
    config = replace(FAST, model=model, steps=3, batch=8, save_every=2, held_out=0.0)
    made = train(config, tmp_path / "frames", tmp_path / "run", embodiment=TOY)
    trained = load_checkpoint(made.checkpoint)
    assert trained.config.text_dim == 16
    began = make_tower(towers, pretrained=True).state_dict()
    now = trained.model.backbone.tower.state_dict()
    moved = {name for name in began if not torch.equal(began[name].half().float(), now[name])}
    assert "from_clip.weight" in moved
    assert any(name.startswith("visual.") for name in moved) == trains
    look = replace(observation(scene(np.random.default_rng(0))[0], "red"), time=1.0)
    assert load_policy(str(made.checkpoint)).act(look).actions.shape == (4, 5)
    again = train(config, tmp_path / "frames", tmp_path / "run", embodiment=TOY, resume=True)
    assert again.finished


def test_the_tower_s_map_follows_the_picture_and_its_unused_weights_ask_for_nothing(address: str) -> None:
    tower = ClipTower(address, 8, 12, trains=True, pretrained=False).eval()
    picture = torch.zeros(1, 3, 48, 64)
    picture[:, :, :16, :16] = 1
    maps = tower(picture)
    assert maps.shape == (1, 12, 12, 16)
    assert (tower(picture.flip(3)) - maps).abs().max() > 1e-3
    maps.sum().backward()
    waiting = [name for name, each in tower.named_parameters() if each.requires_grad and each.grad is None]
    assert waiting == [] and not tower.visual.proj.requires_grad


def test_words_have_a_vector_each_and_depend_on_those_before_them(address: str) -> None:
    text = ClipText(address)
    lone, first, second = text.encode(["red cube!", "the red cube", "a red cube"])
    assert [len(rows) for rows in (lone, first, second)] == [5, 5, 5] and first.shape[1] == text.dim == 16
    assert np.array_equal(first[0], second[0]), "the mark at the beginning has nothing before it"
    assert not np.allclose(first[2], second[2])
    assert np.array_equal(ClipText(address).encode(["the red cube"])[0], first), "made-up weights are always the same"
    assert pieces(text, "the red cube") == 5
    check_length(text, "put the red cube in the bowl on the left")
    with pytest.raises(SpecError, match="takes 17 word pieces; this policy reads at most 16"):
        check_length(text, "put the red cube in the bowl on the left and then take it out again")


def test_what_open_clip_does_not_have_is_named() -> None:
    tiny = tiny_model().backbone
    with pytest.raises(SpecError, match="no model of open_clip's 'ViT-B-23'"):
        make_tower(replace(tiny, tower="open_clip:ViT-B-23"), pretrained=True)
    with pytest.raises(SpecError, match="no image tower 'clip'"):
        make_tower(replace(tiny, tower="clip"), pretrained=True)
    with pytest.raises(SpecError, match="cannot make the open_clip model 'local-dir:nowhere'"):
        make_tower(replace(tiny, tower="open_clip:local-dir:nowhere"), pretrained=True)
