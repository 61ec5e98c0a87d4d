"""Lessons as rows of tokens: several short conversations side by side in one row, blind to one another.

Conversations that begin alike (one table, several requests) are one tree: what they share stands in the row once, and
each goes on from there. The loss is the same as if each were read by itself; only the cost is not.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn.functional import pad

from dialogue.lessons.lesson import Lesson
from dialogue.tiny.chatml import ChatMl


@dataclass(frozen=True)
class Sample:
    """Tokens of one conversation; those from `answer` on are to be learned."""

    tokens: tuple[int, ...]
    answer: int


@dataclass(frozen=True, eq=False)
class Row:
    """Samples in one row of L tokens, or in R rows one above the other.

    tokens, positions: int64 (R, L); positions begin at 0 in every sample, and rows end in zeros.  mask: bool
    (R, 1, L, L), True where a token may look.  places: int64 (A,), from where in the rows laid end to end answers are
    predicted.  targets: int64 (A,), the tokens there.  lessons: how many went in, those too long for a row included.
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


Family = Sequence[Sample]
"""Samples that are laid in a row together, what all of them begin with once."""


def common(family: Family) -> int:
    """Return how many tokens all of them begin with, no answer among them; 0 for one that is alone."""
    if len(family) < 2:
        return 0
    shortest = min(sample.answer - 1 for sample in family)
    columns = zip(*(sample.tokens[:shortest] for sample in family), strict=True)
    return next((index for index, column in enumerate(columns) if len(set(column)) > 1), shortest)


def size_of(family: Family) -> int:
    """Return the tokens that a family takes in a row."""
    shared = common(family)
    return shared + sum(len(sample.tokens) - shared for sample in family)


def pack(families: Sequence[Family], lessons: int) -> Row:
    """Lay families side by side."""
    length = sum(size_of(family) for family in families)
    mask = torch.zeros(length, length, dtype=torch.bool)
    tokens, positions, places, targets = list[int](), list[int](), list[int](), list[int]()
    for family in families:
        shared, trunk = common(family), len(tokens)
        tokens += family[0].tokens[:shared]
        positions += range(shared)
        mask[trunk : trunk + shared, trunk : trunk + shared] = torch.ones(shared, shared, dtype=torch.bool).tril()
        for sample in family:
            begin, own = len(tokens), len(sample.tokens) - shared
            mask[begin : begin + own, trunk : trunk + shared] = True
            mask[begin : begin + own, begin : begin + own] = torch.ones(own, own, dtype=torch.bool).tril()
            tokens += sample.tokens[shared:]
            positions += range(shared, len(sample.tokens))
            places += range(begin + sample.answer - shared - 1, begin + own - 1)
            targets += sample.tokens[sample.answer :]
    return Row(
        torch.tensor([tokens]),
        torch.tensor([positions]),
        mask[None, None],
        torch.tensor(places),
        torch.tensor(targets),
        lessons,
    )


def stack(rows: Sequence[Row]) -> Row:
    """Lay rows one above the other, so that one pass reads all of them."""
    length = max(row.tokens.shape[1] for row in rows)
    short = [length - row.tokens.shape[1] for row in rows]
    return Row(
        torch.cat([pad(row.tokens, (0, less)) for row, less in zip(rows, short, strict=True)]),
        torch.cat([pad(row.positions, (0, less)) for row, less in zip(rows, short, strict=True)]),
        torch.cat([pad(row.mask, (0, less, 0, less)) for row, less in zip(rows, short, strict=True)]),
        torch.cat([row.places + index * length for index, row in enumerate(rows)]),
        torch.cat([row.targets for row in rows]),
        sum(row.lessons for row in rows),
    )


def batches(families: Iterable[Sequence[Lesson]], chat: ChatMl, *, length: int, rows: int) -> Iterator[Row]:
    """Yield as many rows of at most `length` tokens at once, each filled with whole families of lessons.

    A family goes into the first row with room for it; where none has, the next batch begins with it. One too long for a
    row is left out.
    """
    waiting, taken = list[list[Family]](), 0
    for lessons in families:
        family = [sample_of(lesson, chat) for lesson in lessons]
        size = size_of(family)
        if size <= length:
            fitting = [row for row in waiting if sum(map(size_of, row)) + size <= length]
            if not fitting and len(waiting) == rows:
                yield _batch(waiting, taken)
                waiting, taken = [], 0
            if fitting:
                fitting[0].append(family)
            else:
                waiting.append([family])
        taken += len(lessons)
    if waiting:
        yield _batch(waiting, taken)


def _batch(rows: Sequence[Sequence[Family]], lessons: int) -> Row:
    return replace(stack([pack(row, 0) for row in rows]), lessons=lessons)
