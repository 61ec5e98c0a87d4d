"""The table-top behind its safety filter, which is how every part of the project uses it unless told otherwise."""

from pathlib import Path

from agent.safety.config import SafetyConfig
from agent.safety.filter import SafetyFilter
from agent.safety.world import SafeWorld
from agent.settings import load_settings
from agent.types import CameraSpec
from sim.body_model import PandaBody
from sim.physics import Picture
from sim.world import DEFAULT_CAMERAS, TabletopWorld

SAFETY = Path(__file__).resolve().parents[1] / "configs" / "sim" / "tabletop.yaml"
"""The limits that simulated worlds stand behind unless other ones are named."""
NO_SAFETY = "off"


def safety_limits(safety: str | None) -> SafetyConfig | None:
    """Read the limits in the file called `safety`; None means the usual ones, "off" gives none. Raise SpecError naming
    what is wrong in the file."""
    return None if safety == NO_SAFETY else load_settings(safety or SAFETY, SafetyConfig)


class GuardedTabletop(SafeWorld):
    """A SafeWorld round a table-top that can still be looked at."""

    inner: TabletopWorld

    def __init__(self, inner: TabletopWorld, limits: SafetyConfig) -> None:
        super().__init__(inner, SafetyFilter(limits, inner.embodiment, PandaBody()))

    def render(self, camera: str, height: int, width: int) -> Picture:
        """Draw what `camera` sees now, at any size; see TabletopWorld.render."""
        return self.inner.render(camera, height, width)


def tabletop(
    cameras: tuple[CameraSpec, ...] = DEFAULT_CAMERAS, *, safety: str | None = None
) -> TabletopWorld | GuardedTabletop:
    """Build the table-top behind the limits that `safety` names (see `safety_limits`)."""
    limits, world = safety_limits(safety), TabletopWorld(cameras)
    return world if limits is None else GuardedTabletop(world, limits)
