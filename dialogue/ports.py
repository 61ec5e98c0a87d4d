"""What the executor needs of a world: eyes, hands, a judge of success, and somewhere to rehearse."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from agent.ports import ContinuingWorld, Policy
from agent.types import Episode, Goal, Observation, Task
from dialogue.deeds import Trail
from dialogue.notes import Notes
from dialogue.plan import Plan
from dialogue.problem import Problem
from dialogue.view import SceneView


@dataclass(frozen=True)
class Judgement:
    """Whether a step worked, and in one sentence how that shows."""

    success: bool
    reason: str


class SuccessJudge(Protocol):
    """Looks and says whether a step worked. It is not told what the policy believes."""

    def judge(self, task: Task, before: Observation, after: Observation) -> Judgement:
        """Compare what was seen when the step began with what is seen now."""
        ...


class Rehearsal(Protocol):
    """Tries a plan where it can do no harm."""

    def rehearse(self, plan: Plan, notes: Notes, trail: Trail) -> Problem | None:
        """Return what went wrong in a copy of the world as it is now, or None. Nothing in the real one moves."""
        ...


class Diary(Protocol):
    """Keeps what was tried."""

    def keep(self, episode: Episode, before: Observation, judgement: Judgement | None) -> None:
        """Take note of an attempt. before: what was seen when it began.  judgement: None where nobody judged."""
        ...


@dataclass(frozen=True)
class Body:
    """A world that stands ready, and all that is needed to act in it.

    world: was reset before; it goes on from task to task.  execute: actions carried out per look.  eyes: what is on
    the table now.  task_for: what a policy is asked for to make a goal true.  seed: given to the policy's reset.
    diary: where attempts are kept, if anywhere.
    """

    world: ContinuingWorld
    policy: Policy
    execute: int
    eyes: Callable[[], SceneView]
    judge: SuccessJudge
    task_for: Callable[[Goal], Task]
    seed: int = 0
    diary: Diary | None = None
