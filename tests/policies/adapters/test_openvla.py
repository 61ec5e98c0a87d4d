"""OpenVLA's published layout with random weights, through the Policy port, in the real simulated world."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from agent.errors import SpecError
from agent.runtime import legal_rows, run_episode
from agent.types import CameraSpec, Observation, Outcome
from policies.adapters import load_published
from policies.adapters.openvla import BLANK, OpenVlaPolicy
from sim.tasks import task_from_instruction
from sim.world import TabletopWorld, tabletop_embodiment
from tests.policies.adapters.peers import action_statistics, noise_picture, write_openvla

BODY = tabletop_embodiment()
FIRST, LAST = 31_744, 31_999


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("openvla")
    write_openvla(path)
    return path


@pytest.fixture(scope="module")
def policy(folder: Path) -> OpenVlaPolicy:
    made = load_published(f"openvla:{folder}", BODY)
    assert isinstance(made, OpenVlaPolicy)
    return made


def look(seed: int = 0, instruction: str = "Put the cup in the bowl") -> Observation:
    return Observation({"front": noise_picture(32, seed)}, np.zeros(14, dtype=np.float32), instruction, 0.0)


def test_it_plays_an_episode_in_the_simulated_world(policy: OpenVlaPolicy) -> None:
    assert policy.embodiment.cameras == (CameraSpec("front", 32, 32),)
    world = TabletopWorld(cameras=policy.embodiment.cameras)
    task = task_from_instruction("put the apple in the bowl", max_steps=4)
    episode = run_episode(world, policy, task, seed=500_002, execute=policy.execute)
    world.close()
    assert (episode.outcome, episode.steps) == (Outcome.TIMEOUT, 4)


def test_cached_and_slow_writing_agree_and_write_actions_only(policy: OpenVlaPolicy) -> None:
    chances = []
    for seen in (
        look(),
        *(replace(look(), images={"front": np.full((32, 32, 3), grey, np.uint8)}) for grey in (0, 255)),
    ):
        prefix = policy.prefix(seen)
        ids, scores = policy.model.write(prefix, 7, first=FIRST, last=LAST)
        assert ids.tolist() == policy.model.write_slowly(prefix, 7, first=FIRST, last=LAST).tolist()
        assert ((ids >= FIRST) & (ids <= LAST)).all()
        assert (scores <= 0).all()
        chances.append(scores)
    # The fault of the hub's code under newer libraries was a picture without effect.
    assert all((chances[0] - other).abs().max() > 1e-4 for other in chances[1:])


def test_the_prefix_is_prompt_and_picture_as_published(policy: OpenVlaPolicy) -> None:
    """The slow twin: <s>, the patches of both towers before their last block, the words, and the blank."""
    seen = look()
    with torch.inference_mode():
        got = policy.prefix(seen)
        model = policy.model
        ids = policy.tokenizer("In: What action should the robot take to put the cup in the bowl?\nOut:")["input_ids"]
        words = model.language_model.model.embed_tokens(torch.tensor([[*ids, BLANK]]))
        plain = seen.images["front"].astype(np.float64) / 255
        pictures = [(plain - (0.485, 0.456, 0.406)) / (0.229, 0.224, 0.225), (plain - 0.5) / 0.5]
        patches = []
        for tower, picture in zip(
            (model.vision_backbone.featurizer, model.vision_backbone.fused_featurizer), pictures, strict=True
        ):
            hidden = tower.patch_embed(torch.from_numpy(picture).float().permute(2, 0, 1)[None])
            hidden = tower.norm_pre(tower._pos_embed(hidden))
            for block in tower.blocks[:-1]:
                hidden = block(hidden)
            patches.append(hidden[:, tower.num_prefix_tokens :])
        gelu, project = torch.nn.functional.gelu, model.projector
        seen_as = project.fc3(gelu(project.fc2(gelu(project.fc1(torch.cat(patches, dim=2))))))
        slow = torch.cat([words[:, :1], seen_as, words[:, 1:]], dim=1)
    torch.testing.assert_close(got, slow, atol=1e-4, rtol=1e-4)


def test_ids_become_metres_and_a_rotation_vector(policy: OpenVlaPolicy) -> None:
    ids = torch.tensor([LAST, FIRST, LAST - 127, LAST, LAST - 60, FIRST, FIRST])
    row = policy.decode(ids)[0]
    edges = np.linspace(-1, 1, 256)
    centres = (edges[:-1] + edges[1:]) / 2
    unit = np.array([centres[min(max(32_000 - number - 1, 0), 254)] for number in ids.tolist()])
    low, high = np.array(action_statistics()["q01"]), np.array(action_statistics()["q99"])
    meant = np.where(np.arange(7) < 6, 0.5 * (unit + 1) * (high - low) + low, unit)
    np.testing.assert_allclose(row, meant, atol=1e-6)
    policy.model.write, kept = lambda *_, **__: (ids, ids * 0.0), policy.model.write
    try:
        ours = policy.act(look()).actions[0]
    finally:
        policy.model.write = kept
    np.testing.assert_allclose(ours[3:6], Rotation.from_euler("xyz", meant[3:6]).as_rotvec(), atol=1e-6)
    assert ours[6] == pytest.approx(0.996, abs=1e-3)
    assert len(legal_rows(policy.act(look()), policy.embodiment)) == 1


def test_statistics_by_key_and_unknown_keys(tmp_path: Path) -> None:
    write_openvla(tmp_path, keys=("bridge_orig", "fractal"))
    with pytest.raises(SpecError, match="norm_stats holds several data sets; name one of: bridge_orig, fractal"):
        load_published(f"openvla:{tmp_path}", BODY)
    with pytest.raises(SpecError, match="did you mean 'bridge_orig'\\? There are: bridge_orig, fractal"):
        load_published(f"openvla:{tmp_path}@bridge", BODY)
    assert load_published(f"openvla:{tmp_path}@fractal", BODY).execute == 1
    # A fine-tuned checkpoint brings a file of its own.
    (tmp_path / "dataset_statistics.json").write_text(json.dumps({"mine": {"action": action_statistics()}}))
    with pytest.raises(SpecError, match="There are: mine"):
        load_published(f"openvla:{tmp_path}@fractal", BODY)


def test_what_does_not_fit_is_refused(policy: OpenVlaPolicy) -> None:
    good = look()
    for bad, words in (
        (replace(good, images={}), "no picture of camera 'front'"),
        (replace(good, images={"front": noise_picture(64)}), r"shape \(64, 64, 3\), expected \(32, 32, 3\)"),
        (replace(good, instruction=""), "instruction is empty"),
        (replace(good, instruction="put the cup " * 40), r"takes \d+ tokens; this OpenVLA takes at most"),
    ):
        with pytest.raises(SpecError, match=words):
            policy.act(bad)


def test_broken_folders_are_refused_in_one_sentence(folder: Path, tmp_path: Path) -> None:
    def broken(name: str) -> Path:
        shutil.copytree(folder, tmp_path / name)
        return tmp_path / name

    (broken("shard") / "model-00002-of-00004.safetensors").unlink()
    (broken("other") / "config.json").write_text(json.dumps({"model_type": "llava"}))
    config = json.loads((folder / "config.json").read_text())
    (broken("bins") / "config.json").write_text(json.dumps(config | {"n_action_bins": 128}))
    (broken("wide") / "config.json").write_text(
        json.dumps(config | {"text_config": config["text_config"] | {"intermediate_size": 64}})
    )
    (broken("words") / "tokenizer.json").write_text("{")
    for name, sentence in (
        ("shard", "model-00002-of-00004.safetensors is missing"),
        ("other", "not OpenVLA's config.json"),
        ("bins", "expected 256 action bins"),
        ("words", "holds no tokenizer"),
        ("wide", r"has shape \(32, 16\), not \(64, 16\)"),
    ):
        with pytest.raises(SpecError, match=sentence) as caught:
            load_published(f"openvla:{tmp_path / name}", BODY)
        assert "\n" not in str(caught.value)


def test_the_published_sizes_give_the_published_network() -> None:
    """openvla-7b's configuration, without memory for its weights: 7.5 billion of them, under their published names."""
    from accelerate import init_empty_weights

    from policies.adapters.prismatic import Prismatic, PrismaticConfig

    ids = ("vit_large_patch14_reg4_dinov2.lvd142m", "vit_so400m_patch14_siglip_224")
    with init_empty_weights():
        model = Prismatic(PrismaticConfig(ids, (224, 224), {"model_type": "llama", "vocab_size": 32_064}))
    names = set(model.state_dict())
    assert sum(value.numel() for value in model.state_dict().values()) == pytest.approx(7.54e9, rel=0.005)
    assert {
        "vision_backbone.featurizer.blocks.22.ls1.gamma",
        "vision_backbone.fused_featurizer.blocks.25.mlp.fc2.weight",
        "projector.fc3.bias",
        "language_model.model.layers.31.self_attn.q_proj.weight",
        "language_model.lm_head.weight",
    } <= names
    assert model.vocabulary == 32_000
