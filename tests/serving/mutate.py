"""Malformed frames, many and always the same: valid ones that were damaged, and noise."""

from collections.abc import Iterator

import msgpack
import numpy as np

from agent.serving.codec import pack
from tests.serving.bodies import droid_request, libero_request, own_request

LYING_HEADS = (
    b"\xdd\xff\xff\xff\xff",
    b"\xdf\x7f\xff\xff\xff",
    b"\xdb\xff\xff\xff\xff",
    b"\xc6\xff\xff\xff\xff",
    b"\xdc\xff\xff",
    b"\xde\xff\xff",
    b"\xc9\x00\x00\xff\xff\x01",
    b"\xd8\x05" + b"\x00" * 16,
    b"\xc1",
    b"\x91" * 40,
    b"\x81\xa1a" * 40,
)
WORDS = (b"__ndarray__", b"__npgeneric__", b"dtype", b"shape", b"data", b"<f4", b"|u1", b"<f8", b"prompt")
LIES: tuple[object, ...] = (
    None,
    -1,
    2**63,
    0.5,
    True,
    "",
    "|O",
    "O",
    "<f8",
    "V8",
    [],
    [[]],
    [2**62],
    [0, 2**62],
    b"",
    {},
)


def valid_frames() -> list[bytes]:
    """One of every layout; small pictures, so that a random place is often a meaningful one."""
    return [pack(libero_request(size=4)), pack(droid_request()), pack(own_request()), lying_array("shape", [2, 4])]


def lying_array(field: str, value: object) -> bytes:
    """A LIBERO request whose state is an array with one field replaced."""
    array: dict[bytes, object] = {b"__ndarray__": True, b"data": b"\0" * 32, b"dtype": "<f4", b"shape": [8]}
    array[field.encode()] = value
    packed: bytes = msgpack.packb({**{"prompt": "go"}, "observation/state": array})
    return packed


def malformed_frames(count: int, *, seed: int) -> Iterator[bytes]:
    """Yield `count` frames drawn from `seed`. A few may happen to be valid still."""
    generator, frames = np.random.default_rng(seed), valid_frames()
    for number in range(count):
        frame = bytearray(frames[int(generator.integers(len(frames)))])
        for _ in range(int(generator.integers(1, 4))):
            frame = MUTATIONS[int(generator.integers(len(MUTATIONS)))](frame, generator)
        yield (
            bytes(frame) if number % 8 else bytes(generator.integers(0, 256, int(generator.integers(0, 200)), np.uint8))
        )


def _place(frame: bytearray, generator: np.random.Generator) -> int:
    return int(generator.integers(len(frame) + 1))


def _flip(frame: bytearray, generator: np.random.Generator) -> bytearray:
    if frame:
        frame[_place(frame, generator) % len(frame)] ^= 1 << int(generator.integers(8))
    return frame


def _head_byte(frame: bytearray, generator: np.random.Generator) -> bytearray:
    """Damage within the first bytes, where the structure is."""
    if frame:
        frame[int(generator.integers(min(len(frame), 60)))] = int(generator.integers(256))
    return frame


def _cut(frame: bytearray, generator: np.random.Generator) -> bytearray:
    return frame[: _place(frame, generator)]


def _insert(frame: bytearray, generator: np.random.Generator) -> bytearray:
    where = _place(frame, generator)
    return frame[:where] + LYING_HEADS[int(generator.integers(len(LYING_HEADS)))] + frame[where:]


def _repeat(frame: bytearray, generator: np.random.Generator) -> bytearray:
    start, end = sorted((_place(frame, generator), _place(frame, generator)))
    return frame[:end] + frame[start:]


def _confuse_words(frame: bytearray, generator: np.random.Generator) -> bytearray:
    one, other = (WORDS[int(generator.integers(len(WORDS)))] for _ in range(2))
    return frame.replace(one, other.ljust(len(one))[: len(one)], 1)


def _lie(frame: bytearray, generator: np.random.Generator) -> bytearray:
    field = ("data", "dtype", "shape", "__ndarray__")[int(generator.integers(4))]
    return bytearray(lying_array(field, LIES[int(generator.integers(len(LIES)))]))


MUTATIONS = (_flip, _head_byte, _cut, _insert, _repeat, _confuse_words, _lie)
