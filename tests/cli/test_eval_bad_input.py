"""What can go wrong during `aubergine eval`, one by one: refused before the first episode, or counted and survived."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from agent.cli import main
from agent.evaluation.store import RunStore

pytestmark = pytest.mark.usefixtures("point_cli")

SUITE = """\
max_steps: 40
tasks:
  - {name: red, instruction: move the dot to the red square, relation: in, subject: dot, target: red square}
  - {name: blue, instruction: move the dot to the blue square, relation: in, subject: dot, target: blue square}
"""


def suite_of(folder: Path, text: str = SUITE) -> str:
    path = folder / "suite.yaml"
    path.write_text(text, encoding="utf-8")
    return str(path)


def evaluate(suite: str, out: Path, policy: str, *further: str) -> int:
    return main(["eval", "--suite", suite, "--out", str(out), "--policy", policy, "--films", "0", *further])


def kept(out: Path) -> dict[str, set[tuple[str, str, str]]]:
    """Row -> the different (outcome, detail, traceback) in the database."""
    with closing(sqlite3.connect(out / "run.db")) as db:
        rows = db.execute("SELECT row, outcome, detail, coalesce(traceback, '') FROM episodes").fetchall()
    return {row: {ended[1:] for ended in rows if ended[0] == row} for row, *_ in rows}


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        ("{instruction: go, relation: in, subject: dot, target: mauve square}", "no square 'mauve square'"),
        ("{instruction: dance}", "'dance' has no goal that could be judged"),
        ("{family: pionts}", "no family or task 'pionts'; did you mean 'points'?"),
    ],
)
def test_what_cannot_be_run_is_refused_before_anything_is_made(
    row: str, sentence: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    suite = suite_of(tmp_path, f"{SUITE}  - {row}\n")
    assert evaluate(suite, tmp_path / "out", "seer", "--episodes", "3") == 2
    said = capsys.readouterr().err
    assert f"{suite}:5: {sentence}" in said
    assert said.count("\n") == 1
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_policy_that_raises_has_failed_and_its_traceback_is_kept(tmp_path: Path, workers: str) -> None:
    assert evaluate(suite_of(tmp_path), tmp_path / "out", "moody", "--episodes", "4", "--workers", workers) == 0
    rows = kept(tmp_path / "out")
    ((outcome, detail, traceback),) = rows["red"]
    assert (outcome, detail) == ("failure", "the policy raised KeyError: 'red is not my colour'")
    assert 'raise KeyError("red is not my colour")' in traceback
    assert {ended[0] for ended in rows["blue"]} == {"success"}
    overall = json.loads((tmp_path / "out" / "results.json").read_text())["overall"]
    assert (overall["successes"], overall["episodes"], overall["errors"]) == (2, 4, 0)


@pytest.mark.parametrize("further", [("--workers", "1"), ("--workers", "2"), ("--workers", "1", "--isolate")])
def test_a_policy_that_hangs_has_failed_with_its_reason_and_the_run_goes_on(
    tmp_path: Path, further: tuple[str, ...]
) -> None:
    options = ("--episodes", "4", "--act-limit", "0.4", *further)
    assert evaluate(suite_of(tmp_path), tmp_path / "out", "sleepy", *options) == 0
    rows = kept(tmp_path / "out")
    ((outcome, detail, _),) = {(*ended[:2], "") for ended in rows["red"]}
    assert (outcome, detail) == ("failure", "the policy did not answer within 0.4 s")
    assert {ended[0] for ended in rows["blue"]} == {"success"}


def test_a_world_that_dies_is_restarted_and_counted_as_error(tmp_path: Path) -> None:
    assert evaluate(suite_of(tmp_path), tmp_path / "out", "doomed", "--episodes", "4", "--workers", "2") == 0
    rows = kept(tmp_path / "out")
    assert rows["red"] == {("error", "the process died with exit code -9", "")}
    assert {ended[0] for ended in rows["blue"]} == {"success"}
    overall = json.loads((tmp_path / "out" / "results.json").read_text())["overall"]
    assert (overall["successes"], overall["episodes"], overall["errors"]) == (2, 4, 2)


def test_a_full_disk_stops_with_one_sentence_and_the_same_command_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """SQLite's own "full": the file may not grow once two episodes are kept."""
    finish = RunStore.finish
    count: list[bool] = []

    def filling(self: RunStore, ended):  # type: ignore[no-untyped-def]
        count.append(finish(self, ended))
        if len(count) == 2:
            (pages,) = self._db.execute("PRAGMA page_count").fetchone()
            self._db.execute(f"PRAGMA max_page_count = {pages}")
        return count[-1]

    options = ("--episodes", "40", "--workers", "1")
    with monkeypatch.context() as patch:
        patch.setattr(RunStore, "finish", filling)
        assert evaluate(suite_of(tmp_path), tmp_path / "out", "moody", *options) == 2
    said = capsys.readouterr().err
    assert "database or disk is full; the episodes finished so far are kept: mend this and give the same" in said
    assert said.count("\n") == 1
    before = len(finished(tmp_path / "out"))
    assert 2 <= before < 40
    assert evaluate(suite_of(tmp_path), tmp_path / "out", "moody", *options) == 0
    assert len(finished(tmp_path / "out")) == 40


def finished(out: Path) -> list[str]:
    with closing(sqlite3.connect(out / "run.db")) as db:
        return [id_ for (id_,) in db.execute("SELECT id FROM episodes WHERE outcome IS NOT NULL")]


def test_results_that_cannot_be_written_lose_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    suite, out = suite_of(tmp_path), tmp_path / "out"
    out.mkdir()
    (out / "results.json").mkdir()
    assert evaluate(suite, out, "seer", "--episodes", "2", "--workers", "1") == 2
    assert "cannot write the results into" in capsys.readouterr().err
    assert len(finished(out)) == 2
    (out / "results.json").rmdir()
    assert evaluate(suite, out, "seer", "--episodes", "2", "--workers", "1") == 0
    assert json.loads((out / "results.json").read_text())["overall"]["episodes"] == 2


@pytest.mark.parametrize("limit", ["0", "-1", "soon", "inf"])
def test_a_limit_that_is_none_is_refused(limit: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        evaluate(suite_of(tmp_path), tmp_path / "out", "seer", f"--act-limit={limit}")
    assert left.value.code == 2
    assert "--act-limit" in capsys.readouterr().err


def test_the_confidence_of_a_policy_stands_in_the_results(tmp_path: Path) -> None:
    assert evaluate(suite_of(tmp_path), tmp_path / "out", "gambler", "--episodes", "6", "--workers", "1") == 0
    results = json.loads((tmp_path / "out" / "results.json").read_text())
    assert results["calibration"]["episodes"] == 6
    assert 0 <= results["calibration"]["brier"] <= 1
    assert "success by confidence" in (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
