"""What `eval` gained by the run database: it goes on where it stopped, and all ways of playing give the same rows."""

import io
import json
import re
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from rich.console import Console

from agent.cli import contest, identities, main
from agent.cli.board import Board
from agent.cli.measure_eval import evaluation
from agent.evaluation.play import Ended, PoolPlayer, SerialPlayer
from agent.evaluation.run import Played
from agent.evaluation.suite import Trial
from agent.types import Episode, Outcome
from sim.guarded import SAFETY
from tests.evaluation.point import trials

pytestmark = pytest.mark.usefixtures("point_cli")

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


def rows(folder: Path) -> list[tuple[object, ...]]:
    lines = map(json.loads, (folder / "episodes.jsonl").read_text().splitlines())
    return [(row["id"], row["task"], row["seed"], row["outcome"], row["steps"]) for row in lines]


def evaluate(suite: str, out: Path, *further: str) -> int:
    return main(["eval", "--suite", suite, "--policy", "seer", "--out", str(out), *further])


def test_a_served_policy_gives_what_one_process_gives(suite: str, tmp_path: Path) -> None:
    assert isinstance(contest.make_player(contest.enter("seer"), trials(4), workers=2), PoolPlayer)
    assert evaluate(suite, tmp_path / "one", "--episodes", "6", "--workers", "1") == 0
    assert evaluate(suite, tmp_path / "two", "--episodes", "6", "--workers", "2") == 0
    assert rows(tmp_path / "one") == rows(tmp_path / "two")
    assert json.loads((tmp_path / "two" / "results.json").read_text())["overall"]["successes"] == 6


def test_an_interrupted_run_goes_on_and_runs_nothing_twice(
    suite: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    played: list[int] = []
    real = SerialPlayer.play

    def watched(self: SerialPlayer, todo: Iterator[int], *, stop_after: int) -> Iterator[Ended]:
        for ended in real(self, todo):
            played.append(ended.index)
            yield ended
            if len(played) == stop_after:
                raise KeyboardInterrupt

    monkeypatch.setattr(SerialPlayer, "play", lambda self, todo: watched(self, todo, stop_after=3))
    options = ("--episodes", "5", "--workers", "1")
    assert evaluate(suite, tmp_path / "out", *options) == 130
    half = json.loads((tmp_path / "out" / "results.json").read_text())
    assert (half["complete"], half["overall"]["episodes"]) == (False, 3)
    monkeypatch.setattr(SerialPlayer, "play", lambda self, todo: watched(self, todo, stop_after=99))
    assert evaluate(suite, tmp_path / "out", *options) == 0
    assert played == [0, 1, 2, 3, 4]
    assert evaluate(suite, tmp_path / "straight", *options) == 0
    assert rows(tmp_path / "out") == rows(tmp_path / "straight")
    whole = json.loads((tmp_path / "out" / "results.json").read_text())
    assert (whole["complete"], whole["overall"]["episodes"]) == (True, 5)


def test_another_program_in_the_database_stops_with_one_sentence(
    suite: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    options = ("--episodes", "2", "--workers", "1")
    evaluate(suite, out, *options)
    before = (out / "results.json").read_bytes()
    monkeypatch.setattr(contest, "open_store", lambda folder: contest.RunStore(folder / "run.db", patience_s=0.05))
    capsys.readouterr()
    with closing(sqlite3.connect(out / "run.db", isolation_level=None)) as holder:
        holder.execute("BEGIN EXCLUSIVE")
        assert evaluate(suite, out, *options) == 2
    said = capsys.readouterr()
    assert "another program holds it" in said.err
    assert said.err.count("\n") == 1
    assert (out / "results.json").read_bytes() == before


def test_whoever_films_takes_the_policy_that_is_loaded_already() -> None:
    entrant = contest.enter("seer")
    assert entrant.served is not None
    assert entrant.make_stage().policy is entrant.served.policy
    # One that needs its own world is built with that.
    assert contest.enter("vla").make_stage().policy is not contest.enter("vla").make_stage().policy


def test_what_moves_the_result_is_noted(tmp_path: Path) -> None:
    assert contest.enter("seer", execute=3).conditions.execute == 3
    world = identities.world_identity()
    assert world.startswith("sha256:")
    assert contest.enter("seer").conditions.world == world


def test_without_ray_the_extra_is_named(
    suite: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    assert evaluate(suite, tmp_path / "out", "--ray", "local") == 2
    assert "pip install 'aubergine[ray]'" in capsys.readouterr().err


def test_the_board_counts_what_was_kept_but_paces_by_what_is_fresh() -> None:
    made = trials(4)
    now = [100.0]
    console = Console(file=io.StringIO(), force_terminal=True, width=100)
    with Board(console, made, clock=lambda: now[0]) as board:
        assert board.remaining_s() is None
        for number, trial in enumerate(made[:3]):
            board.add(Played(trial, _ended(trial), str(number), fresh=number > 0))
        now[0] = 110.0
        # Two fresh ones in ten seconds, one left.
        assert board.remaining_s() == pytest.approx(5.0)
        console.print(board._picture())
    shown = console.file.getvalue()  # type: ignore[attr-defined]
    assert "3/4" in shown
    assert "3/3 = 100.0 %" in shown
    assert "0:05 to go, 12.0 episodes a minute" in shown


def test_the_pace_of_all_ways_is_measured(suite: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agent.evaluation.suite.SUITES", Path(suite).parent)
    (Path(suite).parent / "bowl.yaml").write_text(SUITE, encoding="utf-8")
    figures = evaluation(4, policy="seer", workers=2)
    assert figures["eval_same_outcomes"] is True
    assert {"eval_serial_episodes_per_min", "eval_pool_episodes_per_min", "eval_served_episodes_per_min"} < set(figures)


def _ended(trial: Trial) -> Episode:
    return Episode(trial.task, trial.seed, Outcome.SUCCESS, 5, "done", 0.1)


def test_what_the_safety_file_says_is_part_of_the_world_and_its_name_is_not(tmp_path: Path) -> None:
    text = SAFETY.read_text(encoding="utf-8")
    same, further = tmp_path / "same.yaml", tmp_path / "further.yaml"
    same.write_text("# a copy\n" + text, encoding="utf-8")
    usual = identities.world_identity()
    assert identities.world_identity(safety=str(same)) == usual
    assert identities.world_identity(safety="off") != usual
    changed = re.sub(r"(margin: )[0-9.]+", r"\g<1>0.0123", text, count=1)
    assert changed != text
    further.write_text(changed, encoding="utf-8")
    assert identities.world_identity(safety=str(further)) != usual
