"""Glances: what is true of each moment, and what else could have been asked then. They teach to read and to see.

An episode shows one instruction in one scene. A learner that sees no more can solve much of it without reading; the
same pictures under several instructions leave it no choice (hindsight relabelling, arXiv 1707.01495, for pointing).
"""

from typing import Protocol

import numpy as np

from agent.notes import SceneNote
from agent.ports import Policy
from agent.types import ActionChunk, Embodiment, Observation


class Look(Protocol):
    """Someone who knows the scene."""

    def begin(self, rng: np.random.Generator) -> None:
        """An episode begins: choose what else could be asked in its scene."""
        ...

    def note(self, rng: np.random.Generator, count: int) -> SceneNote:
        """Tell what is true now, with `count` of those questions at most."""
        ...


class Glancing:
    """A policy that acts as the one inside and notes, at every moment, what is true."""

    def __init__(self, policy: Policy, look: Look, *, questions: int = 3) -> None:
        """questions: how many a moment, besides the instruction that is acted on."""
        self._policy, self._look, self._questions = policy, look, questions
        self._generator = np.random.default_rng(0)
        self.notes: list[SceneNote] = []

    @property
    def embodiment(self) -> Embodiment:
        return self._policy.embodiment

    def reset(self, *, seed: int) -> None:
        self._policy.reset(seed=seed)
        self._generator = np.random.default_rng([seed, 3])
        self.notes = []

    def act(self, observation: Observation) -> ActionChunk:
        if not self.notes:
            self._look.begin(self._generator)
        self.notes.append(self._look.note(self._generator, self._questions))
        return self._policy.act(observation)
