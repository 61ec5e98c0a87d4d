"""How long a policy may think: a hang costs its episode and never the run."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from agent.errors import PolicyFault
from agent.workers import deadline

ACT_LIMIT_S = 60.0
"""Longest wait for one answer unless another is asked for: hundreds of times what the slowest policy here takes."""
GRACE_S = 5.0
"""What cannot be interrupted for so long after its limit is killed with its process."""


class PolicyHung(PolicyFault):
    """The policy gave no answer in time."""


class _Interrupt(BaseException):
    """Raised in the middle of whatever hangs; no `except Exception` there can swallow it."""


@contextmanager
def within(seconds: float | None) -> Iterator[None]:
    """Raise PolicyHung when what is done inside takes longer; None: no limit.

    An alarm interrupts everything that lets Python run: loops, sleeping, waiting for locks or sockets. Only the main
    thread of a process gets one. In a worker process (agent.workers) the parent kills, after GRACE_S more, what goes on
    all the same, such as native code that never comes back.
    """
    if seconds is None:
        yield
        return
    hung = hung_sentence(seconds)
    try:
        with deadline(seconds + GRACE_S), _alarm(seconds):
            yield
    except _Interrupt as error:
        raise PolicyHung(hung).with_traceback(error.__traceback__) from None


def hung_sentence(seconds: float) -> str:
    """Return how an episode is recorded whose policy gave no answer."""
    return f"the policy did not answer within {seconds:g} s"


@contextmanager
def _alarm(seconds: float) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    armed = True

    def ring(number: int, frame: FrameType | None) -> None:
        if armed:
            raise _Interrupt

    before = signal.signal(signal.SIGALRM, ring)
    # Whoever else waits for an alarm, such as a test's own limit, gets what is left of it back.
    left, _ = signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        armed = False
        used = seconds - signal.setitimer(signal.ITIMER_REAL, 0.0)[0]
        signal.signal(signal.SIGALRM, before)
        if left:
            signal.setitimer(signal.ITIMER_REAL, max(left - used, 1e-3))
