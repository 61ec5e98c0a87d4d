"""Questions about the table: read by rule, answered from what was found, drawn in balance with their truth."""

from dataclasses import replace

import numpy as np
import pytest

from agent.errors import SpecError
from dialogue.questions import KINDS_OF_QUESTION, Answer, Seen, answer, draw_questions, parse_question, with_within
from sim.objects import KINDS

TABLE = (
    Seen("cube", "red", 0.45, -0.20),
    Seen("cube", "blue", 0.55, 0.20),
    Seen("bowl", "white", 0.55, 0.20, radius=0.08),
    Seen("lemon", "yellow", 0.45, 0.0),
    Seen("egg", "white", 0.95, 0.1, held=True),
    Seen("pear", "green", 0.5, 0.1, score=0.01),
)
TRUTH = with_within(TABLE[:-1])
"""Without the one that nobody is sure of."""


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Is there a red cube?", True),
        ("is there a green cube", False),
        ("do you see the pear?", False),
        ("what color is the lemon?", "yellow"),
        ("what colour is the banana?", "none"),
        ("how many cubes are there?", 2),
        ("how many blocks do you see", 0),
        ("is the blue cube in the bowl?", True),
        ("is the red cube in the white bowl?", False),
        ("is the red cube to the left of the lemon?", True),
        ("is the lemon left of the red cube?", False),
        ("is the egg held?", True),
        ("are you holding the lemon?", False),
        ("can you reach the lemon?", True),
        ("is the egg within reach?", False),
    ],
)
def test_questions_are_read_and_answered(text: str, said: Answer) -> None:
    assert answer(parse_question(text), with_within(TABLE)) == said


def test_what_somebody_tried_to_reach_is_not_worked_out() -> None:
    asked = parse_question("can you reach the lemon?")
    far, near = Seen("lemon", "yellow", 0.1, 0.3), Seen("lemon", "yellow", 0.5, 0.0)
    assert answer(asked, (far,)) is False and answer(asked, (near,)) is True
    assert answer(asked, (replace(far, reachable=True),)) is True
    assert answer(asked, (replace(near, reachable=False),)) is False


@pytest.mark.parametrize("text", ["", "why?", "is there a unicorn?", "is the cube under the bowl?", "x" * 5000])
def test_what_cannot_be_read_is_told_with_what_can(text: str) -> None:
    with pytest.raises(SpecError, match="ask such as"):
        parse_question(text)


def test_questions_are_read_back_as_they_were_drawn() -> None:
    for seed in range(20):
        for question, _ in draw_questions(TRUTH, np.random.default_rng(500_000 + seed)):
            assert parse_question(str(question)) == question


def test_yes_and_no_are_balanced_and_absent_things_are_made_of_what_is_there() -> None:
    drawn = [pair for seed in range(60) for pair in draw_questions(TRUTH, np.random.default_rng(500_000 + seed))]
    assert {question.kind for question, _ in drawn} == set(KINDS_OF_QUESTION)
    for kind in ("existence", "held", "reachable", "relation"):
        truths = [truth for question, truth in drawn if question.kind == kind]
        assert np.mean(truths) == pytest.approx(0.5)
    absent = {question.what for question, truth in drawn if question.kind == "existence" and not truth}
    kinds, colours = {one.kind for one in TRUTH}, {one.colour for one in TRUTH}
    crossed = {what for what in absent if what.kind in kinds and what.colour in colours}
    repainted = {what for what in absent if what.kind in kinds and what.colour not in colours}
    strange = {what for what in absent if what.kind not in kinds and what.colour is None}
    assert crossed and repainted and strange and crossed | repainted | strange == absent
    assert all(what.colour in KINDS[what.kind].colours for what in repainted)
