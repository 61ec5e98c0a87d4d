"""The desk behind the page: turns, corrections and stops from any thread, and what the page is shown of them."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from agent.console.desk import Desk
from agent.errors import SpecError
from tests.console.table import desk_at


def wait_for(desk: Desk, met: Callable[[Desk], bool]) -> None:
    until = time.monotonic() + 20
    while not met(desk):
        assert time.monotonic() < until, desk.shown
        time.sleep(0.005)


def rest(desk: Desk) -> None:
    wait_for(desk, lambda d: d.shown.phase == "idle")


def texts(desk: Desk) -> list[str]:
    return [entry.text for entry in desk.shown.entries]


def test_a_turn_is_carried_out_and_its_steps_light_up(tmp_path: Path) -> None:
    with desk_at(tmp_path, held=True) as (desk, turnstile):
        desk.say("put the red cube in the red bowl and then put the blue cube in the blue bowl")
        assert turnstile.arrived.wait(20)
        plan = [(line.text, line.state) for line in desk.shown.plan]
        assert plan == [("place red cube in red bowl", "running"), ("place blue cube in blue bowl", "waiting")]
        assert desk.shown.phase == "moving"
        turnstile.open.set()
        rest(desk)
        assert [line.state for line in desk.shown.plan] == ["done", "done"]
        assert texts(desk)[-1] == "put the red cube in the red bowl. put the blue cube in the blue bowl."
        assert desk.pictures["front"].shape == (6, 8, 3)


def test_a_stop_ends_the_motion_before_the_next_control_step(tmp_path: Path) -> None:
    with desk_at(tmp_path, held=True) as (desk, turnstile):
        desk.say("put the red cube in the red bowl")
        assert turnstile.arrived.wait(20)
        before = desk.shown.control_steps
        desk.stop()
        turnstile.open.set()
        rest(desk)
        assert desk.shown.control_steps == before
        assert desk.shown.stopped_within == 0
        assert desk.shown.plan[0].state == "stopped"
        assert desk.shown.entries[-1].act == "stopped"
        desk.say("put the red cube in the red bowl")
        rest(desk)
        assert desk.shown.plan[0].state == "done", "a stop must not outlive the turn that it ended"


def test_a_stop_while_nothing_moves_says_so(tmp_path: Path) -> None:
    with desk_at(tmp_path) as (desk, _):
        desk.say("halt")
        assert texts(desk) == ["halt", "nothing is moving"]
        desk.say("pick up the red cube")
        rest(desk)
        assert desk.shown.plan[0].state == "done"


def test_words_while_it_moves_correct_it(tmp_path: Path) -> None:
    with desk_at(tmp_path, held=True) as (desk, turnstile):
        desk.say("put the red cube in the red bowl")
        assert turnstile.arrived.wait(20)
        desk.say("no, the other bowl")
        turnstile.open.set()
        rest(desk)
        assert "heard: instead: put the red cube in the blue bowl" in texts(desk)
        assert texts(desk)[-1] == "put the red cube in the blue bowl."


def test_a_question_offers_its_options(tmp_path: Path) -> None:
    with desk_at(tmp_path) as (desk, _):
        desk.say("put the cube in the red bowl")
        rest(desk)
        assert (desk.shown.entries[-1].act, desk.shown.entries[-1].options) == ("ask", ("red cube", "blue cube"))
        desk.say("the blue one")
        rest(desk)
        assert texts(desk)[-1] == "put the blue cube in the red bowl."


def test_the_conversation_and_its_memories_outlive_the_desk(tmp_path: Path) -> None:
    with desk_at(tmp_path) as (desk, _):
        desk.say("my bowl is the blue one")
        rest(desk)
        assert desk.shown.memories[0].text == "my bowl is blue bowl"
    with desk_at(tmp_path) as (desk, _):
        assert [entry.earlier for entry in desk.shown.entries] == [True, True]
        desk.say("put the red cube in my bowl")
        rest(desk)
        assert texts(desk)[-1] == "put the red cube in the blue bowl."
        number = desk.shown.memories[0].number
        desk.forget(number)
        assert all(memory.number != number for memory in desk.shown.memories)
        with pytest.raises(SpecError, match=f"no memory '{number}'"):
            desk.forget(number)
