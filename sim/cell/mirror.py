"""A block of shared memory in which the controller shows where everything is, and the cameras' process looks it up.

Written a hundred times a second and never waited for: a counter, odd while writing, tells the reader to try again.
"""

import multiprocessing
from multiprocessing.context import SpawnContext

import numpy as np

from sim.geometry import Array

CAPACITY = 512
"""Numbers a posture may have: 9 for the arm, 8 for each of up to 62 things."""


class Mirror:
    """Hand it to both processes when they are spawned."""

    def __init__(self, context: SpawnContext | None = None) -> None:
        self._numbers = (context or multiprocessing.get_context("spawn")).RawArray("d", CAPACITY + 2)

    def write(self, posture: Array) -> None:
        """Show `posture` (N,); there may be one writer."""
        view = np.frombuffer(self._numbers, dtype=np.float64)
        if len(posture) > CAPACITY:
            raise ValueError(f"a posture of {len(posture)} numbers does not fit into {CAPACITY}")
        view[0] += 1
        view[1] = len(posture)
        view[2 : 2 + len(posture)] = posture
        view[0] += 1

    def read(self) -> Array:
        """Return the newest whole posture; empty before the first was written."""
        view = np.frombuffer(self._numbers, dtype=np.float64)
        while True:
            before = view[0]
            posture = view[2 : 2 + int(view[1])].copy()
            if before % 2 == 0 and view[0] == before:
                return posture
