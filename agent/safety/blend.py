"""Where two chunks overlap, the old one hands over to the new one little by little."""

from dataclasses import replace

import numpy as np

from agent.ports import Policy
from agent.types import ActionChunk, FloatArray, Observation
from agent.wrapping import PolicyWrapper


def blend(old: FloatArray, new: FloatArray, *, gripper: int | None = None) -> FloatArray:
    """Return `new` (T, A) whose first rows lean on what is left of the `old` chunk (R, A).

    Row i of the n = min(R, T) overlapping ones is old with weight 1 - (i + 1) / (n + 1), new with the rest. The
    gripper's column is the new one's alone: half-open is no compromise.
    """
    overlap = min(len(old), len(new))
    share = (np.arange(1, overlap + 1) / (overlap + 1))[:, None]
    blended = new.astype(np.float32).copy()
    blended[:overlap] = (1 - share) * old[:overlap] + share * new[:overlap]
    if gripper is not None:
        blended[:, gripper] = new[:, gripper]
    return blended


class Blended(PolicyWrapper):
    """A Policy that blends each chunk of the inner one with what was not carried out of the chunk before.

    execute: how many rows of each chunk the loop carries out.
    """

    def __init__(self, inner: Policy, *, execute: int) -> None:
        super().__init__(inner)
        self._execute = execute
        names = inner.embodiment.action.names
        self._gripper = names.index("gripper") if "gripper" in names else None
        self._left: FloatArray | None = None

    def reset(self, *, seed: int) -> None:
        self._left = None
        super().reset(seed=seed)

    def act(self, observation: Observation) -> ActionChunk:
        chunk = self._inner.act(observation)
        actions = chunk.actions
        if self._left is not None:
            actions = blend(self._left, actions, gripper=self._gripper)
        self._left = actions[self._execute :]
        return replace(chunk, actions=actions)
