"""`aubergine eval` in real worlds, as people start it: chains, perturbations and a wrapped environment."""

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from agent.evaluation.records import load_run
from agent.recording.reader import DatasetReader

pytestmark = [pytest.mark.slow, pytest.mark.timeout(280)]
ROOT = Path(__file__).parents[2]


def evaluate(out: Path, *words: str) -> dict[str, object]:
    """Start the program anew, as from a shell; return what --json printed."""
    command = [sys.executable, "-m", "agent.cli", "eval", *words, "--out", str(out), "--json", "--workers", "1"]
    env = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    ended = subprocess.run(command, cwd=out.parent, env=env, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    answer: dict[str, object] = json.loads(ended.stdout)
    return answer


def test_chains_are_played_without_a_reset_and_counted_by_links(tmp_path: Path) -> None:
    out = tmp_path / "out"
    words = ("--suite", "chain", "--policy", "expert", "--episodes", "2", "--films", "0")
    answer = evaluate(out, *words, "--lerobot", str(tmp_path / "set"))
    run = load_run(out)
    assert [record.seed for record in run.records] == [0, 1]
    assert all(1 <= record.completed <= 5 for record in run.records), "the expert does at least the first task"
    assert answer["mean_completed"] == sum(record.completed for record in run.records) / 2
    assert "tasks were done on average" in (out / "report.html").read_text(encoding="utf-8")
    dataset = DatasetReader(tmp_path / "set")
    # One recording a link that was begun; each has words of its own.
    begun = sum(min(record.completed + 1, 5) for record in run.records)
    assert len(dataset) == begun
    assert len({episode.instruction for episode in dataset.episodes()}) > 2
    assert dataset.total_frames == sum(record.steps for record in run.records)


def test_every_axis_of_the_perturbations_is_played_and_drawn(tmp_path: Path) -> None:
    out = tmp_path / "out"
    evaluate(out, "--suite", "perturb", "--policy", "expert", "--episodes", "51", "--films", "0")
    run = load_run(out)
    cells = Counter((record.axis, record.level) for record in run.records)
    axes = {axis for axis, _ in cells if axis}
    assert len(axes) == 10
    assert cells == Counter({("", 0): 1, **{(axis, level): 1 for axis in axes for level in range(1, 6)}})
    assert not any(record.outcome.value == "error" for record in run.records)
    text = (out / "report.html").read_text(encoding="utf-8")
    assert all(f"<figcaption>{axis}</figcaption>" in text for axis in axes)


def test_a_wrapped_environment_is_played_by_its_file_alone(tmp_path: Path) -> None:
    pytest.importorskip("panda_gym")
    out = tmp_path / "out"
    answer = evaluate(out, "--suite", "panda_gym", "--policy", "random", "--episodes", "3", "--films", "1")
    run = load_run(out)
    assert [record.seed for record in run.records] == [0, 1, 2]
    assert not any(record.outcome.value == "error" for record in run.records)
    assert all(0 < record.steps <= 50 for record in run.records)
    assert answer["suite"] == "panda_gym"
    again = tmp_path / "again"
    evaluate(again, "--suite", "panda_gym", "--policy", "random", "--episodes", "3", "--films", "0")
    assert [(r.seed, r.outcome, r.steps) for r in load_run(again).records] == [
        (r.seed, r.outcome, r.steps) for r in run.records
    ]
