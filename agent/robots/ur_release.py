"""Letting go of ur_rtde's interfaces without being taken down by them.

Their destructors disconnect once more; with a controller that died half-way through a reconnection this throws inside
the destructor, and C++ then ends the whole process. So an interface is pinned while it is in use and is destroyed only
after an orderly `disconnect`; one whose controller is gone stays, with its few file handles, until the process ends.
"""

import ctypes
import threading
import time
from collections.abc import Sequence
from typing import Any, Protocol


class Interface(Protocol):
    """What is used of ur_rtde's receive, control and input/output interfaces."""

    def disconnect(self) -> None: ...


def pinned(thing: Any) -> Any:
    """Keep `thing` alive, whoever forgets it, until `release`."""
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(thing))
    return thing


def release(things: Sequence[Interface], *, patience: float, destroy: bool) -> None:
    """Disconnect all side by side, waiting at most `patience` [s].

    destroy: let go of those that went in order; each sleeps half a second as it disconnects and again as it is
    destroyed. The others, and all those of a controller that is gone, are left pinned.
    """
    orderly: list[Interface] = []

    def disconnect(thing: Interface) -> None:
        try:
            thing.disconnect()
        except RuntimeError:
            return
        orderly.append(thing)

    threads = [threading.Thread(target=disconnect, args=(thing,), daemon=True) for thing in things]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + patience
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    for thing in list(orderly) if destroy else ():
        ctypes.pythonapi.Py_DecRef(ctypes.py_object(thing))
