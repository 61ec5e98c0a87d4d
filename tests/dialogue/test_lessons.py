"""Lessons: the two grammars share no words, every target can be carried out, and the judge judges by what is done."""

import itertools
import re
from dataclasses import replace

import pytest

from agent.errors import SpecError
from dialogue.answer_grammar import answer_grammar
from dialogue.lessons.draw import COMPOSITIONAL, MAKERS, draw_lesson, draw_lessons
from dialogue.lessons.judge import carry_out, judge
from dialogue.lessons.lesson import Wordbook, wordbook
from dialogue.lessons.requests import plural
from dialogue.lessons.tables import make_item
from dialogue.notes import compile_notes
from dialogue.syntax import parse_plan
from dialogue.tiny.constraint import Constraint, make_tokenizer
from sim.grammar import nouns_of
from sim.objects import KINDS, is_held_out, parse_name
from tests.dialogue.tiny_model import tiny_parts

HELD_OUT = 500
EVERYDAY = frozenset(
    (
        *("arm", "before", "by", "cannot", "carry", "did", "down", "friend", "has", "its", "just", "much", "near"),
        *("old", "once", "say", "than", "two", "use", "when", "will", "would"),
    )
)
"""Words of the tests that the core lacks and that may be taught all the same: none of them tells an intent."""


def skeleton(line: str) -> str:
    """A line without its slots, punctuation and articles: what is left are the words of the grammar."""
    return " ".join(re.sub(r"[^a-z ]", " ", re.sub(r"\{\w+\}", "_", line).replace("_", " slot ").lower()).split())


def spread(line: str) -> list[str]:
    """All that a line with "(a|b)" can say."""
    parts = re.split(r"\(([^()]*)\)", line)
    choices = [part.split("|") if index % 2 else [part] for index, part in enumerate(parts)]
    return ["".join(chosen) for chosen in itertools.product(*choices)]


def spread_lines(book: Wordbook) -> set[str]:
    return {s for lines in book.tables().values() for group in lines.values() for line in group for s in spread(line)}


def words_of(book: Wordbook) -> set[str]:
    texts = (*spread_lines(book), *book.openings, *book.closings, *book.covers)
    return set(re.findall(r"[a-z']+", re.sub(r"\{\w+\}", " ", " ".join(texts)).lower()))


def test_no_line_stands_in_both_grammars() -> None:
    taught, held_out = wordbook("taught"), wordbook("held_out")
    told, asked = ({skeleton(line) for line in spread_lines(book)} for book in (taught, held_out))
    assert len(told) > 4000 and told & asked == set()
    for first, second in (
        (taught.openings, held_out.openings),
        (taught.closings, held_out.closings),
        (taught.covers, held_out.covers),
    ):
        assert {said for line in first for said in spread(line)} & set(second) == {""}


def test_what_is_taught_holds_all_that_is_seen() -> None:
    taught, seen = wordbook("taught").tables(), wordbook("seen").tables()
    assert all(set(seen[name][intent]) < set(taught[name][intent]) for name in seen for intent in seen[name])


def test_no_telling_word_of_the_tests_is_taught() -> None:
    seen, taught, held_out = (words_of(wordbook(split)) for split in ("seen", "taught", "held_out"))
    assert (held_out - seen) & taught <= EVERYDAY
    for lesson in draw_lessons(1_000_000, 150, split="taught"):
        for kind in KINDS:
            for noun in nouns_of(kind)[1]:
                assert not re.search(rf"\b{noun}\b", lesson.words) or noun in words_of(wordbook("seen")), lesson.words


def test_all_grammars_have_the_same_slots() -> None:
    seen = wordbook("seen").tables()
    for split in ("taught", "held_out"):
        tables = wordbook(split).tables()
        assert {name: set(lines) for name, lines in tables.items()} == {name: set(seen[name]) for name in seen}
        for name, lines in seen.items():
            for intent in lines:
                slots = [set(re.findall(r"\{(\w+)\}", " ".join(book[name][intent]))) for book in (seen, tables)]
                assert slots[1] <= slots[0], (name, intent)


def test_five_hundred_held_out_requests_are_never_said_in_training() -> None:
    asked = [lesson.words for lesson in draw_lessons(0, HELD_OUT, split="held_out", only=COMPOSITIONAL)]
    told = {lesson.words for lesson in draw_lessons(1_000_000, 600, split="taught")}
    assert len(set(asked)) > 0.9 * HELD_OUT
    assert set(asked) & told == set()


def test_training_shows_nothing_that_is_held_out() -> None:
    for lesson in draw_lessons(1_000_000, 150, split="taught"):
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
    for seed, split in itertools.product(range(4), ("taught", "seen", "held_out")):
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
