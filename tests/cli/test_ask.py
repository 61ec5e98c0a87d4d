"""`aubergine ask`: the shipped backbone answers questions about a picture, and says what it cannot read."""

import json
from pathlib import Path

import pytest
from PIL import Image

from agent.cli import main
from agent.cli.stage import task_for
from sim.world import TabletopWorld


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A picture at twice the size that the policy knows."""
    world = TabletopWorld()
    world.reset(task_for("put the eggplant in the bowl"), seed=500_011)
    path = tmp_path_factory.mktemp("ask") / "table.png"
    Image.fromarray(world.render("front", 320, 320).rgb).save(path)
    world.close()
    return path


@pytest.mark.parametrize(
    ("question", "said"),
    [
        ("is there an eggplant?", "yes"),
        ("how many eggplants are there?", "1"),
        ("what colour is the eggplant?", "purple"),
        ("is the eggplant in the bowl?", "no"),
        ("is the eggplant held?", "no"),
        ("can you reach the bowl?", "yes"),
    ],
)
def test_it_answers(table: Path, question: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ask", str(table), question]) == 0
    assert capsys.readouterr().out == f"{said}\n"


def test_it_says_what_it_sees_instead(table: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ask", str(table), "is there a yellow duck?"]) == 0
    assert "no; I see no yellow duck, I see " in capsys.readouterr().out
    assert main(["ask", str(table), "is there a yellow duck?", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["answer"] is False
    (eggplant,) = (thing for thing in told["seen"] if thing["kind"] == "eggplant")
    assert 0.3 < eggplant["x"] < 0.7 and abs(eggplant["y"]) < 0.3 and 0.5 < eggplant["score"] <= 1


@pytest.mark.parametrize(
    ("image", "question", "said"),
    [("no.png", "is there a cup?", "no.png is not a readable picture"), ("no.png", "why?", "ask such as: is there a")],
)
def test_what_cannot_be_answered_is_told_in_one_sentence(
    image: str, question: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["ask", str(tmp_path / image), question]) == 2
    error = capsys.readouterr().err
    assert said in error and error.count("\n") == 1
