"""A conversation about one table: the agent answers, the executor acts, the memory keeps what was said."""

from collections.abc import Callable
from dataclasses import dataclass

from dialogue.agent import Act, Agent, Answer
from dialogue.events import Event, Happening, Listener, Report
from dialogue.executor import Executor
from dialogue.finding import described
from dialogue.language_model import ModelFault
from dialogue.memory.entries import EntryKind
from dialogue.memory.store import Memory
from dialogue.ports import Body

RECALLED = 8
"""Turns of an earlier run that are taken up again."""


@dataclass(frozen=True)
class Turn:
    """One exchange. answer: None when the model gave none (`text` says why; nothing moved).  report: the executor's."""

    words: str
    text: str
    answer: Answer | None = None
    report: Report | None = None


class Conversation:
    """Turns one after another. memory: without one, what is remembered ends with the conversation."""

    def __init__(self, agent: Agent, body: Body, executor: Executor, *, memory: Memory | None = None) -> None:
        self.agent, self._body, self.executor, self._memory = agent, body, executor, memory

    def turn(
        self,
        words: str,
        listener: Listener = lambda event: None,
        *,
        planned: Callable[[Answer], None] = lambda answer: None,
    ) -> Turn:
        """Take the person's words and do what they ask, or say why not. Blocks until the arm rests.

        planned: told the answer before anything moves; the lines of its plan are those that events name.
        """
        said = self._memory.add_turn("person", words[:4000]) if self._memory is not None else None
        try:
            answer = self.agent.answer(words, self._body.eyes(), notes=self._notes(), trail=self.executor.trail)
        except ModelFault as fault:
            return self._kept(Turn(words, str(fault)))
        if said is not None and self._memory is not None:
            self._bind(said, words)
        planned(answer)
        report = self.executor.run(answer.plan, listener)
        text = answer.text
        if answer.act is Act.ACT:
            text = " ".join(_told(report.events)) or answer.text
        return self._kept(Turn(words, text, answer, report))

    def prepare(self) -> None:
        """Use the time until words come: what is known of the next turn is read by then."""
        self.agent.prepare(self._body.eyes(), notes=self._notes())

    def _notes(self) -> tuple[str, ...]:
        if self._memory is None:
            return ()
        return tuple(entry.text for entry in reversed(self._memory.entries(EntryKind.NOTE, limit=None)))

    def _bind(self, turn: int, words: str) -> None:
        """Keep which things of the table the words named."""
        assert self._memory is not None
        view = self._body.eyes()
        for item in view.items:
            if item.name in words.lower() and len(described(item.name, view)) == 1:
                self._memory.bind(turn, item.name, item.name)

    def _kept(self, turn: Turn) -> Turn:
        if self._memory is not None:
            self._memory.add_turn("robot", turn.text)
        return turn


def _told(events: tuple[Event, ...]) -> list[str]:
    """What a person is told of an executed plan: what was done, said, and went wrong."""
    told = {Happening.DONE, Happening.SKIPPED, Happening.SAID, Happening.ASKED, Happening.CORRECTED}
    told |= {Happening.FAILED, Happening.UNFIT, Happening.REFUSED, Happening.STOPPED}
    return [f"{event.text}." for event in events if event.what in told and event.text]
