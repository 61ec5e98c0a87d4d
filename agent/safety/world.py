"""Any World behind the safety filter."""

from agent.errors import SpecError
from agent.ports import World
from agent.safety.filter import SafetyFilter
from agent.types import Embodiment, FloatArray, Observation, Step, Task


class SafeWorld:
    """A World whose actions pass a filter first; `Step.executed` is what the inner world really commanded.

    An action that no rule touches reaches the inner world bit for bit.
    """

    def __init__(self, inner: World, safety: SafetyFilter) -> None:
        self.inner, self.safety = inner, safety
        self._seen: Observation | None = None

    @property
    def embodiment(self) -> Embodiment:
        return self.inner.embodiment

    def reset(self, task: Task, *, seed: int) -> Observation:
        """Begin an episode. Raise WorldFault while an emergency stop is on: a new episode does not lift it."""
        if self.safety.gate.stopped is not None:
            self.safety.gate.closed()
        self._seen = self.inner.reset(task, seed=seed)
        self.safety.begin(self._seen.state)
        return self._seen

    def step(self, action: FloatArray) -> Step:
        assert self._seen is not None, "reset comes first"
        step = self.inner.step(self.safety.permit(action, self._seen.state))
        self.safety.accept(step.executed)
        self._seen = step.observation
        return step

    def assign(self, task: Task) -> Observation:
        """Give another task about the scene as it stands; limits and journal go on. May raise SpecError."""
        assign = getattr(self.inner, "assign", None)
        if not callable(assign):
            raise SpecError(f"the world '{self.embodiment.name}' cannot go on with another task without a reset")
        seen: Observation = assign(task)
        self._seen = seen
        return seen

    def close(self) -> None:
        self.inner.close()
