"""Acting while the next chunk is being thought about, so that a slow model does not stop the arm.

A chunk that was thought about for d ticks begins d ticks ago: its first d rows belong to the past and are left out.
Absolute rows then take over from what was still planned little by little (agent.safety.blend). Rows of deltas are led
over at once from where the arm was sent meanwhile to where the new chunk goes: blending deltas, or the places that they
lead to, was tried and fails at grasps, which the older of two looks knows less about (docs/robots.md has figures).
The idea is that of real-time chunking (Black et al. 2025, arXiv:2506.07339), whose model fills in the new chunk given
the old one; this needs nothing of the model.
"""

import os
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Protocol

import numpy as np

from agent.errors import PolicyFault, SpecError
from agent.ports import Policy
from agent.safety.blend import blend
from agent.types import ActionChunk, Control, Embodiment, FloatArray, Observation

SWITCH_SECONDS, STANDS_BACK = 0.0005, 5
SWITCHED = 0.5
"""A difference between two openings of the gripper that is no nuance [0..1]."""


class Thinker(Protocol):
    """Asks a policy without waiting for it; one question at a time."""

    @property
    def embodiment(self) -> Embodiment: ...

    def reset(self, *, seed: int) -> None:
        """Forget a question that is still open, and reset the policy."""
        ...

    def ask(self, observation: Observation) -> None:
        """Begin to think about what to do."""
        ...

    def answer(self, *, wait: bool) -> ActionChunk | None:
        """Return the chunk once it is there, else None; `wait` for it if need be. Raises what the policy raised."""
        ...

    def close(self) -> None: ...


class ThreadThinker:
    """Lets the policy think in a thread of its own, which stands back behind the loop's."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="thinking", initializer=_stand_back)
        self._thought: Future[ActionChunk] | None = None

    @property
    def embodiment(self) -> Embodiment:
        return self._policy.embodiment

    def reset(self, *, seed: int) -> None:
        self._forget()
        self._policy.reset(seed=seed)

    def ask(self, observation: Observation) -> None:
        self._thought = self._pool.submit(self._policy.act, observation)

    def answer(self, *, wait: bool) -> ActionChunk | None:
        if self._thought is None or not (wait or self._thought.done()):
            return None
        thought, self._thought = self._thought, None
        return thought.result()

    def close(self) -> None:
        """Wait for the thought that is under way and end the thread."""
        self._forget()
        self._pool.shutdown()

    def _forget(self) -> None:
        """The policy is not to be called by two threads at once, so an open question is waited for."""
        if self._thought is not None:
            self._thought.exception()
            self._thought = None


@contextmanager
def quick_to_switch() -> Iterator[None]:
    """Let the interpreter change threads ten times as often as usual.

    While another thread computes, the loop waits for its turn at each of the small things that it does in a tick: up to
    5 ms each time otherwise.
    """
    usual = sys.getswitchinterval()
    sys.setswitchinterval(min(usual, SWITCH_SECONDS))
    try:
        yield
    finally:
        sys.setswitchinterval(usual)


def _stand_back() -> None:
    """Give this thread less of the processor than the loop; only Linux has priorities of threads."""
    if sys.platform == "linux":
        thread = threading.get_native_id()
        os.setpriority(os.PRIO_PROCESS, thread, os.getpriority(os.PRIO_PROCESS, thread) + STANDS_BACK)


class Ahead:
    """A Policy that answers at once with the next row of its plan. The loop has to carry out one row a look.

    The gripper is switched only by one of the first `every` rows of a look that was taken, and thought about, while the
    arm stood; until then it holds. When to grasp is what stale looks are worst at.
    every: rows between two questions, at least: what the policy was made to carry out per look.
    `held` counts ticks that held for that reason or because no plan was left, `late` the chunks that came too late to
    be of use. Close it at the end.
    """

    execute = 1

    def __init__(self, thinker: Thinker, *, every: int) -> None:
        if every < 1:
            raise SpecError(f"every must be at least 1 row, got {every}")
        self._thinker, self._every = thinker, every
        names = thinker.embodiment.action.names
        self._gripper = names.index("gripper") if "gripper" in names else None
        self.held = self.late = 0
        self._begin()

    def _begin(self) -> None:
        self._plan: FloatArray | None = None
        self._last: FloatArray | None = None
        self._heard: ActionChunk | None = None
        self._asked = self._fresh = self._standing = False
        self._since = self._row = 0
        self._moved = np.zeros(len(self.embodiment.action), dtype=np.float32)

    @property
    def embodiment(self) -> Embodiment:
        return self._thinker.embodiment

    def reset(self, *, seed: int) -> None:
        self._thinker.reset(seed=seed)
        self.held = self.late = 0
        self._begin()

    def act(self, observation: Observation) -> ActionChunk:
        """Return one row (1, A). Waits for the policy at the first look only."""
        self._hear(wait=False)
        if not self._asked and (self._since >= self._every or self._has_to_look()):
            self._thinker.ask(observation.reminded(self._heard))
            self._asked, self._since = True, 0
            self._moved[:] = 0.0
            self._hear(wait=self._plan is None)
        if self._has_to_look():
            self.held, self._standing = self.held + 1, True
            return ActionChunk(self._hold()[None])
        assert self._plan is not None
        row, self._plan = self._plan[0], self._plan[1:]
        self._since += 1
        self._row += 1
        self._standing = False
        self._moved += row
        self._last = row
        return ActionChunk(row[None])

    def close(self) -> None:
        self._thinker.close()

    def _has_to_look(self) -> bool:
        """Say whether nothing can be carried out before another look was thought about."""
        if self._plan is None or len(self._plan) == 0:
            return True
        if self._gripper is None or self._last is None or (self._fresh and self._row < self._every):
            return False
        return bool(abs(self._plan[0, self._gripper] - self._last[self._gripper]) > SWITCHED)

    def _hear(self, *, wait: bool) -> None:
        """Take the answer, if it is there, into the plan. Rows count as past when something was moved meanwhile."""
        chunk = self._thinker.answer(wait=wait) if self._asked else None
        if chunk is None:
            return
        self._asked, self._heard = False, chunk
        whole = self._checked(chunk)
        rows = whole[self._since :]
        if len(rows) == 0:
            self.late += 1
            return
        self._fresh, self._row = self._since == 0, self._since
        if self.embodiment.control is Control.EE_DELTA:
            self._plan = self._led_over(rows, whole[: self._since].sum(axis=0) - self._moved)
        else:
            # What was held is not blended with: it was to happen at another time.
            left = rows[:0] if self._plan is None or self._standing else self._plan
            self._plan = blend(left, rows, gripper=self._gripper)

    def _led_over(self, rows: FloatArray, owed: FloatArray) -> FloatArray:
        """Return deltas (T, A) that lead to where `rows` go from where their own past rows would have led.

        That place is `owed` away from where the arm was really sent. What exceeds an action's bounds is left to the
        next row.
        """
        wanted, spec = np.cumsum(rows, axis=0) + owed, self.embodiment.action
        deltas, reached = np.empty_like(rows), np.zeros(len(spec), dtype=np.float32)
        for number, place in enumerate(wanted):
            deltas[number] = spec.clip(place - reached)
            if self._gripper is not None:
                deltas[number, self._gripper] = rows[number, self._gripper]
            reached = reached + deltas[number]
        return deltas

    def _checked(self, chunk: ActionChunk) -> FloatArray:
        """Return all rows (T, A), those past as well; the loop sees only what becomes of them."""
        rows, spec = np.asarray(chunk.actions, dtype=np.float32), self.embodiment.action
        if rows.ndim != 2 or len(rows) == 0:
            raise PolicyFault(f"the policy returned actions of shape {rows.shape}, expected (T, {len(spec)})")
        for number, row in enumerate(rows):
            if problem := spec.problem(row):
                raise PolicyFault(f"the policy's action row {number} is not legal: {problem}")
        return rows

    def _hold(self) -> FloatArray:
        """Return the action (A,) that changes nothing: no delta, or the last absolute row again."""
        assert self._last is not None
        row = self._last.copy()
        if self.embodiment.control is Control.EE_DELTA:
            moving = np.arange(len(row)) != (-1 if self._gripper is None else self._gripper)
            row[moving] = 0.0
        return row
