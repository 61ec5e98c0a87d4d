"""`aubergine point`: the shipped backbone finds what is there, says what is not, and draws the place."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from agent.cli import main
from agent.cli.stage import task_for
from sim.world import TabletopWorld


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, tuple[float, float]]:
    """A picture at twice the size that the policy knows, and the pixel at which the eggplant's middle is."""
    world = TabletopWorld()
    world.reset(task_for("put the eggplant in the bowl"), seed=500_011)
    path = tmp_path_factory.mktemp("point") / "table.png"
    Image.fromarray(world.render("front", 320, 320).rgb).save(path)
    state = world.state().entities["eggplant"]
    u, v, _ = world.view("front").pixel_of((state.low + state.high) / 2, (320, 320))
    world.close()
    return path, (float(u), float(v))


def test_it_points_at_what_is_there(
    table: tuple[Path, tuple[float, float]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, middle = table
    out = tmp_path / "marked.png"
    assert main(["point", str(path), "the eggplant", "--out", str(out), "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert np.hypot(*np.subtract(answer["pixel"], middle)) < 10
    assert 0.5 < answer["confidence"] <= 1
    changed = np.any(np.asarray(Image.open(out)) != np.asarray(Image.open(path)), axis=2)
    rows, columns = changed.nonzero()
    assert np.hypot(columns.mean() - answer["pixel"][0], rows.mean() - answer["pixel"][1]) < 2


def test_it_says_what_is_not_there(
    table: tuple[Path, tuple[float, float]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["point", str(table[0]), "the yellow duck", "--out", str(tmp_path / "marked.png")]
    assert main(words) == 1
    assert "there is no 'the yellow duck' here" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("image", "phrase", "said"),
    [
        ("no.png", "the cup", "no.png is not a readable picture"),
        ("text.png", "the cup", "text.png is not a readable picture"),
        ("table.png", " ", "the phrase is empty"),
        ("table.png", "cup " * 80, "word pieces"),
    ],
)
def test_what_cannot_be_pointed_at_is_told_in_one_sentence(
    image: str, phrase: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "text.png").write_text("no picture")
    Image.new("RGB", (40, 40)).save(tmp_path / "table.png")
    assert main(["point", str(tmp_path / image), phrase]) == 2
    error = capsys.readouterr().err
    assert said in error and error.count("\n") == 1
