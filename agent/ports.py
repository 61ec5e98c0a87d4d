"""The ports: what a policy, a world and an observer must offer. Anything with these methods plugs in."""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from agent.types import ActionChunk, Embodiment, Explanation, FloatArray, Observation, Reading, Step, Task


class Policy(Protocol):
    """Turns observations into action chunks."""

    @property
    def embodiment(self) -> Embodiment:
        """The body this policy was made for."""
        ...

    def reset(self, *, seed: int) -> None:
        """Forget the past episode; any randomness of the next one comes from `seed`."""
        ...

    def act(self, observation: Observation) -> ActionChunk:
        """Return at least one legal action row. Raise `Refusal` to decline with a reason."""
        ...


@runtime_checkable
class BatchPolicy(Policy, Protocol):
    """A policy that answers several episodes at once. It remembers nothing between looks, so looks may be mixed; what
    it wants to be reminded of travels with chunk and observation (`Observation.reminded`)."""

    def act_batch(self, observations: Sequence[Observation]) -> list[ActionChunk]:
        """Return one chunk an observation. A chunk depends, to the last bit, on its own observation alone: not on how
        many stand beside it or where; `act` gives the same actions to within 1e-5. Several threads may call at once."""
        ...


@runtime_checkable
class Explains(Policy, Protocol):
    """A policy that can say why it chose its last chunk."""

    def explain(self) -> Explanation | None:
        """Explain the last `act`; None when there was none since `reset`. It changes nothing."""
        ...


class Teacher(Policy, Protocol):
    """A policy that also says where it means to grasp and to release; learners point at the same places."""

    def aims(self) -> FloatArray:
        """Grasp xyz, then release xyz, in the base frame [m], float32 (6,) for the present state of the scene.

        NaN where undefined: nothing to grasp, nothing to release, or not known.
        """
        ...


class World(Protocol):
    """Holds a body and a scene; moves one control step at a time."""

    @property
    def embodiment(self) -> Embodiment:
        """The body in this world."""
        ...

    def reset(self, task: Task, *, seed: int) -> Observation:
        """Build the scene for `task` from `seed` alone; equal seeds give byte-identical observations."""
        ...

    def step(self, action: FloatArray) -> Step:
        """Carry out one legal action (A,) for 1 / rate_hz seconds. Raise `WorldFault` when the world breaks."""
        ...

    def close(self) -> None:
        """Free everything; closing twice is allowed."""
        ...


class ContinuingWorld(World, Protocol):
    """A world that can be given another task about the scene as it stands now."""

    def assign(self, task: Task) -> Observation:
        """Judge `task` from here on and return what is seen now; nothing is rebuilt, time begins at 0 again."""
        ...


class RobotDriver(Protocol):
    """One real (or emulated) robot. Its embodiment can be read while it is not connected."""

    @property
    def embodiment(self) -> Embodiment:
        """The body behind this driver; its units are Aubergine's, converted here and nowhere else."""
        ...

    def connect(self) -> None:
        """Open the connection; connecting twice is allowed. Raise `WorldFault` in one sentence when it fails."""
        ...

    def read(self) -> Reading:
        """Return what the sensors say now. Raise `WorldFault` when the robot is gone or in a fault."""
        ...

    def send(self, action: FloatArray) -> FloatArray:
        """Command one legal action (A,) and return what was really sent (A,), without waiting for it to end."""
        ...

    def stop(self) -> None:
        """Stop moving and hold, at once. Never raises, connected or not."""
        ...

    def disconnect(self) -> None:
        """Stop and close; no thread or file handle stays. Disconnecting twice is allowed."""
        ...


class Observer(Protocol):
    """Watches an episode (recorder, video, live page). It may not change it."""

    def on_step(self, tick: int, before: Observation, step: Step) -> None:
        """Called after every world step; `tick` counts from 0."""
        ...
