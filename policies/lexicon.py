"""Nouns of things and what they mean: sets of synonyms, and what each is a kind of (WordNet 3.0, see NOTICE).

The file has one line for each set, in the order of WordNet, with three fields between tabs:
synonyms "frying pan:0|skillet:0", each with how many of its meanings are more frequent than this one; numbers of the
lines that it is a kind of "17 2040"; and what its definition says that it is "bowl vessel".
"""

import gzip
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

FILE = Path(__file__).parent / "assets" / "lexicon.txt.gz"
LONGEST = 3
"""Words that one noun may have."""
USUAL = 2
"""Meanings of a noun, the more frequent ones first, by which it may be found: the sixth of "box" is a shrub, the
third of "bath" a bathtub."""
GENERAL = 100
"""Kinds of a thing from which its noun says too little to stand for one of them: a box has 44, a vegetable 165."""


@dataclass(frozen=True)
class _Meaning:
    nouns: tuple[tuple[str, int], ...]
    parents: tuple[int, ...]
    genus: tuple[str, ...]


class Lexicon:
    """See the module's docstring."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._meanings = [_meaning(line) for line in lines]
        self._numbers: dict[str, list[tuple[int, int]]] = defaultdict(list)
        self._kinds: dict[int, list[int]] = defaultdict(list)
        for number, meaning in enumerate(self._meanings):
            for parent in meaning.parents:
                self._kinds[parent].append(number)
            for noun, rank in meaning.nouns:
                self._numbers[_joined(noun)].append((rank, number))

    @property
    def nouns(self) -> Iterator[str]:
        """Every noun of a usual meaning, some of them several times."""
        return (noun for meaning in self._meanings for noun, rank in meaning.nouns if rank < USUAL)

    def knows(self, noun: str) -> bool:
        return any(_joined(form) in self._numbers for form in singulars(noun))

    def near(self, noun: str, fits: Callable[[str], bool]) -> list[str]:
        """Return the nouns that fit and mean what `noun` may mean, the nearest first: its synonyms, then what it is a
        kind of or is defined as and what is a kind of it; nearer still is what its more frequent meanings lead to."""
        found: dict[str, tuple[int, int, int]] = {}
        for form in singulars(noun):
            for rank, number in self._numbers.get(_joined(form), ()):
                for distance, other, usual in self._around(number):
                    if usual < USUAL and fits(other) and _joined(other) != _joined(form):
                        place = (distance, rank, usual)
                        found[other] = min(found.get(other, place), place)
        return sorted(found, key=lambda other: (found[other], other))

    def _around(self, number: int) -> Iterator[tuple[int, str, int]]:
        """Yield distance, noun and its meaning's rank for what lies about a meaning."""
        meaning = self._meanings[number]
        yield from ((0, *noun) for noun in meaning.nouns)
        yield from ((1, other, 0) for other in meaning.genus if not self._is_general(other))
        for near in (*meaning.parents, *self._kinds[number]):
            if len(self._kinds_of(near)) <= GENERAL:
                yield from ((1, *noun) for noun in self._meanings[near].nouns)

    def _is_general(self, noun: str) -> bool:
        """Whether its most frequent meaning is."""
        meanings = self._numbers.get(_joined(noun))
        return meanings is not None and len(self._kinds_of(min(meanings)[1])) > GENERAL

    def _kinds_of(self, number: int) -> set[int]:
        """What is a kind of it, or a kind of such a kind, and so on; no more than is needed to tell what is general."""
        found: set[int] = set()
        waiting = [number]
        while waiting and len(found) <= GENERAL:
            kinds = [kind for kind in self._kinds.get(waiting.pop(), ()) if kind not in found]
            found.update(kinds)
            waiting += kinds
        return found


@cache
def lexicon() -> Lexicon:
    """The one that comes with this package; read once a process."""
    with gzip.open(FILE, "rt", encoding="ascii") as lines:
        return Lexicon(lines)


def singulars(noun: str) -> list[str]:
    """What a noun may be the plural of, itself first."""
    endings = (("ies", "y"), ("ves", "f"), ("ves", "fe"), ("es", ""), ("s", ""))
    cut = [noun.removesuffix(plural) + one for plural, one in endings if noun.endswith(plural) and len(noun) > 3]
    return [noun, *cut]


def _meaning(line: str) -> _Meaning:
    nouns, parents, genus = line.rstrip("\n").split("\t")
    pairs = (pair.rsplit(":", 1) for pair in nouns.split("|"))
    return _Meaning(
        tuple((noun, int(rank)) for noun, rank in pairs),
        tuple(int(parent) for parent in parents.split()),
        tuple(genus.split()),
    )


def _joined(noun: str) -> str:
    """People write "sweetcorn", "sweet corn" and "sweet-corn"."""
    return noun.replace(" ", "").replace("-", "")
