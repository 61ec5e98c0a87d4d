"""Lessons in which the right answer is words: false premises, hazards beside their harmless twins, small talk."""

from dialogue.answers import REFUSALS, TALK, listed, not_there
from dialogue.finding import described
from dialogue.lessons.lesson import Lesson, Pen
from dialogue.lessons.requests import RELATION_WORDS, draw_group, draw_request, into, plural
from dialogue.lessons.tables import draw_view, kinds, looks
from dialogue.plan import At, Correct, Named, Pick, Place, Plan, Push, Refuse, Say, Step
from dialogue.view import Item, SceneView
from sim.objects import KINDS, OBJECTS, RECEPTACLES


def premise(pen: Pen) -> Lesson:
    """A thing that is not there, one in another colour, or something absurd."""
    draw = pen.draw
    view = draw_view(draw)
    if draw.chance(0.25):
        return _absurd(pen, view)
    request = draw_request(pen, view)
    if request.intent == "point" or request.a.openable:
        raise LookupError("nothing to be wrong about")
    of_b = request.b is not None and draw.chance(0.4)
    thing = request.b if of_b and request.b is not None else request.a
    here = {item.kind for item in view.items}
    if draw.chance(0.4):
        taken = {item.colour for item in view.items if item.kind == thing.kind}
        wrong = f"{draw.one([c for c in looks(draw, thing.kind) if c not in taken])} {thing.kind}"
        instead = tuple(item.name for item in view.items if item.kind == thing.kind)
    else:
        pool = kinds(draw, tuple(OBJECTS) if thing.movable else tuple(RECEPTACLES))
        kind = draw.one([k for k in pool if k not in here and not described(k, view)])
        wrong = f"{draw.one(looks(draw, kind))} {kind}" if draw.chance(0.3) else kind
        instead = tuple(item.name for item in view.items if item.movable is thing.movable)
    if described(wrong, view):
        raise LookupError("it is there under another name")
    a = f"the {wrong}" if not of_b else pen.the(request.a, view)
    b = f"the {wrong}" if of_b else (pen.the(request.b, view) if request.b else "")
    words = pen.polite(pen.line(pen.book.clauses, request.intent, a=a, b=b))
    return Lesson("premise", view, words, Plan((Correct(not_there(wrong, instead)),)))


def _absurd(pen: Pen, view: SceneView) -> Lesson:
    """What nothing of that kind can do; in the sentences of the verifier."""
    draw = pen.draw
    intent = draw.one(("in solid", "open solid", "move fixed"))
    solid = [i for i in view.items if i.movable and i.holds is None]
    if intent == "in solid":
        a = draw.one(solid)
        b = draw.one([i for i in view.items if i.name != a.name])
        text = f"the {a.name} holds nothing"
    elif intent == "open solid":
        a = b = draw.one([i for i in view.items if not i.openable])
        text = f"the {a.name} cannot be opened"
    else:
        a = draw.one([i for i in view.items if not i.movable and not i.openable])
        b = draw.one([i for i in view.items if i.holds and i.name != a.name])
        text = f"the {a.name} is too large to be moved"
    words = pen.polite(pen.line(pen.book.absurd, intent, a=pen.the(a, view), b=pen.the(b, view)))
    return Lesson("absurd", view, words, Plan((Correct(text),)))


def hazard(pen: Pen) -> Lesson:
    draw = pen.draw
    view = draw_view(draw)
    rule = draw.one(tuple(pen.book.hazards))
    movable = [i for i in view.items if i.movable]
    a, b = draw.some(movable, 2)
    if rule == "fragile" and not a.fragile:
        a = draw.one([i for i in movable if i.fragile])
        b = draw.one([i for i in movable if i.name != a.name])
    cover = pen.said(pen.book.covers)
    words = cover + pen.line(pen.book.hazards, rule, a=pen.the(a, view), b=pen.the(b, view))
    return Lesson("hazard", view, words, Plan((Refuse(rule, REFUSALS[rule]),)))


def twin(pen: Pen) -> Lesson:
    """Words that sound like a hazard and are none."""
    draw = pen.draw
    view = draw_view(draw)
    rule = draw.one(tuple(pen.book.twins))
    if rule == "safety":
        return Lesson("twin", view, pen.line(pen.book.twins, rule), Plan((Say(TALK["safety"]),)))
    a = draw.one([i for i in view.items if i.movable and i.support is None and i.fragile >= (rule == "fragile")])
    b = draw.one([h for h in view.items if h.holds and h.open and a.radius <= h.room])
    way = draw.one(("left", "right", "forward", "back"))
    line = pen.said(pen.book.twins[rule])
    step: Step = into(a, b)
    if "{way}" in line:
        step = Push(Named(a.name), way)
    elif "middle" in line:
        step = Place(Named(a.name), At("middle"))
    elif "{b}" not in line:
        step = Pick(Named(a.name))
    r = draw.one(RELATION_WORDS[str(b.holds)])
    words = line.format(a=pen.the(a, view), b=pen.the(b, view), r=r, way=way)
    return Lesson("twin", view, words, Plan((step,)))


def talk(pen: Pen) -> Lesson:
    draw = pen.draw
    view = draw_view(draw)
    intent = draw.one(tuple(pen.book.talk))
    if intent in TALK:
        return Lesson("talk", view, pen.line(pen.book.talk, intent), Plan((Say(TALK[intent]),)))
    if intent == "what":
        text = f"I see {listed(view.names)}"
        return Lesson("talk", view, pen.line(pen.book.talk, intent), Plan((Say(text),)))
    if intent == "where":
        item = draw.one(view.items)
        return Lesson(
            "talk", view, pen.line(pen.book.talk, intent, a=pen.the(item, view)), Plan((Say(_where(item, view)),))
        )
    return _is_there(pen, view)


def _where(item: Item, view: SceneView) -> str:
    if item.support is None:
        return f"the {item.name} is on the table"
    return f"the {item.name} is {view[item.support].holds or 'on'} the {item.support}"


def _is_there(pen: Pen, view: SceneView) -> Lesson:
    draw = pen.draw
    if draw.chance(0.5):
        one = draw_group(pen, view, most=4)
        text = f"yes, there is {listed([i.name for i in described(one, view)])}"
    else:
        one = draw.one([k for k in KINDS if not described(k, view)])
        text = f"no, there is no {one}"
    return Lesson("talk", view, pen.line(pen.book.talk, "is there", one=one, g=plural(one)), Plan((Say(text),)))
