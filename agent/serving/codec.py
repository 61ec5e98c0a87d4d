"""MessagePack with arrays, byte for byte as openpi's client writes it; nothing that it reads can run code.

An array is the map {b"__ndarray__": true, b"data": raw bytes in C order, b"dtype": "<f4", b"shape": [..]} and a NumPy
scalar {b"__npgeneric__": true, b"data": value, b"dtype": "<f4"}, with byte strings for keys (openpi
`msgpack_numpy.py`, which follows lebedov/msgpack-numpy without its fallback for objects). MessagePack:
https://github.com/msgpack/msgpack/blob/master/spec.md. Extension types are refused.

Written here rather than taken from a library because what strangers send must be refused before memory is given to
it: a length is believed only when that many bytes are there.
"""

import struct
from collections.abc import Mapping

import numpy as np

from agent.serving.limits import DEFAULT, Array, BadMessage, Limits, checked_array, checked_scalar

_NUMBERS = {
    0xCA: struct.Struct(">f"),
    0xCB: struct.Struct(">d"),
    0xCC: struct.Struct(">B"),
    0xCD: struct.Struct(">H"),
    0xCE: struct.Struct(">I"),
    0xCF: struct.Struct(">Q"),
    0xD0: struct.Struct(">b"),
    0xD1: struct.Struct(">h"),
    0xD2: struct.Struct(">i"),
    0xD3: struct.Struct(">q"),
}
_BYTE, _SHORT, _LONG = struct.Struct(">B"), struct.Struct(">H"), struct.Struct(">I")
_BINARY = {0xC4: _BYTE, 0xC5: _SHORT, 0xC6: _LONG}
_TEXT = {0xD9: _BYTE, 0xDA: _SHORT, 0xDB: _LONG}
_LIST = {0xDC: _SHORT, 0xDD: _LONG}
_MAP = {0xDE: _SHORT, 0xDF: _LONG}
_CONSTANTS = {0xC0: None, 0xC2: False, 0xC3: True}


def pack(value: object) -> bytes:
    """Return one message. Takes None, bool, int, float, str, bytes, NumPy arrays and scalars, lists, tuples and maps
    of these; raises BadMessage for anything else."""
    parts: list[bytes | memoryview] = []
    _write(value, parts)
    return b"".join(parts)


def unpack(message: bytes, limits: Limits = DEFAULT) -> object:
    """Return what one message holds, arrays as read-only views of it. Raises BadMessage and nothing else."""
    if len(message) > limits.message_bytes:
        raise BadMessage(f"a message of {len(message)} bytes; at most {limits.message_bytes} are accepted")
    reader = _Reader(message, limits)
    value = reader.value(0)
    if reader.position != len(message):
        raise BadMessage(f"{len(message) - reader.position} bytes follow after the end of the message")
    return value


def _write(value: object, parts: list[bytes | memoryview]) -> None:
    if value is None or isinstance(value, bool):
        parts.append({None: b"\xc0", False: b"\xc2", True: b"\xc3"}[value])
    elif isinstance(value, int):
        parts.append(_integer(value))
    elif isinstance(value, float):
        parts.append(b"\xcb" + struct.pack(">d", value))
    elif isinstance(value, str):
        text = value.encode()
        parts += (_head(len(text), 0xA0, 32, _TEXT), text)
    elif isinstance(value, bytes):
        parts += (_head(len(value), 0, 0, _BINARY), value)
    elif isinstance(value, np.ndarray | np.generic):
        # After float and str: np.float64 and np.str_ are such, and msgpack's packer takes them for such.
        _write_numpy(value, parts)
    elif isinstance(value, Mapping):
        parts.append(_head(len(value), 0x80, 16, _MAP))
        for key, item in value.items():
            _write(key, parts)
            _write(item, parts)
    elif isinstance(value, list | tuple):
        parts.append(_head(len(value), 0x90, 16, _LIST))
        for item in value:
            _write(item, parts)
    else:
        raise BadMessage(f"a {type(value).__name__} cannot be sent")


def _write_numpy(value: Array | np.generic, parts: list[bytes | memoryview]) -> None:
    if value.dtype.kind in "VOcMm":
        raise BadMessage(f"arrays of type {value.dtype} cannot be sent")
    if isinstance(value, np.ndarray):
        # A picture's bytes are copied once, into the message.
        raw = np.ascontiguousarray(value).reshape(-1).view(np.uint8)
        parts += (b"\x84\xc4\x0b__ndarray__\xc3\xc4\x04data", _head(raw.size, 0, 0, _BINARY), raw.data)
        parts.append(b"\xc4\x05dtype")
        _write(value.dtype.str, parts)
        parts.append(b"\xc4\x05shape")
        _write(value.shape, parts)
    else:
        _write({b"__npgeneric__": True, b"data": value.item(), b"dtype": value.dtype.str}, parts)


def _integer(value: int) -> bytes:
    """The shortest form, as msgpack's own packer chooses it."""
    if -32 <= value < 128:
        return struct.pack(">b", value)
    for tag, low, high in (
        (0xCC, 0, 2**8),
        (0xCD, 0, 2**16),
        (0xCE, 0, 2**32),
        (0xCF, 0, 2**64),
        (0xD0, -(2**7), 0),
        (0xD1, -(2**15), 0),
        (0xD2, -(2**31), 0),
        (0xD3, -(2**63), 0),
    ):
        if low <= value < high:
            return bytes([tag]) + _NUMBERS[tag].pack(value)
    raise BadMessage(f"the whole number {value} does not fit into 64 bits")


def _head(length: int, short_tag: int, short_below: int, long_tags: dict[int, struct.Struct]) -> bytes:
    """The tag and length of a string, list or map, in as few bytes as possible."""
    if length < short_below:
        return bytes([short_tag | length])
    for tag, number in long_tags.items():
        if length < 256**number.size:
            return bytes([tag]) + number.pack(length)
    raise BadMessage(f"{length} is too long to be sent")


class _Reader:
    """Walks through one message."""

    def __init__(self, message: bytes, limits: Limits) -> None:
        self.position = 0
        self._bytes, self._limits = memoryview(message), limits
        self._items_left = limits.items

    def value(self, depth: int) -> object:
        self._items_left -= 1
        if self._items_left < 0 or depth > self._limits.depth:
            raise BadMessage(
                f"a message may hold {self._limits.items} values, at most {self._limits.depth} deep; this one has more"
            )
        tag = self._take(1)[0]
        if tag < 0x80 or tag >= 0xE0:
            return tag if tag < 0x80 else tag - 0x100
        if tag in _CONSTANTS:
            return _CONSTANTS[tag]
        if tag in _NUMBERS:
            return self._number(_NUMBERS[tag])
        if 0xA0 <= tag < 0xC0 or tag in _TEXT:
            return self._text(self._length(tag, 0xA0, _TEXT))
        if tag in _BINARY:
            return bytes(self._take(self._length(tag, 0, _BINARY)))
        if tag < 0x90 or tag in _MAP:
            return self._map(self._length(tag, 0x80, _MAP), depth)
        if tag < 0xA0 or tag in _LIST:
            return [self.value(depth + 1) for _ in range(self._counted(self._length(tag, 0x90, _LIST)))]
        raise BadMessage(f"the type byte 0x{tag:02x} is not accepted")

    def _length(self, tag: int, short_tag: int, long_tags: dict[int, struct.Struct]) -> int:
        return int(self._number(long_tags[tag])) if tag in long_tags else tag - short_tag

    def _number(self, kind: struct.Struct) -> int | float:
        number: int | float = kind.unpack(self._take(kind.size))[0]
        return number

    def _counted(self, length: int) -> int:
        if length > self._items_left:
            raise BadMessage(f"a list or map claims {length} entries; a message may hold {self._limits.items} values")
        return length

    def _text(self, length: int) -> str:
        try:
            return str(self._take(length), "utf-8")
        except UnicodeDecodeError as error:
            raise BadMessage("a text is not UTF-8") from error

    def _take(self, length: int) -> memoryview:
        end = self.position + length
        if end > len(self._bytes):
            raise BadMessage("the message ends in the middle of a value")
        taken = self._bytes[self.position : end]
        self.position = end
        return taken

    def _map(self, length: int, depth: int) -> object:
        values: dict[str | bytes, object] = {}
        for _ in range(self._counted(length)):
            key = self.value(depth + 1)
            if not isinstance(key, str | bytes):
                raise BadMessage(f"a key of a map is {type(key).__name__}, not a text")
            if key in values:
                raise BadMessage("a map has the same key twice")
            # The bytes of a picture are looked at where they lie, not copied out of the message.
            is_data = key == b"data" and b"__ndarray__" in values
            values[key] = self._raw(depth) if is_data else self.value(depth + 1)
        if b"__ndarray__" in values:
            return checked_array(values.get(b"dtype"), values.get(b"shape"), values.get(b"data"), self._limits)
        if b"__npgeneric__" in values:
            return _scalar(values.get(b"dtype"), values.get(b"data"))
        return values

    def _raw(self, depth: int) -> object:
        tag = self._bytes[self.position] if self.position < len(self._bytes) else None
        if tag not in _BINARY:
            return self.value(depth + 1)
        self.position += 1
        return self._take(self._length(tag, 0, _BINARY))


def _scalar(dtype: object, value: object) -> object:
    """A NumPy scalar; NumPy's texts ("<U5") become plain texts, as prompts are sometimes sent."""
    if isinstance(dtype, str) and dtype[:2] == "<U" and dtype[2:].isdigit() and isinstance(value, str):
        return value
    return checked_scalar(dtype, value)
