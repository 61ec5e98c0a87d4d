"""Drawing one of several."""

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

_T = TypeVar("_T")


def pick(options: Sequence[_T], rng: np.random.Generator) -> _T:
    """Return one of `options`, each as likely; ValueError when there is none."""
    return options[int(rng.integers(len(options)))]
