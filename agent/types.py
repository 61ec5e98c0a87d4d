"""The nouns of Aubergine. Every value is frozen, and every flat vector carries its names, units and bounds."""

from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from agent.errors import unknown_name

FloatArray = NDArray[np.float32]
ImageArray = NDArray[np.uint8]


class Control(StrEnum):
    """What one action row means."""

    EE_DELTA = "ee_delta"
    """dx dy dz [m], drx dry drz [rad, rotation vector in the base frame], gripper [0 closed, 1 open, absolute]."""
    JOINT_POSITION = "joint_position"
    """Absolute joint angles [rad] and gripper [0 closed, 1 open]."""


@dataclass(frozen=True)
class VectorSpec:
    """Names, units and bounds of a flat float32 vector; one entry per element."""

    names: tuple[str, ...]
    units: tuple[str, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]

    def __post_init__(self) -> None:
        lengths = {len(self.names), len(self.units), len(self.low), len(self.high)}
        if len(lengths) != 1:
            raise ValueError(f"names, units, low and high differ in length: {sorted(lengths)}")

    def __len__(self) -> int:
        return len(self.names)

    @cached_property
    def low_array(self) -> FloatArray:
        return np.asarray(self.low, dtype=np.float32)

    @cached_property
    def high_array(self) -> FloatArray:
        return np.asarray(self.high, dtype=np.float32)

    def problem(self, vector: FloatArray, *, tolerance: float = 1e-5) -> str | None:
        """Say in one sentence why `vector` breaks this spec, or None when it is legal."""
        if vector.shape != (len(self),):
            return f"expected {len(self)} values ({', '.join(self.names)}), got shape {vector.shape}"
        for name, unit, low, high, value in zip(self.names, self.units, self.low, self.high, vector, strict=True):
            if not np.isfinite(value):
                return f"{name} is {value}"
            if not low - tolerance <= value <= high + tolerance:
                return f"{name} = {value:.4g} {unit} is outside [{low:g}, {high:g}]"
        return None

    def clip(self, vector: FloatArray) -> FloatArray:
        """Return `vector` (..., len(self)) moved to the nearest legal values, float32."""
        # As np.clip, which takes three times as long over so few values.
        return np.minimum(np.maximum(vector, self.low_array), self.high_array).astype(np.float32)


@dataclass(frozen=True)
class CameraSpec:
    """A camera's name and picture size in pixels."""

    name: str
    height: int
    width: int


@dataclass(frozen=True)
class Embodiment:
    """A body as a policy sees it: cameras, state, action, and how often it is commanded."""

    name: str
    cameras: tuple[CameraSpec, ...]
    state: VectorSpec
    action: VectorSpec
    control: Control
    rate_hz: float

    def camera(self, name: str) -> CameraSpec:
        """Return the camera called `name`; raise SpecError naming those that exist."""
        for camera in self.cameras:
            if camera.name == name:
                return camera
        raise unknown_name("camera", name, (camera.name for camera in self.cameras))

    def mismatch(self, body: "Embodiment") -> str | None:
        """Say why a policy trained for this embodiment cannot drive `body`, or None when it can."""
        offered = {camera.name: camera for camera in body.cameras}
        for camera in self.cameras:
            if camera.name not in offered:
                return f"the policy needs camera '{camera.name}'; this world has: {', '.join(offered)}"
            if offered[camera.name] != camera:
                got = offered[camera.name]
                return (
                    f"the policy needs camera '{camera.name}' at {camera.height} x {camera.width} pixels; "
                    f"this world gives {got.height} x {got.width}"
                )
        for part, needed, given in (("state", self.state, body.state), ("action", self.action, body.action)):
            for name, unit, other in zip(needed.names, needed.units, given.units, strict=False):
                if needed.names == given.names and unit != other:
                    return f"the policy's {part} has {name} in {unit}; this world's is in {other}"
            if needed.names != given.names:
                return f"the policy's {part} is {', '.join(needed.names)}; this world's is {', '.join(given.names)}"
        if self.control != body.control:
            return f"the policy speaks {self.control} actions; this world takes {body.control}"
        if self.rate_hz != body.rate_hz:
            return f"the policy acts at {self.rate_hz:g} Hz; this world runs at {body.rate_hz:g} Hz"
        return None


@dataclass(frozen=True, eq=False)
class Observation:
    """What the robot knows at one tick.

    images: camera name -> uint8 (H, W, 3) RGB.  state: float32 (S,) as the embodiment's state spec names it.
    time: seconds since the episode began.  memory: what the policy's last chunk asked to be reminded of, (K,) numbers
    that mean something to it alone; None where an episode begins.
    """

    images: dict[str, ImageArray]
    state: FloatArray
    instruction: str
    time: float
    memory: NDArray[np.float64] | None = None

    def reminded(self, last: "ActionChunk | None") -> "Observation":
        """Return the observation with what the policy's last chunk of this episode asked to be reminded of."""
        return self if last is None or last.memory is None else replace(self, memory=last.memory)


@dataclass(frozen=True, eq=False)
class Reading:
    """What a robot's sensors say: an Observation before anyone has said what to do.

    images: camera name -> uint8 (H, W, 3) RGB.  state: float32 (S,).  time: monotonic clock when it was taken [s].
    """

    images: dict[str, ImageArray]
    state: FloatArray
    time: float


@dataclass(frozen=True, eq=False)
class ActionChunk:
    """Actions to execute one after another, float32 (T, A), physical units, first row first.

    confidence: how sure the policy is that these actions are right, in [0, 1]; None where it cannot say.
    memory: numbers that the next observation of the same episode should bring back; see `Observation`.
    """

    actions: FloatArray
    confidence: float | None = None
    memory: NDArray[np.float64] | None = None


@dataclass(frozen=True, eq=False)
class HeatMap:
    """Where in one camera's picture a policy sees something.

    label: what is looked for, "subject" or "target".  heat: float32 (h, w), sums to 1, over the whole picture.
    """

    camera: str
    label: str
    heat: FloatArray


@dataclass(frozen=True, eq=False)
class Explanation:
    """Why a policy chose its last chunk.

    heat: where it looked, empty when it cannot say.  probabilities: float32 (R, K), what it gave each token that it
    wrote, as many rows as the tokens fall into; (0, 0) without tokens.  path: float32 (N, 3), where the gripper
    is and where the chunk takes it, metres in the base frame.  opening: float32 (N,), along it, 0 closed, 1 open.
    """

    heat: tuple[HeatMap, ...]
    probabilities: FloatArray
    path: FloatArray
    opening: FloatArray


@dataclass(frozen=True)
class Goal:
    """A relation between entities of a scene, as data. It writes the instruction and judges the outcome.

    `subject` and `target` are entity names in the scene ("eggplant", "red cube"), a table region, a spot
    ("0.520 -0.100", see sim.spots), or None where the relation has no target (lift, open, close).
    """

    relation: str
    subject: str
    target: str | None = None


@dataclass(frozen=True)
class Placement:
    """Where an entity must stand at reset: centre x, y [m] and yaw [rad] in the base frame."""

    name: str
    x: float
    y: float
    yaw: float = 0.0


@dataclass(frozen=True)
class Task:
    """One thing to do: what is said, what it means, and what must stand on the table.

    goal: None when the instruction matches no known task; the episode then runs until max_steps.
    entities: names that the scene must hold besides the goal's own.
    initial: relations that hold at reset ("the apple is in the bowl", for taking it out).
    distractors: fewest and most further objects, drawn from those seen in training.
    max_steps: control steps before the episode times out.
    layout: where some of the entities must stand; the others are placed at random round them.
    scene: the task whose scene is built, when it is not this one's own: another instruction about the same things.
    """

    name: str
    instruction: str
    goal: Goal | None
    max_steps: int
    entities: tuple[str, ...] = ()
    initial: tuple[Goal, ...] = ()
    distractors: tuple[int, int] = (2, 4)
    layout: tuple[Placement, ...] = ()
    scene: "Task | None" = None


@dataclass(frozen=True)
class Status:
    """How the goal stands after one tick.

    satisfied: the relation is true, the subject is released and at rest.  held: satisfied for three ticks running,
    which ends the episode.  reached, grasped, lifted: progress so far with the right object (they stay true).
    wrong_object: name of another object that was moved by more than 3 cm, if any.
    """

    satisfied: bool = False
    held: bool = False
    reached: bool = False
    grasped: bool = False
    lifted: bool = False
    wrong_object: str | None = None


@dataclass(frozen=True, eq=False)
class Step:
    """The result of one action. `executed` (A,) is what was really commanded, after limits."""

    observation: Observation
    executed: FloatArray
    status: Status


class Outcome(StrEnum):
    """How an episode ended. ERROR is the world's fault and is left out of success rates."""

    SUCCESS = "success"
    FAILURE = "failure"
    TIMEOUT = "timeout"
    REFUSED = "refused"
    ERROR = "error"


@dataclass(frozen=True)
class Episode:
    """What came of one attempt at one task.

    success_any: satisfied at some step.  success_last: satisfied at the last step.  success_held: held, the
    reading that `outcome` uses.  seconds: wall time.  detail: one sentence on how it ended.
    completed: tasks of a chain that were done one after the other; 0 or 1 for a single task.
    confidence: mean of what the policy said of its chunks, in [0, 1]; None when it said nothing.
    """

    task: Task
    seed: int
    outcome: Outcome
    steps: int
    detail: str
    seconds: float
    status: Status = field(default_factory=Status)
    success_any: bool = False
    success_last: bool = False
    success_held: bool = False
    completed: int = 0
    confidence: float | None = None
