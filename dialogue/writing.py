"""Trees of plans as text: the way back from `dialogue.syntax`."""

from collections.abc import Iterable

from dialogue.plan import (
    Ask,
    At,
    Beside,
    Close,
    Condition,
    Correct,
    Destination,
    Exists,
    ForEach,
    Forget,
    If,
    IsState,
    IsWhere,
    It,
    Look,
    Named,
    Open,
    Pick,
    Place,
    Plan,
    Point,
    Push,
    Refuse,
    Remember,
    Return,
    Say,
    Selector,
    Simple,
    Some,
    Step,
    There,
    Thing,
    While,
)


def render_plan(plan: Plan, *, indent: int = 2) -> str:
    """Write a plan, without a newline at its end; `parse_plan` reads it back as an equal tree."""
    return "\n".join(line for step in plan.steps for line in _lines(step, 0, indent))


def render_step(step: Simple) -> str:
    """Write one step that is no block."""
    match step:
        case Pick(thing) | Return(thing) | Open(thing) | Close(thing) | Point(thing):
            return f"{type(step).__name__.lower()} {render_thing(thing)}"
        case Place(thing, where):
            return f"place {render_thing(thing)} {_destination(where)}"
        case Push(thing, direction):
            return f"push {render_thing(thing)} {direction}"
        case Look():
            return "look"
        case Say(text) | Correct(text) | Remember(text) | Forget(text):
            return f"{type(step).__name__.lower()} {text}"
        case Ask(text, options):
            return " | ".join((f"ask {text}", *options))
        case Refuse(rule, text):
            return f"refuse {rule} | {text}"


def render_thing(thing: Thing) -> str:
    match thing:
        case Named(name):
            return name
        case It():
            return "it"
        case Some(selector):
            return f"any {render_selector(selector)}"


def render_selector(selector: Selector) -> str:
    text = selector.words
    if selector.relation is not None:
        text += f"{' not' if selector.negated else ''} {selector.relation} {selector.target}"
    return f"{text} except {', '.join(selector.excepted)}" if selector.excepted else text


def render_condition(condition: Condition) -> str:
    match condition:
        case Exists(selector, wanted):
            return f"{'any' if wanted else 'no'} {render_selector(selector)}"
        case IsState(thing, state, wanted):
            return f"{render_thing(thing)} is {'' if wanted else 'not '}{state}"
        case IsWhere(thing, where, wanted):
            return f"{render_thing(thing)} is {'' if wanted else 'not '}{_destination(where)}"


def _destination(where: Destination) -> str:
    match where:
        case Beside(relation, thing):
            return f"{relation} {render_thing(thing)}"
        case At(region):
            return f"at {region}"
        case There():
            return "there"


def _lines(step: Step, depth: int, indent: int) -> Iterable[str]:
    pad = " " * (indent * depth)
    match step:
        case ForEach(selector, body):
            yield f"{pad}for each {render_selector(selector)}"
            yield from (line for inner in body for line in _lines(inner, depth + 1, indent))
            yield f"{pad}end"
        case While(condition, most, body):
            yield f"{pad}while {render_condition(condition)} max {most}"
            yield from (line for inner in body for line in _lines(inner, depth + 1, indent))
            yield f"{pad}end"
        case If(condition, then, otherwise):
            yield f"{pad}if {render_condition(condition)}"
            yield from (line for inner in then for line in _lines(inner, depth + 1, indent))
            if otherwise:
                yield f"{pad}else"
                yield from (line for inner in otherwise for line in _lines(inner, depth + 1, indent))
            yield f"{pad}end"
        case _:
            yield pad + render_step(step)
