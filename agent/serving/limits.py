"""What a stranger may send. Sizes, types and shapes are checked on plain numbers, before any array is made."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agent.errors import SpecError

Array = NDArray[np.generic]

ITEM_BYTES = {
    "|b1": 1,
    "|u1": 1,
    "|i1": 1,
    "<u2": 2,
    "<i2": 2,
    "<f2": 2,
    "<u4": 4,
    "<i4": 4,
    "<f4": 4,
    "<u8": 8,
    "<i8": 8,
    "<f8": 8,
}
"""Every array type that is accepted, as NumPy writes it, and the bytes of one element. Objects, records, complex
numbers and big-endian numbers are not."""


class BadMessage(SpecError):
    """A message that does not keep to the protocol; nothing was made of it."""


@dataclass(frozen=True)
class Limits:
    """message_bytes: of one request or answer.  depth: of lists and maps within one another.  items: values of all
    kinds in one message.  dimensions: of one array.  instruction: characters.
    """

    message_bytes: int = 4 * 2**20
    depth: int = 8
    items: int = 4096
    dimensions: int = 4
    instruction: int = 500


DEFAULT = Limits()


def checked_array(dtype: object, shape: object, data: object, limits: Limits) -> Array:
    """Return a read-only view of `data` as an array; raise BadMessage unless type, shape and size agree."""
    item = item_bytes(dtype)
    if not isinstance(shape, list) or len(shape) > limits.dimensions:
        raise BadMessage(f"an array's shape must be a list of at most {limits.dimensions} numbers")
    sides: list[int] = []
    for side in shape:
        if type(side) is not int or side < 0:
            raise BadMessage("an array's shape must be a list of whole numbers of at least 0")
        sides.append(side)
    # Empty sides count as one: NumPy refuses (0, 2**62) by itself, in words that are not ours.
    if math.prod(max(side, 1) for side in sides) * item > limits.message_bytes:
        raise BadMessage(f"an array of shape {tuple(sides)} exceeds the {limits.message_bytes} bytes of a message")
    if not isinstance(data, bytes | memoryview) or len(data) != math.prod(sides) * item:
        raise BadMessage(f"an array of type {dtype} and shape {tuple(sides)} does not have that many bytes")
    if dtype == "|b1":
        flags: Array = np.ndarray(sides, np.uint8, buffer=data) != 0
        return flags
    array: Array = np.ndarray(sides, np.dtype(str(dtype)), buffer=data)
    array.flags.writeable = False
    return array


def checked_scalar(dtype: object, value: object) -> np.generic:
    """Return `value` as the NumPy scalar of that type; raise BadMessage when it is none or does not fit."""
    item_bytes(dtype)
    kind = np.dtype(str(dtype))
    allowed: dict[str, tuple[type, ...]] = {"b": (bool,), "u": (int,), "i": (int,), "f": (int, float)}
    if type(value) not in allowed[kind.kind]:
        raise BadMessage(f"a scalar of type {dtype} cannot be {type(value).__name__}")
    try:
        scalar: np.generic = kind.type(value)
    except OverflowError as error:
        raise BadMessage(f"a scalar does not fit into {dtype}") from error
    return scalar


def item_bytes(dtype: object) -> int:
    """Return the bytes of one element; raise BadMessage, naming the types that there are, for another type."""
    if not isinstance(dtype, str) or dtype not in ITEM_BYTES:
        shown = dtype[:16] if isinstance(dtype, str) else type(dtype).__name__
        raise BadMessage(f"arrays of type '{shown}' are not accepted; there are: {', '.join(ITEM_BYTES)}")
    return ITEM_BYTES[dtype]
