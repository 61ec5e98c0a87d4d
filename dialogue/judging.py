"""Did it work? Judged from the picture before, the picture now and the gripper's state, without the world's truth.

A thing is named in the first picture and followed into the last by what it looks like; then the goal's relation is
looked at where things are now. Who cannot find a thing again says that it did not work: to try once more costs little,
to go on as if it had worked may cost the plan.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np

from agent.errors import SpecError, unknown_name
from agent.types import FloatArray, Goal, Observation, Task, VectorSpec
from dialogue.ports import Judgement
from dialogue.questions import Seen
from dialogue.seeing import Eye, Hand, things_in
from dialogue.standing import hollow
from dialogue.tracing import Unseen, appeared, came_out, follow, lay_in, named, stayed
from sim.goals import BESIDE, PUSH_DISTANCE
from sim.objects import KINDS, RECEPTACLES, ReceptacleKind
from sim.relations import BESIDE_DIRECTIONS, DIRECTIONS, in_region

NEEDED = ("x", "y", "z", "gripper")
"""What a body's state must tell."""
OVER = 0.7
"""Footprint radii; what is seen this near to a vessel's middle is in or on it, whatever the vessel looks like now."""
OVER_TARGET = 0.04
"""m; a hand that opened this near to a target's middle let go over it."""
INTO = ("in", "on", "stack")
NEAR_HAND = 0.07
"""m; what a closed gripper is this near to, seen from above, may still be in it."""
OPEN = 0.9
"""From this opening on the gripper has let go."""
RAISED = 0.10
"""m; a tool this high has lifted what it holds by more than a relation asks."""
SLACK = 0.015
"""m; how far places in pictures may be off, where a bound must not be taken to the letter."""
SLID = 0.8 * RECEPTACLES["drawer"].opened
"""m; a drawer that slid less than this is half open, wherever it began. Under the arm a picture shows an open one up to
2 cm less far out than it is."""


@dataclass(frozen=True, eq=False)
class _Case:
    """What a rule sees. then: the subject before.  target: None where the goal names none that can be seen.
    eye (3,): where the camera stands [m, base frame]."""

    goal: Goal
    then: Seen
    subject: Seen
    target: Seen | None
    now: Sequence[Seen]
    hand: Hand
    eye: FloatArray

    @property
    def under(self) -> Seen | None:
        return None if self.subject.within is None else self.now[self.subject.within]

    def is_over(self, target: Seen) -> bool:
        """Whether the subject would be over the target's middle if it lay in or on it, whatever that looks like now."""
        kind = KINDS[target.kind]
        lift = kind.interior().floor_z if isinstance(kind, ReceptacleKind) else kind.height()
        here, over = np.array([self.subject.x, self.subject.y]), np.array([target.x, target.y]) + hollow(kind)
        raised = here + (self.eye[:2] - here) * (lift / self.eye[2])
        return any(float(np.hypot(*(xy - over))) < OVER * target.radius for xy in (here, raised))

    @property
    def released(self) -> bool:
        x, y, _ = self.hand.position
        near = float(np.hypot(self.subject.x - x, self.subject.y - y)) < NEAR_HAND
        return self.hand.opening >= OPEN or not (self.subject.held or near)


class PictureJudge:
    """A SuccessJudge that looks at pictures and the gripper. It keeps nothing between judgements."""

    def __init__(self, eye: Eye, state: VectorSpec, *, camera: str = "front") -> None:
        """Raises SpecError when the state does not tell where the tool is and how far it is open."""
        missing = [name for name in NEEDED if name not in state.names]
        if missing:
            raise SpecError(f"a judge needs {', '.join(missing)} in the state; it has: {', '.join(state.names)}")
        self._eye, self._camera = eye, camera
        self._columns = [state.names.index(name) for name in NEEDED]

    def judge(self, task: Task, before: Observation, after: Observation) -> Judgement:
        goal = task.goal
        if goal is None:
            return Judgement(True, "nothing was to be made true")
        then, (now, hand, eye) = self._things(before)[0], self._things(after)
        try:
            case = _case(goal, then, now, hand, eye)
        except Unseen as unseen:
            return Judgement(False, str(unseen))
        if goal.relation not in _RULES:
            return Judgement(False, f"pictures do not tell whether the {goal.subject} is {goal.relation} {goal.target}")
        fault = _RULES[goal.relation](case)
        return Judgement(fault is None, fault or f"the {goal.subject} is where it should be")

    def _things(self, observation: Observation) -> tuple[tuple[Seen, ...], Hand, FloatArray]:
        x, y, z, opening = (float(observation.state[column]) for column in self._columns)
        hand = Hand((x, y, z), opening)
        if self._camera not in observation.images:
            raise unknown_name("picture of camera", self._camera, observation.images)
        look = self._eye.look(observation.images[self._camera])
        return things_in(look, hand=hand), hand, look.eye


def _case(goal: Goal, then: Sequence[Seen], now: Sequence[Seen], hand: Hand, eye: FloatArray) -> _Case:
    """Raises Unseen when the subject is not found in both pictures, or the target not in the first."""
    followed, told = follow(then, now), None
    if goal.target is not None and goal.relation not in ("push", "move to"):
        told = named(goal.target, then)
    subject = None
    if told is not None and goal.relation == "take out":
        subject = lay_in(told, goal.subject, then)
        if subject is None:
            come = came_out(goal.subject, told, then, now, followed)
            return _Case(goal, come, come, followed.get(told) or stayed(told, now, come), now, hand, eye)
    subject = subject or named(goal.subject, then)
    others = [one for one in then if one not in (subject, told)]
    found = followed.get(subject) or appeared(subject, others, now, followed)
    if found is None and told is not None and goal.relation in INTO and hand.opening >= OPEN:
        over = np.array([told.x, told.y]) + hollow(KINDS[told.kind])
        # Let go over the target and seen nowhere else: hidden by its rim, or by the thing that it now is part of.
        if float(np.hypot(*(over - hand.position[:2]))) < OVER_TARGET:
            found = replace(subject, x=float(over[0]), y=float(over[1]), within=None)
    if found is None:
        raise Unseen(f"I do not see the {goal.subject} any more")
    target = None if told is None else followed.get(told) or stayed(told, now, found)
    return _Case(goal, subject, found, target, now, hand, eye)


Rule: TypeAlias = Callable[[_Case], str | None]
"""What is wrong, in a sentence; None when the relation holds."""


def _inside(case: _Case) -> str | None:
    goal = case.goal
    if case.target is None or not (case.under is case.target or case.is_over(case.target)):
        return f"the {goal.subject} is not {'on' if goal.relation == 'stack' else goal.relation} the {goal.target}"
    return None if case.released else f"the hand still has the {goal.subject}"


def _beside(case: _Case) -> str | None:
    goal, subject, target = case.goal, case.subject, case.target
    if target is None or case.under is not None:
        return f"the {goal.subject} does not stand on the table"
    along, across = _split(subject.x - target.x, subject.y - target.y, goal.relation)
    if not BESIDE[0] <= along <= BESIDE[1] + SLACK or across > along:
        return f"the {goal.subject} is not {goal.relation} the {goal.target}"
    return None if case.released else f"the hand still has the {goal.subject}"


def _pushed(case: _Case) -> str | None:
    assert case.goal.target is not None
    moved = (case.subject.x - case.then.x, case.subject.y - case.then.y)
    along, across = _split(*moved, case.goal.target)
    if along < PUSH_DISTANCE or across > 0.6 * along + SLACK:
        return f"the {case.goal.subject} moved {100 * along:.0f} cm {case.goal.target}"
    return "it is held" if case.subject.held else None


def _lifted(case: _Case) -> str | None:
    if not case.subject.held:
        return f"the hand does not have the {case.goal.subject}"
    return None if case.hand.position[2] >= RAISED else f"the {case.goal.subject} is not lifted"


def _taken_out(case: _Case) -> str | None:
    if case.under is not None or (case.target is not None and case.is_over(case.target)):
        return f"the {case.goal.subject} does not stand on the table"
    return None if case.released else f"the hand still has the {case.goal.subject}"


def _moved_to(case: _Case) -> str | None:
    assert case.goal.target is not None
    place = np.array([case.subject.x, case.subject.y])
    if case.under is not None or not in_region(case.goal.target, place):
        return f"the {case.goal.subject} is not at the {case.goal.target}"
    return None if case.released else f"the hand still has the {case.goal.subject}"


def _slid(sign: int) -> Rule:
    def rule(case: _Case) -> str | None:
        # A picture shows the middle of cabinet and drawer, which moves half as far as the front.
        slid = 2 * sign * (case.subject.x - case.then.x)
        if slid < SLID:
            return f"the {case.goal.subject} slid {100 * slid:.0f} cm"
        x, y, z = case.hand.position
        # A hand at the handle hides how far the drawer came, and is not done with it.
        low = z < RAISED and float(np.hypot(case.subject.x - x, case.subject.y - y)) < case.subject.radius
        return f"the hand is still at the {case.goal.subject}" if low else None

    return rule


def _split(x: float, y: float, direction: str) -> tuple[float, float]:
    """How far along a direction, and how far across it [m]."""
    way = DIRECTIONS[direction] if direction in DIRECTIONS else BESIDE_DIRECTIONS[direction]
    offset = np.array([x, y])
    along = float(offset @ way)
    return along, float(np.linalg.norm(offset - along * way))


_RULES: dict[str, Rule] = {
    **dict.fromkeys(("in", "on", "stack"), _inside),
    **dict.fromkeys(BESIDE_DIRECTIONS, _beside),
    "push": _pushed,
    "lift": _lifted,
    "take out": _taken_out,
    "move to": _moved_to,
    "open": _slid(1),
    "close": _slid(-1),
}
