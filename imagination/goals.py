"""A policy that is shown what shall be instead of being told: it moves what a goal picture shows to have moved."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from agent.errors import Refusal
from agent.ports import Policy
from agent.types import ActionChunk, FloatArray, ImageArray, Observation
from agent.wrapping import PolicyWrapper
from imagination.judge import Found, Judge, Reading
from imagination.lookahead import small
from imagination.reading import Seen, apart, find
from imagination.stills import CAMERA
from policies.following import Memory, pointed
from policies.renaming import remembered
from sim.camera import FRONT
from sim.commander import STATE
from sim.objects import KINDS, RECEPTACLES, Description

Painter = Callable[[ImageArray, str], ImageArray]
"""The present frame (SIDE, SIDE, 3) and the instruction -> the goal picture (SIDE, SIDE, 3)."""
MOVED = 0.03
"""m; what a goal picture shows less far from where it is has stayed."""
BEGUN = 1e-3
"""s; a look that is told its aims is no first look, at which a policy would choose them itself."""
FINE = 10_000
"""Pixels of a picture in which the renderer's half a pixel does not count."""


@dataclass(frozen=True)
class Change:
    """What a goal picture asks for. subject: what moves.  target: what then holds it."""

    subject: Found
    target: Found

    @property
    def said(self) -> str:
        """The change as an instruction."""
        names = [f"the {found.colour} {found.kind}" for found in (self.subject, self.target)]
        return f"put {names[0]} {RECEPTACLES[self.target.kind].support} {names[1]}"


class GoalFollower(PolicyWrapper):
    """Round a policy that finds again what it was pointed to (`policies.following`): it is pointed to what the goal
    picture shows to have moved and to what then holds it, and told just that. The instruction goes to the painter."""

    def __init__(self, inner: Policy, paint: Painter, judge: Judge) -> None:
        super().__init__(inner)
        self._paint, self._judge = paint, judge
        self._said = ""

    def act(self, observation: Observation) -> ActionChunk:
        """Raises Refusal where an episode begins and the goal picture shows no change that could be made."""
        if observation.time > 0:
            return self._inner.act(replace(observation, instruction=self._said))
        frame = small(observation.images[CAMERA])
        goal = self._paint(frame, observation.instruction)
        change = change_between(Reading(self._judge, frame), Reading(self._judge, goal))
        if change is None:
            raise Refusal("the goal picture shows nothing that was moved into or onto something")
        self._said = change.said
        memory = _told(change, observation.state)
        return self._inner.act(replace(observation, instruction=self._said, time=BEGUN, memory=memory))


def change_between(before: Seen, after: Seen) -> Change | None:
    """Return the object that moved furthest and the receptacle it is then in or on, None when there is none."""
    best: tuple[float, Change] | None = None
    for subject in before.things:
        if subject.kind in RECEPTACLES:
            continue
        meant = Description(subject.kind, subject.colour)
        # Of several alike the one that is where it was, if any, has stayed.
        there = find(meant, after, near=subject.xy)
        if there is None:
            continue
        way = apart(there.xy, subject.xy)
        target = _under(there, before.things)
        if way > MOVED and target is not None and (best is None or way > best[0]):
            best = way, Change(subject, target)
    return None if best is None else best[1]


def _under(thing: Found, before: Sequence[Found]) -> Found | None:
    """The receptacle whose box the middle of the thing's box lies in, the nearest of several."""
    x, y = (thing.box[0] + thing.box[2]) / 2, (thing.box[1] + thing.box[3]) / 2
    holding = [
        seen
        for seen in before
        if seen.kind in RECEPTACLES and seen.box[0] <= x <= seen.box[2] and seen.box[1] - 0.05 <= y <= seen.box[3]
    ]
    return min(holding, key=lambda seen: apart(seen.xy, thing.xy), default=None)


def _told(change: Change, state: FloatArray) -> Memory:
    """The memory of a policy that had just chosen this subject and this target."""
    ends = []
    for found in (change.subject, change.target):
        rows, columns = np.nonzero(found.mask)
        middle = np.array([columns.mean(), rows.mean()]) + 0.5
        aim = np.array([*found.xy, KINDS[found.kind].height() / 2])
        ends.append((2 * middle / found.mask.shape[::-1] - 1, aim))
    tool = state[[STATE.names.index(name) for name in ("x", "y", "z")]]
    seen = FRONT.pixel_of(np.asarray(tool, dtype=np.float64), (FINE, FINE))[:2]
    return remembered(pointed(change.said, ends[0], ends[1], 2 * seen / FINE - 1), None)
