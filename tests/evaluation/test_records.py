"""A run's folder is read back as it was written, and what is wrong with it is said with file and line."""

import json
from pathlib import Path

import pytest

from agent.doubles import PointTeacher, PointWorld, point_task
from agent.errors import SpecError
from agent.evaluation.records import film_name, load_run
from agent.evaluation.run import Played, Report
from agent.evaluation.statistics import tally
from agent.evaluation.suite import Trial
from agent.runtime import run_episode
from agent.types import Outcome
from tests.evaluation.runs import line, mixed_run, write_run


def test_what_a_run_writes_is_read_back(tmp_path: Path) -> None:
    world = PointWorld()
    played = []
    for seed in (1, 0):
        task = point_task(seed)
        episode = run_episode(world, PointTeacher(world), task, seed=seed, execute=2)
        played.append(Played(Trial("points", task, seed), episode))
    report = Report("points", "expert", 0, 2, tuple(played), complete=True, command="aubergine eval")
    report.write(tmp_path)
    run = load_run(tmp_path)
    assert (run.suite, run.policy, run.execute, run.command) == ("points", "expert", 2, "aubergine eval")
    assert [record.seed for record in run.records] == [0, 1]
    assert tally(run.records) == report.overall()
    assert run.records[0].instruction == point_task(0).instruction
    assert run.versions["numpy"]


def test_perturbations_and_films_are_found_when_there_are_any(tmp_path: Path) -> None:
    run = load_run(mixed_run(tmp_path / "run"))
    assert {(r.axis, r.level) for r in run.records if r.axis} == {
        ("camera", 1),
        ("light", 1),
        ("camera", 2),
        ("light", 2),
        ("camera", 3),
    }
    record = run.records[0]
    assert run.film(record) is None
    (run.folder / "films").mkdir()
    film = run.folder / "films" / f"{film_name(record)}.png"
    film.write_bytes(b"")
    assert run.film(record) == film


def test_an_error_is_no_trial_and_no_success(tmp_path: Path) -> None:
    run = load_run(write_run(tmp_path / "run", [line("cube", 1, "error"), line("cube", 2)]))
    assert [record.counts for record in run.records] == [False, True]
    assert run.records[0].outcome is Outcome.ERROR


@pytest.mark.parametrize(
    ("file", "text", "sentence"),
    [
        ("episodes.jsonl", '{"task": "x"}\n', r"episodes.jsonl:1: this line is no episode \('instruction'\)"),
        ("episodes.jsonl", "{\n", "episodes.jsonl:1: this line is no episode"),
        ("episodes.jsonl", json.dumps(line("x", 1, "won")) + "\n", "'won' is not a valid Outcome"),
        ("episodes.jsonl", "", "holds no episode"),
        ("results.json", "nothing", "is no JSON"),
        ("results.json", "[]", "holds no object"),
    ],
)
def test_a_broken_folder_is_refused_in_one_sentence(tmp_path: Path, file: str, text: str, sentence: str) -> None:
    folder = mixed_run(tmp_path / "run")
    (folder / file).write_text(text, encoding="utf-8")
    with pytest.raises(SpecError, match=sentence):
        load_run(folder)


def test_a_folder_without_a_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r"is no finished run: cannot read results\.json"):
        load_run(tmp_path)
