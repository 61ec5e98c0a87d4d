"""Why a plan cannot be carried out as it is, as data: a person, a model and a test all read the same fields."""

from dataclasses import dataclass
from typing import Literal

from agent.errors import AubergineError

Kind = Literal["absent", "ambiguous", "type", "precondition", "bound", "rule", "outcome"]


@dataclass(frozen=True)
class Problem:
    """One reason.

    kind: `absent` no such thing, `ambiguous` several fit, `type` a thing that cannot be used so, `precondition` not as
    things stand, `bound` too much, `rule` forbidden, `outcome` a rehearsal went wrong.  rule: which one (one of
    dialogue.plan.RULES) where kind is `rule`.  offers: things to choose from when ambiguous or absent, otherwise steps
    that are possible.
    """

    kind: Kind
    sentence: str
    line: int = 0
    rule: str | None = None
    offers: tuple[str, ...] = ()


class Unfit(AubergineError):
    """A plan, or a step of one, that cannot be carried out; `problem` says why."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.sentence)
        self.problem = problem
