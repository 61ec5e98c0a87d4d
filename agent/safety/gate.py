"""Whether the robot may move at all: armed or not, the dead man's switch, and the emergency stop that stays."""

import threading
from collections.abc import Callable

from agent.errors import SpecError, WorldFault


class Gate:
    """Armed, disarmed or stopped. May be used from several threads.

    An emergency stop stays until `reset_stop`, which leaves the robot disarmed: two acts lead back to motion.
    dead_man: asked before every action; motion needs True. None: there is no such switch.  on_stop: called at once by
    an emergency stop, in its thread, such as a driver's `stop`.
    """

    def __init__(
        self,
        *,
        armed: bool = False,
        dead_man: Callable[[], bool] | None = None,
        on_stop: Callable[[], None] | None = None,
    ) -> None:
        self._lock = threading.Lock()
        self._armed, self._dead_man, self._on_stop = armed, dead_man, on_stop
        self._stopped: str | None = None

    @property
    def armed(self) -> bool:
        return self._armed

    @property
    def stopped(self) -> str | None:
        """Why the robot is stopped, or None."""
        return self._stopped

    def arm(self) -> None:
        """Allow motion. Raise SpecError while stopped."""
        with self._lock:
            if self._stopped is not None:
                raise SpecError(f"cannot arm: the robot is stopped ({self._stopped}); reset the stop first")
            self._armed = True

    def disarm(self) -> None:
        """Hold from the next action on."""
        with self._lock:
            self._armed = False

    def emergency_stop(self, reason: str) -> None:
        """Stop for good; the first reason stays."""
        with self._lock:
            self._armed = False
            if self._stopped is None:
                self._stopped = reason
        if self._on_stop is not None:
            self._on_stop()

    def reset_stop(self) -> None:
        """Lift the stop. The robot stays disarmed."""
        with self._lock:
            self._stopped = None

    def closed(self) -> str | None:
        """Return the rule that forbids motion now (`disarmed`, `dead_man`), or None; raise WorldFault when stopped."""
        if self._stopped is not None:
            raise WorldFault(f"the robot is stopped: {self._stopped}; reset the stop and arm it to go on")
        if not self._armed:
            return "disarmed"
        if self._dead_man is not None and not self._dead_man():
            return "dead_man"
        return None
