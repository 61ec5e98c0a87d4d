"""Prefixes of a frame store, kept on disk: what a trained backbone tells an action head about every frame.

A backbone costs a hundred times what a head costs. Where it stays as it is, it need run only once for all heads.
"""

import json
import shutil
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from agent.errors import SpecError
from agent.settings import to_mapping
from policies.data import FrameStore
from policies.digest import digest_of
from policies.feed import Feed, changed, open_store
from policies.heads.cached import Cached, read_cached
from policies.lessons import Labels
from policies.model import Trained
from policies.samples import Augmentation
from policies.schedule import generator_of, pick_device

NOTE = "cache.json"
LARGEST = 1000.0
"""Prefixes beyond this are cut off; those of a trained backbone lie within tens."""
PREFIX = 9
"""Tokens of a prefix, as `Backbone.prefix` makes them."""


@dataclass(frozen=True)
class CacheConfig:
    """How frames are looked at. passes: times that each is, every time changed in another way as `augmentation` says.
    batch: frames at once.  device: as for training."""

    passes: int = 2
    augmentation: Augmentation = field(default_factory=Augmentation)
    seed: int = 0
    batch: int = 64
    device: str = "auto"

    def __post_init__(self) -> None:
        if self.passes < 1:
            raise ValueError(f"every frame is looked at once or more often, got passes {self.passes}")


def is_store(path: Path) -> bool:
    """Whether `path` holds frames, and not prefixes of frames."""
    return any(path.glob("*/part.json"))


def cached_prefixes(trained: Trained, store: Path, config: CacheConfig) -> Cached:
    """Return prefixes and chunks of every frame at which the expert acts, in the store's order, passes side by side.

    The backbone is told where things are and which are meant, as when it was trained. What was cached beside the store
    (STORE-prefixes/) for equal weights, frames and settings is read instead. Raises SpecError when the store does not
    fit the policy or shows nothing.
    """
    frames = open_store(store, trained.embodiment)
    told = {
        "backbone": digest_of(trained.model.backbone),
        "frames": len(frames),
        "chunk": trained.config.codec.chunk,
        "config": to_mapping(replace(config, device="")),
    }
    folder = store.with_name(f"{store.name}-prefixes") / str(told["backbone"])[:12]
    if not _is_kept(folder, told):
        _look(trained, frames, store, folder.with_suffix(".new"), config)
        (folder.with_suffix(".new") / NOTE).write_text(json.dumps(told), encoding="utf-8")
        shutil.rmtree(folder, ignore_errors=True)
        folder.with_suffix(".new").rename(folder)
    return read_cached(folder)


def _is_kept(folder: Path, told: dict[str, object]) -> bool:
    try:
        return bool(json.loads((folder / NOTE).read_text(encoding="utf-8")) == told)
    except (OSError, ValueError):
        return False


@torch.inference_mode()
def _look(trained: Trained, frames: FrameStore, store: Path, folder: Path, config: CacheConfig) -> None:
    """Write the three arrays of a `Cached` into `folder`."""
    device = pick_device(config.device)
    feed = Feed(frames, store, trained.statistics, trained.config, device=device)
    samples = feed.samples(0.0)
    assemble, rows = feed.assembler(samples), np.flatnonzero(samples.shown.any(axis=1)).repeat(config.passes)
    if not len(rows):
        raise SpecError(f"{store} holds no action of the expert's, so there is nothing to imitate")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    width = trained.config.backbone.width
    prefixes = np.lib.format.open_memmap(
        folder / "prefixes.npy", mode="w+", dtype=np.float16, shape=(len(rows), PREFIX, width)
    )
    np.save(folder / "chunks.npy", samples.unit[samples.rows[rows]])
    np.save(folder / "weights.npy", samples.shown[rows].astype(np.float32))
    model = trained.model.to(device).eval()
    for number, start in enumerate(tqdm(range(0, len(rows), config.batch), desc="look", unit="batch")):
        inputs, labels = assemble(*samples.read(rows[start : start + config.batch]))
        lesson = changed(inputs, _first(labels), config.augmentation, generator_of(config.seed, number))
        taught = model.taught(lesson.inputs, lesson.labels, lesson.noise)
        # Norms that have only seen black pictures make numbers of a changed one that half precision does not hold.
        prefix = taught.prefix.clamp(-LARGEST, LARGEST).half()
        prefixes[start + taught.acted.cpu().numpy()] = prefix.cpu().numpy()
    prefixes.flush()
    model.cpu()


def _first(labels: Labels) -> Labels:
    """The labels with the question that was acted on alone; the others are not asked here."""
    one = slice(0, 1)
    return replace(
        labels, questions=labels.questions[:, one], text=labels.text[:, one], text_mask=labels.text_mask[:, one]
    )
