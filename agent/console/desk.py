"""What stands behind the page: one conversation in a thread of its own, and all that a page shows, as plain data.

The world is touched by that thread alone. Words that come while it moves go to the mailbox, which is read before every
control step; a stop goes there at once, from whatever thread pressed it.
"""

import queue
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from agent.errors import AubergineError
from agent.types import ImageArray, Observation, Step
from dialogue.agent import Act, Answer
from dialogue.conversation import Conversation
from dialogue.events import Ending, Event, Happening
from dialogue.interrupts import Interrupts, is_stop
from dialogue.memory.entries import EntryKind
from dialogue.memory.store import Memory
from dialogue.writing import render_plan

Pictures = Mapping[str, ImageArray]
EARLIER = 12
"""Entries of an earlier run that the page shows again."""
MOST_SHOWN = 400
"""Entries of the conversation that are kept for the page; memory keeps all."""
MOST_MEMORIES = 60
_LINE_STATES = {
    Happening.STARTED: "running",
    Happening.RETRIED: "running",
    Happening.DONE: "done",
    Happening.SAID: "done",
    Happening.CORRECTED: "done",
    Happening.LOOKED: "done",
    Happening.REMEMBERED: "done",
    Happening.FORGOTTEN: "done",
    Happening.ASKED: "done",
    Happening.SKIPPED: "skipped",
    Happening.FAILED: "failed",
    Happening.UNFIT: "failed",
    Happening.REFUSED: "failed",
    Happening.STOPPED: "stopped",
}
_ASIDE = {Happening.HEARD: "heard", Happening.PAUSED: "paused", Happening.RETRIED: "trying again"}


@dataclass(frozen=True)
class Entry:
    """One line of the conversation. who: person, robot or note.  act: what an answer was.  earlier: of a former run."""

    who: str
    text: str
    act: str = ""
    options: tuple[str, ...] = ()
    earlier: bool = False


@dataclass(frozen=True)
class PlanLine:
    """One line of the plan. state: waiting, running, done, skipped, failed or stopped."""

    text: str
    state: str = "waiting"


@dataclass(frozen=True)
class Remembered:
    """One memory as the page lists it. number: by which it is forgotten."""

    number: int
    kind: str
    text: str
    source: str


@dataclass(frozen=True)
class Shown:
    """All that a page shows but the pictures.

    phase: idle, thinking, moving or broken.  control_steps: since the program began.  stopped_within: control steps
    that were still taken after the last stop was pressed; None before one took effect.
    """

    phase: str = "idle"
    entries: tuple[Entry, ...] = ()
    plan: tuple[PlanLine, ...] = ()
    control_steps: int = 0
    stopped_within: int | None = None
    memories: tuple[Remembered, ...] = ()


class Desk:
    """Takes words from any thread and carries them out one after another; an Observer of the world's control steps.

    look: draws what the cameras see now; called in the desk's own thread.  pace: least seconds of a control step.
    on_change: called, from any thread, whenever there is something new to show.
    """

    def __init__(
        self,
        conversation: Conversation,
        mailbox: Interrupts,
        *,
        look: Callable[[], Pictures],
        memory: Memory | None = None,
        pace: float = 0.0,
    ) -> None:
        self._conversation, self._mailbox, self._look, self._memory = conversation, mailbox, look, memory
        self._pace, self._next_step = pace, 0.0
        self._waiting: queue.Queue[str | None] = queue.Queue()
        self._lock = threading.Lock()
        self._pressed: int | None = None
        self._acting = False
        self._shown = Shown(entries=self._earlier(), memories=self._memories())
        self._pictures: Pictures = {}
        self.on_change: Callable[[], None] = lambda: None
        self.watched = True
        """Whether anyone looks; pictures are drawn for nobody."""
        self._thread = threading.Thread(target=self._run, name="desk", daemon=True)

    def __enter__(self) -> "Desk":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop what moves and end the thread."""
        self._mailbox.say("stop")
        self._waiting.put(None)
        self._thread.join()

    @property
    def shown(self) -> Shown:
        return self._shown

    @property
    def pictures(self) -> Pictures:
        """The latest picture of each camera, RGB uint8 (H, W, 3)."""
        return self._pictures

    def say(self, words: str) -> None:
        """Take the person's words: a stop at once, a correction while something moves, otherwise the next turn."""
        if not words.strip():
            return
        if is_stop(words):
            self.stop(words)
            return
        with self._lock:
            busy = self._shown.phase != "idle"
            self._tell(Entry("person", words[:1000]))
            if busy:
                self._mailbox.say(words)
            else:
                self._show(phase="thinking")
                self._waiting.put(words)
        self.on_change()

    def stop(self, words: str = "stop") -> None:
        """Stop what moves before its next control step; without effect when nothing does."""
        with self._lock:
            busy = self._shown.phase in ("thinking", "moving")
            if busy:
                self._mailbox.say(words)
                self._pressed = self._shown.control_steps
            self._tell(Entry("person", words[:1000]))
            if not busy:
                self._tell(Entry("note", "nothing is moving"))
        self.on_change()

    def forget(self, number: int) -> None:
        """Forget one memory and all that was drawn from it. Raises SpecError when there is none of this number."""
        if self._memory is not None:
            self._memory.forget_entries([number])
        with self._lock:
            self._show(memories=self._memories())
        self.on_change()

    def on_step(self, tick: int, before: Observation, step: Step) -> None:
        """Count a control step, draw what it led to, and keep to the pace."""
        with self._lock:
            self._show(control_steps=self._shown.control_steps + 1)
        self._draw()
        wait = self._next_step - time.monotonic()
        if wait > 0:
            time.sleep(wait)
        self._next_step = time.monotonic() + self._pace

    def _run(self) -> None:
        try:
            self._draw()
            self._conversation.prepare()
            while (words := self._waiting.get()) is not None:
                self._take(words)
                self._conversation.prepare()
        finally:
            with self._lock:
                self._show(phase="broken")
            self.on_change()

    def _take(self, words: str) -> None:
        """One turn, from words to rest."""
        try:
            turn = self._conversation.turn(words, self._listen, planned=self._planned)
            answer, report = turn.answer, turn.report
            act = answer.act.value if answer is not None else "fault"
            ending = report.ending if report is not None else None
            entry = Entry("robot", turn.text, act, answer.options if answer else ())
            if ending is Ending.STOPPED:
                entry = replace(entry, act="stopped")
            elif ending is Ending.ASKED and report is not None and report.problem is not None:
                entry = replace(entry, act=Act.ASK.value, options=report.problem.offers)
        except AubergineError as error:
            entry, ending = Entry("robot", str(error), "fault"), None
        self._draw()
        with self._lock:
            self._tell(entry)
            if ending is Ending.STOPPED and self._pressed is not None:
                self._show(stopped_within=self._shown.control_steps - self._pressed)
            self._pressed = None
            # What came too late to correct anything is the next thing said; a late stop has nothing left to stop.
            late = self._mailbox.take()
            late = None if late is not None and is_stop(late) else late
            self._show(phase="idle" if late is None else "thinking", memories=self._memories())
            if late is not None:
                self._waiting.put(late)
        self.on_change()

    def _planned(self, answer: Answer) -> None:
        """Show a plan that moves something; what is only said leaves the last one standing."""
        self._acting = answer.act is Act.ACT
        if self._acting:
            lines = render_plan(answer.plan).split("\n")
            with self._lock:
                self._show(plan=tuple(PlanLine(line) for line in lines), phase="moving")
            self.on_change()

    def _listen(self, event: Event) -> None:
        with self._lock:
            plan, state = list(self._shown.plan), _LINE_STATES.get(event.what)
            if self._acting and state is not None and 0 < event.line <= len(plan):
                plan[event.line - 1] = replace(plan[event.line - 1], state=state)
                self._show(plan=tuple(plan))
            if event.what in _ASIDE:
                self._tell(Entry("note", f"{_ASIDE[event.what]}: {event.text}"))
        self.on_change()

    def _draw(self) -> None:
        if self.watched:
            self._pictures = dict(self._look())
        self.on_change()

    def _tell(self, entry: Entry) -> None:
        self._show(entries=(*self._shown.entries, entry)[-MOST_SHOWN:])

    def _show(self, **changes: object) -> None:
        self._shown = replace(self._shown, **changes)  # type: ignore[arg-type]

    def _earlier(self) -> tuple[Entry, ...]:
        if self._memory is None:
            return ()
        turns = reversed(self._memory.entries(EntryKind.TURN, limit=EARLIER))
        return tuple(Entry(turn.source, turn.text, earlier=True) for turn in turns)

    def _memories(self) -> tuple[Remembered, ...]:
        """Notes first, then what was said and tried, the latest first."""
        if self._memory is None:
            return ()
        notes = self._memory.entries(EntryKind.NOTE, limit=MOST_MEMORIES)
        others = [e for e in self._memory.entries(limit=MOST_MEMORIES) if e.kind is not EntryKind.NOTE]
        return tuple(Remembered(e.id, e.kind.value, e.text, e.source) for e in (*notes, *others)[:MOST_MEMORIES])
