"""π0's published classes with random weights, through the Policy port, in the real simulated world."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from agent.errors import SpecError
from agent.runtime import legal_rows, run_episode
from agent.types import CameraSpec, Observation, Outcome
from policies.adapters import load_published, parse
from policies.adapters.pi0 import Pi0Policy
from sim.tasks import task_from_instruction
from sim.world import TabletopWorld, tabletop_embodiment
from tests.policies.adapters.peers import SIDE, noise_picture, write_pi0

BODY = tabletop_embodiment()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("pi0")
    write_pi0(path)
    return path


@pytest.fixture(scope="module")
def policy(folder: Path) -> Pi0Policy:
    made = load_published(f"pi0:{folder}", BODY)
    assert isinstance(made, Pi0Policy)
    return made


def look(seed: int = 0, instruction: str = "put the cup in the bowl") -> Observation:
    images = {"front": noise_picture(SIDE, seed), "wrist": noise_picture(SIDE, seed + 1)}
    return Observation(images, np.linspace(-0.2, 0.4, 14, dtype=np.float32), instruction, 0.0)


def test_it_plays_an_episode_in_the_simulated_world(policy: Pi0Policy) -> None:
    assert policy.embodiment.cameras == (CameraSpec("front", SIDE, SIDE), CameraSpec("wrist", SIDE, SIDE))
    world = TabletopWorld(cameras=policy.embodiment.cameras)
    task = task_from_instruction("put the apple in the bowl", max_steps=6)
    episode = run_episode(world, policy, task, seed=500_001, execute=policy.execute)
    world.close()
    assert (episode.outcome, episode.steps) == (Outcome.TIMEOUT, 6)


def test_the_seed_decides_and_the_look_matters(policy: Pi0Policy) -> None:
    chunks = {}
    for name, seed, seen in (("one", 1, look()), ("again", 1, look()), ("seed", 2, look()), ("look", 1, look(5))):
        policy.reset(seed=seed)
        chunks[name] = policy.act(seen).actions
    assert legal_rows(policy.act(look()), policy.embodiment).shape == (4, 7)
    np.testing.assert_array_equal(chunks["one"], chunks["again"])
    assert np.abs(chunks["one"] - chunks["seed"]).max() > 1e-3
    assert np.abs(chunks["one"] - chunks["look"]).max() > 1e-7


def test_actions_are_the_models_with_its_statistics_undone(policy: Pi0Policy) -> None:
    """The slow twin calls the published classes as their documentation does."""
    policy.reset(seed=3)
    got = policy.act(look()).actions
    seen = look()
    state = torch.from_numpy(seen.state)[None]
    inputs = policy.processor(images=[list(seen.images.values())], text=seen.instruction, state=state)
    noise = torch.randn(1, 4, 16, generator=torch.Generator().manual_seed(3))
    unit = policy.model.sample_actions(**inputs, noise=noise)[0, :, :7].numpy()
    slow = unit * np.array(policy.processor.actions_std) + np.array(policy.processor.actions_mean)
    np.testing.assert_allclose(got, BODY.action.clip(slow.astype(np.float32)), atol=1e-5)


def test_a_convention_file_changes_units_gripper_state_and_cameras(tmp_path: Path) -> None:
    write_pi0(tmp_path, state=7)
    with pytest.raises(SpecError, match="statistics of the state are for 7 values, this body has 14"):
        load_published(f"pi0:{tmp_path}", BODY)
    (tmp_path / "aubergine.yaml").write_text(
        "cameras: [wrist]\nstate: [x, y, z, rx, ry, rz, gripper]\nmetres: 0.5\ngripper: [1.0, 0.0]\nexecute: 3\n"
    )
    changed = load_published(f"pi0:{tmp_path}", BODY)
    assert changed.execute == 3
    assert changed.embodiment.cameras == (CameraSpec("wrist", SIDE, SIDE),)
    (tmp_path / "aubergine.yaml").write_text("cameras: [wrist]\nstate: [x, y, z, rx, ry, rz, gripper]\nexecute: 3\n")
    plain = load_published(f"pi0:{tmp_path}", BODY)
    rows = {}
    for name, made in (("changed", changed), ("plain", plain)):
        made.reset(seed=0)
        rows[name] = made.act(look()).actions
    inside = np.abs(rows["plain"][:, :3]) < 0.05
    np.testing.assert_allclose(rows["changed"][:, :3][inside], rows["plain"][:, :3][inside] / 2, atol=1e-6)
    np.testing.assert_allclose(rows["changed"][:, 6], 1 - rows["plain"][:, 6], atol=1e-6)
    (tmp_path / "aubergine.yaml").write_text("stat: [x]\n")
    with pytest.raises(SpecError, match="state"):
        load_published(f"pi0:{tmp_path}", BODY)
    (tmp_path / "aubergine.yaml").write_text("state: [x, y, zz]\n")
    with pytest.raises(SpecError, match="no state 'zz'"):
        load_published(f"pi0:{tmp_path}", BODY)


def test_statistics_by_key_and_unknown_keys(tmp_path: Path) -> None:
    write_pi0(tmp_path, statistics=False)
    with pytest.raises(SpecError, match=r"no statistics for this checkpoint: .*dataset_statistics.json does not exist"):
        load_published(f"pi0:{tmp_path}", BODY)
    numbers = {name: [0.0] * 7 for name in ("mean", "min", "max", "q01", "q99")} | {"std": [0.01] * 7}
    state = {name: [0.0] * 14 for name in ("mean", "min", "max", "q01", "q99")} | {"std": [1.0] * 14}
    entry = {"action": numbers, "state": state}
    (tmp_path / "dataset_statistics.json").write_text(json.dumps({"kitchen": entry, "table": entry}))
    with pytest.raises(SpecError, match="name one of: kitchen, table"):
        load_published(f"pi0:{tmp_path}", BODY)
    with pytest.raises(SpecError, match="did you mean 'table'\\? There are: kitchen, table"):
        load_published(f"pi0:{tmp_path}@tabel", BODY)
    assert load_published(f"pi0:{tmp_path}@table", BODY).embodiment.name == BODY.name


def test_what_does_not_fit_is_refused(policy: Pi0Policy) -> None:
    good = look()
    for bad, words in (
        (replace(good, images={"front": good.images["front"]}), "no picture of camera 'wrist'.* There are: front"),
        (replace(good, images=good.images | {"front": noise_picture(30)}), r"has shape \(30, 30, 3\), expected \(28"),
        (replace(good, state=good.state[:5]), "the state does not fit: expected 14 values"),
        (replace(good, state=good.state * np.nan), "the state does not fit: x is nan"),
        (replace(good, instruction=" "), "instruction is empty"),
        (replace(good, instruction="put the cup " * 30), r"the instruction takes \d+ tokens; π0 takes at most 48"),
    ):
        with pytest.raises(SpecError, match=words):
            policy.act(bad)


def test_broken_folders_are_refused_in_one_sentence(folder: Path, tmp_path: Path) -> None:
    import shutil

    with pytest.raises(SpecError, match="not a π0 checkpoint"):
        load_published(f"pi0:{tmp_path}", BODY)
    shutil.copytree(folder, tmp_path / "cut")
    from safetensors.torch import load_file, save_file

    weights = load_file(tmp_path / "cut" / "model.safetensors")
    dropped = next(name for name in weights if "action_out_proj" in name)
    del weights[dropped]
    save_file(weights, tmp_path / "cut" / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(SpecError, match="lacks 1 weights of π0, such as 'action_out_proj"):
        load_published(f"pi0:{tmp_path / 'cut'}", BODY)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("pi1:folder", "no kind of published policy 'pi1'; did you mean 'pi0'"),
        ("pi0:", "names no checkpoint; write pi0:DIR"),
        ("openvla:@key", "names no checkpoint; write openvla:DIR"),
    ],
)
def test_a_wrong_name_is_explained(words: str, sentence: str) -> None:
    with pytest.raises(SpecError, match=sentence):
        parse(words)


def test_a_missing_folder_is_named() -> None:
    with pytest.raises(SpecError, match=r"there is no folder \./nowhere"):
        load_published("pi0:./nowhere", BODY)
