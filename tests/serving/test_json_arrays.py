"""JSON with arrays, compared with the package json_numpy, which OpenVLA's scripts use."""

import json
import re

import json_numpy
import numpy as np
import pytest

from agent.serving.json_arrays import dumps, loads
from agent.serving.limits import ITEM_BYTES, BadMessage


@pytest.mark.parametrize("dtype", list(ITEM_BYTES))
def test_arrays_go_both_ways_between_us_and_json_numpy(dtype: str) -> None:
    array = np.arange(6).reshape(2, 3).astype(dtype)
    theirs = loads(json_numpy.dumps({"a": array}))
    ours = json_numpy.loads(dumps({"a": array}))
    assert isinstance(theirs, dict)
    for back in (theirs["a"], ours["a"]):
        np.testing.assert_array_equal(back, array)
        assert back.dtype == array.dtype
    assert dumps({"a": array}) == json_numpy.dumps({"a": array})


def array_text(**changes: object) -> str:
    return json.dumps({"__numpy__": "AAAAAA==", "dtype": "<f4", "shape": [1], **changes})


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "not JSON"),
        ("{", "not JSON"),
        (b"\xff", "UTF-8"),
        ("[" * 4000, "nests too deeply"),
        ("[" * 100_000, "may hold"),
        (json.dumps([[1, 2]] * 3000), "may hold"),
        (array_text(__numpy__="%%%"), "base64"),
        (array_text(__numpy__=3), "text in base64"),
        (array_text(dtype="|O"), "not accepted"),
        (array_text(dtype=[["x", "|O"]]), "not accepted"),
        (array_text(shape=[2]), "that many bytes"),
        (array_text(shape=[2**62]), "exceeds"),
        (array_text(shape=None), "list of at most"),
    ],
)
def test_malformed_texts_are_refused(text: str | bytes, complaint: str) -> None:
    with pytest.raises(BadMessage, match=re.escape(complaint)):
        loads(text)
