"""The space of instructions, which also works in asynchronous vector environments."""

import string
from collections.abc import Iterator, Sequence
from multiprocessing.sharedctypes import SynchronizedArray
from typing import Any, overload

from gymnasium.spaces import Text
from gymnasium.vector.utils import read_from_shared_memory

LONGEST_INSTRUCTION = 256
CHARACTERS = "".join(sorted(set(string.printable) - set("\t\n\r\x0b\x0c")))
"""Printable ASCII on one line, sorted: worker processes must agree on the order to share memory."""


class InstructionSpace(Text):
    """Instructions: 1 to 256 printable ASCII characters on one line.

    Gymnasium decodes a Text in shared memory once, when the vector environment is made, and then repeats that first,
    empty text for ever. Here it is decoded whenever observations are handed out.
    """

    def __init__(self) -> None:
        super().__init__(LONGEST_INSTRUCTION, min_length=1, charset=CHARACTERS)


class _LiveTexts(Sequence[str]):
    """The texts that are in shared memory now; a copy of it is the plain tuple of strings."""

    def __init__(self, space: Text, memory: "SynchronizedArray[Any]", count: int) -> None:
        self._space, self._memory, self._count = space, memory, count

    def _now(self) -> tuple[str, ...]:
        return tuple(read_from_shared_memory.dispatch(Text)(self._space, self._memory, self._count))

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[str]: ...
    def __getitem__(self, index: int | slice) -> str | Sequence[str]:
        return self._now()[index]

    def __iter__(self) -> Iterator[str]:
        return iter(self._now())

    def __deepcopy__(self, memo: dict[int, object]) -> tuple[str, ...]:
        return self._now()


@read_from_shared_memory.register(InstructionSpace)
def _read_instructions(space: InstructionSpace, shared_memory: "SynchronizedArray[Any]", n: int = 1) -> _LiveTexts:
    return _LiveTexts(space, shared_memory, n)
