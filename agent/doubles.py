"""A world small enough to test everything against: a dot, three coloured squares and a policy that solves it.

`PointWorld` needs numpy only and makes thousands of steps a second, yet it is a full `World`: it is reset by seed,
judges goals, keeps to its workspace, shows two cameras and can be told to break. `PointTeacher` solves it from the
true state, `PointSeer` from the picture, `Gambler` does so at times and knows how often, `FixedPolicy` repeats one
chunk. Use them wherever a test or a trial needs an
episode but no physics.
"""

from collections.abc import Sequence

import numpy as np

from agent.errors import Refusal, SpecError, WorldFault, unknown_name
from agent.types import (
    ActionChunk,
    CameraSpec,
    Control,
    Embodiment,
    FloatArray,
    Goal,
    ImageArray,
    Observation,
    Status,
    Step,
    Task,
    VectorSpec,
)

POINT_ACTION = VectorSpec(
    names=("dx", "dy", "dz", "drx", "dry", "drz", "gripper"),
    units=("m", "m", "m", "rad", "rad", "rad", "1"),
    low=(-0.05, -0.05, -0.05, -0.35, -0.35, -0.35, 0.0),
    high=(0.05, 0.05, 0.05, 0.35, 0.35, 0.35, 1.0),
)
POINT_STATE = VectorSpec(
    names=("x", "y", "z", "gripper"),
    units=("m", "m", "m", "1"),
    low=(0.36, -0.24, 0.0, 0.0),
    high=(0.66, 0.24, 0.30, 1.0),
)
POINT_CAMERAS = (CameraSpec("front", 24, 24), CameraSpec("wrist", 16, 16))
SQUARES = {"red square": (220, 40, 40), "green square": (40, 190, 60), "blue square": (50, 80, 230)}
"""Entity name -> RGB; all three stand in every scene."""

_BACKGROUND = (90, 90, 90)
_DOT_OPEN, _DOT_CLOSED = (255, 255, 255), (0, 0, 0)
_HALF_SQUARE, _HALF_DOT = 0.03, 0.012
_NEAR = 0.02
_WRIST_HALF_WIDTH = 0.10


def point_task(seed: int, *, max_steps: int = 40) -> Task:
    """Return "move the dot to the <colour> square", the colour drawn from `seed`."""
    square = list(SQUARES)[int(np.random.default_rng(seed).integers(len(SQUARES)))]
    return Task(
        name="point_to_square",
        instruction=f"move the dot to the {square}",
        goal=Goal("in", "dot", square),
        max_steps=max_steps,
    )


class PointWorld:
    """A dot that ee_delta actions move among three squares; rotations are accepted and do nothing.

    The goal Goal("in", "dot", <square>) is satisfied when the dot is within 2 cm of the square, less than 5 cm above
    the table, and the gripper is open. cameras: any of "front" (the whole table from the side opposite the robot) and
    "wrist" (20 cm around the dot), at any size. breaks_at: raise WorldFault at this tick of every episode.
    """

    def __init__(
        self,
        *,
        cameras: tuple[CameraSpec, ...] = POINT_CAMERAS,
        breaks_at: int | None = None,
    ) -> None:
        for camera in cameras:
            if camera.name not in ("front", "wrist"):
                raise unknown_name("camera", camera.name, ("front", "wrist"))
        self.embodiment = Embodiment("point", cameras, POINT_STATE, POINT_ACTION, Control.EE_DELTA, 5.0)
        self.squares: dict[str, FloatArray] = {}
        self.dot = np.zeros(3, dtype=np.float32)
        self.gripper = 1.0
        self._breaks_at = breaks_at
        self._task: Task | None = None
        self._tick, self._ticks_satisfied, self._reached = 0, 0, False

    @property
    def target(self) -> FloatArray | None:
        """Where the dot should go (3,) [m], or None when the task has no goal."""
        return None if self._task is None or self._task.goal is None else self.squares[str(self._task.goal.target)]

    @property
    def task(self) -> Task:
        """The present task; raise SpecError before the first reset."""
        if self._task is None:
            raise SpecError("no task yet: reset the world first")
        return self._task

    def reset(self, task: Task, *, seed: int) -> Observation:
        """Scatter the squares and the dot from `seed`; raise SpecError for a goal that this world cannot judge."""
        _check_goal(task.goal)
        generator = np.random.default_rng(seed)
        low, high = POINT_STATE.low_array[:3], POINT_STATE.high_array[:3]
        centres = generator.permutation([-0.16, 0.0, 0.16])
        for name, y in zip(SQUARES, centres, strict=True):
            self.squares[name] = np.array(
                [generator.uniform(0.42, 0.60), y + generator.uniform(-0.03, 0.03), 0.0], dtype=np.float32
            )
        self.dot = generator.uniform(low, high).astype(np.float32)
        self.gripper = 1.0
        self._task, self._tick, self._ticks_satisfied, self._reached = task, 0, 0, False
        return self._observe()

    def step(self, action: FloatArray) -> Step:
        if self._task is None:
            raise SpecError("reset must be called before step")
        problem = POINT_ACTION.problem(np.asarray(action, dtype=np.float32))
        if problem:
            raise SpecError(f"this action must not reach the world: {problem}")
        if self._tick == self._breaks_at:
            raise WorldFault(f"the dot came off its thread at tick {self._tick}")
        before, low, high = self.dot, POINT_STATE.low_array[:3], POINT_STATE.high_array[:3]
        self.dot = np.clip(before + action[:3], low, high).astype(np.float32)
        self.gripper = float(action[6])
        self._tick += 1
        executed = np.concatenate([self.dot - before, action[3:]]).astype(np.float32)
        return Step(self._observe(), POINT_ACTION.clip(executed), self._judge())

    def close(self) -> None:
        self._task = None

    def render(self, camera: str, height: int, width: int) -> ImageArray:
        """Return the picture of `camera` as uint8 (height, width, 3); raise SpecError for an unknown camera.

        front: picture left is -y, picture bottom is +x. wrist: the same directions, around the dot.
        """
        low, high = POINT_STATE.low_array[:2], POINT_STATE.high_array[:2]
        if camera == "wrist":
            low, high = self.dot[:2] - _WRIST_HALF_WIDTH, self.dot[:2] + _WRIST_HALF_WIDTH
        elif camera != "front":
            raise unknown_name("camera", camera, ("front", "wrist"))
        x = (low[0] + (np.arange(height) + 0.5) / height * (high[0] - low[0]))[:, None]
        y = (low[1] + (np.arange(width) + 0.5) / width * (high[1] - low[1]))[None, :]
        picture = np.full((height, width, 3), _BACKGROUND, dtype=np.uint8)
        for name, colour in SQUARES.items():
            centre = self.squares[name]
            picture[(abs(x - centre[0]) <= _HALF_SQUARE) & (abs(y - centre[1]) <= _HALF_SQUARE)] = colour
        radius = _HALF_DOT + 0.05 * float(self.dot[2])
        inside = (x - self.dot[0]) ** 2 + (y - self.dot[1]) ** 2 <= radius**2
        picture[inside] = _DOT_OPEN if self.gripper > 0.5 else _DOT_CLOSED
        return picture

    def _observe(self) -> Observation:
        assert self._task is not None
        return Observation(
            images={camera.name: self.render(*_name_and_size(camera)) for camera in self.embodiment.cameras},
            state=np.array([*self.dot, self.gripper], dtype=np.float32),
            instruction=self._task.instruction,
            time=self._tick / self.embodiment.rate_hz,
        )

    def _judge(self) -> Status:
        target = self.target
        if target is None:
            return Status()
        near = bool(np.linalg.norm(self.dot[:2] - target[:2]) <= _NEAR)
        satisfied = near and bool(self.dot[2] < 0.05) and self.gripper > 0.5
        self._reached |= near
        self._ticks_satisfied = self._ticks_satisfied + 1 if satisfied else 0
        return Status(satisfied=satisfied, held=self._ticks_satisfied >= 3, reached=self._reached)


class PointTeacher:
    """Solves `PointWorld` from its true state: over the square, down, wait. A function of the present state only."""

    def __init__(self, world: PointWorld, *, rows: int = 4) -> None:
        self.world = world
        self.embodiment = world.embodiment
        self._rows = rows

    def reset(self, *, seed: int) -> None:
        """Nothing to forget."""

    def act(self, observation: Observation) -> ActionChunk:
        """Return `rows` equal-sized steps towards the goal; raise Refusal when the task has none."""
        target = self.world.target
        if target is None:
            raise Refusal(f"'{observation.instruction}' names no goal")
        position, rows = self.world.dot.copy(), []
        for _ in range(self._rows):
            # Down only once above the square: the pictures then differ between the two parts of the way.
            above = np.linalg.norm((target - position)[:2]) < _NEAR
            wanted = target if above else np.array([target[0], target[1], position[2]])
            delta = np.clip(wanted - position, -0.05, 0.05)
            position = position + delta
            rows.append([*delta, 0.0, 0.0, 0.0, 1.0])
        return ActionChunk(POINT_ACTION.clip(np.array(rows, dtype=np.float32)))

    def aims(self) -> FloatArray:
        """Grasp xyz (NaN: a dot is never grasped) and release xyz, float32 (6,) [m]."""
        aims = np.full(6, np.nan, dtype=np.float32)
        if self.world.target is not None:
            aims[3:] = self.world.target
        return aims


class PointSeer:
    """Solves `PointWorld` from front picture, instruction and state; it may answer many episodes at once."""

    def __init__(self, embodiment: Embodiment, *, rows: int = 2) -> None:
        self.embodiment = embodiment
        self._rows = rows

    def reset(self, *, seed: int) -> None:
        """Nothing to forget."""

    def act(self, observation: Observation) -> ActionChunk:
        return self.act_batch([observation])[0]

    def act_batch(self, observations: Sequence[Observation]) -> list[ActionChunk]:
        """Raise Refusal when an instruction names no square."""
        return [self._act(observation) for observation in observations]

    def _act(self, observation: Observation) -> ActionChunk:
        named = [name for name in SQUARES if name in observation.instruction]
        if not named:
            raise Refusal(f"'{observation.instruction}' names no square")
        away = self._centre(observation.images["front"], named[0]) - observation.state[:2]
        # A picture of few pixels shows the centre to within a centimetre: down once that near.
        down = -0.05 if np.linalg.norm(away) < _NEAR / 2 else 0.0
        row = [*np.clip(away / self._rows, -0.05, 0.05), down, 0.0, 0.0, 0.0, 1.0]
        return ActionChunk(POINT_ACTION.clip(np.array([row] * self._rows, dtype=np.float32)))

    def _centre(self, picture: ImageArray, square: str) -> FloatArray:
        """Where the square of this name is seen (2,) [m]."""
        seen = np.argwhere((picture == SQUARES[square]).all(axis=2))
        low, high = POINT_STATE.low_array[:2], POINT_STATE.high_array[:2]
        middle = (seen.min(axis=0) + seen.max(axis=0) + 1) / 2 / picture.shape[:2]
        return np.asarray(low + middle * (high - low), dtype=np.float32)


class Gambler:
    """Solves `PointWorld` in some episodes, holds still in the others, and says beforehand how likely it is to solve.

    Every episode draws that chance from its seed, evenly over [0, 1]; its confidence is that chance, so it is
    calibrated. boast: added to what it says of itself, and cut to [0, 1]; other than 0, it is not calibrated.
    """

    def __init__(self, embodiment: Embodiment, *, boast: float = 0.0) -> None:
        self.embodiment = embodiment
        self._seer, self._boast = PointSeer(embodiment), boast
        self._chance, self._tries = 1.0, True

    def reset(self, *, seed: int) -> None:
        generator = np.random.default_rng([seed, 7])
        self._chance = float(generator.uniform())
        self._tries = bool(generator.uniform() < self._chance)

    def act(self, observation: Observation) -> ActionChunk:
        sure = min(max(self._chance + self._boast, 0.0), 1.0)
        if self._tries:
            return ActionChunk(self._seer.act(observation).actions, confidence=sure)
        return ActionChunk(POINT_ACTION.clip(np.zeros((1, 7), dtype=np.float32)), confidence=sure)


class FixedPolicy:
    """Returns the same chunk at every look; `refusal` makes it decline with that reason instead."""

    def __init__(self, embodiment: Embodiment, chunk: FloatArray, *, refusal: str | None = None) -> None:
        self.embodiment = embodiment
        self._chunk, self._refusal = chunk, refusal

    def reset(self, *, seed: int) -> None:
        """Nothing to forget."""

    def act(self, observation: Observation) -> ActionChunk:
        if self._refusal is not None:
            raise Refusal(self._refusal)
        return ActionChunk(self._chunk)


class CountingPolicy:
    """Stays where it is and knows only from what it is reminded of how often it has looked in this episode.

    counts: what it counted at each look, over all episodes.
    """

    def __init__(self, embodiment: Embodiment) -> None:
        self.embodiment = embodiment
        self.counts: list[float] = []

    def reset(self, *, seed: int) -> None:
        """Nothing to forget."""

    def act(self, observation: Observation) -> ActionChunk:
        before = 0.0 if observation.memory is None else float(observation.memory[0])
        self.counts.append(before + 1)
        still = self.embodiment.action.clip(np.zeros((1, len(self.embodiment.action)), dtype=np.float32))
        return ActionChunk(still, memory=np.array([before + 1]))


def _name_and_size(camera: CameraSpec) -> tuple[str, int, int]:
    return camera.name, camera.height, camera.width


def _check_goal(goal: Goal | None) -> None:
    if goal is None:
        return
    if (goal.relation, goal.subject) != ("in", "dot"):
        raise SpecError(f"this world only judges 'in' with subject 'dot', not '{goal.relation}' with '{goal.subject}'")
    if goal.target not in SQUARES:
        raise unknown_name("square", str(goal.target), SQUARES)
