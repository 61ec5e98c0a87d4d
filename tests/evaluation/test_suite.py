"""Suites: what a file says is what is run, and what cannot be run is refused with file and line."""

import re
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from agent.cli.stage import check_task, sample
from agent.errors import SpecError
from agent.evaluation.suite import Suite, Trial, load_suite, prepare
from agent.types import Outcome
from sim.perturb import AXES, Perturbation

EGGPLANT = "instruction: put the eggplant in the bowl, relation: in, subject: eggplant, target: bowl"


def trials(name_or_path: str, *, episodes: int | None = None, seed: int = 0) -> list[Trial]:
    return prepare(name_or_path, episodes=episodes, seed=seed, sample=sample, check=check_task)[1]


def suite_file(folder: Path, text: str) -> str:
    path = folder / "mine.yaml"
    path.write_text(text, encoding="utf-8")
    return str(path)


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        (
            "{instruction: put the unicorn in the bowl, relation: in, subject: unicorn, target: bowl}",
            "no object 'unicorn'",
        ),
        ("{instruction: dance}", "'dance' has no goal that could be judged; give relation and subject"),
        ("{instruction: fly, relation: over, subject: eggplant}", "no relation 'over'"),
        (f"{{{EGGPLANT}, distractors: [12, 12]}}", "no room on the table"),
        (f"{{{EGGPLANT}, grid: {{subject: [[0.5, 0.0]], target: [[0.51, 0.0]]}}}}", "no room on the table"),
        (f"{{{EGGPLANT}, perturb: {{camrea: 2}}}}", "no key 'camrea'; did you mean 'camera'"),
        (f"{{{EGGPLANT}, perturb: {{camera: 9}}}}", "camera must be a level from 0 to 5, not 9"),
        (f"{{{EGGPLANT}, absent: colour}}", "does not tell its subject by a colour"),
        (f"{{{EGGPLANT}, wording: shouted}}", "must be one of given, plain"),
        ("{chain: true, family: put_in}", "one of: relation and subject, a family, or chain"),
    ],
)
def test_what_cannot_be_run_is_refused_with_file_and_line(row: str, sentence: str, tmp_path: Path) -> None:
    path = suite_file(tmp_path, f"max_steps: 40\ntasks:\n  - {{{EGGPLANT}, name: fine}}\n  - {row}\n")
    with pytest.raises(SpecError, match=re.escape(sentence)) as refused:
        trials(path, episodes=2)
    assert str(refused.value).startswith(f"{path}:4: ")


def test_bridge_is_24_fixed_configurations_of_five_tasks() -> None:
    dealt = trials("bridge")
    assert len(dealt) == 120
    layouts: dict[str, set[object]] = {}
    for trial in dealt:
        layouts.setdefault(trial.row, set()).add(trial.task.layout)
    assert {row: len(each) for row, each in layouts.items()} == dict.fromkeys(layouts, 24)
    assert len(layouts) == 5
    again = trials("bridge", seed=5000)
    assert [one.task for one in again] == [one.task for one in dealt]


def test_a_sweep_shows_every_cell_the_same_scenes() -> None:
    dealt = trials("perturb", episodes=102)
    rows = Counter(trial.row for trial in dealt)
    assert rows == Counter({"none": 2, **{f"{axis} {n}": 2 for axis in AXES for n in range(1, 6)}})
    assert {trial.seed for trial in dealt[:51]} == {0} and {trial.seed for trial in dealt[51:]} == {1}
    assert len({trial.task.name for trial in dealt[:51]}) == 1
    camera = next(trial for trial in dealt if trial.row == "camera 3")
    assert (camera.axis, camera.level, camera.perturbation.camera) == ("camera", 3, 3)
    assert next(trial for trial in dealt if trial.row == "wording 2").task.instruction != dealt[0].task.instruction


def test_rows_of_the_language_suite_share_their_scenes() -> None:
    dealt = trials("language", episodes=24)
    by_row = {trial.row: trial for trial in dealt[:12]}
    seen, swapped = by_row["seen words"].task, by_row["swapped"].task
    assert swapped.scene == seen and swapped.goal != seen.goal
    assert by_row["blank"].task.goal == by_row["scrambled"].task.goal == seen.goal
    assert {trial.seed for trial in dealt} == {0, 1}
    assert [by_row[row].level for row in ("seen words", "new wording", "new verb")] == [0, 1, 2]


def test_absent_things_expect_a_refusal_and_their_twins_do_not() -> None:
    dealt = trials("absent", episodes=16)
    assert all((trial.expects is Outcome.REFUSED) == ("absent" in trial.row) for trial in dealt)
    assert all((trial.task.goal is None) == ("absent" in trial.row) for trial in dealt)


def test_a_chain_is_five_tasks_and_its_seed_alone_draws_it() -> None:
    one, other = trials("chain", episodes=2, seed=7)
    assert len(one.then) == len(other.then) == 4
    assert trials("chain", episodes=1, seed=8)[0].task == other.task
    assert load_suite("chain").episodes == 1000


def test_axes_can_be_combined_in_a_row(tmp_path: Path) -> None:
    path = suite_file(tmp_path, f"tasks:\n  - {{{EGGPLANT}, perturb: {{camera: 2, layout: 3, wording: 1}}}}\n")
    (trial,) = trials(path, episodes=1)
    assert trial.perturbation.moved == ("camera", "layout", "wording")
    assert len(trial.task.entities) == 1
    assert trial.task.instruction != "put the eggplant in the bowl"


def test_a_suite_with_a_sweep_does_not_perturb_its_rows() -> None:
    loaded = load_suite("perturb")
    with pytest.raises(ValueError, match="leave out their 'perturb'"):
        Suite(tasks=(replace(loaded.tasks[0], perturb=Perturbation(light=1)),), sweep=loaded.sweep)
