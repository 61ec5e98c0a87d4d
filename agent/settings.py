"""Strict YAML into frozen dataclasses: an unknown key, a wrong type or a doubled key is one sentence with its line."""

import re
import types
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields, is_dataclass
from dataclasses import field as dataclass_field
from enum import Enum
from pathlib import Path
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

import yaml

from agent.errors import SpecError, unknown_name

T = TypeVar("T")
Key = tuple[str | int, ...]


@dataclass(frozen=True)
class _Place:
    """Where a value stands, for error sentences."""

    where: str
    key: Key = ()
    lines: Mapping[Key, int] = dataclass_field(default_factory=dict)

    def inside(self, part: str | int) -> "_Place":
        return _Place(self.where, (*self.key, part), self.lines)

    def __str__(self) -> str:
        line = self.lines.get(self.key)
        return self.where if line is None else f"{self.where}:{line}"

    def name(self) -> str:
        return ".".join(str(part) for part in self.key) or "the file"


def load_settings(path: Path | str, cls: type[T]) -> T:
    """Read a YAML file into the dataclass `cls`.

    Raises SpecError naming file and line when the file is missing, is not YAML, or does not fit `cls`.
    """
    path = Path(path)
    try:
        node = yaml.compose(path.read_text(encoding="utf-8"), Loader=_Loader)
    except OSError as error:
        raise SpecError(f"cannot read {path}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise SpecError(f"{path} is not text in UTF-8") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        at = f"{path}:{mark.line + 1}" if mark else str(path)
        raise SpecError(f"{at} is not YAML: {getattr(error, 'problem', None) or 'cannot be parsed'}") from error
    lines: dict[Key, int] = {}
    value = _plain(node, (), lines, str(path)) if node is not None else {}
    return _build(cls, value, _Place(str(path), (), lines))


def line_of(path: Path | str, key: Key) -> int | None:
    """Return the line of the YAML file on which `key` stands, ("tasks", 3) for the fourth task; None without it."""
    node = yaml.compose(Path(path).read_text(encoding="utf-8"), Loader=_Loader)
    lines: dict[Key, int] = {}
    if node is not None:
        _plain(node, (), lines, str(path))
    return lines.get(key)


def from_mapping(cls: type[T], values: object, *, where: str) -> T:
    """Build the dataclass `cls` from nested mappings and lists; `where` begins every error sentence."""
    return _build(cls, values, _Place(where))


def to_mapping(settings: object) -> dict[str, object]:
    """Return a dataclass as nested plain values that `from_mapping` reads back to an equal one."""
    value = _as_plain(settings)
    if not isinstance(value, dict):
        raise TypeError(f"expected a dataclass, got {type(settings).__name__}")
    return value


def save_settings(path: Path | str, settings: object) -> None:
    """Write a dataclass as YAML; `load_settings` gives back an equal one."""
    Path(path).write_text(yaml.safe_dump(to_mapping(settings), sort_keys=False, allow_unicode=True), encoding="utf-8")


class _Loader(yaml.SafeLoader):
    """YAML 1.2 scalars: `on` is a word (a relation here), `3e-4` is a number."""


_Loader.yaml_implicit_resolvers = {
    first: [pair for pair in pairs if pair[0] in ("tag:yaml.org,2002:null", "tag:yaml.org,2002:merge")]
    for first, pairs in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def _resolve(tag: str, pattern: str, first: str) -> None:
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{tag}", re.compile(pattern), list(first))


_resolve("bool", r"^(?:true|True|TRUE|false|False|FALSE)$", "tTfF")
_resolve("int", r"^[-+]?[0-9][0-9_]*$", "-+0123456789")
_resolve("float", r"^[-+]?(?:[0-9][0-9_]*\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?$", "-+.0123456789")
_resolve("float", r"^[-+]?\.(?:inf|Inf|INF)$|^\.(?:nan|NaN|NAN)$", "-+.")


def _plain(node: yaml.Node, key: Key, lines: dict[Key, int], where: str) -> object:
    """Return the node as plain values and note the line of every key in `lines`."""
    lines[key] = node.start_mark.line + 1
    if isinstance(node, yaml.MappingNode):
        mapping: dict[str, object] = {}
        for key_node, value_node in node.value:
            name = str(key_node.value)
            if name in mapping:
                raise SpecError(f"{where}:{key_node.start_mark.line + 1}: '{name}' is given twice")
            mapping[name] = _plain(value_node, (*key, name), lines, where)
            lines[(*key, name)] = key_node.start_mark.line + 1
        return mapping
    if isinstance(node, yaml.SequenceNode):
        return [_plain(item, (*key, index), lines, where) for index, item in enumerate(node.value)]
    return _scalar(node)


def _scalar(node: yaml.Node) -> object:
    text, tag = str(node.value), node.tag.rpartition(":")[2]
    match tag:
        case "null":
            return None
        case "bool":
            return text.lower() == "true"
        case "int":
            return int(text.replace("_", ""))
        case "float":
            return float(text.replace("_", "").replace(".inf", "inf").replace(".Inf", "inf").replace(".nan", "nan"))
        case _:
            return text


def _build(cls: type[T], value: object, place: _Place) -> T:
    """Return an instance of the dataclass `cls` from a mapping."""
    if not isinstance(value, Mapping):
        raise SpecError(f"{place}: {place.name()} must hold keys and values, not {_shown(value)}")
    known = [entry for entry in fields(cls) if entry.init]  # type: ignore[arg-type]
    hints = get_type_hints(cls)
    for name in value:
        if name not in {entry.name for entry in known}:
            error = unknown_name("key", str(name), (entry.name for entry in known))
            raise SpecError(f"{place.inside(str(name))}: {error}")
    arguments: dict[str, Any] = {}
    for entry in known:
        if entry.name in value:
            arguments[entry.name] = _convert(hints[entry.name], value[entry.name], place.inside(entry.name))
        elif entry.default is MISSING and entry.default_factory is MISSING:
            missing = place.inside(entry.name).name()
            raise SpecError(f"{place}: '{missing}' is missing; it has no default")
    try:
        return cls(**arguments)
    except (ValueError, SpecError) as error:
        raise SpecError(f"{place}: {error}") from error


def _convert(kind: Any, value: object, place: _Place) -> object:
    """Return `value` as `kind`; raise SpecError in one sentence when it is something else."""
    origin, arguments = get_origin(kind), get_args(kind)
    if kind is Any or kind is object:
        return value
    if origin in (Union, types.UnionType):
        return _one_of(arguments, value, place)
    if origin is Literal:
        if value in arguments:
            return value
        raise SpecError(f"{place}: {place.name()} must be one of {', '.join(map(str, arguments))}, not {_shown(value)}")
    if origin in (tuple, list):
        return _sequence(origin, arguments, value, place)
    if origin is dict and isinstance(value, Mapping):
        return {name: _convert(arguments[1], item, place.inside(str(name))) for name, item in value.items()}
    if isinstance(kind, type):
        if is_dataclass(kind):
            return _build(kind, value, place)
        if issubclass(kind, Enum):
            return _member(kind, value, place)
        if kind is float and isinstance(value, int) and not isinstance(value, bool):
            return float(value)
        if kind is Path and isinstance(value, str):
            return Path(value)
        if isinstance(value, kind) and not (isinstance(value, bool) and kind is not bool):
            return value
    raise SpecError(f"{place}: {place.name()} must be {_kind_name(kind)}, not {_shown(value)}")


def _one_of(kinds: tuple[Any, ...], value: object, place: _Place) -> object:
    """Return `value` as the first of `kinds` that takes it; with one real kind, that kind's own complaint."""
    if value is None and type(None) in kinds:
        return None
    real = [kind for kind in kinds if kind is not type(None)]
    if len(real) == 1:
        return _convert(real[0], value, place)
    for kind in real:
        try:
            return _convert(kind, value, place)
        except SpecError:
            continue
    wanted = " or ".join(_kind_name(kind) for kind in real)
    raise SpecError(f"{place}: {place.name()} must be {wanted}, not {_shown(value)}")


def _sequence(origin: type, arguments: tuple[Any, ...], value: object, place: _Place) -> object:
    if not isinstance(value, list | tuple):
        raise SpecError(f"{place}: {place.name()} must be a list, not {_shown(value)}")
    if origin is tuple and Ellipsis not in arguments:
        if len(value) != len(arguments):
            raise SpecError(f"{place}: {place.name()} must hold {len(arguments)} values, not {len(value)}")
        return tuple(
            _convert(kind, item, place.inside(index))
            for index, (kind, item) in enumerate(zip(arguments, value, strict=True))
        )
    return origin(_convert(arguments[0], item, place.inside(index)) for index, item in enumerate(value))


def _member(kind: type[Enum], value: object, place: _Place) -> Enum:
    for member in kind:
        if value == member.value:
            return member
    error = unknown_name(place.name(), str(value), (str(member.value) for member in kind))
    raise SpecError(f"{place}: {error}")


def _kind_name(kind: Any) -> str:
    if get_origin(kind) in (tuple, list):
        return "a list of " + ", ".join(_kind_name(part) for part in get_args(kind) if part is not Ellipsis)
    named = {int: "a whole number", float: "a number", bool: "true or false", str: "text", Path: "a path", dict: "keys"}
    return named.get(get_origin(kind) or kind, str(getattr(kind, "__name__", kind)))


def _shown(value: object) -> str:
    if value is None:
        return "empty"
    if isinstance(value, Mapping | list | tuple):
        return "keys and values" if isinstance(value, Mapping) else "a list"
    return f"'{value}'"


def _as_plain(value: object) -> object:
    if is_dataclass(value) and not isinstance(value, type):
        return {entry.name: _as_plain(getattr(value, entry.name)) for entry in fields(value) if entry.init}
    if isinstance(value, Mapping):
        return {str(key): _as_plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_as_plain(item) for item in value]
    if isinstance(value, Enum):
        return value.value
    return str(value) if isinstance(value, Path) else value
