"""A policy round a policy: what wrappers that add a little to another policy have in common."""

from agent.ports import Policy
from agent.types import ActionChunk, Embodiment, Observation


class PolicyWrapper:
    """A Policy that does all that `inner` does; what wraps it overrides what it changes."""

    def __init__(self, inner: Policy) -> None:
        self._inner = inner

    @property
    def embodiment(self) -> Embodiment:
        return self._inner.embodiment

    def reset(self, *, seed: int) -> None:
        self._inner.reset(seed=seed)

    def act(self, observation: Observation) -> ActionChunk:
        return self._inner.act(observation)
