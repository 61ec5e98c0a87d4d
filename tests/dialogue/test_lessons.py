"""Lessons: the two grammars share no words, every target can be carried out, and the judge judges by what is done."""

import itertools
import re
from dataclasses import replace

import pytest

from agent.errors import SpecError
from dialogue.answer_grammar import answer_grammar
from dialogue.lessons.draw import COMPOSITIONAL, MAKERS, draw_lesson, draw_lessons
from dialogue.lessons.judge import carry_out, judge
from dialogue.lessons.lesson import wordbook
from dialogue.lessons.requests import plural
from dialogue.lessons.tables import make_item
from dialogue.notes import compile_notes
from dialogue.syntax import parse_plan
from dialogue.tiny.constraint import Constraint, make_tokenizer
from sim.objects import KINDS, is_held_out, parse_name
from tests.dialogue.tiny_model import tiny_parts

HELD_OUT = 500


def skeleton(line: str) -> str:
    """A line without its slots, punctuation and articles: what is left are the words of the grammar."""
    return " ".join(re.sub(r"[^a-z ]", " ", re.sub(r"\{\w+\}", "_", line).replace("_", " slot ").lower()).split())


def test_no_line_stands_in_both_grammars() -> None:
    seen, held_out = wordbook("seen"), wordbook("held_out")
    for name, lines in seen.tables().items():
        assert set(lines) == set(held_out.tables()[name]), name
        assert all(lines.values()) and all(held_out.tables()[name].values())
    told = {skeleton(line) for lines in seen.tables().values() for group in lines.values() for line in group}
    asked = {skeleton(line) for lines in held_out.tables().values() for group in lines.values() for line in group}
    assert told & asked == set()
    for first, second in ((seen.openings, held_out.openings), (seen.covers, held_out.covers)):
        assert set(first) & set(second) == {""}
    assert set(seen.closings) & set(held_out.closings) == {""}


def test_both_grammars_have_the_same_slots() -> None:
    seen, held_out = wordbook("seen").tables(), wordbook("held_out").tables()
    for name, lines in seen.items():
        for intent in lines:
            slots = [set(re.findall(r"\{(\w+)\}", " ".join(book[name][intent]))) for book in (seen, held_out)]
            assert slots[1] <= slots[0], (name, intent)


def test_five_hundred_held_out_requests_are_never_said_in_training() -> None:
    asked = [lesson.words for lesson in draw_lessons(0, HELD_OUT, split="held_out", only=COMPOSITIONAL)]
    told = {lesson.words for lesson in draw_lessons(1_000_000, 600)}
    assert len(set(asked)) > 0.9 * HELD_OUT
    assert set(asked) & told == set()


def test_training_shows_nothing_that_is_held_out() -> None:
    for lesson in draw_lessons(1_000_000, 150):
        for item in lesson.view.items:
            named = parse_name(item.name)
            assert not is_held_out(named) and not is_held_out(replace(named, colour=item.colour)), item


def test_held_out_words_belong_to_reported_or_development_seeds() -> None:
    with pytest.raises(SpecError, match="training seed"):
        draw_lesson(1_000_000, split="held_out")
    with pytest.raises(SpecError, match="no kind of lesson 'songs'"):
        draw_lesson(0, only=("songs",))


@pytest.mark.parametrize("kind", MAKERS)
def test_a_target_is_a_plan_that_can_be_done_and_that_the_grammar_allows(kind: str) -> None:
    _, tokenizer = tiny_parts()
    guide = make_tokenizer(tokenizer, len(tokenizer))
    for seed, split in itertools.product(range(6), ("seen", "held_out")):
        lesson = draw_lesson(seed if split == "held_out" else seed + 1_000_000, split=split, only=(kind,))  # type: ignore[arg-type]
        assert parse_plan(lesson.answer) == lesson.plan
        assert carry_out(lesson.plan, lesson.view, compile_notes(lesson.notes), lesson.trail).problem is None
        verdict = judge(lesson.answer, lesson.plan, lesson.view, lesson.notes, lesson.trail)
        assert verdict.valid and verdict.executable and verdict.right
        constraint = Constraint(guide, answer_grammar(lesson.view, lesson.notes))
        constraint.advance(tokenizer(lesson.answer, add_special_tokens=False)["input_ids"])


def test_equal_seeds_give_equal_lessons() -> None:
    assert draw_lesson(1_000_003) == draw_lesson(1_000_003)
    assert draw_lesson(1_000_003) != draw_lesson(1_000_004)


def test_the_judge_looks_at_deeds_not_at_words() -> None:
    skipped = (" except", " at ", "object in")
    lessons = draw_lessons(1_000_000, 400, only=("group",))
    lesson = next(one for one in lessons if " in " in one.answer and not any(word in one.answer for word in skipped))
    result = carry_out(lesson.plan, lesson.view, compile_notes(()), lesson.trail)
    goals = [(name, goal) for name, goal in result.goals.items() if not isinstance(goal, str)]
    spelled = "\n".join(f"place {name} in {goal.target}" for name, goal in goals)
    assert judge(spelled, lesson.plan, lesson.view).right
    backwards = "\n".join(reversed(spelled.splitlines()))
    assert judge(backwards, lesson.plan, lesson.view).right
    assert not judge(spelled + "\n" + f"pick {next(iter(result.goals))}", lesson.plan, lesson.view).right
    assert judge("say done", lesson.plan, lesson.view).valid_but_wrong
    assert not judge("dance", lesson.plan, lesson.view).valid
    absent = judge("pick unicorn", lesson.plan, lesson.view)
    assert absent.valid and not absent.executable and not absent.right


def test_plurals_are_understood_by_the_plan_language() -> None:
    for kind in KINDS:
        item = make_item("x", kind, next(iter(KINDS[kind].colours)), 0.5, 0.0)
        from dialogue.finding import matches

        assert matches(item, plural(kind)), kind
