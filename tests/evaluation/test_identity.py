"""Whatever moves a result moves the id, and nothing else does."""

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from agent.evaluation.identity import Conditions, Versioned, digest_of_files, episode_id
from agent.evaluation.suite import Trial
from agent.types import CameraSpec, Goal
from tests.evaluation.point import CONDITIONS, trials

ROOT = Path(__file__).parents[2]
TRIAL = trials(1)[0]


def test_equal_requests_have_equal_ids_in_every_process() -> None:
    assert episode_id(TRIAL, CONDITIONS) == episode_id(trials(1)[0], replace(CONDITIONS))
    code = "from tests.evaluation.test_identity import *; print(episode_id(TRIAL, CONDITIONS))"
    env = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONHASHSEED": "1"}
    said = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True)
    assert said.stdout.strip() == episode_id(TRIAL, CONDITIONS)


def test_the_row_of_the_report_is_no_part_of_it() -> None:
    assert episode_id(replace(TRIAL, row="another"), CONDITIONS) == episode_id(TRIAL, CONDITIONS)


@pytest.mark.parametrize(
    "change",
    [
        lambda t: replace(t, seed=t.seed + 1),
        lambda t: replace(t, task=replace(t.task, instruction="go there")),
        lambda t: replace(t, task=replace(t.task, max_steps=41)),
        lambda t: replace(t, task=replace(t.task, goal=Goal("in", "dot", "nowhere"))),
        lambda t: replace(t, task=replace(t.task, initial=(Goal("in", "dot", "red square"),))),
        lambda t: replace(t, task=replace(t.task, distractors=(0, 0))),
        lambda t: replace(t, task=replace(t.task, entities=("bowl",))),
    ],
)
def test_the_trial_moves_it(change: Callable[[Trial], Trial]) -> None:
    assert episode_id(change(TRIAL), CONDITIONS) != episode_id(TRIAL, CONDITIONS)


@pytest.mark.parametrize(
    "change",
    [
        lambda c: replace(c, policy="another"),
        lambda c: replace(c, execute=3),
        lambda c: replace(c, world="sha256:1"),
        lambda c: replace(c, packages=(Versioned("numpy", "3"),)),
        lambda c: replace(c, embodiment=replace(c.embodiment, rate_hz=10.0)),
        lambda c: replace(c, embodiment=replace(c.embodiment, cameras=(CameraSpec("front", 49, 48),))),
    ],
)
def test_the_conditions_move_it(change: Callable[[Conditions], Conditions]) -> None:
    assert episode_id(TRIAL, change(CONDITIONS)) != episode_id(TRIAL, CONDITIONS)


def test_a_digest_follows_names_and_contents_not_places(tmp_path: Path) -> None:
    for place in ("one", "two"):
        (tmp_path / place / "src" / "__pycache__").mkdir(parents=True)
        (tmp_path / place / "src" / "a.py").write_text("1")
        (tmp_path / place / "src" / "__pycache__" / "a.pyc").write_text(place)
    one, two = tmp_path / "one" / "src", tmp_path / "two" / "src"
    assert digest_of_files([one]) == digest_of_files([two])
    before = digest_of_files([two])
    (two / "a.py").write_text("2")
    changed = digest_of_files([two])
    (two / "a.py").rename(two / "b.py")
    assert len({before, changed, digest_of_files([two])}) == 3
