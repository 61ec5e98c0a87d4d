"""Lessons as rows of tokens: several short conversations side by side in one row, blind to one another."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from dialogue.lessons.lesson import Lesson
from dialogue.tiny.chatml import ChatMl


@dataclass(frozen=True)
class Sample:
    """Tokens of one conversation; those from `answer` on are to be learned."""

    tokens: tuple[int, ...]
    answer: int


@dataclass(frozen=True, eq=False)
class Row:
    """Samples in one row of L tokens.

    tokens, positions: int64 (1, L); positions begin at 0 in every sample.  mask: bool (1, 1, L, L), True where a token
    may look.  places: int64 (A,), from where in the row answers are predicted.  targets: int64 (A,), the tokens there.
    lessons: how many went in, those that were too long for any row included.
    """

    tokens: Tensor
    positions: Tensor
    mask: Tensor
    places: Tensor
    targets: Tensor
    lessons: int


def sample_of(lesson: Lesson, chat: ChatMl) -> Sample:
    prompt = chat.prompt(lesson.messages())
    return Sample((*prompt, *chat.plain(lesson.answer), chat.end), len(prompt))


def pack(samples: Sequence[Sample], lessons: int) -> Row:
    """Lay samples side by side."""
    length = sum(len(sample.tokens) for sample in samples)
    mask = torch.zeros(length, length, dtype=torch.bool)
    positions, places, targets, begin = list[int](), list[int](), list[int](), 0
    for sample in samples:
        size = len(sample.tokens)
        mask[begin : begin + size, begin : begin + size] = torch.ones(size, size, dtype=torch.bool).tril()
        positions += range(size)
        places += range(begin + sample.answer - 1, begin + size - 1)
        targets += sample.tokens[sample.answer :]
        begin += size
    tokens = [token for sample in samples for token in sample.tokens]
    return Row(
        torch.tensor([tokens]),
        torch.tensor([positions]),
        mask[None, None],
        torch.tensor(places),
        torch.tensor(targets),
        lessons,
    )


def rows(lessons: Iterable[Lesson], chat: ChatMl, *, length: int) -> Iterator[Row]:
    """Yield rows of at most `length` tokens, lessons in their order; one too long for a row is left out."""
    waiting, used, taken = list[Sample](), 0, 0
    for lesson in lessons:
        sample = sample_of(lesson, chat)
        if len(sample.tokens) <= length:
            if used + len(sample.tokens) > length:
                yield pack(waiting, taken)
                waiting, used, taken = [], 0, 0
            waiting.append(sample)
            used += len(sample.tokens)
        taken += 1
    if waiting:
        yield pack(waiting, taken)
