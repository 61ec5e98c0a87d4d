"""What is wrong with a motion before it is made: joints, speeds, workspace and keep-out zones, for every link."""

from dataclasses import dataclass

import numpy as np

from agent.safety.body import HELD, Array, Motion
from agent.safety.config import SafetyConfig
from agent.safety.zones import Zone, ZoneSet, way_out

NEARLY = 0.98
"""Of the share of a motion that would be clear: where the links go is only nearly in proportion to it."""
RETREAT = 1e-3
"""A body that is already too near must gain this much [m] with a motion, or hold."""


@dataclass(frozen=True, eq=False)
class Problem:
    """Why a motion must not be made, and what might mend it.

    factor: the share of the motion that would be allowed.  shift: add this to the tool's way (3,) [m].
    zone, point: what is come too near to, and where (3,) [m].  closing: only because the gripper would close on
    something.
    """

    rule: str
    detail: str
    factor: float | None = None
    shift: Array | None = None
    zone: Zone | None = None
    point: Array | None = None
    closing: bool = False

    def outward(self) -> Array | None:
        """Return the unit vector (3,) that leads out of the zone, None where there is no zone."""
        return None if self.zone is None or self.point is None else way_out(self.zone, self.point)


@dataclass(frozen=True)
class Grip:
    """Whether something may be in the gripper, before the motion and during it."""

    before: bool
    during: bool


class Checker:
    """Judges motions by one configuration; zones may be exchanged between motions."""

    def __init__(self, config: SafetyConfig, joint_limits: tuple[Array, Array], rate_hz: float) -> None:
        self._config, self._limits, self._rate = config, config.limits, rate_hz
        margin = self._limits.joint_margin or 0.0
        self._low, self._high = joint_limits[0] + margin, joint_limits[1] - margin
        self.zones = config.keep_out.zones

    @property
    def zones(self) -> tuple[Zone, ...]:
        """What is kept out of now."""
        return self._zones.zones

    @zones.setter
    def zones(self, zones: tuple[Zone, ...]) -> None:
        self._zones = ZoneSet(zones)

    def problem(self, motion: Motion, grip: Grip) -> Problem | None:
        """Return the first thing that is wrong with the motion, or None."""
        return (
            self._joint_problem(motion)
            or self._speed_problem(motion)
            or self._workspace_problem(motion)
            or self._zone_problem(motion, grip)
        )

    def clearance(self, motion: Motion, *, held: bool) -> float:
        """Return how far the body, where it is measured now, is from the nearest zone [m]; infinite without zones."""
        if not self.zones:
            return float("inf")
        balls = _Balls(motion, self._config.keep_out.held_radius if held else 0.0)
        distances = self._zones.distances(balls.centres[:, 0])
        return float((distances - balls.radii + self._zones.spared(balls.links)).min())

    def _joint_problem(self, motion: Motion) -> Problem | None:
        if self._limits.joint_margin is None:
            return None
        end = self._beyond(motion.joints[-1])
        if end.max(initial=0.0) <= 1e-6:
            return None
        start = self._beyond(motion.joints[1])
        worse = (end > 1e-6) & (end > start + 1e-9)
        if not worse.any():
            return None
        number = int(np.argmax(np.where(worse, end, -np.inf)))
        share = float((np.maximum(-start, 0.0) / np.maximum(end - start, 1e-9))[worse].min())
        detail = f"joint {number + 1} would come {end[number]:.3f} rad too near its limit"
        return Problem("joint_margin", detail, factor=NEARLY * share)

    def _beyond(self, joints: Array) -> Array:
        """Return how far each of `joints` (J,) is beyond what it may be [rad], negative inside (J,)."""
        beyond: Array = np.maximum(self._low - joints, joints - self._high)
        return beyond

    def _speed_problem(self, motion: Motion) -> Problem | None:
        limits = self._limits
        if limits.joint_speed is not None:
            fastest = float(np.abs(motion.joints[-1] - motion.joints[1]).max(initial=0.0)) * self._rate
            if fastest > limits.joint_speed * (1 + 1e-6):
                detail = f"a joint would turn at {fastest:.2f} rad/s, over {limits.joint_speed:g}"
                return Problem("joint_speed", detail, factor=limits.joint_speed / fastest)
        if limits.tool_speed is not None:
            speed = float(np.linalg.norm(motion.tool[-1] - motion.tool[1])) * self._rate
            if speed > limits.tool_speed * (1 + 1e-6):
                detail = f"the tool would move at {speed:.2f} m/s, over {limits.tool_speed:g}"
                return Problem("tool_speed", detail, factor=limits.tool_speed / speed)
        return None

    def _workspace_problem(self, motion: Motion) -> Problem | None:
        box = self._config.workspace
        if box is None:
            return None
        start, end = motion.tool[1], motion.tool[-1]
        # Where the tool is outside already, it may stay as far outside as it is, or come in.
        low, high = np.minimum(start, box.low), np.maximum(start, box.high)
        shift = np.minimum(np.maximum(end, low), high) - end
        if np.abs(shift).max() < 1e-6:
            return None
        far = "xyz"[int(np.argmax(np.abs(shift)))]
        return Problem("workspace", f"the tool would leave the workspace along {far}", shift=shift)

    def _zone_problem(self, motion: Motion, grip: Grip) -> Problem | None:
        if not self.zones:
            return None
        margin = self._config.keep_out.margin
        balls = _Balls(motion, self._config.keep_out.held_radius if grip.during else 0.0)
        exact, swept = balls.clearances(self._zones)
        for number in np.flatnonzero(swept.min(axis=(1, 2)) < margin):
            problem = self._trespass(self.zones[number], balls, exact[number], swept[number], grip)
            if problem is not None:
                return problem
        return None

    def _trespass(self, zone: Zone, balls: "_Balls", exact: Array, swept: Array, grip: Grip) -> Problem | None:
        """Judge a motion that comes too near to `zone`: clearances (K, N) and (K - 1, N) as `_Balls` gives them."""
        margin = self._config.keep_out.margin
        nearest, sweeping = exact.min(axis=1), swept.min(axis=1)
        closing = grip.during and not grip.before and bool(exact[0, :-1].min() >= margin)
        before = float(nearest[0])
        retreats = nearest[-1] >= before + RETREAT and nearest.min() >= before - RETREAT
        if before < margin and retreats and not closing:
            return None
        moment = int(np.argmin(sweeping))
        ball = int(np.argmin(swept[moment]))
        detail = f"the {balls.links[ball]} would come within {1000 * float(sweeping[moment]):.0f} mm of '{zone.name}'"
        return Problem(
            f"keep_out:{zone.name}",
            detail,
            factor=NEARLY * clear_share(sweeping, margin),
            zone=zone,
            point=balls.centres[:, 1 + moment, ball],
            closing=closing,
        )


def clear_share(nearest: Array, margin: float) -> float:
    """Return the share of a motion before it comes nearer than `margin`, between moments by a straight line.

    nearest: clearance (M,) at moments that divide the motion evenly, from its beginning to its end.
    """
    first = int(np.argmax(nearest < margin))
    if first == 0:
        return 0.0
    part = (nearest[first - 1] - margin) / (nearest[first - 1] - nearest[first])
    return float((first - 1 + part) / (len(nearest) - 1))


class _Balls:
    """A motion's balls, what is held among them, and how far the body may stray between the sampled moments.

    centres: (3, K, N), coordinates first: sums over a last axis of three cost several times as much.
    """

    def __init__(self, motion: Motion, held_radius: float) -> None:
        self.centres, self.radii, self.links = motion.centres.transpose(2, 0, 1), motion.radii, motion.links
        if held_radius > 0:
            self.centres = np.concatenate([self.centres, motion.tool.T[:, :, None]], axis=2)
            self.radii = np.append(motion.radii, held_radius)
            self.links = (*motion.links, HELD)

    def clearances(self, zones: ZoneSet) -> tuple[Array, Array]:
        """Return (Z, K, N) at the sampled moments, and (Z, K - 1, N) of those commanded less what lies between [m]."""
        ways = self.centres[:, 1:] - self.centres[:, :-1]
        ways *= ways
        lengths = np.sqrt(ways[0] + ways[1] + ways[2])
        # From where it is measured to where it is commanded the body is behind all the way.
        slack = lengths[1:].max(axis=0, initial=0.0) / 2 + lengths[0]
        exact = zones.distances(self.centres) + (zones.spared(self.links) - self.radii)[:, None]
        return exact, exact[:, 1:] - slack
