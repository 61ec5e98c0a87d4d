"""A lesson, and the book of words that it is written from."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from dialogue.deeds import Trail
from dialogue.finding import described
from dialogue.language_model import Message
from dialogue.lessons import words_held_out, words_seen, words_taught, words_taught_manners, words_taught_turns
from dialogue.lessons.judge import carry_out
from dialogue.lessons.tables import Draw
from dialogue.lessons.words_seen import Lines
from dialogue.notes import compile_notes
from dialogue.plan import Plan
from dialogue.prompt import Said, conversation
from dialogue.syntax import render_plan
from dialogue.view import Item, SceneView
from sim.grammar import nouns_of

Split = Literal["seen", "taught", "held_out"]
"""seen: a small core, which the rules read as well.  taught: that and much more, for training.  held_out: for tests."""


@dataclass(frozen=True)
class Lesson:
    """A turn with its right answer. view, trail: the table as it is when `words` are said.  kind: what it teaches."""

    kind: str
    view: SceneView
    words: str
    plan: Plan
    notes: tuple[str, ...] = ()
    history: tuple[Said, ...] = ()
    trail: Trail = field(default_factory=Trail)

    @property
    def answer(self) -> str:
        return answer_of(self.plan)

    def messages(self, *, manual: bool = False) -> list[Message]:
        return conversation(self.words, self.view, notes=self.notes, history=self.history, manual=manual)


def answer_of(plan: Plan) -> str:
    """Return the plan as models write it: without indentation, which says nothing and costs tokens."""
    return render_plan(plan, indent=0)


@dataclass(frozen=True)
class Wordbook:
    """All lines of one split. Of "(a|b)" in a line one is said.

    known_nouns: things are called by nouns of the catalogue that are not held out, or by what they are ("the fruit").
    """

    openings: Sequence[str]
    closings: Sequence[str]
    covers: Sequence[str]
    joins: Lines
    clauses: Lines
    groups: Lines
    following: Lines
    notes: Lines
    talk: Lines
    absurd: Lines
    hazards: Lines
    twins: Lines
    known_nouns: bool = False

    def tables(self) -> Mapping[str, Lines]:
        """Every table of lines by its name."""
        names = ("joins", "clauses", "groups", "following", "notes", "talk", "absurd", "hazards", "twins")
        return {name: getattr(self, name) for name in names}


def wordbook(split: Split) -> Wordbook:
    if split == "taught":
        return _taught()
    words = words_seen if split == "seen" else words_held_out
    return Wordbook(
        openings=words.OPENINGS,
        closings=words.CLOSINGS,
        covers=words.COVERS,
        joins=words.JOINS,
        clauses=words.CLAUSES,
        groups=words.GROUPS,
        following=words.FOLLOWING,
        notes=words.NOTES,
        talk=words.TALK,
        absurd=words.ABSURD,
        hazards=words.HAZARDS,
        twins=words.TWINS,
    )


def _taught() -> Wordbook:
    """The core, and all that is taught beside it."""
    seen, turns, manners = wordbook("seen"), words_taught_turns, words_taught_manners
    return Wordbook(
        openings=(*seen.openings, *words_taught.OPENINGS),
        closings=(*seen.closings, *words_taught.CLOSINGS),
        covers=(*seen.covers, *manners.COVERS),
        joins=_with(seen.joins, words_taught.JOINS),
        clauses=_with(seen.clauses, words_taught.CLAUSES),
        groups=_with(seen.groups, turns.GROUPS),
        following=_with(seen.following, turns.FOLLOWING),
        notes=_with(seen.notes, turns.NOTES),
        talk=_with(seen.talk, manners.TALK),
        absurd=_with(seen.absurd, manners.ABSURD),
        hazards=_with(seen.hazards, manners.HAZARDS),
        twins=_with(seen.twins, manners.TWINS),
        known_nouns=True,
    )


def _with(lines: Lines, more: Lines) -> Lines:
    return {intent: (*lines[intent], *more[intent]) for intent in lines}


@dataclass(frozen=True)
class Pen:
    """Writes words with one generator and one book."""

    draw: Draw
    book: Wordbook

    def line(self, table: Lines, intent: str, **slots: str) -> str:
        """Return one of the intent's lines with its slots filled."""
        return self.said(table[intent]).format(**slots)

    def said(self, lines: Sequence[str]) -> str:
        """Return one of the lines, its slots still open."""
        return re.sub(r"\(([^()]*)\)", lambda found: self.draw.one(found[1].split("|")), self.draw.one(lines))

    def polite(self, words: str) -> str:
        """Wrap a request, perhaps, in an opening and a closing."""
        if self.draw.chance(0.5):
            return words
        return f"{self.said(self.book.openings)}{words}{self.said(self.book.closings)}"

    def the(self, item: Item, view: SceneView) -> str:
        """Return words that mean this item and no other: its name, or less where less will do."""
        nouns = item.nouns[:2]
        if self.book.known_nouns:
            nouns = (*nouns_of(item.kind)[0], *item.categories, f"{item.colour} object")
        names = [item.name, item.name, *nouns, f"{item.colour} {item.kind}"]
        fitting = [name for name in names if [i.name for i in described(name, view)] == [item.name]]
        if not fitting:
            # "left red cube" is found by its own name only.
            fitting = [item.name]
        return f"the {self.draw.one(fitting)}"


def passed(turns: Sequence[tuple[str, Plan]], view: SceneView, notes: tuple[str, ...] = ()) -> tuple[SceneView, Trail]:
    """Return table and trail after these turns. Raises LookupError when one of them could not be carried out."""
    trail = Trail()
    for _, plan in turns:
        outcome = carry_out(plan, view, compile_notes(notes), trail)
        if outcome.problem is not None:
            raise LookupError(outcome.problem.sentence)
        view, trail = outcome.view, outcome.trail
    return view, trail


def said(turns: Sequence[tuple[str, Plan]]) -> tuple[Said, ...]:
    return tuple(Said(words, answer_of(plan)) for words, plan in turns)
