"""Judges an answer by what it would do: both plans are carried out on the symbolic table, and the outcomes compared."""

from dataclasses import dataclass, field

from agent.types import Goal
from dialogue.deeds import Deed, Trail, after
from dialogue.notes import Notes, compile_notes
from dialogue.plan import Ask, Correct, Forget, Plan, Refuse, Remember, Say
from dialogue.problem import Problem, Unfit
from dialogue.syntax import PlanError, parse_plan
from dialogue.verifier import check_turn, with_note
from dialogue.view import SceneView
from dialogue.walk import Turn, Walk


@dataclass(frozen=True)
class Outcome:
    """What comes of a plan. view, trail: afterwards.  goals: the last thing done with each item.  said, noted: as data.

    problem: why it could not be carried out to its end, None when it was.
    """

    view: SceneView
    trail: Trail
    goals: dict[str, Goal | str]
    said: tuple[tuple[str, ...], ...]
    noted: tuple[str, ...]
    problem: Problem | None = None

    def same(self, other: "Outcome") -> bool:
        """Say whether both did and said the same, in any order of the deeds."""
        return (
            self._where() == other._where()
            and self.goals == other.goals
            and self.said == other.said
            and self.noted == other.noted
            and (self.problem is None) == (other.problem is None)
        )

    def _where(self) -> dict[str, tuple[str | None, bool, bool]]:
        return {item.name: (item.support, item.held, item.open) for item in self.view.items}


def carry_out(plan: Plan, view: SceneView, notes: Notes, trail: Trail | None = None) -> Outcome:
    """Walk through `plan` in symbols; it ends at the first step that does not fit or that a rule forbids."""
    run = _Run(view, Walk(plan, lambda: run.view, notes, (trail or Trail()).copy()))
    problem: Problem | None = None
    try:
        for turn in run.walk:
            problem = run.take(turn)
            if problem is not None or isinstance(turn, Ask | Refuse):
                break
    except Unfit as unfit:
        problem = unfit.problem
    return Outcome(run.view, run.walk.trail, run.goals, tuple(run.said), tuple(run.noted), problem)


@dataclass
class _Run:
    view: SceneView
    walk: Walk
    goals: dict[str, Goal | str] = field(default_factory=dict)
    said: list[tuple[str, ...]] = field(default_factory=list)
    noted: list[str] = field(default_factory=list)

    def take(self, turn: Turn) -> Problem | None:
        problem = check_turn(turn, self.view, self.walk.notes)
        match turn:
            case Deed() if problem is None:
                self.goals[turn.item] = turn.goal or turn.verb
                self.view = after(self.view, turn)
            case Remember(text) | Forget(text):
                self.noted.append(f"{type(turn).__name__.lower()} {text.lower()}")
                if isinstance(turn, Remember):
                    self.walk.notes = with_note(self.walk.notes, text)
            case Say(text):
                self.said.append(("say", text.lower()))
            case Correct(text):
                # What is there instead may be listed in any order; what is wrong is the point.
                self.said.append(("correct", text.lower().split(";")[0]))
            case Ask(_, options):
                self.said.append(("ask", *sorted(options)))
            case Refuse(rule, _):
                self.said.append(("refuse", rule))
        return problem


@dataclass(frozen=True)
class Verdict:
    """valid: it is a plan.  executable: it can be carried out to its end.  right: it does what the target does."""

    valid: bool
    executable: bool
    right: bool

    @property
    def valid_but_wrong(self) -> bool:
        return self.valid and not self.right


def judge(
    answer: str, target: Plan, view: SceneView, notes: tuple[str, ...] = (), trail: Trail | None = None
) -> Verdict:
    """Judge plan text against the target, both from the same table."""
    try:
        plan = parse_plan(answer)
    except PlanError:
        return Verdict(False, False, False)
    compiled = compile_notes(notes)
    got, wanted = carry_out(plan, view, compiled, trail), carry_out(target, view, compiled, trail)
    return Verdict(True, got.problem is None, got.same(wanted))
