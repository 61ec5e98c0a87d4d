"""Unheard nouns: heard ones of like meaning stand in for what training never said.

"Put it in the skillet" is read as "put it in the frying pan", then as "put it in the pan", and done with the first that
is seen; where none is, the words are read as they stand. What was heard is never exchanged. Later looks are told what
was.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise, product

import numpy as np

from policies.following import Memory, checksum
from policies.instruction import WORD, words_of
from policies.lexicon import LONGEST, Lexicon, lexicon, singulars

MOST = 4
"""Readings of an instruction that are tried: further ones rarely name what is meant, but may name what is there."""
SEEN = 0.2
"""Chance that what a stand-in names is not there, below which it is taken. At 0.5 more absent things get past, and a
"building block" is a chain; no present thing is lost at 0.2."""
PLACES = 2
"""Nouns that are exchanged in one instruction: it has a subject and a target."""
DETERMINERS = words_of("her his its my our that the their these this those your")
"""What stands before one of these is no noun: "hoist the can", but "give the can a push"."""
FUNCTION_WORDS = DETERMINERS | words_of(
    "a an and at away back but by down for forward from in inside into is it left let me of off on one onto or out",
    "over right then there to up us with would you",
)
"""They mean no thing, and stand at the borders of what does."""
LENGTH = 1 + 3 * PLACES


@dataclass(frozen=True)
class Exchange:
    """noun: number of the heard noun in the thesaurus.  start, count: which words of the instruction it stands for."""

    noun: int
    start: int
    count: int


@dataclass(frozen=True)
class Renaming:
    """instruction: as it was given.  exchanges: one to PLACES of them, the first words first, none overlapping."""

    instruction: str
    exchanges: tuple[Exchange, ...]


class Thesaurus:
    """The nouns that a policy heard in training. book: what nouns mean; None for the one in this package."""

    def __init__(self, heard: Iterable[str], book: Lexicon | None = None) -> None:
        self._heard, self._book = frozenset(heard), book

    @cached_property
    def nouns(self) -> list[str]:
        """Every noun all of whose words were heard; a checkpoint always has the same."""
        return sorted({noun for noun in self._lexicon.nouns if self._heard.issuperset(_parts(noun))})

    def renamings(self, instruction: str) -> list[Renaming]:
        """Return what could be meant by its unheard nouns, the nearest first; nothing where every word was heard."""
        said = _said(instruction)
        runs = self._unheard_nouns(instruction, said)
        readings = [exchanges for run in runs if (exchanges := self._stand_ins(said, *run))][:PLACES]
        if not readings:
            return []
        ranked = sorted(product(*map(enumerate, readings)), key=lambda choice: sum(rank for rank, _ in choice))
        return [Renaming(instruction, tuple(each for _, each in choice)) for choice in ranked[:MOST]]

    def renamed(self, renaming: Renaming) -> str:
        """Return the instruction with the heard nouns in place."""
        said, text = _said(renaming.instruction), renaming.instruction
        for each in reversed(renaming.exchanges):
            start, end = said[each.start].start(), said[each.start + each.count - 1].end()
            text = text[:start] + self.nouns[each.noun] + text[end:]
        return text

    def recall(self, memory: Memory | None, instruction: str) -> tuple[Memory | None, Renaming | None]:
        """Take what `remembered` made apart; the renaming is None where it is of other words."""
        if memory is None or memory.ndim != 1 or len(memory) < LENGTH:
            return memory, None
        words, *numbers = memory[-LENGTH:]
        inner = memory[:-LENGTH]
        if words != checksum(instruction):
            return inner, None
        triples = [numbers[place : place + 3] for place in range(0, 3 * PLACES, 3)]
        exchanges = [Exchange(*map(int, triple)) for triple in triples if np.isfinite(triple).all()]
        # It may have come over a wire.
        fits = exchanges and self._fit(exchanges, len(_said(instruction)))
        return inner, Renaming(instruction, tuple(exchanges)) if fits else None

    def _fit(self, exchanges: Sequence[Exchange], said: int) -> bool:
        free = 0
        for each in exchanges:
            if not (0 <= each.noun < len(self.nouns) and 1 <= each.count <= LONGEST and free <= each.start):
                return False
            free = each.start + each.count
        return free <= said

    @cached_property
    def _lexicon(self) -> Lexicon:
        return self._book or lexicon()

    @cached_property
    def _numbers(self) -> dict[str, int]:
        return {noun: number for number, noun in enumerate(self.nouns)}

    def _was_heard(self, word: str) -> bool:
        return not self._heard.isdisjoint(singulars(word))

    def _unheard_nouns(self, instruction: str, said: Sequence[re.Match[str]]) -> list[tuple[int, int]]:
        """Start and count of every noun that is known and was not heard; the longest where some overlap."""
        if not self._heard or all(self._was_heard(_small(word)) for word in said):
            return []
        runs: list[tuple[int, int]] = []
        start = 0
        while start < len(said):
            counts = range(min(LONGEST, len(said) - start), 0, -1)
            count = next((count for count in counts if self._is_unheard_noun(instruction, said, start, count)), 0)
            if count:
                runs.append((start, count))
            start += max(1, count)
        return runs

    def _is_unheard_noun(self, instruction: str, said: Sequence[re.Match[str]], start: int, count: int) -> bool:
        run, end = [_small(word) for word in said[start : start + count]], start + count
        gaps = [instruction[one.end() : two.start()] for one, two in pairwise(said[start : end + 1])]
        if FUNCTION_WORDS & set(run) or all(map(self._was_heard, run)) or not _JOINS.issuperset(gaps[: count - 1]):
            return False
        goes_on = end < len(said) and gaps[-1] in _JOINS and self._goes_on(_small(said[end]))
        return not goes_on and self._lexicon.knows(" ".join(run))

    def _stand_ins(self, said: Sequence[re.Match[str]], start: int, count: int) -> list[Exchange]:
        """The heard nouns near a run of words, the nearest first, without those that the rest of the sentence says."""
        words = [_small(word) for word in said]
        others = {*words[:start], *words[start + count :]}
        near = self._lexicon.near(
            " ".join(words[start : start + count]),
            lambda noun: noun in self._numbers and not others.issuperset(_parts(noun)),
        )
        return [Exchange(self._numbers[noun], start, count) for noun in near]

    def _goes_on(self, word: str) -> bool:
        """Whether what stands before this word is no noun by itself: "the ivory plate", "hoist the can"."""
        return word in DETERMINERS or (word not in FUNCTION_WORDS and self._lexicon.knows(word))


def remembered(memory: Memory, renaming: Renaming | None) -> Memory:
    """What the next look should know: the policy's own memory, and what was exchanged in which words."""
    note = np.full(LENGTH, np.nan)
    if renaming is not None:
        numbers = [number for each in renaming.exchanges for number in (each.noun, each.start, each.count)]
        note[: 1 + len(numbers)] = checksum(renaming.instruction), *numbers
    return np.concatenate([memory, note])


def _said(instruction: str) -> list[re.Match[str]]:
    return list(WORD.finditer(instruction))


def _small(word: re.Match[str]) -> str:
    return word[0].lower()


def _parts(noun: str) -> list[str]:
    return noun.replace("-", " ").split()


_JOINS = frozenset((" ", "-"))
