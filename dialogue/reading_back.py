"""What earlier turns leave to lean on: the last thing moved, and the question that an answer answers."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from dialogue.finding import described
from dialogue.plan import Ask, At, Beside, Close, Named, Open, Pick, Place, Plan, Point, Push, Return, Step
from dialogue.prompt import Said
from dialogue.syntax import PlanError, parse_plan, render_plan
from dialogue.view import Item, SceneView


@dataclass(frozen=True)
class Move:
    """The last motion that was proposed. place: plan text of where it went, empty for none.  target: the thing there.

    rest: what stands behind the thing in the step when there is no place ("left" of a push), with a blank before it.
    """

    verb: str
    thing: str
    place: str = ""
    relation: str = ""
    target: str | None = None
    rest: str = ""


def last_move(history: Sequence[Said]) -> Move | None:
    """Return the last step about a named thing in these turns, the latest first."""
    for said in reversed(history):
        for step in reversed(_steps(said.answer)):
            move = _move(step)
            if move is not None:
                return move
    return None


def answered(asked: Said, words: str, view: SceneView, read: Callable[[str], str]) -> str | None:
    """Return the plan of the request before a question, with the chosen thing in it; None when this was no answer.

    read: makes plan text of the earlier request's words.
    """
    steps = _steps(asked.answer)
    question = steps[-1] if steps and isinstance(steps[-1], Ask) else None
    if question is None or not question.options:
        return None
    items = [item for name in question.options if (item := view.find(name)) is not None]
    chosen = _chosen(words, items, view)
    if chosen is None:
        return None
    plan = Plan(tuple(with_choice(step, chosen, items, view) for step in _steps(read(asked.words))))
    return render_plan(plan, indent=0) if plan.steps else None


def _chosen(words: str, items: Sequence[Item], view: SceneView) -> Item | None:
    """The one option that the words fit: its name, a description, "the red one"."""
    words = words.removeprefix("i mean ").removeprefix("take ").removeprefix("the ").strip()
    if words.endswith(" one"):
        words = f"{words.removesuffix(' one')} {items[0].kind}" if items else words
    exact = [item for item in items if item.name == words or (item.colour == words and item.colour is not None)]
    fitting = exact or [item for item in items if item in described(words, view)]
    return fitting[0] if len(fitting) == 1 else None


def with_choice(step: Step, chosen: Item, items: Sequence[Item], view: SceneView) -> Step:
    """The step with the chosen thing wherever it named all of those."""

    def meant(name: str) -> bool:
        return view.find(name) is None and chosen in described(name, view) and len(items) > 1

    if isinstance(step, Pick | Place | Push | Point | Open | Close | Return):
        thing = step.thing
        step = replace(step, thing=Named(chosen.name)) if isinstance(thing, Named) and meant(thing.name) else step
    if isinstance(step, Place) and isinstance(step.where, Beside):
        other = step.where.thing
        if isinstance(other, Named) and meant(other.name):
            step = replace(step, where=Beside(step.where.relation, Named(chosen.name)))
    return step


def _move(step: Step) -> Move | None:
    thing = getattr(step, "thing", None)
    if not isinstance(thing, Named):
        return None
    match step:
        case Place(_, Beside(relation, Named(target))):
            return Move("place", thing.name, f"{relation} {target}", relation, target)
        case Place(_, At(region)):
            return Move("place", thing.name, f"at {region}", "at")
        case Place() | Return():
            return Move("place", thing.name, "there")
        case Push(_, direction):
            return Move("push", thing.name, rest=f" {direction}")
        case Pick() | Open() | Close() | Point():
            return Move(type(step).__name__.lower(), thing.name)
    return None


def _steps(answer: str) -> tuple[Step, ...]:
    try:
        return parse_plan(answer).steps
    except PlanError:
        return ()
