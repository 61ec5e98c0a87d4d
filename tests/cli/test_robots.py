"""`drive`, `robots` and `check-robot` on the fake robot."""

import json
import threading
from pathlib import Path

import pytest

from agent.cli.program import main
from agent.robots.registry import DRIVERS, DriverEntry, load_robot

FAKE = "configs/robot/fake.yaml"


def config(folder: Path, text: str) -> str:
    path = folder / "robot.yaml"
    path.write_text("driver: fake\nsettings:\n  rate_hz: 50\n" + text, encoding="utf-8")
    return str(path)


def answer(capsys: pytest.CaptureFixture[str]) -> dict[str, object]:
    out = json.loads(capsys.readouterr().out)
    assert isinstance(out, dict)
    return out


def test_robots_names_every_driver_and_what_is_missing(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(DRIVERS, "odd", DriverEntry("an arm", "nowhere", "C", "D", ("no_such_package",), "odd"))
    assert main(["robots", "--json"]) == 0
    rows = {row["driver"]: row for row in answer(capsys)["robots"]}  # type: ignore[attr-defined]
    assert rows["fake"]["missing"] == []
    assert rows["odd"]["missing"] == ["no_such_package"]
    assert main(["robots"]) == 0
    assert "pip install 'aubergine[odd]'" in capsys.readouterr().out


def test_a_driver_without_its_package_says_how_to_install_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(DRIVERS, "odd", DriverEntry("an arm", "nowhere", "C", "D", ("no_such_package",), "odd"))
    (tmp_path / "odd.yaml").write_text("driver: odd\n")
    assert main(["check-robot", str(tmp_path / "odd.yaml")]) == 2
    assert "needs no_such_package; install it with: pip install 'aubergine[odd]'" in capsys.readouterr().err


def test_check_robot_reads_and_moves_nothing(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from agent.robots.fake import FakeRobot

    sent: list[object] = []
    monkeypatch.setattr(FakeRobot, "send", lambda _, action: sent.append(action))
    assert main(["check-robot", FAKE, "--json"]) == 0
    found = answer(capsys)
    assert found["ok"] is True
    assert found["state"]["x"] == pytest.approx(0.42)  # type: ignore[index]
    assert list(found["cameras"]) == ["front", "wrist"]  # type: ignore[call-overload]
    assert sent == []


@pytest.mark.parametrize(
    ("fault", "words"),
    [("unreachable: true", "unreachable"), ("lost_at: 3", "does not answer"), ("frozen_at: 1", "time stands still")],
)
def test_check_robot_names_what_is_wrong(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], fault: str, words: str
) -> None:
    assert main(["check-robot", config(tmp_path, f"  faults: {{{fault}}}\n"), "--json"]) == 1
    found = answer(capsys)
    assert found["ok"] is False
    assert words in found["problems"][0]  # type: ignore[index]


def test_drive_runs_an_episode_behind_the_filter(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    limits = "safety:\n  limits: {step: [0.01, 0.01, 0.01, 0.1, 0.1, 0.1]}\n"
    words = ["drive", "wave", "--robot", config(tmp_path, limits), "--policy", "random", "--max-steps", "5"]
    assert main([*words, "--out", str(tmp_path / "out"), "--json"]) == 0
    found = answer(capsys)
    assert (found["outcome"], found["steps"]) == ("timeout", 5)
    assert found["interventions"] == {"step": 5}
    assert len((tmp_path / "out" / "interventions.jsonl").read_text().splitlines()) == 5


def test_drive_thinks_ahead_when_asked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["drive", "wave", "--robot", config(tmp_path, ""), "--policy", "random", "--max-steps", "8", "--ahead"]
    assert main([*words, "--out", str(tmp_path / "out"), "--json"]) == 0
    found = answer(capsys)
    assert (found["outcome"], found["steps"]) == ("timeout", 8)
    assert all("thinking" not in thread.name for thread in threading.enumerate())


def test_drive_ends_with_a_sentence_when_the_robot_is_lost(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = config(tmp_path, "  faults: {lost_at: 3}\n")
    assert main(["drive", "wave", "--robot", path, "--policy", "hold", "--out", str(tmp_path / "out"), "--json"]) == 1
    found = answer(capsys)
    assert found["outcome"] == "error"
    assert found["detail"] == "the fake robot does not answer any more"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["drive", " ", "--robot", FAKE], "the instruction is empty"),
        (["drive", "wave", "--robot", "configs/robot/none.yaml"], "cannot read configs/robot/none.yaml"),
        (["drive", "wave", "--robot", FAKE, "--policy", "expert"], "the expert reads the simulator's state"),
        (["check-robot", "configs/eval/bowl.yaml"], "no key"),
    ],
)
def test_a_wrong_request_is_one_sentence(words: list[str], sentence: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 2
    assert sentence in capsys.readouterr().err


def test_an_unknown_driver_names_those_that_exist(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "robot.yaml").write_text("driver: fakee\n")
    assert main(["check-robot", str(tmp_path / "robot.yaml")]) == 2
    assert "did you mean 'fake'?" in capsys.readouterr().err
    assert load_robot(FAKE).driver.embodiment.name == "fake"
