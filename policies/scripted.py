"""Two policies without a model: one holds still, one moves at random. For tests, and as the floor of every table."""

import numpy as np

from agent.errors import SpecError
from agent.types import ActionChunk, Control, Embodiment, Observation


class HoldPolicy:
    """Commands no motion and keeps the gripper as it is: the score of doing nothing."""

    def __init__(self, embodiment: Embodiment, *, chunk: int = 1) -> None:
        self._embodiment, self.chunk = embodiment, chunk
        names = embodiment.state.names
        if embodiment.control is Control.EE_DELTA:
            self.read_from = {i: "gripper" for i, name in enumerate(embodiment.action.names) if name == "gripper"}
        else:
            self.read_from = dict(enumerate(embodiment.action.names))
        missing = [name for name in self.read_from.values() if name not in names]
        if missing:
            raise SpecError(f"cannot hold still: the state lacks {', '.join(missing)}; it has: {', '.join(names)}")

    @property
    def embodiment(self) -> Embodiment:
        return self._embodiment

    def reset(self, *, seed: int) -> None:
        """Nothing to forget."""

    def act(self, observation: Observation) -> ActionChunk:
        """(chunk, A): zero for what is a change, the measured value for what is absolute."""
        row = np.zeros(len(self._embodiment.action), dtype=np.float32)
        for index, name in self.read_from.items():
            row[index] = observation.state[self._embodiment.state.names.index(name)]
        return ActionChunk(np.tile(self._embodiment.action.clip(row), (self.chunk, 1)))


class RandomPolicy:
    """Uniform over the legal actions, from the seed given to `reset`: the score of chance."""

    def __init__(self, embodiment: Embodiment, *, chunk: int = 1) -> None:
        self._embodiment, self.chunk = embodiment, chunk
        self.rng = np.random.default_rng(0)

    @property
    def embodiment(self) -> Embodiment:
        return self._embodiment

    def reset(self, *, seed: int) -> None:
        self.rng = np.random.default_rng(seed)

    def act(self, observation: Observation) -> ActionChunk:
        """(chunk, A) legal actions; the observation is not looked at."""
        spec = self._embodiment.action
        rows = self.rng.uniform(spec.low_array, spec.high_array, size=(self.chunk, len(spec)))
        return ActionChunk(spec.clip(rows.astype(np.float32)))
