"""Nearest vectors by cosine, exactly.

A matrix product over what is kept in RAM. Tried and left out: sqlite-vec, which Pythons built without loadable
extensions cannot open, and faiss, whose exact index was no faster (100,000 x 384, one thread: 34 ms against 22 ms).
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from agent.errors import SpecError
from agent.types import FloatArray


class Embedder(Protocol):
    """Turns texts into vectors of one space. space: its name, kept beside every vector."""

    @property
    def space(self) -> str: ...

    def embed(self, text: str) -> FloatArray:
        """Return a float32 vector (E,), not zero."""
        ...


@dataclass(frozen=True, eq=False)
class Rows:
    """Vectors (N, E) of length 1 with the id (N,) and the kind (N,) of the entry that each belongs to."""

    ids: tuple[int, ...]
    kinds: tuple[str, ...]
    matrix: FloatArray

    def nearest(self, query: FloatArray, *, kind: str | None, count: int) -> list[tuple[int, float]]:
        """Return id and cosine of the `count` rows nearest to `query` (E,), nearest first, the older first on a tie."""
        if not self.ids or self.matrix.shape[1] != len(query):
            return []
        cosines = self.matrix @ query
        order = np.argsort(-cosines, kind="stable")
        allowed = (int(row) for row in order if kind is None or self.kinds[row] == kind)
        return [(self.ids[row], float(cosines[row])) for row, _ in zip(allowed, range(count), strict=False)]


def unit(vector: FloatArray) -> FloatArray:
    """Return the vector (E,) at length 1. Raises SpecError when it is empty, zero or not finite."""
    flat = np.asarray(vector, dtype=np.float32)
    length = float(np.linalg.norm(flat))
    if flat.ndim != 1 or not np.isfinite(length) or length == 0.0:
        raise SpecError(f"a vector to remember is flat, finite and not zero; got shape {flat.shape}, length {length}")
    return (flat / length).astype(np.float32)
