"""JSON with arrays as the package json_numpy writes them: {"__numpy__": base64, "dtype": "<f4", "shape": [..]}."""

import base64
import binascii
import json

import numpy as np

from agent.serving.limits import DEFAULT, Array, BadMessage, Limits, checked_array

_BRACKETS = b"[{,"


def dumps(value: object) -> str:
    """Return JSON; arrays and NumPy scalars, at any depth, become json_numpy's objects."""
    return json.dumps(value, default=_plain)


def loads(text: bytes | str, limits: Limits = DEFAULT) -> object:
    """Return what the JSON text holds, arrays as read-only views. Raises BadMessage and nothing else."""
    raw = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
    if len(raw) > limits.message_bytes:
        raise BadMessage(f"a message of {len(raw)} bytes; at most {limits.message_bytes} are accepted")
    # Base64 has none of these signs, so a picture as nested lists, or a bomb of brackets, is told before it is parsed.
    if sum(raw.count(sign) for sign in _BRACKETS) > limits.items:
        raise BadMessage(f"a message may hold {limits.items} values; send pictures as json_numpy does, not as lists")
    try:
        return json.loads(raw.decode(), object_hook=lambda found: _array(found, limits))
    except UnicodeDecodeError as error:
        raise BadMessage("the message is not text in UTF-8") from error
    except RecursionError as error:
        raise BadMessage("the message nests too deeply") from error
    except ValueError as error:
        raise BadMessage("the message is not JSON") from error


def _plain(value: object) -> object:
    if not isinstance(value, np.ndarray | np.generic) or value.dtype.kind not in "biuf":
        raise BadMessage(f"a {type(value).__name__} cannot be sent")
    data = base64.b64encode(value.tobytes()).decode()
    return {"__numpy__": data, "dtype": value.dtype.str, "shape": list(value.shape)}


def _array(found: dict[str, object], limits: Limits) -> dict[str, object] | Array:
    if "__numpy__" not in found:
        return found
    text = found["__numpy__"]
    if not isinstance(text, str):
        raise BadMessage("'__numpy__' must be a text in base64")
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise BadMessage("'__numpy__' is not base64") from error
    return checked_array(found.get("dtype"), found.get("shape"), data, limits)
