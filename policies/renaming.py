"""Unheard nouns: where words that training never said mean nothing in view, heard ones of like meaning are tried.

"Put it in the skillet" is done with the pan, and refused where there is nothing like one. The policy reads the sentence
again with the word exchanged and goes on where it then sees what is meant; later looks are told what was exchanged.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from agent.types import FloatArray
from policies.following import Memory, checksum
from policies.instruction import words_of
from policies.text import TextEncoder

LIKE = 0.45
"""Cosine of two words' meanings from which one may stand for the other: of thirty nouns of things that are never on the
table a tenth are so near to one of four that are."""
MOST = 4
"""Words that are tried."""
LONGEST = 3
"""Words that one noun may have."""
FUNCTION_WORDS = words_of(
    "a an and at but by down for from in inside into is it its let me my of off on onto or out over",
    "that the then there these this those to up us with would you your",
)
"""They mean no thing, and stand at the borders of what does."""
LENGTH = 4


@dataclass(frozen=True)
class Renaming:
    """instruction: as it was given.  word: number of the heard word in the thesaurus.  start, count: which words of the
    instruction it stands for."""

    instruction: str
    word: int
    start: int
    count: int


class Thesaurus:
    """The words that a policy heard in training, and what they mean to its text encoder."""

    def __init__(self, heard: Iterable[str], encoder: TextEncoder) -> None:
        self.words = sorted(word for word in heard if word not in FUNCTION_WORDS)
        self._heard, self._encoder = frozenset(heard), encoder

    def renamings(self, instruction: str) -> list[Renaming]:
        """Return what could be meant by its unheard words, the likeliest first; nothing where every word was heard."""
        said = [match[0] for match in _WORD.finditer(instruction.lower())]
        spans = self._spans(said)
        if not spans or not self.words:
            return []
        alike = self._meanings([" ".join(said[start : start + count]) for start, count in spans]) @ self._known.T
        alike[:, [word in said for word in self.words]] = -1.0
        best = alike.argmax(axis=0)
        nearest = [int(word) for word in np.argsort(-alike.max(axis=0))[:MOST]]
        return [
            Renaming(instruction, word, *spans[int(best[word])]) for word in nearest if alike[best[word], word] >= LIKE
        ]

    def renamed(self, renaming: Renaming) -> str:
        """Return the instruction with the heard word in place."""
        places = list(_WORD.finditer(renaming.instruction))[renaming.start : renaming.start + renaming.count]
        text = renaming.instruction
        return text[: places[0].start()] + self.words[renaming.word] + text[places[-1].end() :]

    def recall(self, memory: Memory | None, instruction: str) -> tuple[Memory | None, Renaming | None]:
        """Take what `remembered` made apart; the renaming is None where it is of other words."""
        if memory is None or memory.ndim != 1 or len(memory) < LENGTH:
            return memory, None
        words, *numbers = memory[-LENGTH:]
        inner = memory[:-LENGTH]
        if words != checksum(instruction) or not np.isfinite(numbers).all():
            return inner, None
        word, start, count = (int(number) for number in numbers)
        said = len(_WORD.findall(instruction))
        # It may have come over a wire.
        fits = 0 <= word < len(self.words) and 1 <= count <= LONGEST and 0 <= start <= said - count
        return inner, Renaming(instruction, word, start, count) if fits else None

    @cached_property
    def _known(self) -> FloatArray:
        return self._meanings(self.words)

    def _spans(self, said: list[str]) -> list[tuple[int, int]]:
        """Start and count of every run of words, function words apart, one of which was never heard."""
        return [
            (start, count)
            for count in range(1, LONGEST + 1)
            for start in range(len(said) - count + 1)
            if not FUNCTION_WORDS & set(said[start : start + count])
            and not self._heard.issuperset(said[start : start + count])
        ]

    def _meanings(self, words: list[str]) -> FloatArray:
        """Unit vectors (n, E). The second half of MiniLM's features is what a word means, the first how it is spelt."""
        rows = [row[:, row.shape[1] // 2 :].mean(axis=0) for row in self._encoder.encode(words)]
        meanings = np.stack(rows)
        return np.asarray(meanings / np.maximum(np.linalg.norm(meanings, axis=1, keepdims=True), 1e-9))


def remembered(memory: Memory, renaming: Renaming | None) -> Memory:
    """What the next look should know: the policy's own memory, and what was exchanged in which words."""
    note = np.full(LENGTH, np.nan)
    if renaming is not None:
        note[:] = checksum(renaming.instruction), renaming.word, renaming.start, renaming.count
    return np.concatenate([memory, note])


_WORD = re.compile(r"[^\W\d_]+")
