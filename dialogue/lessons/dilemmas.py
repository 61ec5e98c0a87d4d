"""Requests that fit several plans, of which the person means one: for calibrating when to ask.

Three kinds, as in KnowNo: an attribute ("the cube" of two), a number ("a few of the fruits"), a place ("beside the
bowl"). In half of them the words give a hint, which a good model uses to ask less.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from agent.errors import SpecError, unknown_name
from dialogue.language_model import Message
from dialogue.lessons.lesson import Pen, Split, wordbook
from dialogue.lessons.requests import RELATION_WORDS, into, plural
from dialogue.lessons.tables import Draw, draw_view
from dialogue.plan import SIDES, Beside, Named, Place, Plan
from dialogue.prompt import conversation
from dialogue.view import Item, SceneView
from dialogue.writing import render_plan

Kind = Literal["attribute", "number", "space"]
KINDS: tuple[Kind, ...] = ("attribute", "number", "space")
TRIES = 300
HINTS = {
    "left of": ("on its left", "on the left hand side"),
    "right of": ("on its right", "on the right hand side"),
    "in front of": ("on the side where I stand", "on my side"),
    "behind": ("on the far side", "on the robot's side"),
}
COUNTS = {2: ("two or so", "a couple"), 3: ("three or so", "some, not just two"), 4: ("almost all", "four or so")}
SHADES = {
    "red": "the colour of blood",
    "green": "the colour of grass",
    "blue": "the colour of the sky",
    "yellow": "the colour of the sun",
    "orange": "the colour of a carrot",
    "white": "the colour of snow",
    "black": "the colour of coal",
    "pink": "the colour of a pig",
    "purple": "the colour of plums",
}


@dataclass(frozen=True)
class Dilemma:
    """options: plan texts, of which `answer` is the index of the meant one."""

    kind: Kind
    view: SceneView
    words: str
    options: tuple[str, ...]
    answer: int

    def messages(self) -> list[Message]:
        return conversation(self.words, self.view)


def draw_dilemma(seed: int, kind: Kind, *, split: Split = "held_out") -> Dilemma:
    """Return the dilemma of this seed. Raises SpecError for an unknown kind."""
    makers = {"attribute": _attribute, "number": _number, "space": _space}
    if kind not in makers:
        raise unknown_name("kind of dilemma", kind, makers)
    pen = Pen(Draw(np.random.default_rng([seed, 7, KINDS.index(kind)])), wordbook(split))
    for _ in range(TRIES):
        try:
            view, words, options, answer = makers[kind](pen)
        except LookupError:
            continue
        order = [int(i) for i in pen.draw.rng.permutation(len(options))]
        texts = tuple(render_plan(options[i], indent=0) for i in order)
        return Dilemma(kind, view, pen.polite(words), texts, order.index(answer))
    raise SpecError(f"no dilemma of kind '{kind}' came of seed {seed}")


_Made = tuple[SceneView, str, list[Plan], int]


def _attribute(pen: Pen) -> _Made:
    draw = pen.draw
    view = draw_view(draw, twins="objects", objects=4)
    twins = [i for i in view.items if i.movable and len([o for o in view.items if o.kind == i.kind]) > 1]
    b = draw.one([h for h in view.items if h.holds and h.open and twins and twins[0].radius <= h.room])
    alike = [i for i in twins if i.kind == twins[0].kind]
    meant = draw.one(alike)
    said = f"the {meant.kind}"
    if draw.chance(0.5) and meant.colour in SHADES and len({i.colour for i in alike}) == len(alike):
        said = f"{said} that has {SHADES[str(meant.colour)]}"
    words = pen.line(pen.book.clauses, str(b.holds), a=said, b=pen.the(b, view))
    return view, words, [Plan((into(i, b),)) for i in alike], alike.index(meant)


def _number(pen: Pen) -> _Made:
    """How many of them: plans put the first 2, 3 or 4, as they are listed."""
    draw = pen.draw
    view = draw_view(draw, objects=5)
    b = draw.one([h for h in view.items if h.holds and h.open])
    category = draw.one([i.categories[0] for i in view.items if i.movable])
    things = [i for i in view.items if i.movable and category in i.categories and i.radius <= b.room]
    if len(things) < 3:
        category, things = "object", [i for i in view.items if i.movable and i.radius <= b.room]
    counts = [count for count in (2, 3, 4) if count <= len(things)]
    meant = draw.one(counts)
    few = draw.one(COUNTS[meant]) if draw.chance(0.5) else draw.one(("a few", "some", "several"))
    r = draw.one(RELATION_WORDS[str(b.holds)])
    words = f"put {few} of the {plural(category)} {r} {pen.the(b, view)}"
    return view, words, [Plan(tuple(into(i, b) for i in things[:count])) for count in counts], counts.index(meant)


def _space(pen: Pen) -> _Made:
    draw = pen.draw
    view = draw_view(draw, objects=3)
    a = draw.one([i for i in view.items if i.movable and i.support is None])
    b: Item = draw.one([i for i in view.items if i.name != a.name and i.support is None])
    side = draw.one(SIDES)
    hint = f", {draw.one(HINTS[side])}" if draw.chance(0.5) else ""
    words = f"put {pen.the(a, view)} near {pen.the(b, view)}{hint}"
    plans = [Plan((Place(Named(a.name), Beside(one, Named(b.name))),)) for one in SIDES]
    return view, words, plans, SIDES.index(side)
