"""Checks a whole plan in the mind before anything moves: what it would do, and why not."""

from dataclasses import dataclass

from dialogue.deeds import Deed, Trail, after
from dialogue.notes import Notes, compile_notes
from dialogue.plan import Forget, Plan, Remember
from dialogue.problem import Problem, Unfit
from dialogue.rules import verify, verify_note
from dialogue.view import SceneView
from dialogue.walk import ENDING, Turn, Walk


@dataclass(frozen=True)
class Verdict:
    """What a plan would do if every step succeeds, and the first problem on the way, if any.

    view: what the table would look like then (or where the problem arises).
    """

    turns: tuple[Turn, ...]
    problem: Problem | None
    view: SceneView

    @property
    def deeds(self) -> tuple[Deed, ...]:
        return tuple(turn for turn in self.turns if isinstance(turn, Deed))


def check_plan(plan: Plan, view: SceneView, notes: Notes, trail: Trail | None = None) -> Verdict:
    """Walk through `plan` as if every deed did what it should; stop at the first problem.

    Conditions and loops are followed on the predicted view, so what is seen later may lead elsewhere: the executor
    verifies every deed again on what it sees then. `trail` is not changed.
    """
    now = view
    walk = Walk(plan, lambda: now, notes, trail.copy() if trail else Trail())
    turns: list[Turn] = []
    try:
        for turn in walk:
            problem = check_turn(turn, now, walk.notes)
            if problem is not None:
                return Verdict(tuple(turns), problem, now)
            turns.append(turn)
            if isinstance(turn, Deed):
                now = after(now, turn)
            if isinstance(turn, Remember):
                walk.notes = with_note(walk.notes, turn.text)
            if isinstance(turn, ENDING):
                break
    except Unfit as unfit:
        return Verdict(tuple(turns), unfit.problem, now)
    return Verdict(tuple(turns), None, now)


def check_turn(turn: Turn, view: SceneView, notes: Notes) -> Problem | None:
    """Return why this one turn must not be taken in `view`, or None."""
    if isinstance(turn, Deed):
        return None if turn.already else verify(turn, view, notes)
    return verify_note(turn) if isinstance(turn, Remember | Forget) else None


def with_note(notes: Notes, text: str) -> Notes:
    """Return the notes with one more text remembered."""
    added = compile_notes([text])
    return Notes((*notes.constraints, *added.constraints), {**notes.aliases, **added.aliases})
