"""A desk over the symbolic table, whose control steps wait for the test."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from agent.console.desk import Desk
from agent.types import Observation, Step
from dialogue.agent import Agent
from dialogue.conversation import Conversation
from dialogue.executor import Executor
from dialogue.interrupts import Interrupts
from dialogue.memory.store import Memory
from dialogue.rule_model import RuleModel
from tests.dialogue.mind import MindWorld, mind_body, table


class Turnstile:
    """An Observer that holds every control step until it is let through."""

    def __init__(self) -> None:
        self.open = threading.Event()
        self.arrived = threading.Event()

    def on_step(self, tick: int, before: Observation, step: Step) -> None:
        self.arrived.set()
        assert self.open.wait(20)


class Passing:
    """An Observer that passes everything on to the desk, which is made after it."""

    desk: Desk

    def on_step(self, tick: int, before: Observation, step: Step) -> None:
        self.desk.on_step(tick, before, step)


@contextmanager
def desk_at(folder: Path, *, held: bool = False) -> Iterator[tuple[Desk, Turnstile]]:
    """A running desk. held: control steps wait at the turnstile."""
    turnstile, passing = Turnstile(), Passing()
    if not held:
        turnstile.open.set()
    mailbox = Interrupts()
    with Memory(folder / "memory.db") as memory:
        body = mind_body(MindWorld(table()))
        executor = Executor(body, book=memory, mailbox=mailbox, observers=(passing, turnstile))
        talk = Conversation(Agent(RuleModel()), body, executor, memory=memory)
        picture = np.zeros((6, 8, 3), dtype=np.uint8)
        desk = passing.desk = Desk(talk, mailbox, look=lambda: {"front": picture.copy()}, memory=memory)
        with desk:
            yield desk, turnstile
            turnstile.open.set()
