"""Lessons of one turn that end in motion: single requests, several steps, groups, conditions."""

from dataclasses import dataclass

from dialogue.finding import described, stands
from dialogue.lessons.lesson import Lesson, Pen
from dialogue.lessons.tables import draw_view
from dialogue.plan import (
    DIRECTIONS,
    REGIONS,
    SIDES,
    TABLE,
    At,
    Beside,
    Close,
    Exists,
    ForEach,
    If,
    IsState,
    It,
    Named,
    Open,
    Pick,
    Place,
    Plan,
    Point,
    Push,
    Selector,
    Some,
    Step,
)
from dialogue.view import Item, SceneView
from sim.objects import COLOURS, KINDS

RELATION_WORDS = {"in": ("in", "into", "inside"), "on": ("on", "onto", "on top of")}
PLURALS = {"mushroom": "mushrooms", "toy": "toys", "dish": "dishes", "food": "foods", "cutting board": "cutting boards"}


@dataclass(frozen=True)
class Request:
    """A step and the intent whose lines say it. a, b: the things in their slots."""

    intent: str
    step: Step
    a: Item
    b: Item | None = None


def clause(pen: Pen, request: Request, view: SceneView) -> str:
    """Return bare words for a request: no politeness."""
    slots = {"a": pen.the(request.a, view)}
    if request.b is not None:
        slots["b"] = pen.the(request.b, view)
    return pen.line(pen.book.clauses, request.intent, **slots)


def into(a: Item, b: Item) -> Place:
    return Place(Named(a.name), Beside(b.holds or "on", Named(b.name)))


def draw_request(pen: Pen, view: SceneView, *, without: tuple[str, ...] = ()) -> Request:
    """Draw one thing to do with something not in `without`. Whether it can be done the caller finds out."""
    draw = pen.draw
    movable = [i for i in view.items if i.movable and i.name not in without and not view.upon(i.name)]
    a = draw.one(movable)
    holders = [h for h in view.items if h.holds and h.open and h.radius and a.radius <= h.room and a.support != h.name]
    others = [i for i in view.items if i.name != a.name and i.support is None]
    kind = draw.one(("into",) * 5 + ("side", "region", "push", "lift", "stack", "point", "cupboard", "out"))
    if kind == "cupboard":
        return _cupboard(pen, view)
    if kind == "into":
        b = draw.one(holders)
        return Request(str(b.holds), into(a, b), a, b)
    if kind == "out" and a.support and view[a.support].holds == "in":
        holder = view[a.support]
        return Request("take out", Place(Named(a.name), Beside("out of", Named(holder.name))), a, holder)
    if kind == "stack" and a.steady:
        b = draw.one([i for i in others if i.flat])
        return Request("stack", Place(Named(a.name), Beside("on", Named(b.name))), a, b)
    if kind == "side":
        b, side = draw.one(others), draw.one((*SIDES, "next to"))
        return Request(side, Place(Named(a.name), Beside(side, Named(b.name))), a, b)
    if kind == "push":
        way = draw.one(DIRECTIONS)
        return Request(f"push {way}", Push(Named(a.name), way), a)
    if kind == "point":
        a = draw.one(view.items)
        return Request("point", Point(Named(a.name)), a)
    if kind == "region":
        region = draw.one(REGIONS)
        return Request(region, Place(Named(a.name), At(region)), a)
    return Request("lift", Pick(Named(a.name)), a)


def _cupboard(pen: Pen, view: SceneView) -> Request:
    """Open or close the drawer; LookupError where there is none."""
    item = pen.draw.one([i for i in view.items if i.openable])
    step = Close(Named(item.name)) if item.open else Open(Named(item.name))
    return Request("close" if item.open else "open", step, item)


def single(pen: Pen) -> Lesson:
    view = draw_view(pen.draw)
    request = draw_request(pen, view)
    return Lesson("single", view, pen.polite(clause(pen, request, view)), Plan((request.step,)))


def several(pen: Pen) -> Lesson:
    """Two steps; three are rare in training and common in the tests."""
    view = draw_view(pen.draw, objects=4)
    count = 3 if pen.draw.chance(0.5 if pen.draw.held_out else 0.2) else 2
    requests: list[Request] = []
    for _ in range(count):
        done = tuple(r.a.name for r in requests) + tuple(r.b.name for r in requests if r.b and r.b.movable)
        request = draw_request(pen, view, without=done)
        if request.intent == "lift" and len(requests) < count - 1:
            raise LookupError("a full hand ends a row of steps")
        requests.append(request)
    words = [clause(pen, request, view) for request in requests]
    slots = dict(zip("xyz", words, strict=False))
    text = pen.line(pen.book.joins, "two" if count == 2 else "three", **slots)
    return Lesson("several", view, pen.polite(text), Plan(tuple(r.step for r in requests)))


def plural(word: str) -> str:
    last = word.split()[-1]
    if last.endswith(("s", "x", "ch", "sh")):
        return f"{word}es"
    if last.endswith("y") and last[-2] not in "aeiou":
        return f"{word[:-1]}ies"
    if last in ("potato", "tomato"):
        return f"{word}es"
    return word if last in ("dice", "cheese", "bread", "broccoli", "corn") else f"{word}s"


def draw_group(pen: Pen, view: SceneView, *, fewest: int = 1, most: int = 9) -> str:
    """Return words for a group of movable things that the table holds ("vegetable", "red object", "cube", "object")."""
    words = ["object"]
    for item in view.items:
        if item.movable:
            words += [*item.categories, item.kind, f"{item.colour} object", f"{item.colour} {item.kind}"]
    groups = [w for w in dict.fromkeys(words) if fewest <= len([i for i in described(w, view) if i.movable]) <= most]
    return pen.draw.one([w for w in groups if all(i.movable for i in described(w, view))])


def group_of_many(pen: Pen) -> Lesson:
    """ "All the vegetables", with exceptions and places; also emptying a receptacle."""
    draw = pen.draw
    view = draw_view(draw, objects=5, full=draw.chance(0.4))
    intent = draw.one(("all", "all", "all", "all except", "all region", "from", "empty"))
    b = draw.one([h for h in view.items if h.holds and h.open])
    r = draw.one(RELATION_WORDS[str(b.holds)])
    if intent == "empty":
        inside = [h for h in view.items if h.holds == "in" and view.upon(h.name) and h.open]
        b = draw.one(inside)
        body = (Place(It(), Beside("on", Named(TABLE))),)
        words = pen.line(pen.book.groups, "empty", b=pen.the(b, view))
        return Lesson("group", view, pen.polite(words), Plan((ForEach(Selector("object", "in", b.name), body),)))
    one = draw_group(pen, view, fewest=2 if intent == "all except" else 1)
    members = [i for i in described(one, view) if i.movable]
    slots = {"g": plural(one), "one": one, "b": pen.the(b, view), "r": r}
    into_b = (Place(It(), Beside(str(b.holds), Named(b.name))),)
    if intent == "all except":
        left = draw.one(members)
        words = pen.line(pen.book.groups, intent, a=pen.the(left, view), **slots)
        return Lesson("group", view, pen.polite(words), Plan((ForEach(Selector(one, excepted=(left.name,)), into_b),)))
    region = draw.one(REGIONS)
    if intent == "all region":
        words = pen.line(pen.book.groups, intent, region=region, **slots)
        return Lesson("group", view, pen.polite(words), Plan((ForEach(Selector(one), (Place(It(), At(region)),)),)))
    if intent == "from":
        if not any(stands(view, member, "at", region) for member in members):
            raise LookupError("none is there")
        words = pen.line(pen.book.groups, intent, region=region, **slots)
        return Lesson("group", view, pen.polite(words), Plan((ForEach(Selector(one, "at", region), into_b),)))
    words = pen.line(pen.book.groups, intent, **slots)
    return Lesson("group", view, pen.polite(words), Plan((ForEach(Selector(one), into_b),)))


def group_of_any(pen: Pen) -> Lesson:
    """ "Any fruit", "a bowl, but not the blue one"."""
    draw = pen.draw
    intent = draw.one(("any", "any", "any holder", "not holder"))
    view = draw_view(draw, twins="receptacles" if intent != "any" else None, objects=4)
    holders = [h for h in view.items if h.holds and h.open]
    b = draw.one(holders)
    r = draw.one(RELATION_WORDS[str(b.holds)])
    if intent == "any":
        one = draw_group(pen, view, most=4)
        words = pen.line(pen.book.groups, intent, one=one, g=plural(one), r=r, b=pen.the(b, view))
        step = Place(Some(Selector(one)), Beside(str(b.holds), Named(b.name)))
        return Lesson("any", view, pen.polite(words), Plan((step,)))
    b = draw.one([h for h in holders if len([o for o in holders if o.kind == h.kind]) > 1])
    a = draw.one([i for i in view.items if i.movable and i.radius <= b.room and i.support is None])
    r = draw.one(RELATION_WORDS[str(b.holds)])
    left_out = (b.name,) if intent == "not holder" else ()
    words = pen.line(pen.book.groups, intent, one=b.kind, g=plural(b.kind), r=r, a=pen.the(a, view), b=pen.the(b, view))
    where = Beside(str(b.holds), Some(Selector(b.kind, excepted=left_out)))
    return Lesson("any", view, pen.polite(words), Plan((Place(Named(a.name), where),)))


def condition(pen: Pen) -> Lesson:
    draw = pen.draw
    intent = draw.one(("if open", "if there", "if there", "if else"))
    view = draw_view(draw, drawer=True if intent == "if open" else None, objects=4)
    if intent == "if open":
        item = draw.one([i for i in view.items if i.openable])
        then = If(IsState(Named(item.name), "closed"), (Open(Named(item.name)),))
        return Lesson("condition", view, pen.polite(pen.line(pen.book.groups, intent, b="the drawer")), Plan((then,)))
    present = [i.kind for i in view.items if i.movable]
    absent = [k for k in KINDS if k not in {i.kind for i in view.items} and k not in COLOURS]
    one = draw.one(present if draw.chance(0.6) else absent)
    first = draw_request(pen, view)
    if intent == "if there":
        words = pen.line(pen.book.groups, intent, one=one, x=clause(pen, first, view))
        return Lesson("condition", view, words, Plan((If(Exists(Selector(one)), (first.step,)),)))
    second = draw_request(pen, view, without=(first.a.name,))
    words = pen.line(pen.book.groups, intent, one=one, x=clause(pen, first, view), y=clause(pen, second, view))
    return Lesson("condition", view, words, Plan((If(Exists(Selector(one)), (first.step,), (second.step,)),)))
