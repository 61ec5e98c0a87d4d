"""Draws lessons: seed in, lesson out; every target has been carried out in symbols before it is handed on."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache

import numpy as np

from agent.errors import SpecError, unknown_name
from dialogue.lessons.following import ambiguous, corrected, following, remembering
from dialogue.lessons.judge import carry_out
from dialogue.lessons.lesson import Lesson, Pen, Split, Wordbook, wordbook
from dialogue.lessons.manners import hazard, premise, talk, twin
from dialogue.lessons.requests import condition, group_of_any, group_of_many, several, single
from dialogue.lessons.rough import roughly
from dialogue.lessons.tables import Draw, draw_view
from dialogue.notes import compile_notes
from dialogue.view import SceneView

MAKERS: dict[str, tuple[Callable[[Pen], Lesson], float]] = {
    "single": (single, 0.18),
    "several": (several, 0.14),
    "group": (group_of_many, 0.12),
    "any": (group_of_any, 0.05),
    "condition": (condition, 0.05),
    "following": (following, 0.09),
    "correction": (corrected, 0.06),
    "ambiguity": (ambiguous, 0.06),
    "note": (remembering, 0.05),
    "premise": (premise, 0.07),
    "hazard": (hazard, 0.05),
    "twin": (twin, 0.04),
    "talk": (talk, 0.04),
}
"""What is taught, and how often it is drawn; a fifth is refusals, corrections and their twins."""
COMPOSITIONAL = ("single", "several", "group", "any", "condition", "following", "correction")
"""Those that end in motion and combine known parts."""
OF_ONE_TURN = (*COMPOSITIONAL[:5], "ambiguity", "note", "premise", "hazard", "twin", "talk")
"""Those that can be told about a table that others are told about as well."""
TRIES = 300
TRAINING_SEED = 1_000_000


def draw_lesson(seed: int, *, split: Split = "seen", only: tuple[str, ...] = ()) -> Lesson:
    """Return the lesson of this seed. only: kinds to draw from, in their shares; empty for all.

    split: with "taught" the words are as rough as people's; with "held_out" they come from a grammar that training
    never sees, and things, looks and pairs do that are held out from it. Raises SpecError for an unknown kind, or a
    training seed with held-out words.
    """
    for name in only:
        if name not in MAKERS:
            raise unknown_name("kind of lesson", name, MAKERS)
    if split == "held_out" and seed >= TRAINING_SEED:
        raise SpecError(f"seed {seed} is a training seed; held-out lessons have seeds below {TRAINING_SEED}")
    rng = np.random.default_rng([seed, 6])
    pen = Pen(Draw(rng, held_out=split == "held_out"), _book(split))
    names = only or tuple(MAKERS)
    shares = np.array([MAKERS[name][1] for name in names])
    kind = names[int(rng.choice(len(names), p=shares / shares.sum()))]
    for _ in range(TRIES):
        try:
            lesson = MAKERS[kind][0](pen)
        except LookupError:
            continue
        if _can_be_done(lesson):
            return _written(lesson, pen)
    raise SpecError(f"no lesson of kind '{kind}' came of seed {seed} in {TRIES} tries")


def draw_family(seed: int, count: int) -> tuple[Lesson, ...]:
    """Return `count` lessons in the words that are taught about one table, which all of them tell alike.

    Their prompts share all that comes before the request, so that training reads it once. Lessons that lean on earlier
    turns or notes are not among them.
    """
    draw = Draw(np.random.default_rng([seed, 13]))
    draw.table = _first(lambda: draw_view(draw, twins=draw.one((None, "objects", "receptacles")), objects=4))
    pen = Pen(draw, _book("taught"))
    shares = np.array([MAKERS[name][1] for name in OF_ONE_TURN])
    lessons: list[Lesson] = []
    for _ in range(TRIES):
        kind = OF_ONE_TURN[int(draw.rng.choice(len(OF_ONE_TURN), p=shares / shares.sum()))]
        try:
            lesson = MAKERS[kind][0](pen)
        except LookupError:
            continue
        if lesson.view == draw.table and not lesson.history and not lesson.notes and _can_be_done(lesson):
            lessons.append(_written(lesson, pen))
        if len(lessons) == count:
            return tuple(lessons)
    raise SpecError(f"{TRIES} tries gave {len(lessons)} of {count} lessons about the table of seed {seed}")


def _written(lesson: Lesson, pen: Pen) -> Lesson:
    """The lesson as it may have been typed, where it is to be taught."""
    return replace(lesson, words=roughly(lesson.words, pen.draw)) if pen.book.known_nouns else lesson


def _first(make: Callable[[], SceneView]) -> SceneView:
    for _ in range(TRIES):
        try:
            return make()
        except LookupError:
            continue
    raise SpecError(f"no table came of {TRIES} tries")


def draw_lessons(first: int, count: int, *, split: Split = "seen", only: tuple[str, ...] = ()) -> Iterator[Lesson]:
    """Yield the lessons of `count` seeds from `first` on."""
    return (draw_lesson(seed, split=split, only=only) for seed in range(first, first + count))


def _can_be_done(lesson: Lesson) -> bool:
    outcome = carry_out(lesson.plan, lesson.view, compile_notes(lesson.notes), lesson.trail)
    return outcome.problem is None


@cache
def _book(split: Split) -> Wordbook:
    return wordbook(split)
