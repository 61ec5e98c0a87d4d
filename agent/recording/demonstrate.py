"""How training episodes are rolled: a teacher that is carried off its path now and then, and shows the way back.

A learner that saw only perfect demonstrations does not know what to do after its first error (Ross et al. 2011, DAgger;
Laskey et al. 2017, DART). So an episode alternates: in a ROLL-IN segment a disturber moves the robot, in a TEACHER
segment the teacher acts undisturbed for at least a chunk, which is what a learner copies. All of it happens inside a
policy, so that demonstrations run through the same `run_episode` as everything else.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from agent.errors import SpecError
from agent.ports import Policy, Teacher
from agent.recording.episode import FrameNote
from agent.types import ActionChunk, FloatArray, Observation, VectorSpec


@dataclass(frozen=True)
class Coaching:
    """How often and how long the teacher is disturbed. Rows are control steps."""

    teacher_rows: tuple[int, int] = (8, 20)
    """Fewest and most rows of a teacher segment; the fewest must be at least the learner's chunk length."""
    roll_in_rows: tuple[int, int] = (2, 10)
    """Fewest and most rows of a roll-in segment."""
    clean_share: float = 0.15
    """Share of episodes that are not disturbed at all: they show the whole task done well."""
    disturbed_start_share: float = 0.5
    """Share of the other episodes that begin with a roll-in, so that starts differ from the home pose."""
    calm_after: int = 40
    """From this tick on only the teacher acts, so that episodes still end in success."""

    def __post_init__(self) -> None:
        for name, (low, high) in (("teacher_rows", self.teacher_rows), ("roll_in_rows", self.roll_in_rows)):
            if not 1 <= low <= high:
                raise SpecError(f"{name} must be two numbers, 1 <= fewest <= most, got {low}, {high}")
        for name, share in (("clean_share", self.clean_share), ("disturbed_start_share", self.disturbed_start_share)):
            if not 0 <= share <= 1:
                raise SpecError(f"{name} must be between 0 and 1, got {share:g}")


class Disturber(Protocol):
    """Acts in place of the teacher during a roll-in segment."""

    def begin(self, generator: np.random.Generator) -> None:
        """A new segment starts; its randomness comes from `generator`."""
        ...

    def row(self, observation: Observation, wanted: FloatArray) -> FloatArray:
        """Return the action (A,) to execute where the teacher would execute `wanted` (A,); the caller clips it."""
        ...


class NoisyTeacher:
    """The teacher's action plus Gaussian noise, new at every row."""

    def __init__(self, action: VectorSpec, *, share: float = 0.4, grip_flip_share: float = 0.02) -> None:
        """share: standard deviation as a share of each bound.  grip_flip_share: rows whose gripper is inverted."""
        self._deviation = _motion_scale(action) * share
        self._gripper = _gripper_column(action)
        self._flip_share = grip_flip_share
        self._generator = np.random.default_rng(0)

    def begin(self, generator: np.random.Generator) -> None:
        self._generator = generator

    def row(self, observation: Observation, wanted: FloatArray) -> FloatArray:
        row = wanted + self._generator.normal(0.0, 1.0, wanted.shape) * self._deviation
        if self._gripper is not None and self._generator.random() < self._flip_share:
            row[self._gripper] = 1.0 - wanted[self._gripper]
        return row.astype(np.float32)


class Drift:
    """One random direction for the whole segment, as if something pushed the arm; the gripper follows the teacher."""

    def __init__(self, action: VectorSpec, *, share: float = 0.6) -> None:
        """share: largest speed as a share of each bound."""
        self._scale = _motion_scale(action) * share
        self._push = np.zeros(len(action))

    def begin(self, generator: np.random.Generator) -> None:
        self._push = generator.uniform(-1.0, 1.0, self._scale.shape) * self._scale

    def row(self, observation: Observation, wanted: FloatArray) -> FloatArray:
        return np.where(self._scale > 0, self._push, wanted).astype(np.float32)


class Learner:
    """A policy in training: it gets into the states that it will get into, the teacher shows the way out (DAgger)."""

    def __init__(self, policy: Policy, *, execute: int = 2) -> None:
        """execute: rows of each chunk that are carried out before the learner looks again."""
        self._policy, self._execute = policy, execute
        self._rows: list[FloatArray] = []
        self._chunk: ActionChunk | None = None

    def begin(self, generator: np.random.Generator) -> None:
        self._rows, self._chunk = [], None
        self._policy.reset(seed=int(generator.integers(2**31)))

    def row(self, observation: Observation, wanted: FloatArray) -> FloatArray:
        if not self._rows:
            self._chunk = self._policy.act(observation.reminded(self._chunk))
            self._rows = list(self._chunk.actions[: self._execute])
        return self._rows.pop(0)


class Coached:
    """The teacher, disturbed as `coaching` says, one row at a time; `note` tells who acted last and the aims."""

    def __init__(
        self, teacher: Teacher, disturbers: Sequence[tuple[float, Disturber]], *, coaching: Coaching | None = None
    ) -> None:
        """disturbers: (weight, disturber) pairs, one drawn anew for every roll-in segment; none: never disturbed."""
        self.embodiment = teacher.embodiment
        self._teacher, self._coaching = teacher, coaching or Coaching()
        self._disturbers = [disturber for _, disturber in disturbers]
        weights = np.array([weight for weight, _ in disturbers], dtype=np.float64)
        if len(weights) and (weights.min() < 0 or weights.sum() <= 0):
            raise SpecError(f"disturber weights must not be negative and not all zero, got {weights.tolist()}")
        self._shares = weights / weights.sum() if len(weights) else weights
        self._note = FrameNote()
        self._begin_episode(np.random.default_rng(0))

    def reset(self, *, seed: int) -> None:
        self._teacher.reset(seed=seed)
        self._begin_episode(np.random.default_rng([seed, 1]))

    def act(self, observation: Observation) -> ActionChunk:
        """Return one row (1, A); the teacher is asked at every tick, so it always answers for the state at hand."""
        if self._left == 0:
            self._next_segment()
        self._left -= 1
        self._tick += 1
        wanted = np.asarray(self._teacher.act(observation).actions[0], dtype=np.float32)
        self._note = FrameNote(by_expert=self._disturber is None, aims=self._teacher.aims())
        if self._disturber is None:
            return ActionChunk(wanted[None])
        row = self.embodiment.action.clip(self._disturber.row(observation, wanted))
        return ActionChunk(row[None])

    def note(self) -> FrameNote:
        """Return who acted at the last look, and the teacher's aims as they were then."""
        return self._note

    def _begin_episode(self, generator: np.random.Generator) -> None:
        self._generator, self._tick = generator, 0
        self._calm = not self._disturbers or generator.random() < self._coaching.clean_share
        self._disturber: Disturber | None = None
        # The first segment is the teacher's unless this start is disturbed: `_next_segment` changes sides.
        starts_disturbed = generator.random() < self._coaching.disturbed_start_share
        self._left = 0 if starts_disturbed else self._length(self._coaching.teacher_rows)

    def _next_segment(self) -> None:
        if self._calm or self._disturber is not None or self._tick >= self._coaching.calm_after:
            self._disturber, self._left = None, self._length(self._coaching.teacher_rows)
            return
        self._disturber = self._disturbers[int(self._generator.choice(len(self._disturbers), p=self._shares))]
        self._disturber.begin(self._generator)
        self._left = self._length(self._coaching.roll_in_rows)

    def _length(self, rows: tuple[int, int]) -> int:
        return int(self._generator.integers(rows[0], rows[1] + 1))


def _gripper_column(action: VectorSpec) -> int | None:
    return action.names.index("gripper") if "gripper" in action.names else None


def _motion_scale(action: VectorSpec) -> np.ndarray:
    """The largest value of each entry (A,), 0 for the gripper: it is absolute, noise on it means nothing."""
    scale = np.array(action.high, dtype=np.float64)
    gripper = _gripper_column(action)
    if gripper is not None:
        scale[gripper] = 0.0
    return scale
