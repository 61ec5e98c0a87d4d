"""The wire format: the same bytes as msgpack's packer with openpi's hook, and nothing dangerous comes in."""

import re
import tracemalloc
from pathlib import Path

import msgpack
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.serving.codec import pack, unpack
from agent.serving.limits import ITEM_BYTES, BadMessage, Limits

ROOT = Path(__file__).resolve().parents[2]
MARKERS = (b"__ndarray__", b"__npgeneric__")
KEYS = st.text() | st.binary().filter(lambda key: key not in MARKERS)
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False) | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=20) | st.dictionaries(KEYS, inner, max_size=20),
    max_leaves=30,
)


def as_openpi_packs(value: object) -> object:
    """The `default` hook of openpi's client (msgpack_numpy.py, `pack_array`), the slow twin of ours."""
    if isinstance(value, np.ndarray):
        return {b"__ndarray__": True, b"data": value.tobytes(), b"dtype": value.dtype.str, b"shape": value.shape}
    if isinstance(value, np.generic):
        return {b"__npgeneric__": True, b"data": value.item(), b"dtype": value.dtype.str}
    return value


def array_frame(**changes: object) -> bytes:
    """A frame with one array of two floats, some of its fields changed."""
    fields: dict[str, object] = {"__ndarray__": True, "data": b"\0" * 8, "dtype": "<f4", "shape": [2], **changes}
    packed: bytes = msgpack.packb({"a": {name.encode(): value for name, value in fields.items()}})
    return packed


@given(PLAIN)
def test_plain_values_have_the_bytes_of_msgpack_and_come_back(value: object) -> None:
    assert pack(value) == msgpack.packb(value)
    assert unpack(pack(value), Limits(depth=100)) == value


@pytest.mark.parametrize("length", [0, 15, 16, 31, 32, 255, 256, 65535, 65536])
def test_lengths_around_every_change_of_form(length: int) -> None:
    roomy = Limits(items=200_000)
    for value in ("a" * length, b"a" * length, [None] * length, {str(n): n for n in range(min(length, 300))}):
        assert pack(value) == msgpack.packb(value)
        assert unpack(pack(value), roomy) == value


@pytest.mark.parametrize("dtype", list(ITEM_BYTES))
def test_arrays_have_openpis_bytes_and_come_back(dtype: str) -> None:
    for array in (np.arange(24).reshape(2, 3, 4).astype(dtype), np.zeros((0, 3), dtype), np.array(1).astype(dtype)):
        frame = pack({"x": array})
        assert frame == msgpack.packb({"x": array}, default=as_openpi_packs)
        back = unpack(frame)
        assert isinstance(back, dict)
        np.testing.assert_array_equal(back["x"], array)
        assert back["x"].dtype == array.dtype
        assert back["x"].shape == array.shape
    scalar = np.dtype(dtype).type(1)
    frame = pack({"x": scalar})
    assert frame == msgpack.packb({"x": scalar}, default=as_openpi_packs)
    assert unpack(frame) == {"x": scalar}


def test_arrays_that_do_not_lie_in_c_order_are_sent_as_if_they_did() -> None:
    turned = np.arange(6, dtype=np.float32).reshape(2, 3).T
    back = unpack(pack(turned))
    np.testing.assert_array_equal(back, turned)


def test_the_documented_frame_byte_for_byte() -> None:
    frame = bytes.fromhex(
        "83a16184c40b5f5f6e6461727261795f5fc3c40464617461c408000000000000803fc4056474797065a33c6634c40573686170659102"
        "a16783c40d5f5f6e7067656e657269635f5fc3c40464617461cb3ff8000000000000c4056474797065a33c6634a670726f6d7074a26869"
    )
    message = {"a": np.array([0, 1], np.float32), "g": np.float32(1.5), "prompt": "hi"}
    assert pack(message) == frame
    assert pack(unpack(frame)) == frame


def test_decoded_arrays_are_read_only_views() -> None:
    back = unpack(pack(np.zeros(3, np.float32)))
    assert isinstance(back, np.ndarray)
    with pytest.raises(ValueError, match="read-only"):
        back[0] = 1


def test_numpy_texts_become_texts() -> None:
    assert unpack(pack({"prompt": np.str_("hello")})) == {"prompt": "hello"}


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"dtype": "|O"}, "type '|O' are not accepted"),
        ({"dtype": "<c8"}, "not accepted"),
        ({"dtype": ">f4"}, "not accepted"),
        ({"dtype": "V8"}, "not accepted"),
        ({"dtype": [["f", "<f4"]]}, "not accepted"),
        ({"dtype": None}, "not accepted"),
        ({"shape": [3]}, "does not have that many bytes"),
        ({"shape": [-2]}, "at least 0"),
        ({"shape": [True, 2]}, "at least 0"),
        ({"shape": [2.0]}, "at least 0"),
        ({"shape": 2}, "list of at most"),
        ({"shape": [1, 1, 1, 1, 2]}, "list of at most"),
        ({"shape": [2**40]}, "exceeds"),
        ({"shape": [0, 2**62]}, "exceeds"),
        ({"data": "text"}, "does not have that many bytes"),
        ({"data": None}, "does not have that many bytes"),
    ],
)
def test_lies_about_arrays_are_refused(changes: dict[str, object], complaint: str) -> None:
    with pytest.raises(BadMessage, match=re.escape(complaint)):
        unpack(array_frame(**changes))


@pytest.mark.parametrize(
    ("frame", "complaint"),
    [
        (b"", "middle of a value"),
        (b"\xc1", "0xc1"),
        (b"\xd4\x01\x00", "0xd4"),
        (b"\xdd\xff\xff\xff\xff", "claims 4294967295"),
        (b"\xdf\xff\xff\xff\xff", "claims 4294967295"),
        (b"\xdb\xff\xff\xff\xffabc", "middle of a value"),
        (b"\xc6\xff\xff\xff\xffabc", "middle of a value"),
        (b"\x91" * 100 + b"\xc0", "deep"),
        (b"\xa1\xff", "UTF-8"),
        (b"\x81\x01\x02", "key of a map is int"),
        (b"\x81\x90\x02", "key of a map is list"),
        (b"\x82\xa1a\x01\xa1a\x02", "same key twice"),
        (b"\xc0\xc0", "follow after the end"),
        (b"\x92\xdc\x0f\xff" + b"\xc0" * 4095 + b"\xc0", "may hold"),
        (msgpack.packb({b"__npgeneric__": True, b"data": 300, b"dtype": "|u1"}), "does not fit"),
        (msgpack.packb({b"__npgeneric__": True, b"data": "x", b"dtype": "<f4"}), "cannot be str"),
        (msgpack.packb({b"__npgeneric__": True, b"data": 1, b"dtype": "|O"}), "not accepted"),
    ],
)
def test_malformed_frames_are_refused_in_one_sentence(frame: bytes, complaint: str) -> None:
    with pytest.raises(BadMessage, match=re.escape(complaint)):
        unpack(frame)


def test_a_message_beyond_the_limit_is_not_looked_at() -> None:
    with pytest.raises(BadMessage, match="at most 10 are accepted"):
        unpack(b"\xc0" * 11, Limits(message_bytes=10))


@pytest.mark.parametrize("value", [object(), np.array([object()]), np.zeros(1, np.complex64), 2**64, {1, 2}])
def test_what_cannot_be_sent_is_named(value: object) -> None:
    with pytest.raises(BadMessage):
        pack(value)


def test_nothing_here_unpickles_or_evaluates() -> None:
    forbidden = re.compile(
        r"\b(?:pickle|cloudpickle|dill|joblib|marshal|shelve)\b|(?<!\.)\beval\(|\bexec\(|allow_pickle=True"
        r"|torch\.load\(|yaml\.load\("
    )
    assert forbidden.search("import pickle")
    assert forbidden.search("x = eval(text)")
    folders = ("agent", "sim", "policies", "lerobot_robot_aubergine")
    sources = [path for folder in folders for path in (ROOT / folder).rglob("*.py")]
    assert len(sources) > 50
    found = {
        f"{path.relative_to(ROOT)}: {line.strip()}"
        for path in sources
        for line in path.read_text(encoding="utf-8").splitlines()
        if forbidden.search(line)
    }
    assert found == set()


@pytest.mark.parametrize(
    "frame",
    [
        b"\xc6\xff\xff\xff\xff",
        b"\xdb\xff\xff\xff\xff",
        b"\xdd\xff\xff\xff\xff",
        b"\xdf\xff\xff\xff\xff",
        b"\x91" * 60_000,
        pack({b"__ndarray__": True, b"dtype": "<f8", b"shape": [2**20, 2**20], b"data": b""}),
        pack({b"__ndarray__": True, b"dtype": "|u1", b"shape": [4000, 4000, 3], b"data": b"x"}),
    ],
)
def test_what_a_message_claims_is_refused_before_memory_is_given_to_it(frame: bytes) -> None:
    tracemalloc.start()
    with pytest.raises(BadMessage):
        unpack(frame)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 100_000
