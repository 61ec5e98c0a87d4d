"""Prediction sets keep their promise for good and bad models alike, and ask less than uncalibrated ones."""

from pathlib import Path

import numpy as np
import pytest

from agent.errors import SpecError
from agent.types import FloatArray
from dialogue.asking import (
    Calibration,
    alternatives,
    calibrate,
    choose,
    load_calibration,
    save_calibration,
    simple_set,
    tally,
)
from dialogue.language_model import Message
from dialogue.lessons.dilemmas import KINDS, draw_dilemma
from dialogue.lessons.lesson import wordbook
from dialogue.lessons.tables import make_item
from dialogue.notes import Notes
from dialogue.syntax import parse_plan
from dialogue.verifier import check_plan
from dialogue.view import SceneView


def synthetic(n: int, *, skill: float, sharpness: float, seed: int) -> tuple[list[FloatArray], list[int]]:
    """Scores of a model that knows the answer with this skill and is as sure of itself as sharpness says."""
    rng = np.random.default_rng(seed)
    scores, answers = [], []
    for _ in range(n):
        count = int(rng.integers(2, 6))
        answer = int(rng.integers(count))
        logits = rng.standard_normal(count)
        logits[answer] += skill
        shares = np.exp(sharpness * (logits - logits.max()))
        scores.append((shares / shares.sum()).astype(np.float32))
        answers.append(answer)
    return scores, answers


@pytest.mark.parametrize("epsilon", [0.25, 0.15, 0.05])
@pytest.mark.parametrize(("skill", "sharpness"), [(3.0, 1.0), (1.0, 4.0), (0.0, 1.0)])
def test_success_is_what_was_promised_whatever_the_model(epsilon: float, skill: float, sharpness: float) -> None:
    scores, answers = synthetic(1500, skill=skill, sharpness=sharpness, seed=1)
    calibration = calibrate([float(s[a]) for s, a in zip(scores, answers, strict=True)], epsilon)
    fresh, truth = synthetic(4000, skill=skill, sharpness=sharpness, seed=2)
    result = tally([calibration.keeps(s) for s in fresh], truth)
    # A set is never empty, so a model that is right more often than promised is not made worse.
    best = float(np.mean([int(np.argmax(s)) == a for s, a in zip(fresh, truth, strict=True)]))
    assert result.success == pytest.approx(max(1 - epsilon, best), abs=0.03)
    assert (skill == 3.0) == (best > 0.8)


def test_an_unsure_model_asks_less_when_calibrated() -> None:
    """Scores too flat: sets by their own probabilities hold far too much."""
    epsilon = 0.15
    scores, answers = synthetic(1500, skill=3.0, sharpness=0.5, seed=3)
    calibration = calibrate([float(s[a]) for s, a in zip(scores, answers, strict=True)], epsilon)
    fresh, truth = synthetic(3000, skill=3.0, sharpness=0.5, seed=4)
    ours = tally([calibration.keeps(s) for s in fresh], truth)
    simple = tally([simple_set(s, 1 - epsilon) for s in fresh], truth)
    assert ours.asked < 0.9 * simple.asked


def test_the_threshold_by_hand() -> None:
    assert calibrate([0.9, 0.8, 0.7, 0.2], 0.25).threshold == pytest.approx(0.8)
    assert calibrate([0.9, 0.8, 0.7, 0.2], 0.05).threshold == 1.0
    with pytest.raises(ValueError, match="needs answers"):
        calibrate([], 0.1)
    kept = Calibration(0.75, 0.25, 4).keeps(np.array([0.1, 0.6, 0.3], np.float32))
    assert kept == (1, 2)
    assert Calibration(0.1, 0.25, 4).keeps(np.array([0.4, 0.6], np.float32)) == (1,)
    assert simple_set(np.array([0.5, 0.3, 0.2], np.float32), 0.75) == (0, 1)


def test_a_calibration_is_kept_on_disk(tmp_path: Path) -> None:
    assert load_calibration(tmp_path) is None
    save_calibration(tmp_path, Calibration(0.4, 0.15, 300, "m"))
    assert load_calibration(tmp_path) == Calibration(0.4, 0.15, 300, "m")
    (tmp_path / "asking.json").write_text("{}")
    with pytest.raises(SpecError, match="no calibration"):
        load_calibration(tmp_path)


@pytest.mark.parametrize("kind", KINDS)
def test_every_option_of_a_dilemma_is_a_plan(kind: str) -> None:
    answers = set()
    for seed in range(20):
        dilemma = draw_dilemma(seed, kind)  # type: ignore[arg-type]
        assert 2 <= len(dilemma.options) == len(set(dilemma.options))
        for option in dilemma.options:
            problem = check_plan(parse_plan(option), dilemma.view, Notes()).problem
            assert problem is None or problem.kind != "absent"
        answers.add(dilemma.answer)
    assert len(answers) > 1
    assert set(wordbook("held_out").clauses) == set(wordbook("seen").clauses)


class Counting:
    """A model that finds what it is told to find likely."""

    name, obeys_grammar = "counting", True

    def __init__(self, likely: str, log: float) -> None:
        self._likely, self._log = likely, log

    def reply(self, messages: object, *, grammar: object = None, limits: object = None) -> None:
        raise AssertionError("not asked")

    def log_probabilities(self, messages: list[Message], answers: list[str]) -> list[float]:
        return [self._log if self._likely in answer else 0.0 for answer in answers]


def test_exactly_the_options_of_the_set_are_offered() -> None:
    colours = ("red", "green", "blue")
    cubes = [make_item(f"{c} cube", "cube", c, 0.4 + i / 10, 0.0) for i, c in enumerate(colours)]
    view = SceneView((*cubes, make_item("bowl", "bowl", "white", 0.6, 0.2)))
    plan = parse_plan("place red cube in bowl")
    assert [name for _, name in alternatives(plan, view)] == ["red cube", "green cube", "blue cube"]
    calibration = Calibration(0.7, 0.15, 100)
    assert set(choose(Counting("cube", 0.0), [], plan, view, calibration)) == {"red cube", "green cube", "blue cube"}  # type: ignore[arg-type]
    assert choose(Counting("red", 5.0), [], plan, view, calibration) == ()  # type: ignore[arg-type]
    assert choose(Counting("x", 0.0), [], parse_plan("pick bowl"), view, calibration) == ()  # type: ignore[arg-type]
