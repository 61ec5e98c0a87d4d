"""What happens while a plan is carried out, told as it happens: for a console, a log, a test."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from dialogue.problem import Problem


class Happening(StrEnum):
    """What an event tells."""

    REHEARSED = "rehearsed"
    STARTED = "started"
    DONE = "done"
    SKIPPED = "skipped"
    """It was so already, or the person said to leave it."""
    RETRIED = "retried"
    FAILED = "failed"
    UNFIT = "unfit"
    """The step does not fit what is seen; `problem` says why."""
    REFUSED = "refused"
    SAID = "said"
    ASKED = "asked"
    CORRECTED = "corrected"
    """The person was told that something is not as they think."""
    LOOKED = "looked"
    REMEMBERED = "remembered"
    FORGOTTEN = "forgotten"
    HEARD = "heard"
    """The person said something while the arm moved; text: what was made of it."""
    PAUSED = "paused"
    STOPPED = "stopped"
    FINISHED = "finished"


@dataclass(frozen=True)
class Event:
    """One thing that happened. line: of the plan, 0 for none.  step: how many turns came before it in this run.
    control_steps: of the episode that ended with it."""

    what: Happening
    line: int
    step: int
    text: str = ""
    options: tuple[str, ...] = ()
    problem: Problem | None = None
    control_steps: int = 0


Listener: TypeAlias = Callable[[Event], None]


class Ending(StrEnum):
    """How a plan ended."""

    DONE = "done"
    FAILED = "failed"
    UNFIT = "unfit"
    REFUSED = "refused"
    ASKED = "asked"
    STOPPED = "stopped"


@dataclass(frozen=True)
class Report:
    """What came of a plan: its ending, all events in order, and the problem where there was one."""

    ending: Ending
    events: tuple[Event, ...]
    problem: Problem | None = None
