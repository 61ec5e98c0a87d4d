"""Pictures and clips on disk: a folder of shards, each a folder of .npy arrays and one list of texts.

A shard is written under another name and renamed when it is complete, so a killed collection leaves nothing half
written and goes on where it stopped.
"""

import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from agent.errors import SpecError
from agent.workers import Died, Workers

FORMAT = 1
AnyArray = NDArray[np.generic]


@dataclass(frozen=True, eq=False)
class Shard:
    """arrays: by name, all with the same number of rows but those whose name begins with "_".  texts: what `text`
    columns point into."""

    arrays: Mapping[str, AnyArray]
    texts: tuple[str, ...]


def write_shard(folder: Path, shard: Shard) -> None:
    """Write `folder`, complete or not at all."""
    new = folder.with_name(folder.name + ".new")
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir(parents=True)
    for name, array in shard.arrays.items():
        np.save(new / f"{name}.npy", array)
    described = {"format": FORMAT, "arrays": sorted(shard.arrays), "texts": list(shard.texts)}
    (new / "shard.json").write_text(json.dumps(described, ensure_ascii=False), encoding="utf-8")
    new.rename(folder)


def read_shard(folder: Path) -> Shard:
    """Read a shard; its arrays stay on disk until they are used. SpecError when it is none."""
    try:
        described = json.loads((folder / "shard.json").read_text(encoding="utf-8"))
        arrays = {name: np.load(folder / f"{name}.npy", mmap_mode="r") for name in described["arrays"]}
    except (OSError, ValueError, KeyError) as error:
        raise SpecError(f"{folder} is not a readable shard: {error}") from error
    if described.get("format") != FORMAT:
        raise SpecError(f"{folder} has format {described.get('format')}, this version reads {FORMAT}")
    return Shard(arrays, tuple(described["texts"]))


def shard_folders(store: Path, kind: str) -> list[Path]:
    """Return the complete shards of one kind ("stills", "clips"), in order."""
    return sorted(path for path in store.glob(f"{kind}-*") if (path / "shard.json").exists() and path.suffix != ".new")


def read_shards(store: Path, kind: str) -> list[Shard]:
    """Read all shards of a kind; SpecError when there is none."""
    folders = shard_folders(store, kind)
    if not folders:
        raise SpecError(f"{store} holds no {kind}; collect them first")
    return [read_shard(folder) for folder in folders]


def joined(shards: Sequence[Shard], name: str) -> AnyArray:
    """Return one column of all shards in memory."""
    return np.concatenate([np.asarray(shard.arrays[name]) for shard in shards])


def collect_shards(
    store: Path,
    kind: str,
    make: Callable[[], Callable[[int], int]],
    count: int,
    *,
    workers: int,
    unit: str,
    per_shard: int = 1,
) -> None:
    """Make the shards 0 .. count - 1 that are missing. `make()` is called once a worker; its job writes shard k.

    Raises SpecError when a worker died on one; what is written stays, and calling again goes on.
    """
    missing = [number for number in range(count) if not (shard_path(store, kind, number) / "shard.json").exists()]
    if not missing:
        return
    store.mkdir(parents=True, exist_ok=True)
    lost: list[int] = []
    with tqdm(total=count * per_shard, initial=(count - len(missing)) * per_shard, desc=kind, unit=unit) as bar:
        if workers <= 1:
            job = make()
            for number in missing:
                job(number)
                bar.update(per_shard)
            return
        with Workers(make, count=workers) as crew:
            for result in crew.run(missing):
                lost += [result.seed] if isinstance(result, Died) else []
                bar.update(per_shard)
    if lost:
        raise SpecError(f"{len(lost)} of {len(missing)} {kind} shards were lost; run the same command again")


def shard_path(store: Path, kind: str, number: int) -> Path:
    return store / f"{kind}-{number:05d}"
