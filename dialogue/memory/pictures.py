"""Attempts by what the table looked like: a picture as one vector, from the agent's own backbone."""

from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

import numpy as np

from agent.types import Episode, FloatArray, ImageArray, Observation, Outcome
from dialogue.memory.store import Memory
from dialogue.ports import Judgement

if TYPE_CHECKING:
    from policies.looking import Look

EMPTY = 0.1
"""The entry that says how little stands there; it keeps the vector of an empty table from being zero."""


class PictureEye(Protocol):
    """Finds regions in a picture of the table."""

    @property
    def space(self) -> str:
        """Changes with the backbone: vectors of two are not compared."""
        ...

    def look(self, picture: ImageArray) -> "Look": ...


def picture_vector(look: "Look") -> FloatArray:
    """Return what stands in a picture as one vector (K + C + 1,): how much of every kind and of every colour is there,
    by square roots, so that one thing more counts less where there are many. Where things stand is left out: what was
    tried in a scene is looked for after something was moved."""
    weighed = look.scores[:, None] * np.hstack([look.kinds, look.colours])
    return np.append(np.sqrt(weighed.sum(axis=0)), EMPTY).astype(np.float32)


class PictureDiary:
    """A Diary in the memory's file; every attempt with the picture that it began with."""

    def __init__(self, memory: Memory, eye: PictureEye, *, camera: str = "front") -> None:
        self._memory, self._eye, self._camera = memory, eye, camera

    def keep(self, episode: Episode, before: Observation, judgement: Judgement | None) -> None:
        if judgement is not None:
            outcome = Outcome.SUCCESS if judgement.success else Outcome.FAILURE
            episode = replace(episode, outcome=outcome, detail=judgement.reason)
        vectors: dict[str, FloatArray] = {}
        if self._camera in before.images:
            vectors[self._eye.space] = picture_vector(self._eye.look(before.images[self._camera]))
        self._memory.add_episode(episode, source="robot", vectors=vectors)
