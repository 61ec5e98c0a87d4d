"""The mailbox for words that arrive while the arm moves, and the world that heeds them between two control steps."""

import re
import threading
from collections import deque
from collections.abc import Callable

from agent.errors import AubergineError
from agent.ports import ContinuingWorld
from agent.types import Embodiment, FloatArray, Observation, Step, Task

_STOP = re.compile(r"\b(stop|halt|freeze|emergency|abort)\b|\b(don'?t|do not) move\b|\bhands? off\b")
_NO_STOP = re.compile(r"\b(don'?t|do not|never|without|no need to) (you )?(stop|halt|freeze|abort)")
MOST_WAITING = 64
"""Words kept in the mailbox; older ones are dropped, except that a stop is never lost."""
LONGEST = 1000
"""Characters of one text that are read."""


def is_stop(text: str) -> bool:
    """Say whether a person means "stop". When in doubt it is one: a stop too many costs a sentence."""
    plain = text[:LONGEST].lower().replace("’", "'")
    return bool(_STOP.search(_NO_STOP.sub(" ", plain)))


class Interrupts:
    """Words from any thread. A stop goes to `on_stop` at once, in the caller's thread, and then into the mailbox.

    on_stop: the safety latch, such as `Gate.emergency_stop`; it is called before anything else is done.
    """

    def __init__(self, on_stop: Callable[[str], None] | None = None) -> None:
        self._on_stop = on_stop
        self._words: deque[str] = deque(maxlen=MOST_WAITING)
        self._arrived = threading.Condition()
        self._stopped = False

    def say(self, text: str) -> None:
        """Leave a text; returns at once."""
        stop = is_stop(text)
        if stop and self._on_stop is not None:
            self._on_stop(f"the person said '{text[:60]}'")
        with self._arrived:
            self._stopped |= stop
            self._words.append(text[:LONGEST])
            self._arrived.notify_all()

    def take(self) -> str | None:
        """Return the oldest text and remove it, or None. A stop overtakes everything else."""
        with self._arrived:
            if self._stopped:
                self._stopped = False
                said = next((text for text in self._words if is_stop(text)), "stop")
                self._words.clear()
                return said
            return self._words.popleft() if self._words else None

    def wait(self, seconds: float) -> str | None:
        """Return the next text, waiting for it at most this long; None when nothing came."""
        with self._arrived:
            self._arrived.wait_for(lambda: self._stopped or bool(self._words), seconds)
        return self.take()

    @property
    def waiting(self) -> bool:
        return self._stopped or bool(self._words)


class Interrupted(AubergineError):
    """Words came while an episode ran; it ends where it is. `text`: what was said."""

    def __init__(self, text: str) -> None:
        super().__init__(f"interrupted: {text}")
        self.text = text


class Heedful:
    """A world that looks into the mailbox before every control step; words end the episode at once.

    Its reset changes nothing but the task, or, with resumed=True, not even that: the same task goes on being judged.
    steps: control steps so far.  first, seen: what was seen at the beginning and last.
    """

    def __init__(self, inner: ContinuingWorld, mailbox: Interrupts, *, resumed: Observation | None = None) -> None:
        self._inner, self._mailbox, self._resumed = inner, mailbox, resumed
        self.first = self.seen = resumed
        self.steps = 0

    @property
    def embodiment(self) -> Embodiment:
        return self._inner.embodiment

    def reset(self, task: Task, *, seed: int) -> Observation:
        """Give the task, or go on with the present one. Raises Interrupted when words wait already."""
        self._heed()
        self.seen = self._inner.assign(task) if self._resumed is None else self._resumed
        self.first = self.first or self.seen
        return self.seen

    def step(self, action: FloatArray) -> Step:
        """Raises Interrupted instead of moving when words have come."""
        self._heed()
        step = self._inner.step(action)
        self.seen = step.observation
        self.steps += 1
        return step

    def close(self) -> None:
        self._inner.close()

    def _heed(self) -> None:
        text = self._mailbox.take() if self._mailbox.waiting else None
        if text is not None:
            raise Interrupted(text)
