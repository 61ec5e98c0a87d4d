"""Turns the action a policy asks for into the one that may be sent."""

from dataclasses import replace

import numpy as np

from agent.errors import PolicyFault, SpecError
from agent.safety.body import HELD, BodyModel
from agent.safety.checks import Checker, Grip, Problem
from agent.safety.config import SafetyConfig
from agent.safety.gate import Gate
from agent.safety.journal import Intervention, Journal
from agent.safety.zones import PersonZone
from agent.types import Control, Embodiment, FloatArray

ATTEMPTS = 5
"""How many motions are tried before the filter holds."""
LEAST_MOTION = 0.02
"""Of a motion; where less is left, the filter holds."""
LEAST_SHARE = 0.1
"""Of the step limit at the beginning of a slow start."""
Note = tuple[str, str]
"""Rule and detail."""


class SafetyFilter:
    """Checks every action against one configuration. What it cannot make safe it turns into holding still.

    body: predicts what an action sweeps; None is enough where nothing geometric is asked for. Not thread-safe, but
    for the gate, which any thread may close.
    """

    def __init__(
        self,
        config: SafetyConfig,
        embodiment: Embodiment,
        body: BodyModel | None = None,
        *,
        gate: Gate | None = None,
        journal: Journal | None = None,
    ) -> None:
        """Raise SpecError when the configuration does not fit the embodiment or needs a body model."""
        self.config, self.embodiment = config, embodiment
        self.gate, self.journal = gate or Gate(), journal or Journal()
        self._body, self._spec = body, embodiment.action
        self._gripper = self._spec.names.index("gripper") if "gripper" in self._spec.names else None
        self._moving = np.array([name != "gripper" for name in self._spec.names])
        self._check_config()
        limits = body.joint_limits if body else (np.zeros(0), np.zeros(0))
        self._checker = Checker(config, limits, embodiment.rate_hz)
        self._held_positions = self._state_columns()
        self._tick = self._moved = 0
        self._last: FloatArray | None = None
        self._opening = 1.0

    def begin(self, state: FloatArray) -> None:
        """An episode begins with this measured state (S,). Arms the gate when the configuration says so."""
        if self.config.arm_at_start and self.gate.stopped is None:
            self.gate.arm()
        self.journal.begin()
        self._tick = self._moved = 0
        self._last = None
        self._opening = self._measured_opening(state)
        if self._body:
            self._body.begin(state)

    def permit(self, action: FloatArray, state: FloatArray) -> FloatArray:
        """Return the action (A,) to send when `action` is asked for and `state` (S,) measured.

        Raises PolicyFault when the action has the wrong shape or is not finite, WorldFault while stopped.
        """
        asked = self._finite(action)
        hold = self.hold(state)
        rule = self.gate.closed()
        if rule is not None:
            self._moved = 0
            return self._note(asked, hold, [(rule, "motion is not allowed now")])
        row, notes = self._clamped(asked, hold)
        if self._body is not None:
            row = self._free_of_problems(row, hold, state, notes)
        self._moved += 1
        return self._note(asked, row, notes)

    def hold(self, state: FloatArray) -> FloatArray:
        """Return the action (A,) that keeps everything where it is commanded, the gripper included."""
        if self.embodiment.control is Control.EE_DELTA:
            row = np.zeros(len(self._spec), dtype=np.float32)
            if self._gripper is not None:
                row[self._gripper] = self._opening
        else:
            row = state[self._held_positions] if self._last is None else self._last
        return self._spec.clip(row)

    def accept(self, executed: FloatArray) -> None:
        """This action (A,) was really commanded."""
        self._tick += 1
        self._last = np.array(executed, dtype=np.float32)
        if self._gripper is not None:
            self._opening = float(executed[self._gripper])
        if self._body is not None:
            self._body.accept(executed)

    def clearance(self, state: FloatArray) -> float:
        """Return how far the measured body is from the nearest zone by the body model [m]; infinite without zones."""
        if self._body is None:
            return float("inf")
        held = self._grip(self.hold(state), state).before
        return self._checker.clearance(self._body.predict(state, self.hold(state)), held=held)

    def place_person(self, name: str, x: float, y: float) -> None:
        """Move the person's zone called `name` to x, y [m]; raise SpecError when there is none of that name."""
        people = {zone.name for zone in self._checker.zones if isinstance(zone, PersonZone)}
        if name not in people:
            raise SpecError(f"no person's zone '{name}'; there are: {', '.join(sorted(people)) or 'none'}")
        self._checker.zones = tuple(
            replace(zone, x=x, y=y) if isinstance(zone, PersonZone) and zone.name == name else zone
            for zone in self._checker.zones
        )

    def _check_config(self) -> None:
        limits, moving = self.config.limits, int(self._moving.sum())
        for name, values in (("step", limits.step), ("change", limits.change)):
            if values is not None and len(values) != moving:
                named = ", ".join(np.array(self._spec.names)[self._moving])
                raise SpecError(f"limits.{name} must hold {moving} values ({named}), got {len(values)}")
        geometric = (self.config.workspace, limits.tool_speed, limits.joint_speed, limits.joint_margin, limits.tracking)
        if self._body is None and (self.config.keep_out.zones or any(each is not None for each in geometric)):
            raise SpecError("zones, workspace, speeds and joint margins need a body model of this robot")
        known = (*self._body.links, HELD) if self._body else ()
        for zone in self.config.keep_out.zones:
            for link in zone.spares:
                if link not in known:
                    raise SpecError(f"zone '{zone.name}' spares '{link}'; this robot has: {', '.join(known)}")

    def _state_columns(self) -> list[int]:
        """For absolute joint actions: where the state shows what each entry of an action commands."""
        if self.embodiment.control is Control.EE_DELTA:
            return []
        names = self.embodiment.state.names
        missing = [name for name in self._spec.names if name not in names]
        if missing:
            raise SpecError(f"to hold still, the state must show {', '.join(missing)}; it shows: {', '.join(names)}")
        return [names.index(name) for name in self._spec.names]

    def _measured_opening(self, state: FloatArray) -> float:
        names = self.embodiment.state.names
        return float(state[names.index("gripper")]) if "gripper" in names else self._opening

    def _finite(self, action: FloatArray) -> FloatArray:
        row = np.asarray(action, dtype=np.float32)
        if row.shape != (len(self._spec),):
            raise PolicyFault(f"expected {len(self._spec)} values ({', '.join(self._spec.names)}), got {row.shape}")
        if not np.isfinite(row).all():
            name = self._spec.names[int(np.argmin(np.isfinite(row)))]
            raise PolicyFault(f"the action is not finite: {name} is {row[self._spec.names.index(name)]}")
        return row

    def _clamped(self, asked: FloatArray, hold: FloatArray) -> tuple[FloatArray, list[Note]]:
        """Apply bounds, step, slow start and change; each that changes something leaves a note."""
        notes: list[Note] = []
        row = self._spec.clip(asked)
        self._noted(notes, "bounds", asked, row)
        for rule, most in self._step_limits():
            way = np.clip((row - hold)[self._moving], -most, most)
            row = self._replaced(notes, rule, row, hold[self._moving] + way)
        change = self.config.limits.change
        if change is not None and self._last is not None:
            before = self._last if self.embodiment.control is Control.EE_DELTA else hold
            limit = np.asarray(change)
            row = self._replaced(
                notes,
                "change",
                row,
                np.clip(row[self._moving], before[self._moving] - limit, before[self._moving] + limit),
            )
        return self._spec.clip(row), notes

    def _step_limits(self) -> list[tuple[str, FloatArray]]:
        """Return (rule, most way a tick) of the limit that holds now."""
        limits = self.config.limits
        if limits.step is None:
            return []
        most = np.asarray(limits.step, dtype=np.float32)
        elapsed = self._moved / self.embodiment.rate_hz
        if elapsed >= limits.slow_start:
            return [("step", most)]
        share = LEAST_SHARE + (1 - LEAST_SHARE) * elapsed / limits.slow_start
        return [("slow_start", (share * most).astype(np.float32))]

    def _replaced(self, notes: list[Note], rule: str, row: FloatArray, moving: FloatArray) -> FloatArray:
        changed = row.copy()
        changed[self._moving] = moving
        self._noted(notes, rule, row, changed)
        return changed

    def _noted(self, notes: list[Note], rule: str, before: FloatArray, after: FloatArray) -> None:
        off = np.abs(after - before)
        if off.max() > 1e-6:
            worst = int(np.argmax(off))
            notes.append((rule, f"{self._spec.names[worst]} {before[worst]:.4g} -> {after[worst]:.4g}"))

    def _free_of_problems(self, row: FloatArray, hold: FloatArray, state: FloatArray, notes: list[Note]) -> FloatArray:
        """Return the row, or what a few remedies make of it, or hold."""
        assert self._body is not None
        tried, slid = row, False
        if self._strayed(state, notes):
            tried = self._towards_measured(hold, state)
        for _ in range(ATTEMPTS):
            problem = self._checker.problem(self._body.predict(state, tried), self._grip(tried, state))
            if problem is None:
                return tried
            if all(problem.rule != rule for rule, _ in notes):
                notes.append((problem.rule, problem.detail))
            milder, slid = self._remedy(tried, hold, problem, slid=slid)
            if milder is None:
                break
            tried = milder
        return hold

    def _strayed(self, state: FloatArray, notes: list[Note]) -> bool:
        """Say whether the body is too far from where it is commanded, and note it."""
        most = self.config.limits.tracking
        if most is None or self._body is None:
            return False
        sentence = self._body.strayed(state, most)
        if sentence is not None:
            notes.append(("blocked", sentence))
        return sentence is not None

    def _towards_measured(self, hold: FloatArray, state: FloatArray) -> FloatArray:
        """Return the action that brings the command back to where the body is; the gripper as it is commanded."""
        assert self._body is not None
        row = self._body.back(state)
        if self._gripper is not None:
            row[self._gripper] = hold[self._gripper]
        return self._spec.clip(row)

    def _remedy(
        self, row: FloatArray, hold: FloatArray, problem: Problem, *, slid: bool
    ) -> tuple[FloatArray | None, bool]:
        """Return a milder row, None when only holding is left, and whether sliding along a zone has been tried."""
        if problem.closing and self._gripper is not None:
            milder = row.copy()
            milder[self._gripper] = self._opening
            return milder, slid
        if self.embodiment.control is Control.EE_DELTA:
            milder = row.copy()
            if problem.shift is not None:
                milder[:3] += problem.shift
                return self._spec.clip(milder), slid
            outward = None if slid else problem.outward()
            if outward is not None:
                milder[:3] -= min(0.0, float(row[:3] @ outward)) * outward
                return self._spec.clip(milder), True
        share = 0.5 if problem.factor is None else 0.999 * problem.factor
        if share < LEAST_MOTION:
            return None, slid
        milder = row.copy()
        milder[self._moving] = (hold + share * (row - hold))[self._moving]
        return milder, slid

    def _grip(self, row: FloatArray, state: FloatArray) -> Grip:
        """Something may be held unless the gripper is wide open, as measured and as commanded."""
        above = self.config.keep_out.open_above
        before = min(self._opening, self._measured_opening(state)) < above
        coming = 1.0 if self._gripper is None else float(row[self._gripper])
        return Grip(before, before or coming < above)

    def _note(self, asked: FloatArray, sent: FloatArray, notes: list[Note]) -> FloatArray:
        """Log what was changed and why; return what is sent."""
        for rule, detail in notes:
            entry = Intervention(self._tick, rule, detail, tuple(asked.tolist()), tuple(sent.tolist()))
            self.journal.add(entry)
        return sent
