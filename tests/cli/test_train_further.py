"""From a trained policy onwards, with the real world: another head, and an adapter for a thing it has never seen."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from agent.cli import main, stage
from agent.cli.classroom import ClassroomFactory, Share
from agent.recording.collect import collect
from agent.recording.frame_sink import FrameStoreSink
from agent.types import CameraSpec
from policies.data import FrameStore
from policies.model import tiny_model
from policies.train import TrainConfig, train

CAMERAS = (CameraSpec("front", 32, 32), CameraSpec("wrist", 32, 32))


@pytest.fixture(scope="module")
def frames(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data") / "frames"
    factory = ClassroomFactory((Share("eggplant_in_bowl"),), cameras=CAMERAS)
    seeds = range(1_000_000, 1_000_002)
    collect(factory, seeds, (FrameStoreSink(folder),), attempts_file=folder / "attempts.jsonl", workers=1)
    return folder


@pytest.fixture(scope="module")
def base(frames: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.set_num_threads(1)
    world = stage.tabletop(CAMERAS)
    world.close()
    config = TrainConfig(model=tiny_model(), steps=2, batch=8, held_out=0.0, threads=1)
    return train(config, frames, tmp_path_factory.mktemp("base"), embodiment=world.embodiment).checkpoint


def test_a_flow_head_is_trained_and_runs_an_episode(
    base: Path, frames: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plan = tmp_path / "flow.yaml"
    plan.write_text(
        f"kind: head\ninit_from: {base}\nframes: {frames}\ntrial: null\ntrain:\n  head: {{kind: flow}}\n"
        "  decoder: {layers: 1, heads: 2}\n  prefixes: {passes: 1}\n  fit: {steps: 2, batch: 8}\n"
    )
    assert main(["train", str(plan), "--out", str(tmp_path / "out"), "--json"]) == 0
    checkpoint = json.loads(capsys.readouterr().out)["checkpoint"]
    words = ["run", "put the eggplant in the bowl", "--policy", checkpoint, "--max-steps", "3", "--explain", "--json"]
    assert main([*words, "--out", str(tmp_path / "run")]) == 1
    told = json.loads(capsys.readouterr().out)
    assert (told["outcome"], told["steps"]) in {("timeout", 3), ("refused", 0)}


def test_training_goes_on_from_a_checkpoint_and_keeps_its_statistics_and_words(
    base: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plan = tmp_path / "further.yaml"
    plan.write_text(
        f"init_from: {base}\ntasks: [{{task: eggplant_in_bowl}}]\ndemonstrations: 1\nfirst_seed: 1000100\nworkers: 1\n"
        "cameras: [{name: front, height: 32, width: 32}, {name: wrist, height: 32, width: 32}]\n"
        "train: {steps: 1, batch: 4, held_out: 0.0, augmentation: {backgrounds: {share: 1.0, pasted: 0.5}}}\n"
        "trial: {suite: bowl, episodes: 1, seed: 500000}\n"
    )
    assert main(["train", str(plan), "--out", str(tmp_path / "out"), "--json"]) == 0
    further = tmp_path / "out" / "best"
    assert (further / "dataset_statistics.json").read_text() == (base / "dataset_statistics.json").read_text()
    before, after = (set(json.loads((folder / "words.json").read_text())["heard"]) for folder in (base, further))
    assert before <= after
    weights = [load_file(folder / "model.safetensors") for folder in (base, further)]
    learnt = [name for name in weights[0] if "running" not in name and "tracked" not in name]
    moved = [float((weights[0][name].float() - weights[1][name].float()).abs().max()) for name in learnt]
    assert 0 < max(moved) < 0.1, "one step away from where it began"
    plan.write_text(plan.read_text().replace(str(base), "nobody"))
    capsys.readouterr()
    assert main(["train", str(plan), "--out", str(tmp_path / "other")]) == 2
    assert "no policy 'nobody'" in capsys.readouterr().err
    assert not (tmp_path / "other").exists()


def test_an_adapter_for_a_new_thing_is_trained_and_runs_an_episode(
    base: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plan = tmp_path / "lora.yaml"
    plan.write_text(
        f"kind: lora\ninit_from: {base}\ninstructions: [put the eggplant in the bowl]\ndemonstrations: 1\nworkers: 1\n"
        "known: {tasks: [{task: eggplant_in_bowl}], demonstrations: 1, stills: 2}\n"
        "train: {steps: 2, batch: 4, lora: {rank: 2, alpha: 4, targets: [into, out, self_in]}}\n"
    )
    out = tmp_path / "out"
    words = ["train", str(plan), "--lora", "--say", "put the mushroom in the bowl", "--out", str(out), "--json"]
    assert main(words) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["finished"] and told["adapter"] == str(out / "adapter")
    assert "put the mushroom in the bowl" in json.loads(next((out / "new").glob("*/instructions.json")).read_text()), (
        "what was said is what was shown"
    )
    run = ["run", "put the mushroom in the bowl", "--policy", str(base), "--adapter", str(out / "adapter")]
    assert main([*run, "--max-steps", "2", "--out", str(tmp_path / "run"), "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert told["policy"] == f"{base}+{out / 'adapter'}"
    assert main([*run[:3], "expert", "--adapter", str(out / "adapter")]) == 2
    assert "the policy 'expert' takes no adapter" in capsys.readouterr().err


def test_frames_are_recorded_as_a_trained_policy_sees_them(
    base: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["collect", "--family", "eggplant_in_bowl", "--store", "frames", "--episodes", "1", "--workers", "1"]
    assert main([*words, "--like", str(base), "--out", str(tmp_path / "frames")]) == 0
    assert FrameStore(tmp_path / "frames").cameras == CAMERAS
    assert main([*words, "--like", "nobody", "--out", str(tmp_path / "other")]) == 2
    assert "no policy 'nobody'" in capsys.readouterr().err


def test_training_without_a_plan_says_what_to_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train"]) == 2
    assert "name a file such as configs/train/vla.yaml, or give --lora" in capsys.readouterr().err
    assert main(["train", "configs/train/tiny.yaml", "--say", "lift the duck"]) == 2
    assert "of kind 'policy', and --lora and --say need one of kind 'lora'" in capsys.readouterr().err
