"""`aubergine memory` lists, searches and forgets, and says plainly what is wrong."""

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from agent.cli.memory import default_file
from agent.cli.program import main
from agent.types import Episode, Goal, ImageArray, Observation, Outcome, Task
from dialogue.memory.pictures import PictureDiary
from dialogue.memory.store import Memory


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "memory.db"
    with Memory(path) as memory:
        turn = memory.add_turn("person", "put the egg in my bowl")
        memory.remember("my bowl is blue bowl", source="person", because_of=turn)
        memory.add_turn("robot", "done")
    return path


def test_lists_the_latest_first(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["memory", "list", "--memory", str(file)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["3", "2", "1"]
    assert "my bowl is blue bowl" in lines[1] and "[person, from 1]" in lines[1]
    assert main(["memory", "list", "--memory", str(file), "--kind", "note", "--json"]) == 0
    (entry,) = json.loads(capsys.readouterr().out)
    assert (entry["kind"], entry["text"], entry["because_of"]) == ("note", "my bowl is blue bowl", 1)


def test_searches(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["memory", "search", "eggs", "--memory", str(file)]) == 0
    assert "put the egg in my bowl" in capsys.readouterr().out
    assert main(["memory", "search", "zebra", "--memory", str(file)]) == 1
    assert capsys.readouterr().out == "nothing\n"


def test_forgets_with_what_was_drawn_from_it(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["memory", "forget", "1", "--memory", str(file)]) == 0
    assert capsys.readouterr().out == "forgotten: 2\n"
    assert main(["memory", "forget", "--all", "--memory", str(file), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"forgotten": 1}
    assert main(["memory", "list", "--memory", str(file)]) == 1


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["forget"], "by their numbers"),
        (["forget", "1", "--all"], "by their numbers"),
        (["forget", "egg"], "by number, not 'egg'"),
        (["forget", "99"], "no memory '99'"),
        (["search"], "say what to search for"),
        (["list", "egg"], "did you mean: aubergine memory search egg"),
    ],
)
def test_wrong_requests_change_nothing(
    file: Path, words: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["memory", *words, "--memory", str(file)]) == 2
    assert says in capsys.readouterr().err
    with Memory(file) as memory:
        assert len(memory.entries()) == 3


def test_attempts_are_listed_by_a_picture(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Reds:
        """An eye that sees how red a picture is, and how blue."""

        space = "reds"

        def __init__(self, trained: object) -> None:
            """Needs no weights."""

        def look(self, picture: ImageArray) -> SimpleNamespace:
            share = picture.mean(axis=(0, 1), keepdims=True)[0] / 255
            return SimpleNamespace(scores=np.ones(1, np.float32), kinds=share, colours=share)

    monkeypatch.setattr("policies.checkpoint.load_trained", lambda name, force: None)
    monkeypatch.setattr("policies.looking.Looker", Reds)
    with Memory(file) as memory:
        for name, rgb in (("red", (250, 5, 5)), ("blue", (5, 5, 250))):
            picture = np.full((4, 4, 3), rgb, np.uint8)
            task = Task("lift", f"lift the {name} cube", Goal("lift", f"{name} cube"), 80)
            seen = Observation({"front": picture}, np.zeros(1, np.float32), "", 0.0)
            episode = Episode(task, 1, Outcome.TIMEOUT, 3, "", 0.1)
            PictureDiary(memory, Reds(None)).keep(episode, seen, None)  # type: ignore[arg-type]
            Image.fromarray(picture).save(tmp_path / f"{name}.png")
    words = ["memory", "list", "--memory", str(file), "--like", str(tmp_path / "blue.png")]
    assert main(words) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith("1.000") and "lift the blue cube" in first and "lift the red cube" in second
    assert main([*words, "--json", "--limit", "1"]) == 0
    (told,) = json.loads(capsys.readouterr().out)
    assert told["text"] == "lift the blue cube" and told["score"] == pytest.approx(1.0)
    assert main(["memory", "search", "cube", "--memory", str(file), "--like", "x.png"]) == 2
    assert "--like goes with `list`" in capsys.readouterr().err


def test_a_missing_or_foreign_file_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["memory", "list", "--memory", str(tmp_path / "none.db")]) == 2
    assert "there is no memory yet at" in capsys.readouterr().err
    assert not (tmp_path / "none.db").exists()
    (tmp_path / "text.db").write_text("hello" * 99)
    assert main(["memory", "list", "--memory", str(tmp_path / "text.db")]) == 2
    assert "damaged or no database" in capsys.readouterr().err


def test_the_usual_file_is_in_the_users_data_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", "/data")
    assert default_file() == Path("/data/aubergine/memory.db")
