"""Walks through a plan one deed at a time. The same walk rehearses a plan in the mind, in a copy of the world and in
the world: whoever drives it carries out what comes and says, through `eyes`, what is then to be seen."""

from collections.abc import Callable, Iterator
from typing import TypeAlias

from dialogue.deeds import Deed, Trail
from dialogue.finding import resolve, select, stands
from dialogue.grounding import ground, pick_one
from dialogue.notes import Notes
from dialogue.plan import (
    TABLE,
    Ask,
    At,
    Close,
    Condition,
    Correct,
    Exists,
    ForEach,
    Forget,
    If,
    IsState,
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
    Some,
    Step,
    Thing,
    While,
)
from dialogue.problem import Problem, Unfit
from dialogue.view import SceneView

MOST_DEEDS = 40
"""Motions of one plan, all loops together."""
MOST_TURNS = 200
"""Steps of any kind of one plan, all loops together."""

Spoken: TypeAlias = Say | Ask | Correct | Refuse
Turn: TypeAlias = Deed | Spoken | Look | Remember | Forget
ENDING = (Ask, Refuse)
"""After these a plan is over: what follows is the person's to say."""


class Walk:
    """One way through a plan. Iterate it; after each deed that is not `already`, `eyes` must show what came of it.

    Raises Unfit where a step does not fit what is seen, or the plan has more steps than allowed. notes may be replaced
    on the way (a plan that remembers something is held to it from then on).
    """

    def __init__(self, plan: Plan, eyes: Callable[[], SceneView], notes: Notes, trail: Trail | None = None) -> None:
        self._plan, self._eyes = plan, eyes
        self.notes, self.trail = notes, trail if trail is not None else Trail()
        self.done: Deed | None = None
        """What the driver really did of the last deed; None for nothing. It is set anew with every deed."""
        self._turns = self._deeds = 0

    def __iter__(self) -> Iterator[Turn]:
        return self._steps(self._plan.steps, None)

    def _steps(self, steps: tuple[Step, ...], it: str | None) -> Iterator[Turn]:
        for step in steps:
            self._count(step.line)
            match step:
                case ForEach(selector, body, line):
                    for item in select(selector, self._eyes(), self.notes.aliases, line):
                        self._count(line)
                        yield from self._steps(body, item.name)
                case While(condition, most, body, line):
                    for _ in range(most):
                        self._count(line)
                        if not self._holds(condition, it, line):
                            break
                        yield from self._steps(body, it)
                case If(condition, then, otherwise, line):
                    yield from self._steps(then if self._holds(condition, it, line) else otherwise, it)
                case Pick() | Place() | Return() | Push() | Open() | Close() | Point():
                    yield from self._deed(step, it)
                case _:
                    yield step

    def _deed(self, step: Pick | Place | Return | Push | Open | Close | Point, it: str | None) -> Iterator[Turn]:
        before = self._eyes()
        deed = ground(step, before, self.notes, self.trail, it)
        if not deed.already:
            self._deeds += 1
            if self._deeds > MOST_DEEDS:
                raise _too_much(f"a plan moves things at most {MOST_DEEDS} times", step.line)
        self.done = deed
        yield deed
        if not deed.already and self.done is not None:
            self.trail.record(self.done, before)

    def _count(self, line: int) -> None:
        self._turns += 1
        if self._turns > MOST_TURNS:
            raise _too_much(f"a plan takes at most {MOST_TURNS} steps, loops included", line)

    def _holds(self, condition: Condition, it: str | None, line: int) -> bool:
        view, aliases = self._eyes(), self.notes.aliases
        if isinstance(condition, Exists):
            return bool(select(condition.selector, view, aliases, line)) is condition.wanted
        if isinstance(condition, IsState) and condition.state == "there":
            return self._is_there(condition.thing, view, it, line) is condition.wanted
        item = pick_one(condition.thing, view, self.notes, it, line)
        if isinstance(condition, IsState):
            states = {"held": item.held, "open": item.open, "closed": not item.open}
            return states[condition.state] is condition.wanted
        where = condition.where
        if isinstance(where, At):
            return stands(view, item, "at", where.region) is condition.wanted
        if where.thing == Named(TABLE):
            return stands(view, item, where.relation, TABLE) is condition.wanted
        other = pick_one(where.thing, view, self.notes, it, line)
        return stands(view, item, where.relation, other.name) is condition.wanted

    def _is_there(self, thing: Thing, view: SceneView, it: str | None, line: int) -> bool:
        if isinstance(thing, Named):
            try:
                resolve(thing.name, view, self.notes.aliases, line)
            except Unfit as unfit:
                return unfit.problem.kind == "ambiguous"
            return True
        if isinstance(thing, Some):
            return bool(select(thing.selector, view, self.notes.aliases, line))
        return it is not None and view.find(it) is not None


def _too_much(sentence: str, line: int) -> Unfit:
    return Unfit(Problem("bound", sentence, line))
