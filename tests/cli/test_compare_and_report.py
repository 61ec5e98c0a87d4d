"""`aubergine compare`, `aubergine report`, and what `eval` adds: the page, films of failures, stopping early."""

import json
from pathlib import Path

import pytest

from agent.cli import main, stage
from agent.doubles import FixedPolicy
from tests.cli.conftest import point_pair
from tests.evaluation.runs import line, mixed_run, write_run

SUITE = """\
max_steps: 40
tasks:
  - {name: red, instruction: move the dot to the red square, relation: in, subject: dot, target: red square}
  - {name: blue, instruction: move the dot to the blue square, relation: in, subject: dot, target: blue square}
"""


@pytest.fixture
def suite(tmp_path: Path) -> str:
    path = tmp_path / "suite.yaml"
    path.write_text(SUITE, encoding="utf-8")
    return str(path)


def evaluate(suite: str, out: Path, *further: str) -> int:
    return main(["eval", "--suite", suite, "--out", str(out), "--workers", "1", *further])


def two_runs(tmp_path: Path, *, wins: int = 12, losses: int = 1) -> tuple[str, str]:
    ends = [("success", "timeout")] * wins + [("timeout", "success")] * losses + [("success", "success")] * 10
    first = write_run(tmp_path / "a", [line("cube", seed, end) for seed, (end, _) in enumerate(ends)])
    second = write_run(tmp_path / "b", [line("cube", seed, end) for seed, (_, end) in enumerate(ends)], policy="hold")
    return str(first), str(second)


def test_a_comparison_in_words(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first, second = two_runs(tmp_path)
    assert main(["compare", first, second, "--sequential"]) == 0
    said = capsys.readouterr().out
    assert said.startswith(f"A: vla ({first})   B: hold ({second})\n")
    cube = next(row for row in said.splitlines() if row.startswith("cube")).split()
    assert cube[1:5] == ["23", "12", "1", "+47.8"]
    assert "10 points: " in said
    assert "decided after" in said


def test_a_comparison_as_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", *two_runs(tmp_path), "--json", "--sequential", "--alpha", "0.01"]) == 0
    answer = json.loads(capsys.readouterr().out)
    overall = answer["overall"]
    assert (overall["pairs"], overall["only_a"], overall["only_b"], overall["scenes"]) == (23, 12, 1, 23)
    assert overall["p"] == pytest.approx(0.00342, abs=1e-5)
    low, high = overall["tango_95"]
    assert low < overall["difference"] < high
    assert overall["difference"] == pytest.approx(11 / 23, abs=1e-6)
    assert list(answer["tasks"]) == ["cube"]
    assert answer["pairs_needed"]["0.1"] > answer["pairs_needed"]["0.2"]
    assert answer["sequential"]["stopped_at"] is not None


def test_without_being_asked_nothing_is_bet(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", *two_runs(tmp_path), "--json"]) == 0
    assert "sequential" not in json.loads(capsys.readouterr().out)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["compare", "a", "nowhere"], "nowhere is no finished run"),
        (["compare", "a", "c"], "the two runs share no episode"),
        (["compare", "a", "b", "--sequential", "--alpha", "2"], "alpha must lie between 0 and 1, got 2"),
        (["report", "nowhere"], "nowhere is no finished run"),
    ],
)
def test_what_cannot_be_compared_exits_2(
    words: list[str], sentence: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    two_runs(tmp_path)
    write_run(tmp_path / "c", [line("cube", 999)])
    monkeypatch.chdir(tmp_path)
    assert main(words) == 2
    said = capsys.readouterr().err
    assert sentence in said
    assert said.count("\n") == 1


def test_report_writes_the_page_and_the_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run, other = mixed_run(tmp_path / "run"), mixed_run(tmp_path / "other")
    assert main(["report", str(run), "--against", str(other), "--json"]) == 0
    written = json.loads(capsys.readouterr().out)
    assert written == {"report": str(run / "report.html"), "table": str(run / "table.md")}
    assert 'id="differences"' in (run / "report.html").read_text(encoding="utf-8")


@pytest.mark.usefixtures("point_cli")
def test_eval_writes_the_page_with_films_of_failures(suite: str, tmp_path: Path) -> None:
    assert evaluate(suite, tmp_path / "out", "--episodes", "4", "--policy", "hold", "--films", "3", "--seed", "5") == 0
    films = sorted(path.name for path in (tmp_path / "out" / "films").iterdir())
    assert films == ["blue-6.mp4", "blue-8.mp4", "red-5.mp4"]
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert page.count('src="data:video/mp4;base64,') == 3
    assert f"aubergine eval --suite {suite} --policy hold --episodes 4 --seed 5" in page


@pytest.mark.usefixtures("point_cli")
def test_success_needs_no_film(suite: str, tmp_path: Path) -> None:
    assert evaluate(suite, tmp_path / "out", "--episodes", "2") == 0
    assert not (tmp_path / "out" / "films").exists()


@pytest.mark.usefixtures("point_cli")
def test_the_command_in_the_results_repeats_them(suite: str, tmp_path: Path) -> None:
    evaluate(suite, tmp_path / "out", "--episodes", "3", "--seed", "9")
    words = json.loads((tmp_path / "out" / "results.json").read_text())["command"].split()
    assert main([*words[1:], "--out", str(tmp_path / "again"), "--workers", "1"]) == 0
    first, again = (
        [{**json.loads(row), "seconds": 0} for row in (tmp_path / name / "episodes.jsonl").read_text().splitlines()]
        for name in ("out", "again")
    )
    assert first == again


@pytest.mark.usefixtures("point_cli")
def test_eval_stops_as_soon_as_the_better_one_is_known(
    suite: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    evaluate(suite, tmp_path / "still", "--episodes", "30", "--policy", "hold", "--films", "0")
    capsys.readouterr()
    assert (
        evaluate(suite, tmp_path / "out", "--episodes", "30", "--against", str(tmp_path / "still"), "--stop-at", "0.05")
        == 0
    )
    assert "decided after 8 of 8 pairs" in capsys.readouterr().out
    assert json.loads((tmp_path / "out" / "results.json").read_text())["overall"]["episodes"] == 8
    assert 'id="differences"' in (tmp_path / "out" / "report.html").read_text(encoding="utf-8")


@pytest.mark.usefixtures("point_cli")
@pytest.mark.parametrize(
    ("further", "sentence"),
    [
        (["--stop-at", "0.05"], "--stop-at needs --against"),
        (["--against", "other"], "no episode to be run has a twin in the other run"),
    ],
)
def test_what_cannot_be_set_against_is_refused_before_the_first_episode(
    further: list[str],
    sentence: str,
    suite: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    mixed_run(tmp_path / "other")
    monkeypatch.chdir(tmp_path)
    assert evaluate(suite, tmp_path / "out", *further) == 2
    assert sentence in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.usefixtures("point_cli")
def test_a_film_that_shows_something_else_is_thrown_away(
    suite: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The policy fails when it is measured and refuses when it is filmed."""

    def other_mood(policy: str, *, safety: str | None = None) -> stage.Stage:
        world, still = point_pair("hold")
        rows = still.act(world.reset(stage.task_for("red square"), seed=0)).actions
        refusing = FixedPolicy(world.embodiment, rows, refusal="not today")
        return stage.Stage(world, refusing, policy, 2, lambda: world.render("front", 96, 96))  # type: ignore[attr-defined]

    monkeypatch.setattr(stage, "make_stage", other_mood)
    assert evaluate(suite, tmp_path / "out", "--episodes", "2", "--policy", "hold") == 0
    assert not list((tmp_path / "out").glob("films/*"))


def test_a_plan_in_words_and_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["compare", "--plan", "--rate", "0.8", "--difference", "0.05", "--power", "0.9"]
    assert main([*words, "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    pairs = [case["pairs"] for case in answer["cases"]]
    assert len(pairs) == 3
    assert main(words) == 0
    said = capsys.readouterr().out
    assert "80 % against 85 %, found with a chance of 90 %" in said
    assert all(f"{count:,} episodes of each" in said for count in pairs)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--plan", "--rate", "0.8"], "--plan needs --rate and --difference"),
        (["runs/a", "--plan", "--rate", "0.8", "--difference", "0.1"], "--plan takes no runs"),
        (["runs/a"], "compare needs two folders"),
        (["--plan", "--rate", "0.8", "--difference", "0.4"], "rates lie between 0 and 1"),
    ],
)
def test_half_a_request_is_refused(words: list[str], sentence: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", *words]) == 2
    assert sentence in capsys.readouterr().err
