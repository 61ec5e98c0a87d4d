"""Plans are carried out step by step, judged by looking, tried twice, told as events, and open to words."""

import threading

import numpy as np
import pytest

from agent.safety.zones import BoxZone
from agent.types import Goal, Observation, Step
from dialogue.corrections import Cancel, Correction, Unread, read_correction
from dialogue.deeds import Deed, Trail
from dialogue.events import Ending, Event, Happening, Report
from dialogue.executor import Executor
from dialogue.interrupts import Interrupts
from dialogue.notes import Notes, compile_notes
from dialogue.plan import Plan
from dialogue.problem import Problem
from dialogue.syntax import parse_plan
from dialogue.view import SceneView
from tests.dialogue.mind import MindWorld, mind_body, table, toy


def run(text: str, world: MindWorld, **options: object) -> Report:
    return Executor(mind_body(world), **options).run(parse_plan(text))  # type: ignore[arg-type]


def story(report: Report) -> list[tuple[str, int]]:
    return [(event.what.value, event.line) for event in report.events]


class Speaker:
    """Says something when the world has made this many steps, as a person would from another thread."""

    def __init__(self, mailbox: Interrupts, *words: tuple[int, str]) -> None:
        self._mailbox, self._words, self._ticks = mailbox, dict(words), 0

    def on_step(self, tick: int, before: Observation, step: Step) -> None:
        self._ticks += 1
        if self._ticks in self._words:
            thread = threading.Thread(target=self._mailbox.say, args=(self._words[self._ticks],))
            thread.start()
            thread.join()


def talked(text: str, world: MindWorld, *words: tuple[int, str]) -> Report:
    mailbox = Interrupts()
    return run(text, world, mailbox=mailbox, observers=(Speaker(mailbox, *words),))


def test_steps_are_told_as_they_happen() -> None:
    world, told = MindWorld(table()), list[Event]()
    plan = parse_plan("say hello\nplace red cube in red bowl\nlook\nclose drawer\ncorrect it was red")
    report = Executor(mind_body(world)).run(plan, told.append)
    assert report.ending is Ending.DONE and tuple(told) == report.events
    assert story(report) == [
        ("said", 1),
        ("started", 2),
        ("done", 2),
        ("looked", 3),
        ("skipped", 4),
        ("corrected", 5),
        ("finished", 0),
    ]
    assert world.view["red cube"].support == "red bowl"
    assert [task.goal for task in world.tasks] == [Goal("in", "red cube", "red bowl")]


def test_a_step_that_fails_once_is_tried_again() -> None:
    world = MindWorld(table(), fails={"red cube": 1})
    report = run("place red cube in red bowl\nsay done", world)
    assert report.ending is Ending.DONE
    assert story(report)[:3] == [("started", 1), ("retried", 1), ("done", 1)]


def test_a_step_that_fails_twice_ends_the_plan_and_says_why() -> None:
    world = MindWorld(table(), fails={"red cube": 2})
    report = run("place red cube in red bowl\nplace egg in red bowl", world)
    assert report.ending is Ending.FAILED and len(world.tasks) == 2
    assert report.problem is not None and report.problem.line == 1
    assert "put the red cube in the red bowl did not work" in report.problem.sentence
    assert world.view["egg"].support is None


def test_success_is_what_the_judge_sees_not_what_the_world_claims() -> None:
    """An episode that ends as a success, with the thing elsewhere, is no success."""
    world = MindWorld(table())
    honest = world.step

    def claims(action: object) -> Step:
        step = honest(action)  # type: ignore[arg-type]
        if step.status.held:
            world.view = world.view.with_item(toy("red cube", 0.3, 0.3))
        return step

    world.step = claims  # type: ignore[method-assign,assignment]
    assert run("place red cube in red bowl", world).ending is Ending.FAILED


def test_nothing_moves_when_any_step_is_forbidden() -> None:
    hand = BoxZone("your hand", (0.50, 0.10, -0.1), (0.80, 0.40, 0.6))
    world = MindWorld(table(zones=(hand,)))
    report = run("place blue cube on red cube\nplace carrot in red bowl", world)
    assert report.ending is Ending.REFUSED and world.tasks == []
    assert report.problem is not None and report.problem.rule == "person" and report.problem.offers


def test_each_step_is_verified_again_on_what_is_seen_then() -> None:
    """Someone puts a hand down after the first step: the second is not done though the plan was approved."""
    world = MindWorld(table())

    def arrives(event: Event) -> None:
        if event.what is Happening.DONE:
            hand = BoxZone("your hand", (0.50, 0.10, -0.1), (0.80, 0.40, 0.6))
            world.view = table(zones=(hand,))

    report = Executor(mind_body(world)).run(parse_plan("push blue cube forward\nplace carrot in red bowl"), arrives)
    assert report.ending is Ending.REFUSED and report.problem is not None and report.problem.rule == "person"
    assert [task.goal.subject for task in world.tasks if task.goal] == ["blue cube"]


def test_loops_follow_what_is_seen_not_what_was_predicted() -> None:
    world = MindWorld(table())

    def falls_in(event: Event) -> None:
        if event.what is Happening.DONE:
            world.view = world.view.with_item(toy("blue cube", 0.4, 0.08, support="blue bowl"))

    plan = parse_plan("while any cube on table max 9\nplace any cube on table in blue bowl\nend")
    report = Executor(mind_body(world)).run(plan, falls_in)
    assert report.ending is Ending.DONE and len(world.tasks) == 1


def test_questions_and_refusals_end_a_plan() -> None:
    asked = run("ask which? | red cube | blue cube\npick egg", MindWorld(table()))
    assert asked.ending is Ending.ASKED and asked.events[0].options == ("red cube", "blue cube")
    refused = run("refuse harm | no\npick egg", MindWorld(table()))
    assert refused.ending is Ending.REFUSED and refused.problem is not None and refused.problem.rule == "harm"
    unclear = run("pick cube", MindWorld(table()))
    assert unclear.ending is Ending.ASKED and unclear.events[0].options == ("red cube", "blue cube")


def test_there_and_return_go_on_from_plan_to_plan() -> None:
    world = MindWorld(table())
    executor = Executor(mind_body(world))
    assert executor.run(parse_plan("place red cube in red bowl")).ending is Ending.DONE
    assert executor.run(parse_plan("place blue cube there\nreturn red cube")).ending is Ending.DONE
    assert world.view["blue cube"].support == "red bowl"
    assert world.tasks[-1].goal == Goal("move to", "red cube", "left side")


class Book:
    def __init__(self) -> None:
        self.texts: list[str] = []

    def remember(self, text: str) -> None:
        self.texts.append(text)

    def forget(self, text: str) -> int:
        before = len(self.texts)
        self.texts = [kept for kept in self.texts if text not in kept]
        return before - len(self.texts)

    def notes(self) -> Notes:
        return compile_notes(self.texts)


def test_what_a_plan_remembers_binds_the_next_one_and_can_be_forgotten() -> None:
    world, book = MindWorld(table()), Book()
    assert run("remember never touch egg\nremember my bowl is blue bowl", world, book=book).ending is Ending.DONE
    assert run("pick egg", world, book=book).ending is Ending.REFUSED
    assert run("place carrot in my bowl", world, book=book).ending is Ending.DONE
    assert world.view["carrot"].support == "blue bowl"
    assert run("forget never touch egg\npick egg", world, book=book).ending is Ending.REFUSED
    assert run("forget never touch egg", world, book=book).ending is Ending.DONE
    assert run("pick egg", world, book=book).ending is Ending.DONE


class Rehearsed:
    def __init__(self, problem: Problem | None) -> None:
        self.problem, self.plans = problem, list[Plan]()

    def rehearse(self, plan: Plan, notes: Notes, trail: Trail) -> Problem | None:
        self.plans.append(plan)
        return self.problem


def test_a_rehearsal_comes_first_and_can_prevent() -> None:
    world = MindWorld(table())
    bad = Rehearsed(Problem("rule", "the egg fell", rule="fragile"))
    report = run("pick egg", world, rehearsal=bad)
    assert report.ending is Ending.REFUSED and world.tasks == [] and len(bad.plans) == 1
    assert story(report)[0] == ("rehearsed", 0)
    assert run("pick egg", world, rehearsal=Rehearsed(None)).ending is Ending.DONE


@pytest.mark.parametrize("tick", range(1, 6))
def test_words_change_the_goal_at_the_next_control_step(tick: int) -> None:
    """Eight rows are carried out per look, yet the words need no more than one step."""
    world = MindWorld(table())
    report = talked("place red cube in red bowl", world, (tick, "no, the other bowl"))
    assert report.ending is Ending.DONE and world.view["red cube"].support == "blue bowl"
    assert [task.goal and task.goal.target for task in world.tasks] == ["red bowl", "blue bowl"]
    assert len(world.actions) == tick + 6


def test_stop_ends_everything_at_once() -> None:
    world, reasons = MindWorld(table()), list[str]()
    mailbox = Interrupts(on_stop=reasons.append)
    report = run("place red cube in red bowl", world, mailbox=mailbox, observers=(Speaker(mailbox, (3, "stop!")),))
    assert report.ending is Ending.STOPPED and len(world.actions) == 3 and len(reasons) == 1


def test_never_mind_leaves_the_step_and_goes_on() -> None:
    world = MindWorld(table())
    report = talked("place red cube in red bowl\nplace egg in red bowl", world, (2, "leave it"))
    assert report.ending is Ending.DONE
    assert world.view["red cube"].support is None and world.view["egg"].support == "red bowl"


def test_a_nudge_moves_the_hand_and_the_task_goes_on() -> None:
    world = MindWorld(table())
    report = talked("place red cube in red bowl", world, (2, "a bit to the left"))
    assert report.ending is Ending.DONE and len(world.tasks) == 1
    moved = np.sum([action[:3] for action in world.actions], axis=0)
    assert moved[1] == pytest.approx(-0.03, abs=1e-6) and moved[0] == pytest.approx(0.0)


def test_wait_waits_for_a_word() -> None:
    world, mailbox = MindWorld(table()), Interrupts()
    told = list[Happening]()

    def answer(event: Event) -> None:
        told.append(event.what)
        if event.what is Happening.PAUSED:
            mailbox.say("ok, go on")

    executor = Executor(mind_body(world), mailbox=mailbox, observers=(Speaker(mailbox, (2, "wait")),))
    assert executor.run(parse_plan("place red cube in red bowl"), answer).ending is Ending.DONE
    assert told.count(Happening.PAUSED) == 1 and len(world.tasks) == 1


def test_a_correction_is_verified_like_a_plan() -> None:
    hand = BoxZone("your hand", (0.36, 0.02, -0.1), (0.44, 0.14, 0.6))
    world = MindWorld(table(zones=(hand,)))
    report = talked("place carrot in red bowl", world, (2, "no, the other bowl"))
    assert report.ending is Ending.REFUSED and report.problem is not None and report.problem.rule == "person"
    assert world.view["carrot"].support is None and len(world.actions) == 2


def test_a_correction_that_fits_several_is_asked_back() -> None:
    world = MindWorld(table(toy("green cube", 0.65, -0.3)))
    report = talked("place red cube in red bowl", world, (2, "no, the other cube"))
    assert report.ending is Ending.ASKED and report.problem is not None
    assert set(report.problem.offers) == {"blue cube", "green cube"}


def test_words_cannot_keep_the_robot_busy_for_ever() -> None:
    world, mailbox = MindWorld(table()), Interrupts()

    class Chatter:
        def on_step(self, tick: int, before: Observation, step: Step) -> None:
            mailbox.say("a bit to the left")

    report = run("place red cube in red bowl", world, mailbox=mailbox, observers=(Chatter(),))
    assert report.ending is Ending.FAILED and len(world.actions) < 100


def test_words_from_before_the_plan_are_heard_at_its_first_step() -> None:
    world, mailbox = MindWorld(table()), Interrupts()
    mailbox.say("stop")
    report = run("place red cube in red bowl", world, mailbox=mailbox)
    assert report.ending is Ending.STOPPED and world.actions == []


def test_another_reader_may_stand_behind_the_rules() -> None:
    """Such as one with a language model: what the rules do not read goes to it."""

    def reader(text: str, deed: Deed, view: SceneView, notes: Notes) -> Correction:
        correction = read_correction(text, deed, view, notes)
        return Cancel() if isinstance(correction, Unread) else correction

    world, mailbox = MindWorld(table()), Interrupts()
    speaker = Speaker(mailbox, (2, "lass das"))
    report = run("place red cube in red bowl", world, mailbox=mailbox, observers=(speaker,), reader=reader)
    assert report.ending is Ending.DONE and world.view["red cube"].support is None
