"""What a picture shows, as data, and as one sentence: "a carrot left of a red bowl, and a blue cube"."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from agent.errors import SpecError, unknown_name
from sim.geometry import Array
from sim.objects import KINDS, Description, parse_name
from sim.reading import marked
from sim.relations import BESIDE_DIRECTIONS

APART = 0.05
"""m; how far along its direction one thing must be from another before a caption says so."""
TOLD_APART = 0.02
"""m; how far along it a picture must show them to agree with the caption: pixels are about a centimetre."""
RELATION_WORDS: dict[str, tuple[str, ...]] = {
    "left of": ("left of", "to the left of"),
    "right of": ("right of", "to the right of"),
    "in front of": ("in front of",),
    "behind": ("behind",),
    "in": ("in", "inside"),
    "on": ("on", "on top of"),
}
_RELATION_OF = {words: relation for relation, several in RELATION_WORDS.items() for words in several}
_ARTICLES = r"a|an|the|one|some"


@dataclass(frozen=True)
class Thing:
    """What stands in a picture, and where: xy [m, base frame].  inside: index of what it is in or on, None: the table.

    box: x0 y0 x1 y1 as shares of the picture's width and height, of its visible pixels; None when it is hidden.
    """

    kind: str
    colour: str
    xy: tuple[float, float]
    box: tuple[float, float, float, float] | None = None
    inside: int | None = None


@dataclass(frozen=True)
class Caption:
    """things: what must be there, each once.  relations: (thing, relation, thing) by index into `things`."""

    things: tuple[Description, ...]
    relations: tuple[tuple[int, str, int], ...] = ()


@dataclass(frozen=True)
class PlacedBox:
    """A thing and the box it fills: x0 y0 x1 y1, shares of the picture's width and height."""

    thing: Description
    box: tuple[float, float, float, float]


def write_caption(caption: Caption, rng: np.random.Generator) -> str:
    """Return one wording; `read_caption` reads it back."""
    said: set[int] = set()
    parts = []
    for subject, relation, target in caption.relations:
        words = RELATION_WORDS[relation]
        first = _said(caption.things[subject], "the" if subject in said else None)
        second = _said(caption.things[target], "the" if target in said else None)
        parts.append(f"{first} {words[int(rng.integers(len(words)))]} {second}")
        said |= {subject, target}
    parts += [_said(thing, None) for index, thing in enumerate(caption.things) if index not in said]
    return " and ".join(parts)


def read_caption(text: str) -> Caption:
    """Return what a caption says; raise SpecError when it names nothing, or something that does not exist."""
    if not text.strip():
        raise SpecError("the text is empty; say what to imagine, such as 'a carrot left of a red bowl'")
    plain, names = marked(text)
    unknown = re.search(rf"\b(?:{_ARTICLES}) (?!<)((?:\w+ ?)+)", _without_relations(plain))
    if unknown:
        raise unknown_name("object", unknown[1].strip(), KINDS)
    if not names:
        raise SpecError(f"'{text}' names nothing that can be imagined; there are: {', '.join(sorted(KINDS))}")
    things = tuple(dict.fromkeys(_placeless(parse_name(name)) for name in names))
    index = [things.index(_placeless(parse_name(name))) for name in names]
    words = "|".join(sorted(_RELATION_OF, key=len, reverse=True))
    found = re.finditer(rf"<(\d+)>(?= (?:is |stands |lies )?({words}) (?:(?:{_ARTICLES}) )?<(\d+)>)", plain)
    relations = tuple((index[int(m[1])], _RELATION_OF[m[2]], index[int(m[3])]) for m in found)
    return Caption(things, relations)


def draw_caption(things: Sequence[Thing], rng: np.random.Generator) -> Caption:
    """Draw a true caption of what is visible: mostly one relation, and often all the other things."""
    visible = [index for index, thing in enumerate(things) if thing.box is not None]
    if not visible:
        raise SpecError("nothing is visible in this picture, so there is no caption of it")
    looks = {index: _look(things, index, visible, rng) for index in visible}
    order = list(dict.fromkeys(visible))
    relations: list[tuple[int, str, int]] = []
    true = [(a, relation, b) for a in visible for b in visible if a != b for relation in true_relations(things, a, b)]
    held = [triple for triple in true if triple[1] in ("in", "on")]
    if true and rng.random() < 0.85:
        pool = held if held and rng.random() < 0.6 else true
        relations.append(pool[int(rng.integers(len(pool)))])
        order = [relations[0][0], relations[0][2]]
    rest = [index for index in visible if index not in order]
    if rest and rng.random() < 0.6:
        order += [rest[rank] for rank in rng.permutation(len(rest))[: int(rng.integers(1, len(rest) + 1))]]
    described = list(dict.fromkeys(looks[index] for index in order))
    at = {index: described.index(looks[index]) for index in order}
    kept = tuple((at[a], relation, at[b]) for a, relation, b in relations if at[a] != at[b])
    return Caption(tuple(described), kept)


def true_relations(things: Sequence[Thing], subject: int, target: int) -> list[str]:
    """Return every relation that clearly holds between two things of a picture."""
    a, b = things[subject], things[target]
    if a.inside == target:
        kind = KINDS[b.kind]
        return [getattr(kind, "support", "on")]
    if a.inside is not None or b.inside is not None:
        return []
    return [name for name in BESIDE_DIRECTIONS if is_beside(name, np.array(a.xy), np.array(b.xy), least=APART)]


def is_beside(relation: str, subject: Array, target: Array, *, least: float = TOLD_APART) -> bool:
    """Say whether xy `subject` lies in this direction of `target`: at least so far, and more along than across."""
    direction = BESIDE_DIRECTIONS[relation]
    offset = subject - target
    along = float(offset @ direction)
    return along >= least and float(np.linalg.norm(offset - along * direction)) <= along


def _look(things: Sequence[Thing], index: int, visible: Sequence[int], rng: np.random.Generator) -> Description:
    """Kind with colour where the kind has several, or where another of the kind is seen; else sometimes without."""
    thing = things[index]
    alone = sum(things[other].kind == thing.kind for other in visible) == 1
    if len(KINDS[thing.kind].colours) == 1 or (alone and rng.random() < 0.2):
        return Description(thing.kind)
    return Description(thing.kind, thing.colour)


def _placeless(description: Description) -> Description:
    return Description(description.kind, description.colour)


def _said(thing: Description, article: str | None) -> str:
    name = thing.name
    return f"{article or ('an' if name[0] in 'aeiou' else 'a')} {name}"


def _without_relations(plain: str) -> str:
    """Cut relation words that hold an article of their own ("to the left of")."""
    for words in sorted(_RELATION_OF, key=len, reverse=True):
        plain = plain.replace(f" {words} ", " | ")
    return re.sub(r"\bon (?:a|the) table\b", "", plain)
