"""What people say while the arm moves is read by rule: the common corrections, and nothing where there is doubt."""

import time

import pytest

from agent.types import Goal
from dialogue.corrections import (
    NUDGE,
    Cancel,
    Instead,
    Nudge,
    Pause,
    Resume,
    Stop,
    Unclear,
    Unread,
    read_correction,
)
from dialogue.deeds import Deed, Trail
from dialogue.grounding import ground
from dialogue.interrupts import MOST_WAITING, Interrupts, is_stop
from dialogue.notes import Notes
from dialogue.plan import Motion, Place
from dialogue.syntax import parse_plan
from dialogue.view import SceneView
from tests.dialogue.mind import table, toy, vessel

PUT = "place red cube in red bowl"


def deed_of(text: str, view: SceneView) -> Deed:
    step = parse_plan(text).steps[0]
    assert isinstance(step, Motion.__args__)  # type: ignore[attr-defined]
    return ground(step, view, Notes(), Trail())


def read(said: str, doing: str = PUT, view: SceneView | None = None) -> object:
    seen = view or table()
    return read_correction(said, deed_of(doing, seen), seen, Notes())


def goal(said: str, doing: str = PUT, view: SceneView | None = None) -> Goal | None:
    correction = read(said, doing, view)
    assert isinstance(correction, Instead), correction
    return correction.deed.goal


@pytest.mark.parametrize(
    "said", ["stop", "STOP!", "no, stop it", "please stop", "halt", "Freeze.", "don't move", "hands off!"]
)
def test_a_stop_is_a_stop(said: str) -> None:
    assert is_stop(said) and isinstance(read(said), Stop)


@pytest.mark.parametrize("said", ["don't stop", "no need to stop", "go on", "unstoppable", "put it by the bus-top"])
def test_what_is_no_stop(said: str) -> None:
    assert not is_stop(said)


@pytest.mark.parametrize(
    ("said", "meaning"),
    [
        ("wait", Pause()),
        ("hold on a second", Pause()),
        ("go on", Resume()),
        ("ok, continue", Resume()),
        ("yes, perfect", Resume()),
        ("never mind", Cancel()),
        ("leave it!", Cancel()),
        ("skip this one", Cancel()),
        ("a bit to the left", Nudge((0.0, -NUDGE, 0.0))),
        ("a little more to the right please", Unread("a little more to the right please")),
        ("slightly further back", Nudge((-NUDGE, 0.0, 0.0))),
        ("no, a bit closer to me", Nudge((NUDGE, 0.0, 0.0))),
        ("put it a bit to the right", Nudge((0.0, NUDGE, 0.0))),
        ("a touch higher", Nudge((0.0, 0.0, NUDGE))),
        ("lower", Nudge((0.0, 0.0, -NUDGE))),
        ("to the left", Nudge((0.0, -NUDGE, 0.0))),
        ("what a lovely day", Unread("what a lovely day")),
        ("", Unread("")),
        ("put it back", Unread("put it back")),
    ],
)
def test_common_words(said: str, meaning: object) -> None:
    if said == "a little more to the right please":
        meaning = Nudge((0.0, NUDGE, 0.0))
    assert read(said) == meaning


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("no, the other bowl", Goal("in", "red cube", "blue bowl")),
        ("the blue bowl", Goal("in", "red cube", "blue bowl")),
        ("no not that one, the blue one", Goal("in", "blue cube", "red bowl")),
        ("no, the other cube", Goal("in", "blue cube", "red bowl")),
        ("I meant the carrot", Goal("in", "carrot", "red bowl")),
        ("no, take the carrot instead", Goal("in", "carrot", "red bowl")),
        ("no, on the blue cube", Goal("stack", "red cube", "blue cube")),
        ("not there, in front of the blue cube", Goal("in front of", "red cube", "blue cube")),
        ("no, to the right of the carrot", Goal("right of", "red cube", "carrot")),
        ("no, in the blue bowl please", Goal("in", "red cube", "blue bowl")),
        ("on the left side", Goal("move to", "red cube", "left side")),
        ("no, in the middle", Goal("move to", "red cube", "middle")),
    ],
)
def test_another_thing_or_place(said: str, expected: Goal) -> None:
    view = table()
    if expected.target == "left side":
        view = view.with_item(toy("red cube", 0.5, 0.0, flat=True, steady=True))
    assert goal(said, view=view) == expected


def test_what_is_held_stays_and_the_other_one_is_the_place() -> None:
    view = table().with_item(toy("red cube", 0.45, -0.2, held=True, steady=True))
    assert goal("no, the other one", view=view) == Goal("in", "red cube", "blue bowl")
    assert goal("no, the other one") == Goal("in", "blue cube", "red bowl")


def test_a_push_changes_its_direction() -> None:
    assert goal("no, to the right", "push red cube left") == Goal("push", "red cube", "right")
    assert goal("push it forward", "push red cube left") == Goal("push", "red cube", "forward")
    assert read("a bit to the right", "push red cube left") == Nudge((0.0, NUDGE, 0.0))


def test_several_others_are_offered_and_nothing_is_guessed() -> None:
    view = table(vessel("white bowl", 0.65, -0.3))
    correction = read("no, the other bowl", view=view)
    assert isinstance(correction, Unclear)
    assert set(correction.problem.offers) == {"blue bowl", "white bowl"}


def test_what_cannot_be_is_told() -> None:
    correction = read("no, in the drawer")
    assert isinstance(correction, Unclear) and "is closed" in correction.problem.sentence
    assert isinstance(read("no, the banana"), Unread)


def test_saying_what_is_being_done_changes_nothing() -> None:
    assert read("no, in the red bowl") == Resume()


@pytest.mark.parametrize(
    "said", ["a " * 5000, "no " * 3000 + "x", "a bit " * 2000, "\x00\x1b[2J", "🙂" * 900, "the other " * 900]
)
def test_long_and_strange_words_are_read_fast(said: str) -> None:
    began = time.perf_counter()
    read(said[:1000])
    assert time.perf_counter() - began < 1.0


def test_a_stop_reaches_the_latch_before_say_returns_and_overtakes_all() -> None:
    reasons: list[str] = []
    mailbox = Interrupts(on_stop=reasons.append)
    for number in range(3 * MOST_WAITING):
        mailbox.say(f"word {number}")
    mailbox.say("Stop!")
    assert len(reasons) == 1 and "Stop!" in reasons[0]
    for number in range(3 * MOST_WAITING):
        mailbox.say(f"word {number}")
    assert is_stop(str(mailbox.take()))
    assert mailbox.take() is None and not mailbox.waiting


def test_waiting_ends_with_a_word_or_with_time() -> None:
    mailbox = Interrupts()
    assert mailbox.wait(0.01) is None
    mailbox.say("go on")
    assert mailbox.wait(5.0) == "go on"


def test_every_put_can_be_told_again() -> None:
    """Whatever relation a put has, "the carrot instead" keeps it."""
    view = table()
    for text in ("place red cube in red bowl", "place red cube at middle", "place red cube behind egg"):
        assert isinstance(parse_plan(text).steps[0], Place)
        old, new = deed_of(text, view).goal, goal("the carrot instead", text, view)
        assert old is not None and new is not None
        assert (new.relation, new.subject, new.target) == (old.relation, "carrot", old.target)
