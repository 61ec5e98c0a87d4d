"""Another action head on a trained backbone that stays as it is: prefixes are cached once, only the head is trained."""

import time
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch

from agent.settings import to_mapping
from policies.checkpoint import Provenance, load_checkpoint, read_golden, save_checkpoint
from policies.decoder import ActionDecoder, DecoderConfig
from policies.heads.base import Head, HeadConfig
from policies.heads.caching import CacheConfig, cached_prefixes
from policies.heads.factory import make_head
from policies.heads.fitting import FitConfig, fit
from policies.heads.tokens import TokenHead
from policies.model import ModelConfig, Trained, VLAModel, sized


@dataclass(frozen=True)
class HeadTraining:
    """How to train a head. decoder: how wide and deep it is; its width is the backbone's.  prefixes: what is cached.
    fit: optimizer steps on that.  threads: CPU threads, 0 leaves torch's choice."""

    head: HeadConfig = field(default_factory=HeadConfig)
    decoder: DecoderConfig = field(default_factory=DecoderConfig)
    prefixes: CacheConfig = field(default_factory=CacheConfig)
    fit: FitConfig = field(default_factory=FitConfig)
    threads: int = 0


@dataclass(frozen=True)
class HeadTrained:
    """What came of it. checkpoint: the folder, None when it was interrupted; call again.  steps: done so far."""

    checkpoint: Path | None
    steps: int
    samples: int


def train_head(config: HeadTraining, base: Path, store: Path, out: Path) -> HeadTrained:
    """Train the head on the frames under `store` as the checkpoint `base` sees them; write out/checkpoint.

    Goes on from out/state.safetensors where it was interrupted. Raises SpecError when base, store or state do not fit.
    """
    if config.threads:
        torch.set_num_threads(config.threads)
    trained = load_checkpoint(base)
    cached = cached_prefixes(trained, store, config.prefixes)
    net = replace(config.decoder, width=trained.config.backbone.width)
    torch.manual_seed(config.fit.seed)  # the initial weights; every later draw has its own generator
    model_config = replace(trained.config, head=sized(config.head), decoder=net)
    head = make_head(model_config.head, net, trained.config.codec)
    began = time.perf_counter()
    done = fit(head, cached, config.fit, state=out / "state.safetensors", settings=settings_of(model_config))
    if not done.finished:
        return HeadTrained(None, done.steps, len(cached))
    folder = out / "checkpoint"
    made_by = Provenance(
        data=f"{len(cached)} prefixes of the backbone of '{trained.name}', which stays as it was",
        steps=done.steps,
        seconds=time.perf_counter() - began,
        training=to_mapping(config),
        heard=trained.heard,
    )
    save_with_head(trained, base, model_config, head, folder, made_by=made_by)
    return HeadTrained(folder, done.steps, len(cached))


def settings_of(config: ModelConfig) -> dict[str, object]:
    """What else must be alike for a head's training to be continued."""
    return {"head": to_mapping(config.head), "decoder": to_mapping(config.decoder), "codec": to_mapping(config.codec)}


def save_with_head(
    trained: Trained, base: Path, config: ModelConfig, head: Head, folder: Path, *, made_by: Provenance
) -> None:
    """Write a checkpoint of the backbone of `trained` and of `head`; its golden look is that of `base`, its folder."""
    model = VLAModel(config, trained.embodiment)
    model.backbone.load_state_dict(trained.model.backbone.state_dict())
    bare: ActionDecoder | Head = head.decoder if isinstance(head, TokenHead) else head
    model.decoder.load_state_dict(bare.state_dict())
    model.eval()
    golden, _, _ = read_golden(base / "golden.json")
    save_checkpoint(folder, model, config, trained.statistics, trained.embodiment, golden=golden, made_by=made_by)
