"""`aubergine eval`: episodes are dealt over the tasks, seeds counted up, and results.json says what came of them."""

import json
from pathlib import Path

import pytest

from agent.cli import main

pytestmark = pytest.mark.usefixtures("point_cli")

SUITE = """\
max_steps: 40
tasks:
  - {name: red, instruction: move the dot to the red square, relation: in, subject: dot, target: red square}
  - {name: blue, instruction: move the dot to the blue square, relation: in, subject: dot, target: blue square}
  - {family: points}
"""


@pytest.fixture
def suite(tmp_path: Path) -> str:
    path = tmp_path / "suite.yaml"
    path.write_text(SUITE, encoding="utf-8")
    return str(path)


def evaluate(suite: str, out: Path, *further: str) -> int:
    return main(["eval", "--suite", suite, "--out", str(out), "--workers", "1", *further])


def test_results_by_task_and_overall(suite: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert evaluate(suite, tmp_path / "out", "--episodes", "8", "--seed", "20", "--json") == 0
    said = capsys.readouterr()
    results = json.loads((tmp_path / "out" / "results.json").read_text())
    assert json.loads(said.out) == {**results, "out": str(tmp_path / "out")}
    overall = results["overall"]
    assert (overall["successes"], overall["episodes"], overall["errors"]) == (8, 8, 0)
    assert {name: row["episodes"] for name, row in results["tasks"].items()} == {"red": 3, "blue": 3, "points": 2}
    assert (results["policy"], results["seed"], results["complete"]) == ("vla", 20, True)


def test_episodes_are_dealt_in_turn_with_seeds_counted_up(suite: str, tmp_path: Path) -> None:
    evaluate(suite, tmp_path / "out", "--episodes", "5", "--seed", "7")
    rows = [json.loads(line) for line in (tmp_path / "out" / "episodes.jsonl").read_text().splitlines()]
    expected = [("red", 7), ("blue", 8), ("points", 9), ("red", 10), ("blue", 11)]
    assert [(row["task"], row["seed"]) for row in rows] == expected


def test_the_printed_line_has_rate_interval_and_errors(
    suite: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    evaluate(suite, tmp_path / "out", "--episodes", "3", "--policy", "hold")
    lines = [line.split(None, 1) for line in capsys.readouterr().out.splitlines()]
    assert ["overall", "0/3 = 0.0 % [0.0, 56.1], 0 errors"] in lines


def test_two_processes_give_what_one_gives(suite: str, tmp_path: Path) -> None:
    evaluate(suite, tmp_path / "one", "--episodes", "6")
    assert main(["eval", "--suite", suite, "--out", str(tmp_path / "two"), "--workers", "2", "--episodes", "6"]) == 0

    def outcome(folder: str) -> list[tuple[object, ...]]:
        rows = map(json.loads, (tmp_path / folder / "episodes.jsonl").read_text().splitlines())
        return [(row["task"], row["seed"], row["outcome"], row["steps"]) for row in rows]

    assert outcome("one") == outcome("two")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("tasks:\n  - {instruction: go, relation: in, subjekt: dot}\n", "suite.yaml:2: no key 'subjekt'; did you mean"),
        ("tasks:\n  - {relation: in, subject: dot}\n", "a task needs instruction, relation and subject"),
        ("tasks: []\n", "a suite needs at least one task"),
        ("tasks:\n  - {family: pionts}\n", "no family or task 'pionts'; did you mean 'points'?"),
    ],
)
def test_a_wrong_suite_exits_2(text: str, sentence: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "suite.yaml").write_text(text, encoding="utf-8")
    assert evaluate(str(tmp_path / "suite.yaml"), tmp_path / "out") == 2
    said = capsys.readouterr()
    assert sentence in said.err
    assert said.err.count("\n") == 1


def test_an_unknown_suite_names_those_that_exist(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert evaluate("bowls", tmp_path / "out") == 2
    assert "no suite 'bowls'; did you mean 'bowl'? There are: absent, bowl, bridge, chain," in capsys.readouterr().err
