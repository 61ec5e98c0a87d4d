"""Did it work? Judged from the picture before, the picture now and the gripper's state, without the world's truth.

A thing is named in the first picture and followed into the last by what it looks like; then the goal's relation is
looked at where things are now. Who cannot find a thing again says that it did not work: to try once more costs little,
to go on as if it had worked may cost the plan.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
from scipy.optimize import linear_sum_assignment

from agent.errors import SpecError, unknown_name
from agent.types import FloatArray, Goal, Observation, Task, VectorSpec
from dialogue.ports import Judgement
from dialogue.questions import Seen, What, meant
from dialogue.seeing import Eye, Hand, things_in
from sim.goals import BESIDE, PUSH_DISTANCE
from sim.objects import KINDS, RECEPTACLES, ReceptacleKind, parse_name
from sim.relations import BESIDE_DIRECTIONS, DIRECTIONS, in_region

NEEDED = ("x", "y", "z", "gripper")
"""What a body's state must tell."""
ALIKE = 0.08
"""How alike two sightings must be to be of one thing: the chance that both are called the same."""
STILL = 0.035
"""m; what is seen this near to where a thing stood is still that thing."""
CLEAR = 0.3
"""Score from which something is there that need not look like what is sought."""
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
SLID = 0.035
"""m; the middle of a drawer moves half as far as its front, and a picture shows the middle."""
EDGES = {"left": ("y", -1), "right": ("y", 1), "front": ("x", 1), "back": ("x", -1)}
"""Where the one of several stands that a position names: axis and sign."""


class _Unseen(Exception):
    """Something could not be found; its text is the reason."""


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
        here = np.array([self.subject.x, self.subject.y])
        raised = here + (self.eye[:2] - here) * (lift / self.eye[2])
        return any(float(np.hypot(*(xy - (target.x, target.y)))) < OVER * target.radius for xy in (here, raised))

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
        except _Unseen as unseen:
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
    """Raises _Unseen when the subject is not found in both pictures, or the target not in the first."""
    subject, followed = _named(goal.subject, then), _followed(then, now)
    told = None
    if goal.target is not None and goal.relation not in ("push", "move to"):
        told = _named(goal.target, then)
    others = [one for one in then if one not in (subject, told)]
    found = followed.get(subject) or _appeared(subject, others, now, followed)
    if found is None and told is not None and goal.relation in INTO and hand.opening >= OPEN:
        x, y, _ = hand.position
        # Let go over the target and seen nowhere else: hidden by its rim, or by the thing that it now is part of.
        if float(np.hypot(told.x - x, told.y - y)) < OVER_TARGET:
            found = replace(subject, x=told.x, y=told.y, within=None)
    if found is None:
        raise _Unseen(f"I do not see the {goal.subject} any more")
    target = None if told is None else followed.get(told) or _stayed(told, now, found)
    return _Case(goal, subject, found, target, now, hand, eye)


def _named(name: str, seen: Sequence[Seen]) -> Seen:
    """What a name of the scene means in a picture: "red cube", "left bowl", "mug b"."""
    words = name.split()
    if len(words) > 1 and len(words[-1]) == 1:
        words.pop()
    told = parse_name(" ".join(words))
    found = meant(What(told.kind, told.colour), seen)
    if not found:
        raise _Unseen(f"I did not see the {name} when it began")
    if told.position is None:
        return found[0]
    axis, sign = EDGES[told.position]
    return max(found, key=lambda thing: sign * float(getattr(thing, axis)))


def _followed(then: Sequence[Seen], now: Sequence[Seen]) -> dict[Seen, Seen]:
    """Which thing is which now: all together, by what they look like and how little they moved."""
    if not then or not now:
        return {}
    alike = np.array([[_likeness(one, other) for other in now] for one in then])
    apart = np.array([[_apart(one, other) for other in now] for one in then])
    worth = np.where(alike >= ALIKE, alike + 1.0 - apart, 0.0)
    pairs = zip(*linear_sum_assignment(worth, maximize=True), strict=True)
    return {then[row]: now[column] for row, column in pairs if alike[row, column] >= ALIKE}


def _appeared(thing: Seen, others: Sequence[Seen], now: Sequence[Seen], followed: dict[Seen, Seen]) -> Seen | None:
    """What came up anew while this thing vanished from its place: in a vessel or under the hand it looks otherwise.

    others: what stood there before besides it and what it was to go to.
    """
    if any(_apart(thing, one) < STILL for one in now if not one.held):
        return None
    known = set(followed.values())
    new = [
        one
        for one in now
        if one not in known
        and one.score >= CLEAR
        and (one.kind in RECEPTACLES) == (thing.kind in RECEPTACLES)
        and (one.held or not any(_apart(other, one) < STILL for other in others))
    ]
    return max(new, key=lambda one: one.score, default=None)


def _stayed(thing: Seen, now: Sequence[Seen], subject: Seen) -> Seen:
    """What stands where this thing stood, whatever it looks like now; the thing as it was where nothing does."""
    near = [one for one in now if one is not subject and _apart(thing, one) < STILL]
    return min(near, key=lambda one: _apart(thing, one), default=thing)


def _likeness(one: Seen, other: Seen) -> float:
    """The chance that both are called the same."""
    names = {(kind, colour): chance for kind, colour, chance in one.maybe}
    return sum(chance * names.get((kind, colour), 0.0) for kind, colour, chance in other.maybe)


def _apart(one: Seen, other: Seen) -> float:
    return float(np.hypot(one.x - other.x, one.y - other.y))


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
    if case.under is not None:
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
        slid = sign * (case.subject.x - case.then.x)
        return None if slid >= SLID else f"the {case.goal.subject} slid {200 * slid:.0f} cm"

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
