"""Conversations judged by where things end up: how they are drawn, and that the exam tells right from wrong."""

import pytest

from agent.cli.exam_talks import fitting_script, play, summary
from agent.errors import SpecError
from dialogue.lessons.scripts import FACT_USED_AT, FACTS, MAKERS, draw_script
from dialogue.rule_model import RuleModel


@pytest.mark.parametrize("kind", MAKERS)
def test_a_script_is_the_same_every_time_and_ends_somewhere_else(kind: str) -> None:
    script = draw_script(500_003, kind)
    assert script == draw_script(500_003, kind)
    assert script != draw_script(500_004, kind)
    where = script.where()
    assert set(where) == set(script.things)
    assert any(support for support, _ in where.values())


@pytest.mark.parametrize("kind", FACTS)
def test_facts_are_needed_in_the_eighth_turn(kind: str) -> None:
    scripts = [draw_script(seed, kind) for seed in range(500_000, 500_020)]
    assert all(len(script.lines) == FACT_USED_AT for script in scripts)
    restarts = [script.restart for script in scripts]
    assert 0 in restarts and any(1 < restart <= FACT_USED_AT for restart in restarts)


def test_memory_is_what_makes_a_name_known() -> None:
    script = fitting_script(500_001, "name")
    model = RuleModel()
    told = [play(model, script, memory=True), play(model, script, memory=False)]
    assert [one.right for one in told] == [True, False]
    counted = summary(told, model.name, True)
    assert counted["right"] == [1, 2] and counted["fact_of_turn_1_used_in_turn_8"] == [1, 2]


def test_what_is_in_a_vessel_comes_out_when_it_is_put_back() -> None:
    told = play(RuleModel(), fitting_script(500_005, "correction"), memory=True)
    assert told.right, told.wrong


def test_an_unknown_kind_is_named() -> None:
    with pytest.raises(SpecError, match="conversation"):
        draw_script(0, "quarrel")
