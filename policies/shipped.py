"""Where trained policies lie: bundled ones by name, others by folder. Needs no learning library.

A policy is named by a checkpoint, by a checkpoint with an adapter (`vla+mushroom`), or by an adapter's folder, which
says itself what it was made for.
"""

import json
from dataclasses import dataclass
from pathlib import Path

from agent.errors import SpecError, unknown_name
from agent.settings import from_mapping
from agent.types import Embodiment

PRETRAINED = Path(__file__).parent / "pretrained"
"""Bundled checkpoints, one folder each."""
ADAPTERS = "adapters"
"""Beside a checkpoint's files: the adapters that were made for it, one folder each."""
CARD = "adapter.json"
PLUS = "+"


@dataclass(frozen=True)
class Located:
    """checkpoint: its folder.  adapter: the folder of what is put onto it; None where nothing is."""

    checkpoint: Path
    adapter: Path | None = None


def pretrained_names() -> list[str]:
    """Names of the bundled checkpoints."""
    return sorted(f.name for f in PRETRAINED.iterdir() if (f / "config.json").exists()) if PRETRAINED.is_dir() else []


def is_trained(policy: str) -> bool:
    """Whether `policy` names a bundled checkpoint or a folder, with an adapter or without; it may still be broken."""
    name, _ = _split(policy)
    return bool(name) and (name in pretrained_names() or Path(name).is_dir() or Path(policy).is_dir())


def locate(policy: str) -> Located:
    """Return the folders that `policy` means; SpecError names the bundled checkpoints, or the adapters there are."""
    if (Path(policy) / CARD).is_file():
        return Located(find_checkpoint(_base_of(Path(policy))), Path(policy))
    if Path(policy).is_dir():
        return Located(find_checkpoint(policy))
    name, adapter = _split(policy)
    checkpoint = find_checkpoint(name)
    return Located(checkpoint, find_adapter(adapter, checkpoint) if adapter else None)


def find_checkpoint(name_or_path: str) -> Path:
    """Return the folder of a bundled checkpoint or of a path; SpecError names the bundled ones when there is none."""
    for folder in (PRETRAINED / name_or_path, Path(name_or_path)):
        if folder.is_dir():
            return folder
    raise unknown_name("policy", name_or_path, pretrained_names())


def find_adapter(name_or_path: str, checkpoint: Path) -> Path:
    """Return the folder of an adapter beside `checkpoint` or of a path; SpecError names those that are beside it."""
    for folder in (checkpoint / ADAPTERS / name_or_path, Path(name_or_path)):
        if (folder / CARD).is_file():
            return folder
    known = sorted(file.parent.name for file in (checkpoint / ADAPTERS).glob(f"*/{CARD}"))
    if not known:
        raise SpecError(f"no adapter '{name_or_path}': it is no folder with {CARD}, and {checkpoint.name} has none")
    raise unknown_name("adapter", name_or_path, known)


def embodiment_of(checkpoint: Path) -> Embodiment:
    """Return the body that a checkpoint was made for, read without its network; SpecError when it is not there."""
    file = checkpoint / "embodiment.json"
    try:
        values = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise SpecError(f"{file} is missing or not readable JSON: {error}") from error
    return from_mapping(Embodiment, values, where=str(file))


def with_adapter(policy: str, adapter: str | None) -> str:
    """Return the name of `policy` with `adapter` put onto it."""
    return f"{policy}{PLUS}{adapter}" if adapter else policy


def _split(policy: str) -> tuple[str, str]:
    name, _, adapter = policy.partition(PLUS)
    return name, adapter


def _base_of(adapter: Path) -> str:
    """What the adapter's card calls the checkpoint it was made for."""
    try:
        return str(json.loads((adapter / CARD).read_text(encoding="utf-8"))["base"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SpecError(f"{adapter / CARD} does not say which policy it was made for: {error!r}") from error
