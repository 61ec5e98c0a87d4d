"""Carries out a plan: one turn after another through a policy, each judged by looking, tried twice, told as events."""

from typing import Protocol

from agent.ports import Observer
from dialogue.acting import Actor, Reader, Result
from dialogue.corrections import read_correction
from dialogue.deeds import Deed, Trail
from dialogue.events import Ending, Event, Happening, Listener, Report
from dialogue.interrupts import Interrupts
from dialogue.notes import Notes
from dialogue.plan import Ask, Correct, Forget, Look, Plan, Refuse, Remember, Say
from dialogue.ports import Body, Rehearsal
from dialogue.problem import Problem, Unfit
from dialogue.verifier import check_plan, check_turn, with_note
from dialogue.walk import Turn, Walk


class NoteBook(Protocol):
    """Where `remember` and `forget` go."""

    def remember(self, text: str) -> None: ...

    def forget(self, text: str) -> int:
        """Drop the notes that hold these words; return how many."""
        ...

    def notes(self) -> Notes: ...


class FixedNotes:
    """A NoteBook that always says the same; what a plan remembers holds until that plan ends."""

    def __init__(self, notes: Notes | None = None) -> None:
        self._notes = notes or Notes()

    def remember(self, text: str) -> None:
        """Nothing is kept."""

    def forget(self, text: str) -> int:
        return 0

    def notes(self) -> Notes:
        return self._notes


class Executor:
    """Runs plans in one body, one at a time.

    book: what plans are held to besides the hazard rules, and where they remember.  rehearsal: tried before anything
    moves, when there is one.  trail: where things were put before.  mailbox: words that come while the arm moves.
    reader: makes corrections of them; one with a language model behind it should ask `read_correction` first, which
    knows a stop when it hears one.
    """

    def __init__(
        self,
        body: Body,
        *,
        book: NoteBook | None = None,
        rehearsal: Rehearsal | None = None,
        trail: Trail | None = None,
        mailbox: Interrupts | None = None,
        reader: Reader = read_correction,
        observers: tuple[Observer, ...] = (),
    ) -> None:
        self._body, self._book, self._rehearsal = body, book or FixedNotes(), rehearsal
        self.trail = trail if trail is not None else Trail()
        self.mailbox = mailbox or Interrupts()
        self._actor = Actor(body, self.mailbox, reader, observers)

    def run(self, plan: Plan, listener: Listener = lambda event: None) -> Report:
        """Check, rehearse and carry out `plan`; every event is told to `listener` as it happens.

        Nothing moves when the plan has a problem. Raises only what the body's own parts raise beyond their contracts.
        """
        run = _Run(self, listener)
        return run.through(plan)


class _Run:
    """One plan on its way."""

    def __init__(self, owner: Executor, listener: Listener) -> None:
        self._owner, self._listener = owner, listener
        self._events: list[Event] = []
        self._step = 0

    def through(self, plan: Plan) -> Report:
        owner = self._owner
        body, notes = owner._body, owner._book.notes()
        problem = check_plan(plan, body.eyes(), notes, owner.trail).problem
        if problem is None and owner._rehearsal is not None:
            problem = owner._rehearsal.rehearse(plan, notes, owner.trail)
            self._tell(Happening.REHEARSED, 0, "went well" if problem is None else problem.sentence, problem=problem)
        if problem is not None:
            return self._declined(problem)
        walk = Walk(plan, body.eyes, notes, owner.trail)
        try:
            for turn in walk:
                problem = check_turn(turn, body.eyes(), walk.notes)
                ending = self._declined(problem) if problem is not None else self._take(turn, walk)
                if ending is not None:
                    return ending
                self._step += 1
        except Unfit as unfit:
            return self._declined(unfit.problem)
        return self._end(Ending.DONE)

    def _take(self, turn: Turn, walk: Walk) -> Report | None:
        """Take one turn; return the report when the plan ends with it."""
        match turn:
            case Deed():
                return self._do(turn, walk)
            case Say(text, line):
                self._tell(Happening.SAID, line, text)
            case Correct(text, line):
                self._tell(Happening.CORRECTED, line, text)
            case Look(line):
                self._tell(Happening.LOOKED, line, ", ".join(self._owner._body.eyes().names))
            case Remember(text, line):
                self._owner._book.remember(text)
                walk.notes = with_note(walk.notes, text)
                self._tell(Happening.REMEMBERED, line, text)
            case Forget(text, line):
                count = self._owner._book.forget(text)
                walk.notes = self._owner._book.notes()
                self._tell(Happening.FORGOTTEN, line, f"{count} notes about '{text}'")
            case Ask(text, options, line):
                self._tell(Happening.ASKED, line, text, options=options)
                return self._end(Ending.ASKED)
            case Refuse(rule, text, line):
                problem = Problem("rule", text, line, rule)
                self._tell(Happening.REFUSED, line, text, problem=problem)
                return self._end(Ending.REFUSED, problem)
        return None

    def _do(self, deed: Deed, walk: Walk) -> Report | None:
        if deed.already:
            self._tell(Happening.SKIPPED, deed.line, f"{deed}: it is so already")
            return None
        self._tell(Happening.STARTED, deed.line, str(deed))
        result = self._owner._actor.act(deed, walk.notes, self._hear)
        if result.outcome is Result.FAILED and not result.final:
            self._tell(Happening.RETRIED, deed.line, result.reason, control_steps=result.control_steps)
            problem = check_turn(result.deed, self._owner._body.eyes(), walk.notes)
            if problem is not None:
                return self._declined(problem)
            result = self._owner._actor.act(result.deed, walk.notes, self._hear)
        walk.done = result.deed
        match result.outcome:
            case Result.DONE:
                self._tell(Happening.DONE, deed.line, str(result.deed), control_steps=result.control_steps)
                return None
            case Result.LEFT:
                walk.done = None
                self._tell(Happening.SKIPPED, deed.line, f"{result.deed}: left as you asked")
                return None
            case Result.STOPPED:
                self._tell(Happening.STOPPED, deed.line, result.reason)
                return self._end(Ending.STOPPED)
            case Result.ASKED:
                assert result.problem is not None
                return self._declined(result.problem)
        problem = Problem("outcome", f"{result.deed} did not work: {result.reason}", deed.line)
        self._tell(Happening.FAILED, deed.line, problem.sentence, problem=problem, control_steps=result.control_steps)
        return self._end(Ending.FAILED, problem)

    def _hear(self, what: Happening, text: str) -> None:
        self._tell(what, 0, text)

    def _declined(self, problem: Problem) -> Report:
        """End with a problem: a rule is a refusal, several that fit a question, anything else does not fit."""
        options = problem.offers
        if problem.kind == "rule":
            self._tell(Happening.REFUSED, problem.line, problem.sentence, options=options, problem=problem)
            return self._end(Ending.REFUSED, problem)
        if problem.kind == "ambiguous":
            self._tell(Happening.ASKED, problem.line, problem.sentence, options=options, problem=problem)
            return self._end(Ending.ASKED, problem)
        self._tell(Happening.UNFIT, problem.line, problem.sentence, options=options, problem=problem)
        return self._end(Ending.UNFIT, problem)

    def _end(self, ending: Ending, problem: Problem | None = None) -> Report:
        self._tell(Happening.FINISHED, 0, ending.value)
        return Report(ending, tuple(self._events), problem)

    def _tell(
        self,
        what: Happening,
        line: int,
        text: str,
        *,
        options: tuple[str, ...] = (),
        problem: Problem | None = None,
        control_steps: int = 0,
    ) -> None:
        event = Event(what, line, self._step, text, options, problem, control_steps)
        self._events.append(event)
        self._listener(event)
