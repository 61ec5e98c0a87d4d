"""Keeps a UR arm fed: one thread that makes every call to the vendor's control interface.

A policy gives a target a few times a second; servoJ wants one every few milliseconds and follows at full speed. The
thread walks straight from one to the other no faster than it may. It also keeps the controller's watchdog content:
when this process or the line dies, the controller ends its program and the arm stands still without us.
"""

import threading
import time
from collections.abc import Callable
from typing import Protocol

import numpy as np

from agent.robots.chain import Array

PERIOD = 0.008
"""Between two servoJ [s]: 125 Hz, which every generation of the controller takes."""
_LOOKAHEAD, _GAIN = 0.1, 300.0
"""servoJ's smoothing [s] and stiffness, the vendor's defaults."""
_BRAKING = 10.0
"""Deceleration of a stop [rad/s²]."""


class Control(Protocol):
    """What is used of `rtde_control.RTDEControlInterface`."""

    def servoJ(
        self, q: list[float], speed: float, acceleration: float, time: float, lookahead: float, gain: float, /
    ) -> bool: ...

    def servoStop(self, a: float, /) -> bool: ...

    def setWatchdog(self, min_frequency: float, /) -> bool: ...

    def kickWatchdog(self) -> bool: ...

    def stopScript(self) -> None: ...


class Stream:
    """Feeds servoJ. speed: of the fastest joint [rad/s].  watchdog_hz: fewest signs of life a second.

    is_alive: says whether the controller is heard; no call is made while it is not, because the library's calls then
    wait for seconds. `fault` is a sentence once something went wrong; the thread has then ended.
    """

    def __init__(self, control: Control, *, speed: float, watchdog_hz: float, is_alive: Callable[[], bool]) -> None:
        self._control, self._speed, self._watchdog_hz, self._is_alive = control, speed, watchdog_hz, is_alive
        self.fault: str | None = None
        self._target: Array | None = None
        self._at: Array | None = None
        self._lock = threading.Lock()
        self._quit, self._stilled = threading.Event(), threading.Event()
        self._stop_wanted = self._serving = self._watched = False
        self._thread = threading.Thread(target=self._run, name="ur-stream", daemon=True)
        self._thread.start()

    def aim(self, target: Array, measured: Array) -> None:
        """Go to the joints `target` (6,) [rad], from where the last target left the arm, or from `measured`."""
        with self._lock:
            if self._at is None:
                self._at = measured.copy()
            self._target = target.copy()

    def hold(self, *, timeout: float = 0.5) -> None:
        """Brake now and stay; returns when the controller has taken it, or after `timeout` [s]."""
        with self._lock:
            self._target, self._at, self._stop_wanted = None, None, True
            self._stilled.clear()
        if self._thread.is_alive():
            self._stilled.wait(timeout)

    def close(self, *, timeout: float = 0.7) -> bool:
        """Brake, end the controller's program and the thread; say whether it has ended in time [s]."""
        self._quit.set()
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def _run(self) -> None:
        try:
            due = time.monotonic()
            while not self._quit.is_set():
                if not self._is_alive():
                    self.fault = "the controller is not heard any more"
                    return
                self._once()
                due = max(due + PERIOD, time.monotonic() - PERIOD)
                self._quit.wait(max(0.0, due - time.monotonic()))
            if self._is_alive():
                if self._serving:
                    self._control.servoStop(_BRAKING)
                self._control.stopScript()
        except (RuntimeError, ValueError) as error:
            self.fault = " ".join(str(error).split()) or "the vendor's library gave up"
        finally:
            self._stilled.set()

    def _once(self) -> None:
        with self._lock:
            stop_wanted, self._stop_wanted = self._stop_wanted, False
            step = None if stop_wanted else self._next()
        if stop_wanted:
            if self._serving:
                self._control.servoStop(_BRAKING)
                self._serving = False
            self._stilled.set()
        elif step is not None:
            if not self._watched:
                self._watched = self._control.setWatchdog(self._watchdog_hz)
            self._serving = True
            if not self._control.servoJ(step, 0.0, 0.0, PERIOD, _LOOKAHEAD, _GAIN):
                raise RuntimeError("the controller took no motion: its program or the arm has stopped")
        elif self._watched:
            self._control.kickWatchdog()

    def _next(self) -> list[float] | None:
        """Return the next joints on the straight way to the target, or None when there is none."""
        if self._target is None or self._at is None:
            return None
        way = self._target - self._at
        share = min(1.0, self._speed * PERIOD / max(float(np.abs(way).max()), 1e-12))
        self._at = self._at + share * way
        return [float(angle) for angle in self._at]
