"""One deed through a policy, with an ear open: words that come while the arm moves end the episode between two control
steps, are read, and change what is done next."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TypeAlias

import numpy as np

from agent.errors import SpecError
from agent.ports import Observer, Policy
from agent.runtime import run_episode
from agent.types import Episode, Observation, Outcome, Task
from dialogue.corrections import (
    Cancel,
    Correction,
    Instead,
    Nudge,
    Pause,
    Resume,
    Stop,
    Unclear,
    Unread,
)
from dialogue.deeds import Deed, Trail
from dialogue.events import Happening
from dialogue.grounding import ground
from dialogue.interrupts import Heedful, Interrupted, Interrupts
from dialogue.moves import HOVER, Moves, hover, set_down, shift
from dialogue.notes import Notes
from dialogue.plan import SIDES, TABLE, Beside, Named, Place
from dialogue.ports import Body, Judgement
from dialogue.problem import Problem, Unfit
from dialogue.rules import verify
from dialogue.view import SceneView

MOST_WORDS = 20
"""Corrections heeded in one deed; then it is given up, so that words cannot keep a robot busy for ever."""
PATIENCE_S = 60.0
"""How long "wait" lasts when nothing follows it; then the plan is stopped."""
MOVE_STEPS = 25
"""Control steps that a small scripted move may take."""
NEAR = 0.06
"""m; a tool this near the place is putting down: a nudge then means from here."""
SET_TOLERANCE = 0.04
"""m; how far from a nudged place a thing may come to rest."""
FINGER_TIP = 0.012


class Result(StrEnum):
    DONE = "done"
    FAILED = "failed"
    LEFT = "left"
    STOPPED = "stopped"
    ASKED = "asked"


@dataclass(frozen=True)
class Acted:
    """What came of a deed. deed: the one done in the end.  final: trying again would not help."""

    outcome: Result
    deed: Deed
    reason: str
    control_steps: int
    problem: Problem | None = None
    final: bool = False


Hear: TypeAlias = Callable[[Happening, str], None]
Reader: TypeAlias = Callable[[str, Deed, SceneView, Notes], Correction]
"""What was said while this deed was under way in this view -> what it asks for."""


@dataclass(frozen=True)
class Actor:
    """Moves one body. reader: makes corrections of words that come through the mailbox."""

    body: Body
    mailbox: Interrupts
    reader: Reader
    observers: tuple[Observer, ...]

    def act(self, deed: Deed, notes: Notes, hear: Hear) -> Acted:
        """Do `deed`, or what words make of it on the way, and look whether it worked."""
        return _Act(self, deed, notes, hear).through()


class _Act:
    """One deed on its way."""

    def __init__(self, actor: Actor, deed: Deed, notes: Notes, hear: Hear) -> None:
        self._body, self._mailbox, self._observers = actor.body, actor.mailbox, actor.observers
        self._read = actor.reader
        self._deed, self._notes, self._hear = deed, notes, hear
        self._seen: Observation | None = None
        self._before: Observation | None = None
        self._steps = 0

    def through(self) -> Acted:
        resume, words = False, None
        for _ in range(2 * MOST_WORDS):
            try:
                if words is None:
                    return self._judged(self._episode(self._policy(), self._task(), resume=resume))
                correction = self._read(words, self._deed, self._body.eyes(), self._notes)
                said, words = words, None
                resume = not isinstance(correction, Instead)
                ended = self._heed(correction, said)
                if ended is not None:
                    return ended
            except Interrupted as interrupted:
                words = interrupted.text
        return self._ended(Result.FAILED, f"more than {MOST_WORDS} corrections in one step", final=True)

    def _task(self) -> Task:
        if self._deed.goal is None:
            return Task("point", f"{self._deed}", None, MOVE_STEPS)
        return self._body.task_for(self._deed.goal)

    def _policy(self) -> Policy:
        if self._deed.goal is None:
            return hover(self._body.policy.embodiment, self._deed.spot)
        return self._body.policy

    def _episode(self, policy: Policy, task: Task, *, resume: bool = False) -> Episode:
        """Run until the end or until words come; where the body stands then is kept."""
        world = Heedful(self._body.world, self._mailbox, resumed=self._seen if resume else None)
        execute = 1 if isinstance(policy, Moves) else self._body.execute
        try:
            return run_episode(world, policy, task, seed=self._body.seed, execute=execute, observers=self._observers)
        finally:
            self._seen = world.seen or self._seen
            self._before = self._before or world.first
            self._steps += world.steps

    def _judged(self, episode: Episode) -> Acted:
        if episode.outcome is Outcome.REFUSED:
            self._keep(episode, None)
            problem = Problem("outcome", f"the policy declines: {episode.detail}", self._deed.line)
            return self._ended(Result.FAILED, episode.detail, problem=problem, final=True)
        if episode.outcome is Outcome.ERROR:
            return self._ended(Result.STOPPED, episode.detail)
        if self._deed.goal is None:
            return self._pointed()
        assert self._before is not None and self._seen is not None
        judgement = self._body.judge.judge(episode.task, self._before, self._seen)
        self._keep(episode, judgement)
        if not judgement.success:
            detail = episode.detail if episode.outcome is not Outcome.SUCCESS else judgement.reason
            return self._ended(Result.FAILED, detail)
        return self._ended(Result.DONE, judgement.reason)

    def _keep(self, episode: Episode, judgement: Judgement | None) -> None:
        if self._body.diary is not None and self._before is not None:
            self._body.diary.keep(episode, self._before, judgement)

    def _pointed(self) -> Acted:
        assert self._seen is not None
        x, y, _ = self._tool()
        off = float(np.hypot(x - self._deed.spot[0], y - self._deed.spot[1]))
        result = Result.DONE if off < SET_TOLERANCE else Result.FAILED
        return self._ended(result, f"the hand is {100 * off:.0f} cm from above it")

    def _heed(self, correction: Correction, text: str) -> Acted | None:
        """Do what words ask for; return how the deed ended, or None to go on."""
        match correction:
            case Stop():
                return self._ended(Result.STOPPED, f"I stopped: you said '{text}'")
            case Cancel():
                self._hear(Happening.HEARD, f"leave it: {self._deed}")
                return self._ended(Result.LEFT, text)
            case Pause():
                return self._paused(text)
            case Resume():
                self._hear(Happening.HEARD, f"going on: {self._deed}")
            case Unread():
                self._hear(Happening.HEARD, f"not a correction that I can read: {text}")
            case Unclear(problem):
                return self._ended(Result.ASKED, problem.sentence, problem=problem)
            case Instead(deed):
                return self._redirected(deed)
            case Nudge(offset):
                return self._nudged(offset)
        return None

    def _paused(self, text: str) -> Acted | None:
        self._hear(Happening.PAUSED, text)
        said = self._mailbox.wait(PATIENCE_S)
        if said is None:
            return self._ended(Result.STOPPED, f"nothing was said for {PATIENCE_S:.0f} s after '{text}'")
        correction = self._read(said, self._deed, self._body.eyes(), self._notes)
        return self._heed(correction, said)

    def _redirected(self, deed: Deed) -> Acted | None:
        """Change to another deed; what is held and not part of it is put down first, by the same policy."""
        view = self._body.eyes()
        held = view.held
        self._hear(Happening.HEARD, f"instead: {deed}")
        problem = verify(deed, view, self._notes)
        if problem is not None:
            return self._ended(Result.ASKED, problem.sentence, problem=problem)
        if held is not None and held.name != deed.item:
            aside = _put_aside(held.name, view, self._notes)
            if isinstance(aside, Problem):
                return self._ended(Result.ASKED, aside.sentence, problem=aside)
            assert aside.goal is not None
            self._episode(self._body.policy, self._body.task_for(aside.goal))
        self._deed = replace(deed, line=self._deed.line)
        self._seen = self._before = None
        return None

    def _nudged(self, offset: tuple[float, float, float]) -> Acted | None:
        """Shift: what is held and goes to the table is set down that much beside its place; otherwise the hand moves
        by that much and the policy goes on from there."""
        dx, dy, _ = offset
        goal, view, body = self._deed.goal, self._body.eyes(), self._body.policy.embodiment
        item = view[self._deed.item]
        tool = self._tool()
        to_table = goal is not None and goal.relation in (*SIDES, "move to", "take out") and (dx or dy)
        try:
            if not (item.held and to_table):
                self._hear(Happening.HEARD, f"shifting the hand by {_centimetres(offset)}")
                self._episode(shift(body, tool, offset), self._move_task("shift the hand"), resume=True)
                return None
            near = float(np.hypot(item.x - self._deed.spot[0], item.y - self._deed.spot[1])) < NEAR
            base = (item.x, item.y) if near else self._deed.spot
            spot = (base[0] + dx, base[1] + dy)
            deed = replace(self._deed, spot=spot)
            problem = verify(deed, view, self._notes)
            if problem is not None:
                return self._ended(Result.ASKED, problem.sentence, problem=problem)
            self._hear(Happening.HEARD, f"putting it {_centimetres(offset)} from there")
            return self._set_down(deed, view, tool)
        except SpecError as error:
            return self._ended(Result.ASKED, str(error), problem=Problem("type", str(error), self._deed.line))

    def _set_down(self, deed: Deed, view: SceneView, tool: tuple[float, float, float]) -> Acted:
        item = view[deed.item]
        xy = (deed.spot[0] + tool[0] - item.x, deed.spot[1] + tool[1] - item.y)
        over = max(tool[2], item.top - item.bottom + max((o.top for o in view.items if o.name != item.name), default=0))
        down = max(tool[2] - item.bottom + 0.003, FINGER_TIP)
        moves = set_down(self._body.policy.embodiment, xy, down, over=min(over, HOVER + 0.1))
        self._episode(moves, self._move_task("set it down here", steps=2 * MOVE_STEPS), resume=True)
        now = self._body.eyes()[deed.item]
        off = float(np.hypot(now.x - deed.spot[0], now.y - deed.spot[1]))
        self._deed = deed
        if now.held or off > SET_TOLERANCE:
            return self._ended(Result.FAILED, f"the {deed.item} came to rest {100 * off:.0f} cm from there", final=True)
        return self._ended(Result.DONE, f"the {deed.item} is where you wanted it")

    def _move_task(self, words: str, *, steps: int = 6) -> Task:
        return Task("move", words, None, steps)

    def _tool(self) -> tuple[float, float, float]:
        """Where the tool is [m]; zeros where the state does not tell."""
        names = self._body.world.embodiment.state.names
        if self._seen is None or not {"x", "y", "z"} <= set(names):
            return (0.0, 0.0, 0.0)
        x, y, z = (float(self._seen.state[names.index(axis)]) for axis in ("x", "y", "z"))
        return (x, y, z)

    def _ended(self, outcome: Result, reason: str, *, problem: Problem | None = None, final: bool = False) -> Acted:
        return Acted(outcome, self._deed, reason, self._steps, problem, final)


def _put_aside(name: str, view: SceneView, notes: Notes) -> Deed | Problem:
    """The deed that puts what is held down on the table, or why there is none."""
    try:
        deed = ground(Place(Named(name), Beside("on", Named(TABLE))), view, notes, Trail())
    except Unfit as unfit:
        return unfit.problem
    return verify(deed, view, notes) or deed


def _centimetres(offset: tuple[float, float, float]) -> str:
    return " ".join(f"{100 * value:+.0f} cm {axis}" for axis, value in zip("xyz", offset, strict=True) if value)
