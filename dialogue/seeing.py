"""From regions of a picture to things with kind, colour and place, as questions and judges need them.

The backbone says what each region may be, the catalogue what there is: a colour that a kind does not come in is not
seen. Where a thing stands follows from its kind's height, since a picture shows directions only.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np

from agent.errors import SpecError
from agent.types import FloatArray, ImageArray
from dialogue.questions import Seen
from dialogue.standing import hollow, middle, top_of
from sim.objects import COLOURS, KINDS, ObjectKind, ReceptacleKind

if TYPE_CHECKING:
    from policies.looking import Look

SHIPPED_HEAD = Path(__file__).parent / "pretrained" / "held.json"
KIND_NAMES, COLOUR_NAMES = tuple(KINDS), tuple(COLOURS)
LEGAL = np.array([[colour in kind.colours for colour in COLOURS] for kind in KINDS.values()])
"""(K, C): whether a kind comes in a colour."""
HOLDERS = np.array([isinstance(kind, ReceptacleKind) for kind in KINDS.values()])
WRONG_SORT = 0.05
"""How much less likely it is that what holds things was found among what can be taken, or the other way round."""
LEAST = 1e-6
"""Probability below which nothing is told apart any more."""
MOST_NAMES = 24
"""Of what a region may be, so many kinds and colours together are kept."""
SAME_THING = 1.2
"""Two regions taken for the same and nearer than this many footprint radii are one thing: two would stand in one
another. Regions taken for different things are kept however near; leaving one out lost more than it mended."""
REACH_OF_HAND = 0.05
"""m; how far from the tool, across the line of sight, what it holds is seen."""
GRIPS = (0.03, 0.97)
"""Opening of a gripper that has something between its fingers; beyond them it is shut or wide open."""


class Eye(Protocol):
    """Finds regions in a picture of the table."""

    def look(self, picture: ImageArray) -> "Look": ...


@dataclass(frozen=True)
class Hand:
    """Where the tool is [m, base frame], and how far the gripper is open: 0 closed, 1 open."""

    position: tuple[float, float, float]
    opening: float

    @property
    def grips(self) -> bool:
        """Whether the gripper stopped at something, or is on its way."""
        return GRIPS[0] < self.opening < GRIPS[1]


@dataclass(frozen=True)
class HeldHead:
    """Tells from a region's token whether the gripper has the thing: logistic, weights (D,).

    space: of the backbone whose tokens it reads; those of another mean something else.  enough: chance from which the
    likeliest region is held; an empty hand over a thing seems to hold it, so it is no even chance.
    """

    weights: FloatArray
    bias: float
    space: str
    enough: float = 0.5

    def chances(self, tokens: FloatArray) -> FloatArray:
        """tokens (R, D) -> (R,), each from 0 to 1."""
        chances: FloatArray = (1 / (1 + np.exp(-(tokens @ self.weights + self.bias)))).astype(np.float32)
        return chances


def shipped_held_head(space: str) -> HeldHead | None:
    """Return the head that ships, if it was made for this backbone. Raises SpecError when its file is broken."""
    head = read_held_head(SHIPPED_HEAD) if SHIPPED_HEAD.exists() else None
    return head if head is not None and head.space == space else None


def read_held_head(path: Path) -> HeldHead:
    """Raises SpecError when the file holds no head."""
    try:
        read = json.loads(path.read_text(encoding="utf-8"))
        return HeldHead(
            np.asarray(read["weights"], dtype=np.float32),
            float(read["bias"]),
            str(read["space"]),
            float(read["enough"]),
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SpecError(f"{path} holds no head that tells what is held: {error!r}") from error


@dataclass(frozen=True)
class _Region:
    """One region as a thing of the catalogue. row: of the look."""

    row: int
    kind: ObjectKind | ReceptacleKind
    colour: str
    score: float
    maybe: tuple[tuple[str, str, float], ...]
    x: float
    y: float

    @property
    def sure(self) -> float:
        return self.score * self.maybe[0][2]


def things_in(look: "Look", *, hand: Hand | None = None, held_head: HeldHead | None = None) -> tuple[Seen, ...]:
    """Return what stands in the picture, the surest first. hand: tells what is held; without it `held_head` does, and
    without either nothing is held."""
    regions = _apart(_named(look))
    held = _held(look, regions, hand, held_head)
    if held is not None and hand is not None:
        x, y = look.at_height(regions[held].row, hand.position[2])
        regions[held] = replace(regions[held], x=x, y=y)
    return tuple(
        Seen(
            region.kind.name,
            region.colour,
            region.x,
            region.y,
            radius=region.kind.footprint_radius(),
            within=None if number == held else _within(look, region, regions, held),
            held=number == held,
            score=region.score,
            maybe=region.maybe,
        )
        for number, region in enumerate(regions)
    )


def _named(look: "Look") -> list[_Region]:
    """Every region with what it may be, the surest first."""
    found = []
    for row in range(len(look)):
        fits = np.where(look.holds[row] == HOLDERS, 1.0, WRONG_SORT)
        chance = (look.kinds[row] * fits)[:, None] * look.colours[row][None] * LEGAL
        chance = chance / max(float(chance.sum()), LEAST)
        order = np.argsort(-chance, axis=None, kind="stable")[:MOST_NAMES]
        pairs = [divmod(int(number), len(COLOUR_NAMES)) for number in order]
        maybe = tuple((KIND_NAMES[kind], COLOUR_NAMES[colour], float(chance[kind, colour])) for kind, colour in pairs)
        kind = KINDS[maybe[0][0]]
        x, y = look.at_height(row, middle(kind))
        found.append(_Region(row, kind, maybe[0][1], float(look.scores[row]), maybe, x, y))
    return sorted(found, key=lambda region: -region.sure)


def _apart(regions: Sequence[_Region]) -> list[_Region]:
    """Without what is a thing again that was seen more surely."""
    kept: list[_Region] = []
    for region in regions:
        if not any(_is_again(region, other) for other in kept):
            kept.append(region)
    return kept


def _is_again(one: _Region, other: _Region) -> bool:
    alike = one.kind is other.kind and one.colour == other.colour
    return alike and float(np.hypot(one.x - other.x, one.y - other.y)) < SAME_THING * one.kind.footprint_radius()


def _held(look: "Look", regions: Sequence[_Region], hand: Hand | None, head: HeldHead | None) -> int | None:
    """The number of the region that the gripper has, if any."""
    able = [number for number, region in enumerate(regions) if isinstance(region.kind, ObjectKind)]
    rows = [regions[number].row for number in able]
    if hand is not None:
        nearest = nearest_to(hand, look, rows) if hand.grips else None
        return None if nearest is None else able[nearest]
    if head is None or not able:
        return None
    chances = head.chances(look.tokens[rows])
    return able[int(chances.argmax())] if chances.max() > head.enough else None


def nearest_to(hand: Hand, look: "Look", rows: Sequence[int]) -> int | None:
    """Return the place in `rows` of the region that is seen nearest to the tool; None when none is seen there."""
    x, y, z = hand.position
    off = [float(np.hypot(*np.subtract(look.at_height(row, z), (x, y)))) for row in rows]
    return int(np.argmin(off)) if off and min(off) < REACH_OF_HAND else None


def _within(look: "Look", region: _Region, regions: Sequence[_Region], held: int | None) -> int | None:
    """The number of what this thing lies in or on; where it would be then decides, not where it would stand."""
    if isinstance(region.kind, ReceptacleKind):
        return None
    best: tuple[float, int] | None = None
    for number, other in enumerate(regions):
        if other is region or number == held:
            continue
        floor, room = top_of(other.kind, region.kind)
        if room <= 0.0:
            continue
        x, y = look.at_height(region.row, floor + middle(region.kind))
        aside = hollow(other.kind)
        share = float(np.hypot(x - other.x - aside[0], y - other.y - aside[1])) / room
        if share < 1.0 and (best is None or share < best[0]):
            best = share, number
    return None if best is None else best[1]
