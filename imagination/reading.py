"""Compares what a picture shows, as the judge reads it, with what was asked for."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from imagination.captions import Caption, PlacedBox, is_beside
from imagination.judge import Found
from sim.objects import Description
from sim.relations import BESIDE_DIRECTIONS, TOWARDS

Box = tuple[float, float, float, float]
ALIKE = 0.5
"""Share of the evidence for the likeliest place that others need to be taken for one more of the kind."""
OVERLAP = 0.5
"""Share of a patch that must lie in another for both to be the same thing."""


class Seen(Protocol):
    """What is read from one picture."""

    @property
    def things(self) -> Sequence[Found]:
        """All that it shows, largest first."""
        ...

    def where(self, description: Description) -> Sequence[Found]:
        """Where such a thing may be, likeliest first; the `sure` ones of them show that it is there at all."""
        ...


def matches(description: Description, found: Found | Description) -> bool:
    """Say whether the description could mean this thing."""
    return found.kind == description.kind and description.colour in (None, found.colour)


def shows(caption: Caption, seen: Seen) -> tuple[bool, bool]:
    """Say whether all things of the caption are there, and whether all its relations hold as well."""
    places = [[found for found in seen.where(thing) if found.sure] for thing in caption.things]
    there = all(places)
    related = there and all(
        any(_related(relation, a, b) for a in places[subject] for b in places[target] if not _same(a, b))
        for subject, relation, target in caption.relations
    )
    return there, related


def box_overlap(first: Box, second: Box) -> float:
    """Return the intersection over union of two boxes x0 y0 x1 y1."""
    width = min(first[2], second[2]) - max(first[0], second[0])
    height = min(first[3], second[3]) - max(first[1], second[1])
    if width <= 0 or height <= 0:
        return 0.0
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (first, second)]
    return width * height / (sum(areas) - width * height)


def read_boxes_back(asked: Sequence[PlacedBox], found: Sequence[Found]) -> list[tuple[float, bool]]:
    """Return for each box its overlap with what is found there, and whether that is the kind of thing asked for.

    What is found there: of the right kind where one overlaps, else the thing that overlaps most.
    """
    results = []
    for placed in asked:
        overlaps = [(seen.kind == placed.thing.kind, box_overlap(placed.box, seen.box)) for seen in found]
        right = max((overlap for same, overlap in overlaps if same), default=0.0)
        any_kind = max((overlap for _, overlap in overlaps), default=0.0)
        results.append((right, right > 0 and right >= 0.5 * any_kind))
    return results


def closeness(asked: Sequence[PlacedBox], seen: Seen) -> float:
    """Return how well a picture shows things in their boxes, from 0 to 1: the overlap with what is seen of the kind and
    colour, half of it as it is read unasked, half as it is found when asked for, on average."""
    shares = []
    for placed in asked:
        sights = (
            [found for found in seen.things if matches(placed.thing, found)],
            [found for found in seen.where(placed.thing) if found.sure],
        )
        shares += [max((box_overlap(placed.box, found.box) for found in sight), default=0.0) for sight in sights]
    return float(np.mean(shares)) if shares else 0.0


def find(
    description: Description, seen: Seen, *, near: tuple[float, float] | None = None, beside: Found | None = None
) -> Found | None:
    """Return the thing that is meant: the likeliest, or of several about as likely the one nearest to `near`, or, where
    the description says left, right, front or back, the one that is furthest there.

    beside: what it is not.
    """
    meant = [found for found in seen.where(description) if beside is None or not _same(found, beside)]
    alike = [found for found in meant if found.evidence >= ALIKE * meant[0].evidence]
    if alike and near is not None:
        return min(alike, key=lambda found: apart(found.xy, near))
    if alike and description.position is not None:
        direction = BESIDE_DIRECTIONS[TOWARDS[description.position]]
        return max(alike, key=lambda found: float(np.dot(found.xy, direction)))
    return meant[0] if meant else None


def apart(first: tuple[float, float], second: tuple[float, float]) -> float:
    """Return the distance of two places x, y on the table [m]."""
    return float(np.hypot(first[0] - second[0], first[1] - second[1]))


def _same(a: Found, b: Found) -> bool:
    return bool((a.mask & b.mask).sum() > OVERLAP * min(a.mask.sum(), b.mask.sum()))


def _related(relation: str, a: Found, b: Found) -> bool:
    if relation in BESIDE_DIRECTIONS:
        return is_beside(relation, np.array(a.xy), np.array(b.xy))
    rows, columns = np.nonzero(a.mask)
    height, width = a.mask.shape
    x, y = (columns.mean() + 0.5) / width, (rows.mean() + 0.5) / height
    slack = 1.5 / width
    return bool(b.box[0] - slack <= x <= b.box[2] + slack and b.box[1] - 3 * slack <= y <= b.box[3] + slack)
