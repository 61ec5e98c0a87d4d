"""Whole conversations with the state of the table that they must end in: references, corrections, memory over turns.

A script is drawn from a seed: things first, then what is said and, beside every line, the plan that it means. Where
everything must lie at the end follows from these plans carried out in symbols; who talks is judged by that alone.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from agent.errors import unknown_name
from dialogue.finding import described
from dialogue.lessons.lesson import Pen, Split, passed, wordbook
from dialogue.lessons.requests import RELATION_WORDS, into
from dialogue.lessons.tables import Draw, looks, make_item
from dialogue.plan import Named, Place, Plan, Return, There
from dialogue.view import Item, SceneView

FACT_USED_AT = 8
"""The turn in which what was said in the first one is needed."""
VESSELS = (("bowl", "plate"), ("bowl", "tray"), ("plate", "bowl"), ("plate", "basket"))
"""Kind that is there twice, and the other one."""
SMALL = (
    "cube",
    "block",
    "lemon",
    "apple",
    "carrot",
    "potato",
    "ball",
    "dice",
    "tomato",
    "orange",
    "sponge",
    "eggplant",
)
TWINS = ("cube", "block", "ball")
CHAT = ("hello", "what is on the table", "how are you", "thank you", "what can you do", "which things are there")
LATEST_WORDS = 14
"""Control step up to which a correction is said while the arm moves; what it is about is not done by then."""


@dataclass(frozen=True)
class Line:
    """What is said, and what is to come of it. plan: None when nothing may move.  during: said while it is carried out,
    before control step `at`; the plan is what the two mean together."""

    words: str
    plan: Plan | None = None
    during: str = ""
    at: int = 0


@dataclass(frozen=True)
class Script:
    """restart: the line before which the program is started anew with the same memory; 0 for never."""

    kind: str
    seed: int
    things: tuple[str, ...]
    lines: tuple[Line, ...]
    restart: int = 0

    def where(self) -> dict[str, tuple[str | None, bool]]:
        """Return name -> (what it must lie in or on at the end, whether it is held)."""
        view, _ = passed([(line.words, line.plan) for line in self.lines if line.plan is not None], _table(self.things))
        return whereabouts(view)


@dataclass(frozen=True)
class Cast:
    """The things of a script by their parts: twins to mix up, others to move meanwhile."""

    view: SceneView
    a: Item
    a2: Item
    c: Item
    d: Item
    b: Item
    b2: Item
    p: Item


def whereabouts(view: SceneView) -> dict[str, tuple[str | None, bool]]:
    return {item.name: (item.support, item.held) for item in view.items}


def draw_script(seed: int, kind: str, *, split: Split = "seen", attempt: int = 0) -> Script:
    """Return the script of this seed. attempt: draws other things, where the first do not fit on the table together.

    Raises SpecError for an unknown kind.
    """
    if kind not in MAKERS:
        raise unknown_name("kind of conversation", kind, MAKERS)
    pen = Pen(Draw(np.random.default_rng([seed, 11, list(MAKERS).index(kind), attempt])), wordbook(split))
    cast = _cast(pen.draw)
    lines, restart = MAKERS[kind](pen, cast)
    return Script(kind, seed, cast.view.names, tuple(lines), restart)


_Made = tuple[Sequence[Line], int]


def _cast(draw: Draw) -> Cast:
    twice, other = draw.one(VESSELS)
    toy = draw.one(TWINS)
    c, d = draw.some([kind for kind in SMALL if kind != toy], 2)
    names = [*(f"{colour} {toy}" for colour in draw.some(looks(draw, toy), 2)), c, d]
    names += [*(f"{colour} {twice}" for colour in draw.some(looks(draw, twice), 2)), other]
    view = _table(tuple(names))
    a, a2, c_, d_, b, b2, p = (view[name] for name in names)
    return Cast(view, a, a2, c_, d_, b, b2, p)


def _table(names: tuple[str, ...]) -> SceneView:
    """The table in symbols, things side by side; where exactly the simulator decides."""
    items = []
    for index, name in enumerate(names):
        *colour, kind = name.split()
        items.append(make_item(name, kind, colour[0] if colour else "", 0.40 + 0.1 * (index % 3), -0.3 + 0.1 * index))
    return SceneView(tuple(items))


def _put(pen: Pen, item: Item, holder: Item, view: SceneView) -> Line:
    words = pen.line(pen.book.clauses, str(holder.holds), a=pen.the(item, view), b=pen.the(holder, view))
    return Line(pen.polite(words), Plan((into(item, holder),)))


def _chat(pen: Pen, cast: Cast, count: int) -> list[Line]:
    asked = f"where is {pen.the(cast.d, cast.view)}"
    return [Line(pen.draw.one((*CHAT, asked))) for _ in range(count)]


def _between(pen: Pen, cast: Cast, count: int) -> list[Line]:
    """`count` turns, one of them a motion of what the script is not about."""
    lines = _chat(pen, cast, count - 1)
    lines.insert(pen.draw.between(0, count - 1), _put(pen, cast.d, cast.p, cast.view))
    return lines


def _reference(pen: Pen, cast: Cast) -> _Made:
    """ "It", "the other one", "there", "the same with": the turn before says what."""
    draw, view = pen.draw, cast.view
    intent = draw.one(("it where", "other", "there", "same"))
    first = _put(pen, cast.a, cast.b, view)
    slots = {"a": pen.the(cast.c, view), "one": cast.a.kind}
    slots |= {"b": pen.the(cast.b2, view), "r": draw.one(RELATION_WORDS[str(cast.b2.holds)])}
    words = pen.line(pen.book.following, intent, **slots)
    plans = {
        "it where": Plan((into(cast.a, cast.b2),)),
        "other": Plan((into(cast.a2, cast.b),)),
        "there": Plan((Place(Named(cast.c.name), There()),)),
        "same": Plan((into(cast.c, cast.b),)),
    }
    return (first, Line(words, plans[intent])), 0


def _return(pen: Pen, cast: Cast) -> _Made:
    """What was moved goes back where it was, six turns later."""
    words = f"put {pen.the(cast.c, cast.view)} back where it was"
    lines = [_put(pen, cast.c, cast.b, cast.view), *_between(pen, cast, 5)]
    return (*lines, Line(words, Plan((Return(Named(cast.c.name)),)))), 0


def _correction(pen: Pen, cast: Cast) -> _Made:
    draw, view = pen.draw, cast.view
    first = _put(pen, cast.a, cast.b, view)
    if draw.chance(0.5):
        words = pen.line(pen.book.following, "other place", two=cast.b.kind, b=pen.the(cast.b2, view))
        return (first, Line(words, Plan((into(cast.a, cast.b2),)))), 0
    words = pen.line(pen.book.following, "other thing", a=pen.the(cast.c, view))
    return (first, Line(words, Plan((Return(Named(cast.a.name)), into(cast.c, cast.b))))), 0


def _moving(pen: Pen, cast: Cast) -> _Made:
    """A correction that comes while the arm moves."""
    draw, view = pen.draw, cast.view
    first = _put(pen, cast.a, cast.b, view)
    at = draw.between(2, LATEST_WORDS)
    if draw.chance(0.6):
        words = draw.one((f"no, the other {cast.b.kind}", f"I meant {pen.the(cast.b2, view)}"))
        return (Line(first.words, Plan((into(cast.a, cast.b2),)), words, at),), 0
    words = draw.one((f"no, {pen.the(cast.c, view)}", f"I meant {pen.the(cast.c, view)}"))
    return (Line(first.words, Plan((into(cast.c, cast.b),)), words, at),), 0


def _fact(pen: Pen, cast: Cast, fact: str, use: Line) -> _Made:
    """A fact in the first turn, its use in the eighth; in every second script after a restart of the program."""
    lines = [Line(fact), *_between(pen, cast, FACT_USED_AT - 2), use]
    return lines, pen.draw.between(2, FACT_USED_AT - 1) if pen.draw.chance(0.5) else 0


def _name(pen: Pen, cast: Cast) -> _Made:
    view, b = cast.view, cast.b
    fact = pen.line(pen.book.notes, "alias", one=b.kind, a=pen.the(b, view))
    r = pen.draw.one(RELATION_WORDS[str(b.holds)])
    words = pen.line(pen.book.notes, "use alias", one=b.kind, a=pen.the(cast.c, view), r=r)
    return _fact(pen, cast, fact, Line(words, Plan((into(cast.c, b),))))


def _home(pen: Pen, cast: Cast) -> _Made:
    c, b = pen.the(cast.c, cast.view), pen.the(cast.b, cast.view)
    fact = pen.draw.one((f"{c} always goes {cast.b.holds} {b}", f"remember that {c} always belongs {cast.b.holds} {b}"))
    words = pen.draw.one((f"put {c} where it belongs", f"put {c} in its place"))
    return _fact(pen, cast, fact, Line(words, Plan((into(cast.c, cast.b),))))


def _never(pen: Pen, cast: Cast) -> _Made:
    """A standing "never": the request against it in the eighth turn moves nothing."""
    view, b = cast.view, cast.b
    r = pen.draw.one(RELATION_WORDS[str(b.holds)])
    fact = pen.line(pen.book.notes, "never on", r=r, b=pen.the(b, view))
    against = pen.line(pen.book.notes, "against", a=pen.the(cast.c, view), r=r, b=pen.the(b, view))
    return _fact(pen, cast, fact, Line(against))


def _answer(pen: Pen, cast: Cast) -> _Made:
    """A request that fits two things, and the answer to the robot's question."""
    assert len(described(cast.a.kind, cast.view)) == 2
    words = pen.line(pen.book.clauses, str(cast.b.holds), a=f"the {cast.a.kind}", b=pen.the(cast.b, cast.view))
    said = pen.draw.one((f"the {cast.a.colour} one", pen.the(cast.a, cast.view)))
    return (Line(pen.polite(words)), Line(said, Plan((into(cast.a, cast.b),)))), 0


MAKERS: dict[str, Callable[[Pen, Cast], _Made]] = {
    "reference": _reference,
    "return": _return,
    "correction": _correction,
    "moving": _moving,
    "name": _name,
    "home": _home,
    "never": _never,
    "answer": _answer,
}
CORRECTIONS = ("correction", "moving")
FACTS = ("name", "home", "never")
