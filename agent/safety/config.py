"""What the safety filter may be told, strict and frozen; see configs/sim and configs/robot for values."""

from dataclasses import dataclass, field

from agent.safety.zones import BoxZone, PersonZone, PlaneZone, Triple, Zone


@dataclass(frozen=True)
class Workspace:
    """Corners of the box that the tool point stays in, base frame [m]."""

    low: Triple
    high: Triple

    def __post_init__(self) -> None:
        if not all(low < high for low, high in zip(self.low, self.high, strict=True)):
            raise ValueError("workspace: every value of low must be below that of high")


@dataclass(frozen=True)
class Limits:
    """Limits on motion; None: the embodiment's own bounds only.

    step: most that each entry of an action but the gripper may ask for in one tick, in the entry's unit (for absolute
    joint actions: the distance from the last one sent).  change: most that the same may differ from the tick before.
    tool_speed [m/s], joint_speed [rad/s]: means over one tick; a smooth motion peaks at about twice that.
    joint_margin [rad]: distance kept from every joint limit.
    tracking [m]: when any part of the body is further than this from where it is commanded, something is in its way,
    and the command goes back to where the body is.
    slow_start [s]: after arming, `step` grows from a tenth to the whole over this time (needs `step`).
    """

    step: tuple[float, ...] | None = None
    change: tuple[float, ...] | None = None
    tool_speed: float | None = None
    joint_speed: float | None = None
    joint_margin: float | None = None
    tracking: float | None = None
    slow_start: float = 0.0

    def __post_init__(self) -> None:
        for name in ("step", "change"):
            values = getattr(self, name)
            if values is not None and not all(value > 0 for value in values):
                raise ValueError(f"limits.{name}: every value must be above 0")
        for name in ("tool_speed", "joint_speed", "joint_margin", "tracking"):
            value = getattr(self, name)
            if value is not None and value <= 0:
                raise ValueError(f"limits.{name} must be above 0, got {value:g}")
        if self.slow_start < 0 or (self.slow_start and self.step is None):
            raise ValueError("limits.slow_start must not be negative, and needs limits.step to grow to")


@dataclass(frozen=True)
class KeepOut:
    """Where no link and nothing held may be.

    margin [m]: kept from every zone, for what a command and the body that follows it differ.
    held_radius [m]: of the ball round the tool point that stands for whatever may be held; 0: nothing is ever held.
    It counts unless the gripper is at least `open_above` open (0 closed, 1 open), measured and commanded.
    """

    boxes: tuple[BoxZone, ...] = ()
    planes: tuple[PlaneZone, ...] = ()
    people: tuple[PersonZone, ...] = ()
    margin: float = 0.015
    held_radius: float = 0.0
    open_above: float = 0.95

    def __post_init__(self) -> None:
        if self.margin < 0 or self.held_radius < 0 or not 0 < self.open_above <= 1:
            raise ValueError("keep_out: margin and held_radius must not be negative, open_above must be in (0, 1]")
        names = [zone.name for zone in self.zones]
        if len(names) != len(set(names)):
            raise ValueError(f"keep_out: two zones have the same name among {', '.join(names)}")

    @property
    def zones(self) -> tuple[Zone, ...]:
        return (*self.boxes, *self.planes, *self.people)


@dataclass(frozen=True)
class Patience:
    """How old something may be: older than `hold` the robot holds, older than `stop` it is stopped for good [s]."""

    hold: float
    stop: float

    def __post_init__(self) -> None:
        if not 0 < self.hold <= self.stop:
            raise ValueError(f"hold must be above 0 and at most stop, got hold {self.hold:g} and stop {self.stop:g}")


@dataclass(frozen=True)
class SafetyConfig:
    """Everything between a policy's action and what is sent.

    observation, action: patience with sensors that do not renew themselves and with a policy that does not answer;
    None where time is simulated.  arm_at_start: False waits for `Gate.arm()`.
    """

    workspace: Workspace | None = None
    limits: Limits = field(default_factory=Limits)
    keep_out: KeepOut = field(default_factory=KeepOut)
    observation: Patience | None = None
    action: Patience | None = None
    arm_at_start: bool = True
