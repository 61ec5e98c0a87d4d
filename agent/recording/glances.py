"""Glances: what else could have been asked at this moment, and where the hand would go. They teach where things are.

An episode shows one instruction in one scene. A learner that sees no more can solve much of it without reading; the
same pictures under several instructions leave it no choice (hindsight relabelling, arXiv 1707.01495, for pointing).
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from agent.ports import Policy
from agent.types import ActionChunk, Embodiment, FloatArray, Observation

Look = Callable[[np.random.Generator], tuple[str, FloatArray] | None]
"""Draws an instruction for the scene as it stands, with the teacher's aims (6,) for it; None when there is nothing."""


@dataclass(frozen=True, eq=False)
class Glance:
    """One moment under another instruction. aims: float32 (6,) [m], as `Teacher.aims` gives them."""

    observation: Observation
    instruction: str
    aims: FloatArray


class Glancing:
    """A policy that acts as the one inside and, now and then, notes what else could have been asked."""

    def __init__(self, policy: Policy, look: Look, *, at_start: int = 3, share: float = 0.25) -> None:
        """at_start: glances at the first moment.  share: of the later moments that get one."""
        self._policy, self._look = policy, look
        self._at_start, self._share = at_start, share
        self._generator = np.random.default_rng(0)
        self._begun = False
        self.glances: list[Glance] = []

    @property
    def embodiment(self) -> Embodiment:
        return self._policy.embodiment

    def reset(self, *, seed: int) -> None:
        self._policy.reset(seed=seed)
        self._generator = np.random.default_rng([seed, 3])
        self._begun, self.glances = False, []

    def act(self, observation: Observation) -> ActionChunk:
        later = int(self._generator.random() < self._share)
        for _ in range(later if self._begun else self._at_start):
            seen = self._look(self._generator)
            if seen is not None:
                self.glances.append(Glance(observation, *seen))
        self._begun = True
        return self._policy.act(observation)
