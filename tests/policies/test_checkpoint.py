import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from safetensors.torch import load_file, save_file

from agent.errors import SpecError
from policies.checkpoint import load_checkpoint


def edit(name: str, change: Callable[[dict], object]) -> Callable[[Path], object]:  # type: ignore[type-arg]
    def apply(folder: Path) -> None:
        values = json.loads((folder / name).read_text())
        change(values)
        (folder / name).write_text(json.dumps(values))

    return apply


def cut(name: str) -> Callable[[Path], object]:
    return lambda folder: (folder / name).write_bytes((folder / name).read_bytes()[:-100])


def weights(change: Callable[[dict], object]) -> Callable[[Path], object]:  # type: ignore[type-arg]
    def apply(folder: Path) -> None:
        tensors = load_file(folder / "model.safetensors")
        change(tensors)
        save_file(tensors, folder / "model.safetensors")

    return apply


REFUSED = {
    "foreign type": (edit("config.json", lambda v: v.update(type="act")), "config.json: 'type' is 'act'"),
    "other format": (edit("config.json", lambda v: v.update(format=9)), "'format' is 9"),
    "unknown field": (edit("config.json", lambda v: v["model"].update(decodr={})), "did you mean 'decoder'"),
    "wrong value": (edit("config.json", lambda v: v["model"]["decoder"].update(width="big")), "width"),
    "no config": (lambda f: (f / "config.json").unlink(), "config.json is missing"),
    "cut config": (cut("config.json"), "config.json"),
    "cut weights": (cut("model.safetensors"), "model.safetensors is missing or not a complete"),
    "no weights": (lambda f: (f / "model.safetensors").unlink(), "model.safetensors is missing"),
    "foreign weights": (lambda f: (f / "model.safetensors").write_bytes(b"PK\x03\x04" * 99), "model.safetensors"),
    "weight missing": (weights(lambda t: t.pop("decoder.place")), "lacks the weight 'decoder.place'"),
    "weight extra": (weights(lambda t: t.update({"decoder.plase": t["decoder.place"].clone()})), "decoder.plase"),
    "weight shape": (weights(lambda t: t.update({"decoder.place": t["decoder.place"][:1].clone()})), "has shape"),
    "weight nan": (weights(lambda t: t["decoder.place"].fill_(np.nan)), "NaN"),
    "weights changed": (weights(lambda t: t["decoder.head.bias"].normal_(std=9.0)), "golden.json: the model's actions"),
    "no statistics": (lambda f: (f / "dataset_statistics.json").unlink(), "dataset_statistics.json"),
    "no action statistics": (
        edit("dataset_statistics.json", lambda v: v["aubergine"].pop("action")),
        "There are: state",
    ),
    "cut golden": (cut("golden.json"), "golden.json"),
    "golden field": (edit("golden.json", lambda v: v["observation"].pop("state")), "golden.json lacks"),
    "embodiment field": (edit("embodiment.json", lambda v: v.pop("cameras")), "embodiment.json"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_broken_folders_are_refused_in_one_sentence(what: str, trained: Path, tmp_path: Path) -> None:
    harm, words = REFUSED[what]
    folder = tmp_path / "checkpoint"
    shutil.copytree(trained, folder)
    load_checkpoint(folder)
    harm(folder)
    with pytest.raises(SpecError) as caught:
        load_checkpoint(folder)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_force_accepts_other_golden_actions(trained: Path, tmp_path: Path) -> None:
    folder = tmp_path / "checkpoint"
    shutil.copytree(trained, folder)
    edit("golden.json", lambda v: v.update(actions=(np.array(v["actions"]) * 0).tolist()))(folder)
    with pytest.raises(SpecError, match=r"torch .*here torch"):
        load_checkpoint(folder)
    assert load_checkpoint(folder, force=True).name == "checkpoint"


def test_the_folder_holds_what_the_conventions_ask_for(trained: Path) -> None:
    names = {path.name for path in trained.iterdir()}
    assert names >= {"config.json", "model.safetensors", "dataset_statistics.json", "embodiment.json", "golden.json"}
    assert load_checkpoint(trained).heard >= {"red", "blue"}
    assert "250 steps" in (trained / "README.md").read_text()
    assert not [name for name in names if name.endswith((".pt", ".pkl", ".bin"))]
