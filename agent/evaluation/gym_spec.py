"""What a suite says of a Gymnasium environment that is to be run as a World."""

from dataclasses import dataclass, field

from agent.types import Control


@dataclass(frozen=True)
class GymCamera:
    """source: "render" for the environment's own picture, else the key of an image in its observation ("" for all of
    it).  height, width: what a policy is given; the picture is resized to that.
    """

    name: str
    source: str = "render"
    height: int = 128
    width: int = 128


@dataclass(frozen=True)
class GymAction:
    """One element of the action.

    scale: physical units for 1 of the environment's; bounds follow from its action space.
    """

    name: str
    unit: str = "1"
    scale: float = 1.0

    def __post_init__(self) -> None:
        if not self.scale:
            raise ValueError(f"the scale of action '{self.name}' is 0")


@dataclass(frozen=True)
class GymWorldSpec:
    """A registered environment as a World.

    env: its id.  module: imported first, where ids are registered on import.  options: for gymnasium.make.
    state: keys of the observation that make up the state, in order; empty: none of a dictionary, or all of a vector.
    action: its elements; empty: named action_0, action_1, ... in the environment's own units.
    success: key of the info in which it says that the task is done; "": never.
    hold: steps that must be done running.  rebuild: make the environment anew for every episode, where a reset leaves
    something behind.
    """

    env: str
    cameras: tuple[GymCamera, ...]
    rate_hz: float
    module: str = ""
    options: dict[str, str | int | float | bool] = field(default_factory=dict)
    state: tuple[str, ...] = ()
    action: tuple[GymAction, ...] = ()
    control: Control = Control.EE_DELTA
    success: str = "is_success"
    hold: int = 1
    rebuild: bool = False

    def __post_init__(self) -> None:
        if not self.cameras:
            raise ValueError("a world needs at least one camera; source: render takes the environment's own picture")
        if self.rate_hz <= 0 or self.hold < 1:
            raise ValueError("rate_hz must be above 0 and hold at least 1")
