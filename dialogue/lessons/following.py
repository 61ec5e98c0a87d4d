"""Lessons about earlier turns: references, corrections, answers to questions, and what was to be remembered."""

from dialogue.answers import REFUSALS
from dialogue.lessons.lesson import Lesson, Pen, passed, said
from dialogue.lessons.requests import RELATION_WORDS, into
from dialogue.lessons.tables import draw_view
from dialogue.plan import (
    Ask,
    Named,
    Place,
    Plan,
    Refuse,
    Remember,
    Return,
    Step,
    There,
)
from dialogue.view import Item, SceneView


def following(pen: Pen) -> Lesson:
    """After one thing was put somewhere: "now put it ...", "the other one", "same place", "put it back"."""
    draw = pen.draw
    intent = draw.one(("it where", "other", "there", "back", "same"))
    view = draw_view(draw, twins="objects" if intent == "other" else None, objects=4)
    a, b, words = _first_turn(pen, view, twin=intent == "other")
    turns = [(words, Plan((into(a, b),)))]
    now, trail = passed(turns, view)
    others = [i for i in now.items if i.movable and i.support is None and i.name != a.name and i.radius <= b.room]
    step: Step
    if intent == "it where":
        c = draw.one([h for h in now.items if h.holds and h.open and h.name != b.name and a.radius <= h.room])
        r = draw.one(RELATION_WORDS[str(c.holds)])
        text, step = pen.line(pen.book.following, intent, r=r, b=pen.the(c, now)), into(a, c)
    elif intent == "other":
        c = draw.one([i for i in others if i.kind == a.kind])
        text, step = pen.line(pen.book.following, intent, one=a.kind), into(c, b)
    elif intent == "there":
        c = draw.one(others)
        text, step = pen.line(pen.book.following, intent, a=pen.the(c, now)), Place(Named(c.name), There())
    elif intent == "back":
        text, step = pen.line(pen.book.following, intent, a=pen.the(a, now)), Return(Named(a.name))
    else:
        c = draw.one(others)
        text, step = pen.line(pen.book.following, intent, a=pen.the(c, now)), into(c, b)
    return Lesson("following", now, text, Plan((step,)), history=said(turns), trail=trail)


def corrected(pen: Pen) -> Lesson:
    """ "No, the other bowl": the same thing to another place. "No, the lemon": back with the one, then the other."""
    draw = pen.draw
    place = draw.chance(0.5)
    view = draw_view(draw, twins="receptacles" if place else None, objects=4)
    a, b, words = _first_turn(pen, view)
    turns = [(words, Plan((into(a, b),)))]
    now, trail = passed(turns, view)
    if place:
        holders = [h for h in now.items if h.holds and h.open and h.name != b.name and a.radius <= h.room]
        alike = [h for h in holders if h.kind == b.kind]
        c = draw.one(alike if len(alike) == 1 and draw.chance(0.7) else holders)
        line = pen.said(pen.book.following["other place"])
        if "{two}" in line and alike != [c]:
            raise LookupError("there is no one other")
        text = line.format(two=b.kind, b=pen.the(c, now))
        return Lesson("correction", now, text, Plan((into(a, c),)), history=said(turns), trail=trail)
    c = draw.one([i for i in now.items if i.movable and i.support is None and i.name != a.name and i.radius <= b.room])
    text = pen.line(pen.book.following, "other thing", a=pen.the(c, now))
    plan = Plan((Return(Named(a.name)), into(c, b)))
    return Lesson("correction", now, text, plan, history=said(turns), trail=trail)


def _first_turn(pen: Pen, view: SceneView, *, twin: bool = False) -> tuple[Item, Item, str]:
    """Draw what was put where, and the words for it."""
    draw = pen.draw
    b = draw.one([h for h in view.items if h.holds and h.open])
    able = [i for i in view.items if i.movable and i.support is None and i.radius <= b.room]
    if twin:
        able = [i for i in able if len([o for o in able if o.kind == i.kind]) == 2]
    a = draw.one(able)
    words = pen.line(pen.book.clauses, str(b.holds), a=pen.the(a, view), b=pen.the(b, view))
    return a, b, pen.polite(words)


def question(pen: Pen) -> tuple[SceneView, Item, tuple[Item, ...], str, Item]:
    """A request that fits several things: table, one of them, all of them, the words, and where it is to go."""
    draw = pen.draw
    view = draw_view(draw, twins="objects", objects=3)
    twins = [i for i in view.items if i.movable and len([o for o in view.items if o.kind == i.kind]) > 1]
    meant = draw.one(twins)
    options = tuple(i for i in twins if i.kind == meant.kind)
    b = draw.one([h for h in view.items if h.holds and h.open and meant.radius <= h.room])
    noun = draw.one(meant.nouns[:2])
    words = pen.line(pen.book.clauses, str(b.holds), a=f"the {noun}", b=pen.the(b, view))
    return view, meant, options, pen.polite(words), b


def asking(options: tuple[Item, ...]) -> Ask:
    """The question between these things."""
    return Ask(f"which {options[0].kind}?", tuple(item.name for item in options))


def ambiguous(pen: Pen) -> Lesson:
    """Ask with exactly those that fit; when the answer comes, do it."""
    view, meant, options, words, b = question(pen)
    asked = Plan((asking(options),))
    if pen.draw.chance(0.6):
        return Lesson("ambiguity", view, words, asked)
    text = pen.line(pen.book.following, "answer", a=pen.the(meant, view))
    turns = [(words, asked)]
    return Lesson("answer", view, text, Plan((into(meant, b),)), history=said(turns))


def remembering(pen: Pen) -> Lesson:
    """Standing wishes and names: kept when said, used and held to later."""
    draw = pen.draw
    intent = draw.one(("never on", "never touch", "alias", "use alias", "against"))
    view = draw_view(draw, objects=3)
    holders = [h for h in view.items if h.holds and h.open]
    b = draw.one(holders)
    r = draw.one(RELATION_WORDS[str(b.holds)])
    a = draw.one([i for i in view.items if i.movable and i.support is None and i.radius <= b.room])
    never = f"never put anything {b.holds} {b.name}"
    if intent == "never on":
        text = pen.line(pen.book.notes, intent, r=r, b=pen.the(b, view))
        return Lesson("note", view, text, Plan((Remember(never),)))
    if intent == "never touch":
        text = pen.line(pen.book.notes, intent, a=pen.the(a, view))
        return Lesson("note", view, text, Plan((Remember(f"never touch {a.name}"),)))
    if intent == "alias" and b.name != b.kind:
        text = pen.line(pen.book.notes, intent, one=b.kind, a=pen.the(b, view))
        return Lesson("note", view, text, Plan((Remember(f"my {b.kind} is {b.name}"),)))
    if b.name == b.kind and intent in ("alias", "use alias"):
        raise LookupError("the name says as much already")
    slots = {"a": pen.the(a, view), "r": r, "b": pen.the(b, view), "one": b.kind}
    text = pen.polite(pen.line(pen.book.notes, intent, **slots))
    if intent == "use alias":
        return Lesson("note", view, text, Plan((into(a, b),)), notes=(f"my {b.kind} is {b.name}",))
    return Lesson("note", view, text, Plan((Refuse("constraint", REFUSALS["constraint"]),)), notes=(never,))
