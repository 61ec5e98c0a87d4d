"""`aubergine imagine` and arrangements from the command line: files, exit codes, one sentence for what is wrong."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from agent.cli.program import main
from agent.cli.train import kind_of
from tests.imagination.conftest import judge_folder, latent_folder

__all__ = ["judge_folder", "latent_folder"]
QUICK = ["--steps", "2", "--json"]


def imagine(*words: str) -> int:
    return main(["imagine", *words, *QUICK])


def test_all_five_write_a_picture_or_a_film(
    latent_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    layout = tmp_path / "layout.json"
    layout.write_text('{"boxes": [{"thing": "red bowl", "box": [0.2, 0.2, 0.6, 0.6]}]}', encoding="utf-8")
    order, model = "put the eggplant in the bowl", ["--model", str(latent_folder)]
    for words in (
        ["scene", "a carrot left of a red bowl"],
        ["layout", str(layout)],
        ["inpaint", "scene:3", "--keep", "robot,objects"],
        ["goal", "scene:3", order],
        ["video", "scene:3", order],
    ):
        out = tmp_path / words[0]
        assert imagine(*words, *model, "--out", str(out)) == 0, words
        said = json.loads(capsys.readouterr().out)
        assert Path(said["out"]).is_file() and said["frames"] == (8 if words[0] == "video" else 1)
    assert np.asarray(Image.open(tmp_path / "scene" / "imagined.png")).shape == (256, 256, 3)
    assert (tmp_path / "video" / "imagined.mp4").stat().st_size > 500


def test_equal_seeds_write_equal_files(latent_folder: Path, tmp_path: Path) -> None:
    for out, seed in (("a", "1"), ("b", "1"), ("c", "2")):
        words = ["scene", "a bowl", "--model", str(latent_folder), "--seed", seed, "--out", str(tmp_path / out)]
        assert imagine(*words) == 0
    files = [(tmp_path / out / "imagined.png").read_bytes() for out in "abc"]
    assert files[0] == files[1] != files[2]


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["scene", "a unicorn"], "no object 'unicorn'"),
        (["scene", ""], "the text is empty"),
        (["scene", "a bowl", "--guidance", "-1"], "guidance"),
        (["layout", "none.json"], "cannot read none.json"),
        (["inpaint", "none.png"], "there is no picture none.png"),
        (["scene", "a bowl", "--model", "no/such/folder"], "there is no such folder"),
        (["goal", "scene:1", "sing a song"], "names nothing"),
        (["video", "scene:1", "put the eggplant in the bowl", "--actions", "none.json"], "cannot read none.json"),
        (["scene", "a bowl", "--model", "tests"], "no diffusers pipeline at"),
    ],
)
def test_bad_requests_are_one_sentence_and_exit_2(
    words: list[str], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert imagine(*words) == 2
    complained = capsys.readouterr().err.strip()
    assert re.search(complaint, complained) and complained.count("\n") == 0


def test_imagine_alone_says_what_there_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["imagine"]) == 2
    assert "scene, layout, inpaint, goal, video" in capsys.readouterr().err


def test_arrangements_refuse_what_does_not_exist_and_policies_of_words(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "arrange the unicorns in a circle"]) == 2
    assert "unicorns" in capsys.readouterr().err
    assert main(["run", "arrange the cubes in a circle", "--policy", "random"]) == 2
    assert "takes words, not places" in capsys.readouterr().err


def test_the_kind_of_a_training_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plan = tmp_path / "plan.yaml"
    plan.write_text("kind: imagine\npart: arranger\n", encoding="utf-8")
    assert kind_of(plan) == "imagine" and kind_of(tmp_path / "none") == "policy"
    plan.write_text("kind: imagined\n", encoding="utf-8")
    assert main(["train", str(plan)]) == 2
    assert "did you mean 'imagine'" in capsys.readouterr().err
