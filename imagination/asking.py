"""Reads "arrange the cubes in a circle" and makes a scene for it; needs no learning library."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from agent.errors import SpecError, unknown_name
from agent.types import Goal, Placement, Task
from imagination.layout_cases import PLATE_HIGH, PLATE_LOW, compact_kinds, plural
from sim.objects import KINDS, Description, is_held_out

COUNTS = (4, 6)
"""Fewest and most things that a scene made for an arrangement holds."""
STEP_LIMIT = 80
SETTING = ("white plate", "gray spoon", "red mug", "bread")
ANY_THING = ("thing", "object", "item", "everything", "toy")
_VERB = r"\b(arrange|put|place|line|lined|sort|group|form|make|set|lay|tidy|get|order)\b"
_PATTERN: tuple[tuple[str, str], ...] = (
    ("table", r"\b(set|lay)\b.*\btable\b"),
    ("sorted", r"\bsort(ed)?\b|\bby colou?r\b"),
    ("circle", r"\b(circle|ring)\b"),
    ("line", r"\b(line|row)\b|\blined? up\b"),
)


@dataclass(frozen=True)
class Request:
    """pattern: one of `patterns.PATTERNS`.  kind: which things are meant; None for all that are small enough."""

    text: str
    pattern: str
    kind: str | None


def read_request(text: str) -> Request | None:
    """Return what the instruction wants arranged, None when it wants something else.

    Raises SpecError naming what can be arranged when it is to be arranged but does not exist.
    """
    said = " ".join(re.sub(r"[^\w]+", " ", text.lower()).split())
    if not re.search(_VERB, said):
        return None
    pattern = next((name for name, words in _PATTERN if re.search(words, said)), None)
    if pattern is None:
        return None
    if pattern == "table":
        return Request(text, pattern, None)
    several = {plural(kind): kind for kind in compact_kinds()}
    kind = next((name for words, name in several.items() if re.search(rf"\b{words}\b", said)), None)
    anything = re.search(r"\b(" + "|".join(f"{word}s?" for word in ANY_THING) + r")\b", said)
    if kind is None and not anything:
        named = re.search(r"\bthe (\w+?s)\b", said)
        if named is None:
            return None
        raise unknown_name("small things to arrange called", named[1], (*several, "things"))
    return Request(text, pattern, kind)


def scene_for(request: Request, seed: int) -> Task:
    """Return a task without a goal whose scene holds what the request talks of; equal seeds give equal tasks."""
    rng = np.random.default_rng([seed, 11])
    if request.pattern == "table":
        x, y = (round(float(value), 3) for value in rng.uniform(PLATE_LOW, PLATE_HIGH))
        plate = Placement(SETTING[0], x, y)
        return Task("arrange", request.text, None, STEP_LIMIT, SETTING, distractors=(0, 0), layout=(plate,))
    count = int(rng.integers(COUNTS[0], COUNTS[1] + 1))
    if request.pattern == "sorted":
        names, initial = _to_sort(request, count, rng)
        return Task("arrange", request.text, None, STEP_LIMIT, names, initial, distractors=(0, 0))
    looks = _looks([request.kind] if request.kind else _colourful())
    count = min(count, len(looks))
    if count < 3:
        raise SpecError(f"there are too few different {plural(str(request.kind))} to arrange; try the cubes")
    names = tuple(looks[rank] for rank in rng.permutation(len(looks))[:count])
    return Task("arrange", request.text, None, STEP_LIMIT, names, distractors=(0, 0))


def _to_sort(request: Request, count: int, rng: np.random.Generator) -> tuple[tuple[str, ...], tuple[Goal, ...]]:
    """Things of two or three colours, several of each: other kinds, or the left and the right one of a kind."""
    kinds = [request.kind] if request.kind else _colourful()
    common = sorted(set.intersection(*(set(_seen(kind)) for kind in kinds)))
    if len(common) < 2:
        raise SpecError(f"{plural(str(request.kind))} come in one colour only; try the cubes")
    colours = [common[rank] for rank in rng.permutation(len(common))[: max(2, count // 2)]]
    if request.kind is None:
        chosen = [kinds[rank] for rank in rng.permutation(len(kinds))[:2]]
        return tuple(f"{colour} {kind}" for colour in colours for kind in chosen), ()
    pairs = [(f"left {colour} {request.kind}", f"right {colour} {request.kind}") for colour in colours]
    return tuple(name for pair in pairs for name in pair), tuple(Goal("left of", *pair) for pair in pairs)


def _colourful() -> list[str]:
    return [kind for kind in compact_kinds() if len(_seen(kind)) >= 5]


def _seen(kind: str) -> list[str]:
    return [colour for colour in KINDS[kind].colours if not is_held_out(Description(kind, colour))]


def _looks(kinds: Sequence[str]) -> list[str]:
    return [Description(kind, colour).name for kind in kinds for colour in _seen(kind)]
