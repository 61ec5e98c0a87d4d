"""Settings: strict YAML or JSON values into frozen dataclasses. An unknown key is an error naming the nearest one."""

import dataclasses
import types
from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar, Union, get_args, get_origin, get_type_hints

from agent.errors import SpecError, unknown_name

T = TypeVar("T")


def load_settings(path: Path, kind: type[T]) -> T:
    """Read a YAML file into the dataclass `kind`; missing keys keep their defaults.

    Raises SpecError naming the file and key when the file is unreadable or a key or value does not fit.
    """
    import yaml  # only here: everything else in agent's core runs on numpy alone

    try:
        read = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SpecError(f"cannot read {path}: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise SpecError(f"{path} is not YAML: {' '.join(str(error).split())}") from error
    return from_mapping(kind, {} if read is None else read, where=str(path))


def from_mapping(kind: type[T], values: object, *, where: str) -> T:
    """Build the dataclass `kind` from plain values, nested ones too. where: what errors call the source."""
    if not isinstance(values, Mapping):
        raise SpecError(f"{where} should hold named values, not {values!r}")
    hints = get_type_hints(kind)
    fields = {field.name: field for field in dataclasses.fields(kind)}  # type: ignore[arg-type]
    for key in values:
        if key not in fields:
            raise unknown_name(f"setting in {where}", str(key), fields)
    required = [
        name
        for name, field in fields.items()
        if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
    ]
    missing = [name for name in required if name not in values]
    if missing:
        raise SpecError(f"{where} lacks {', '.join(missing)}")
    return kind(**{key: _fit(hints[key], value, where=f"{where}: {key}") for key, value in values.items()})


def to_mapping(settings: object) -> dict[str, object]:
    """The inverse of `from_mapping`: plain values that YAML and JSON can hold."""
    return {
        field.name: _plain(getattr(settings, field.name))
        for field in dataclasses.fields(settings)  # type: ignore[arg-type]
    }


def _plain(value: object) -> object:
    if dataclasses.is_dataclass(value):
        return to_mapping(value)
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return str(value) if isinstance(value, Path) else value


def _fit(hint: object, value: object, *, where: str) -> object:
    """Return `value` as the type `hint`, or raise SpecError saying what was expected."""
    origin, inside = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        if value is None and type(None) in inside:
            return None
        (only,) = [option for option in inside if option is not type(None)]
        return _fit(only, value, where=where)
    if isinstance(hint, type) and dataclasses.is_dataclass(hint):
        return from_mapping(hint, value, where=where)
    if origin is tuple:
        if not isinstance(value, list | tuple):
            raise SpecError(f"{where} should be a list, not {value!r}")
        if inside[-1] is Ellipsis:
            return tuple(_fit(inside[0], item, where=where) for item in value)
        if len(value) != len(inside):
            raise SpecError(f"{where} should hold {len(inside)} values, not {len(value)}")
        return tuple(_fit(one, item, where=where) for one, item in zip(inside, value, strict=True))
    if hint is Path and isinstance(value, str):
        return Path(value)
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if not isinstance(hint, type) or not isinstance(value, hint) or (isinstance(value, bool) and hint is not bool):
        expected = getattr(hint, "__name__", str(hint))
        raise SpecError(f"{where} should be {expected}, not {value!r}")
    return value
