"""`aubergine chat` and `exam` as a person calls them, with a small server for a language model."""

import json
from pathlib import Path

import pytest

from agent.cli.program import main
from agent.cli.train import kind_of
from agent.cli.training_chat import card
from dialogue.tiny.plan import ChatPlan
from tests.dialogue.test_server_model import server

TABLE = ("--things", "red cube, blue cube, white bowl", "--policy", "expert", "--no-rehearsal")


def chat(capsys: pytest.CaptureFixture[str], *more: str) -> tuple[int, dict[str, list[dict[str, object]]]]:
    code = main(["chat", *TABLE, "--json", *more])
    return code, json.loads(capsys.readouterr().out)


@pytest.mark.parametrize("judge", ["state", "pictures"])
def test_what_is_said_is_done_and_remembered(judge: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    memory = tmp_path / "memory.db"
    words = ("--judge", judge, "--memory", str(memory), "--say", "pick up the red cube")
    with server("good") as (address, _):
        code, told = chat(capsys, "--llm", address, *words)
    assert code == 0
    turn = told["turns"][0]
    assert (turn["act"], turn["ending"], turn["text"]) == ("act", "done", "pick the red cube.")
    assert main(["memory", "list", "--memory", str(memory), "--json"]) == 0
    assert "pick up the red cube" in capsys.readouterr().out
    assert main(["memory", "list", "--memory", str(memory), "--kind", "episode", "--json"]) == 0
    (tried,) = json.loads(capsys.readouterr().out)
    assert tried["text"] == "lift the red cube" and tried["detail"].startswith("success: ")


def test_a_server_that_is_down_is_a_sentence_and_nothing_moves(capsys: pytest.CaptureFixture[str]) -> None:
    code, told = chat(capsys, "--llm", "http://127.0.0.1:9/v1", "--memory", "off", "--say", "pick up the red cube")
    assert code == 1
    assert told["turns"][0]["ending"] is None and "is the server running" in str(told["turns"][0]["text"])


def test_wrong_requests_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["chat", "--things", "unicorn", "--say", "hello", "--memory", "off"]) == 2
    assert "unicorn" in capsys.readouterr().err
    assert main(["chat", "--llm", "no/such/folder", "--say", "hello", "--memory", "off"]) == 2
    assert "there are: smollm2" in capsys.readouterr().err
    (tmp_path / "odd.yaml").write_text("kind: chta\n")
    assert main(["train", str(tmp_path / "odd.yaml")]) == 2
    assert "did you mean 'chat'" in capsys.readouterr().err
    (tmp_path / "chat.yaml").write_text("kind: chat\nstepps: 3\n")
    assert main(["train", str(tmp_path / "chat.yaml"), "--out", str(tmp_path / "run")]) == 2
    assert "stepps" in capsys.readouterr().err


def test_the_exam_counts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "exam.json"
    with server("good") as (address, _):
        assert main(["exam", "requests", "-n", "3", "--llm", address, "--out", str(out), "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert (result["n"], result["valid"], result["right"]) == (3, 3, 0)
    assert len(json.loads(out.read_text())["answers"]) == 3
    assert main(["exam", "asking", "-n", "3", "--llm", "http://127.0.0.1:9/v1"]) == 2
    assert "calibrated for local models" in capsys.readouterr().err


def test_the_card_says_what_was_measured() -> None:
    result = {"n": 100, "valid": 99, "right": 77, "executable": 88, "valid_but_wrong": 22, "median": 0.5, "p95": 1.25}
    text = card(ChatPlan(), {"constrained": result}, {"lessons": 1234, "step": 50, "tokens_per_second": 200.0})
    assert "| constrained | 100 | 99 | 77 | 88 | 22 | 0.50 s | 1.25 s |" in text and "1234 conversations" in text


def test_the_kind_of_a_plan(tmp_path: Path) -> None:
    assert kind_of(Path("configs/train/chat.yaml")) == "chat"
    assert kind_of(Path("configs/train/vla.yaml")) == "policy"
    assert kind_of(tmp_path / "none.yaml") == "policy"
