"""What is wrong with a motion before it is made: joints, speeds, workspace and keep-out zones, for every link."""

from dataclasses import dataclass

import numpy as np

from agent.safety.body import Array, Motion
from agent.safety.config import SafetyConfig
from agent.safety.zones import Zone, way_out

RETREAT = 1e-3
"""A body that is already too near must gain this much [m] with a motion, or hold."""


@dataclass(frozen=True, eq=False)
class Problem:
    """Why a motion must not be made, and what might mend it.

    factor: the share of the motion that would be allowed.  shift: add this to the tool's way (3,) [m].
    outward: unit vector (3,) that leads out of the zone.  closing: only because the gripper would close on something.
    """

    rule: str
    detail: str
    factor: float | None = None
    shift: Array | None = None
    outward: Array | None = None
    closing: bool = False


@dataclass(frozen=True)
class Grip:
    """Whether something may be in the gripper, before the motion and during it."""

    before: bool
    during: bool


class Checker:
    """Judges motions by one configuration; zones may be exchanged between motions."""

    def __init__(self, config: SafetyConfig, joint_limits: tuple[Array, Array], rate_hz: float) -> None:
        self._config, self._limits, self._rate = config, config.limits, rate_hz
        self._low, self._high = joint_limits
        self.zones: tuple[Zone, ...] = config.keep_out.zones

    def problem(self, motion: Motion, grip: Grip) -> Problem | None:
        """Return the first thing that is wrong with the motion, or None."""
        return (
            self._joint_problem(motion)
            or self._speed_problem(motion)
            or self._workspace_problem(motion)
            or self._zone_problem(motion, grip)
        )

    def strayed(self, motion: Motion) -> str | None:
        """Say which part of the body is too far from where it is commanded, or None."""
        if self._limits.tracking is None:
            return None
        behind = np.sqrt(((motion.centres[1] - motion.centres[0]) ** 2).sum(axis=-1))
        worst = int(np.argmax(behind))
        if behind[worst] <= self._limits.tracking:
            return None
        return f"the {motion.links[worst]} is {1000 * behind[worst]:.0f} mm from where it is commanded"

    def clearance(self, motion: Motion, *, held: bool) -> float:
        """Return how far the body, where it is measured now, is from the nearest zone [m]; infinite without zones."""
        balls = _Balls(motion, self._config.keep_out.held_radius if held else 0.0)
        return min((float(balls.at_start(zone).min()) for zone in self.zones), default=float("inf"))

    def _joint_problem(self, motion: Motion) -> Problem | None:
        margin = self._limits.joint_margin
        if margin is None:
            return None
        beyond = np.maximum(self._low + margin - motion.joints, motion.joints - (self._high - margin))
        worse = (beyond[-1] > 1e-6) & (beyond[-1] > beyond[1] + 1e-9)
        if not worse.any():
            return None
        number = int(np.argmax(np.where(worse, beyond[-1], -np.inf)))
        return Problem("joint_margin", f"joint {number + 1} would come {beyond[-1, number]:.3f} rad too near its limit")

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
        shift = np.clip(end, low, high) - end
        if np.abs(shift).max() < 1e-6:
            return None
        far = "xyz"[int(np.argmax(np.abs(shift)))]
        return Problem("workspace", f"the tool would leave the workspace along {far}", shift=shift)

    def _zone_problem(self, motion: Motion, grip: Grip) -> Problem | None:
        if not self.zones:
            return None
        keep_out = self._config.keep_out
        balls = _Balls(motion, keep_out.held_radius if grip.during else 0.0)
        for zone in self.zones:
            exact, swept = balls.clearances(zone)
            if swept.min() >= keep_out.margin:
                continue
            closing = grip.during and not grip.before and bool(exact[0, :-1].min() >= keep_out.margin)
            before = float(exact[0].min())
            retreats = exact[-1].min() >= before + RETREAT and exact.min() >= before - RETREAT
            if before < keep_out.margin and retreats and not closing:
                continue
            moment, ball = np.unravel_index(int(np.argmin(swept)), swept.shape)
            outward = way_out(zone, balls.centres[1 + moment, ball])
            name = balls.links[ball]
            detail = f"the {name} would come within {1000 * float(swept.min()):.0f} mm of '{zone.name}'"
            return Problem(f"keep_out:{zone.name}", detail, outward=outward, closing=closing)
        return None


class _Balls:
    """A motion's balls, what is held among them, and how far the body may stray between the sampled moments."""

    def __init__(self, motion: Motion, held_radius: float) -> None:
        self.centres, self._radii, self.links = motion.centres, motion.radii, motion.links
        if held_radius > 0:
            self.centres = np.concatenate([motion.centres, motion.tool[:, None]], axis=1)
            self._radii = np.append(motion.radii, held_radius)
            self.links = (*motion.links, "held object")
        steps = np.sqrt(((self.centres[2:] - self.centres[1:-1]) ** 2).sum(axis=-1))
        behind = np.sqrt(((self.centres[1] - self.centres[0]) ** 2).sum(axis=-1))
        self._slack = steps.max(axis=0, initial=0.0) / 2 + behind

    def at_start(self, zone: Zone) -> Array:
        result: Array = zone.distance(self.centres[0]) - self._radii
        return result

    def clearances(self, zone: Zone) -> tuple[Array, Array]:
        """Return (K, N) at the sampled moments, and (K - 1, N) of the commanded ones less what lies between [m]."""
        exact: Array = zone.distance(self.centres) - self._radii
        return exact, exact[1:] - self._slack
