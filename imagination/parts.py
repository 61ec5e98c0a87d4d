"""Trains the networks that look at pictures: autoencoder (and its decoder again), judge and denoiser, on one store."""

from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL
from numpy.typing import NDArray

from agent.errors import SpecError
from agent.settings import to_mapping
from imagination import pairs
from imagination.autoencoder import (
    AutoencoderConfig,
    as_pixels,
    autoencoder_loss,
    load_autoencoder,
    make_autoencoder,
    prominence,
    settle_scale,
    shrunk,
)
from imagination.collecting import CLIPS, EPISODES_A_SHARD, SCENES_A_SHARD, STILLS, ClipsJob, StillsJob
from imagination.denoiser import Denoiser, DenoiserConfig, denoiser_loss, forward_process, save_denoiser
from imagination.dressing import dress_some
from imagination.judge import Judge, JudgeConfig, judge_loss, save_judge
from imagination.samples import Library, Mix, Words
from imagination.stills import FIRST_THING, VIEWS
from imagination.store import Shard, collect_shards, joined, read_shards
from imagination.training import Schedule, Trained, fit
from imagination.vocabulary import GROUND
from policies.schedule import generator_of, pick_device
from policies.text import make_text_encoder

CARD = """# {name}

{what} {parameters} parameters, 16-bit weights. Trained for {steps} steps of {batch} on renders of the simulator's front
camera at 64 x 64 pixels: {data} (seeds from {first_seed}). Last leg: {seconds:.0f} s.

Measure it with `python -m imagination.measure {measure}`.
"""


@dataclass(frozen=True)
class PartTraining:
    """scenes: sets of things to photograph, six pictures each.  episodes: of the expert, for films and rollouts.
    pairs: more episodes, of which only start and end are kept, for goals.

    store: where pictures are kept; parts may share it.  autoencoder: folder of the trained one, for the denoiser.
    drop: share of conditions hidden, for guidance.  telling_weight: how much more the denoiser's error counts where
    there is any of a thing, which is one cell of ten, or a change.  dressed: share of the pictures that show another
    table and wall, for autoencoder and judge.  workers: processes that collect.  first_seed: training seeds start at
    1,000,000.
    """

    schedule: Schedule = field(default_factory=Schedule)
    store: Path = Path("runs/imagination/store")
    scenes: int = 5000
    episodes: int = 0
    pairs: int = 0
    first_seed: int = 1_000_000
    workers: int = 1
    autoencoder: Path = Path("runs/imagine_autoencoder/model")
    autoencoder_model: AutoencoderConfig = field(default_factory=AutoencoderConfig)
    judge_model: JudgeConfig = field(default_factory=JudgeConfig)
    denoiser_model: DenoiserConfig = field(default_factory=DenoiserConfig)
    mix: Mix = field(default_factory=Mix)
    drop: float = 0.12
    telling_weight: float = 5.0
    dressed: float = 0.25

    def __post_init__(self) -> None:
        if self.first_seed < 1_000_000:
            raise ValueError(f"training seeds start at 1000000, got first_seed {self.first_seed}")


def collect(config: PartTraining) -> None:
    """Make the stills, clips and pairs that are missing in the store; may be interrupted and called again."""
    shards = -(-config.scenes // SCENES_A_SHARD)
    stills = StillsJob(config.store, config.first_seed)
    per = SCENES_A_SHARD * VIEWS
    collect_shards(config.store, STILLS, stills, shards, workers=config.workers, unit="still", per_shard=per)
    shards = -(-config.episodes // EPISODES_A_SHARD)
    clips = ClipsJob(config.store, config.first_seed + 10_000_000)
    per = EPISODES_A_SHARD
    collect_shards(config.store, CLIPS, clips, shards, workers=config.workers, unit="episode", per_shard=per)
    shards = -(-config.pairs // pairs.EPISODES_A_SHARD)
    job = pairs.PairsJob(config.store, config.first_seed + 20_000_000)
    per = pairs.EPISODES_A_SHARD * pairs.POSES
    collect_shards(config.store, pairs.PAIRS, job, shards, workers=config.workers, unit="pair", per_shard=per)


def train_autoencoder(config: PartTraining, out: Path, *, resume: bool) -> Trained:
    """Train on stills and, where there are, frames of clips; write out/model with the latents' scale settled."""
    device = _begin(config)
    model = make_autoencoder(config.autoencoder_model).to(device)
    pictures, trained = _reconstruct(model, config, out, resume=resume)
    if trained.finished:
        rng = np.random.default_rng(0)
        some = [pictures[np.sort(rng.choice(len(pictures), min(64, len(pictures)), replace=False))] for _ in range(4)]
        settle_scale(model, [as_pixels(part).to(device) for part in some])
        _save_autoencoder(model, config, trained, out)
    return trained


def train_decoder(config: PartTraining, out: Path, *, resume: bool) -> Trained:
    """Let the decoder of config.autoencoder go on learning; write out/model. Its latents stay what they are, so that a
    denoiser trained on them may take it in place of the one that it came with."""
    device = _begin(config)
    model = deepcopy(load_autoencoder(config.autoencoder)).to(device)
    for part in (model.encoder, model.quant_conv):
        part.requires_grad_(False)
    _, trained = _reconstruct(model, config, out, resume=resume)
    if trained.finished:
        _save_autoencoder(model, config, trained, out)
    return trained


def _reconstruct(
    model: AutoencoderKL, config: PartTraining, out: Path, *, resume: bool
) -> tuple[NDArray[np.uint8], Trained]:
    """Train what may be trained of an autoencoder; return all pictures as well."""
    pictures, who = _pictures(config)
    schedule = config.schedule

    def loss(step: int) -> dict[str, torch.Tensor]:
        generator = generator_of(schedule.seed, step)
        chosen = _chosen(len(pictures), schedule, step)
        things = torch.from_numpy(prominence(who[chosen]))[:, None].to(model.device)
        pixels = as_pixels(pictures[chosen]).to(model.device)
        return autoencoder_loss(model, pixels, things, config.autoencoder_model, generator)

    settings = _settings(config, "autoencoder_model")
    return pictures, fit(model, loss, schedule, out, settings=settings, resume=resume)


def _save_autoencoder(model: AutoencoderKL, config: PartTraining, trained: Trained, out: Path) -> None:
    model.cpu()
    what = "Turns a picture of 64 x 64 pixels into a latent of 4 x 16 x 16 and back (diffusers' AutoencoderKL)."
    shrunk(model, out / "model")
    card = _card("Autoencoder", what, model, config, trained, "autoencoder")
    (out / "model" / "README.md").write_text(card, encoding="utf-8")


def train_judge(config: PartTraining, out: Path, *, resume: bool) -> Trained:
    """Train on stills and, where there are, frames of clips, with small changes of light; write out/model.

    Every other picture has something in or on something else: it is rare, hard to tell, and what goals end in.
    """
    device = _begin(config)
    pictures, who = _pictures(config)
    kind, colour, inside = (joined(_shards(config), name).astype(np.int16) for name in ("kind", "colour", "inside"))
    holding = np.flatnonzero((inside >= 0).any(axis=1))
    model = Judge(config.judge_model).to(device)
    schedule = config.schedule

    def loss(step: int) -> dict[str, torch.Tensor]:
        chosen = _chosen(len(pictures), schedule, step)
        if len(holding):
            chosen[::2] = holding[chosen[::2] % len(holding)]
        classes, colours = labels(who[chosen], kind[chosen], colour[chosen])
        noise = generator_of(schedule.seed, step)
        gain = 1 + 0.1 * (2 * torch.rand(len(chosen), 3, 1, 1, generator=noise) - 1)
        pixels = (as_pixels(pictures[chosen]) + 1) * gain - 1
        grain = 0.03 * torch.randn(pixels.shape, generator=noise)
        return judge_loss(model, (pixels + grain).to(device), classes.to(device), colours.to(device))

    trained = fit(model, loss, schedule, out, settings=_settings(config, "judge_model"), resume=resume)
    if trained.finished:
        what = "Says of every pixel which kind of thing it shows and in which colour (a small U-Net)."
        save_judge(out / "model", model.cpu(), _card("Judge", what, model, config, trained, "judge"))
    return trained


def train_denoiser(config: PartTraining, out: Path, *, resume: bool) -> Trained:
    """Train the one denoiser for all its uses and write out/model, the autoencoder beside it."""
    device = _begin(config)
    autoencoder = load_autoencoder(config.autoencoder).to(device)
    words = Words(make_text_encoder(config.denoiser_model.text))
    if words.encoder.dim != config.denoiser_model.text_dim:
        raise SpecError(
            f"the text encoder '{config.denoiser_model.text}' gives {words.encoder.dim} features, "
            f"text_dim says {config.denoiser_model.text_dim}"
        )
    library = Library(config.store, autoencoder, words, device=device, first_seed=config.first_seed)
    torch.manual_seed(config.schedule.seed)
    model = Denoiser(config.denoiser_model).to(device)
    noise, schedule = forward_process(), config.schedule

    def loss(step: int) -> dict[str, torch.Tensor]:
        clips, telling, known = library.batch(schedule.seed, step, schedule.batch, config.mix)
        weight = torch.where(telling, config.telling_weight, 1.0).to(device)
        generator = generator_of(schedule.seed, step)
        return denoiser_loss(
            model, noise, clips.to(device), known.to(device), generator, drop=config.drop, weight=weight
        )

    trained = fit(model, loss, schedule, out, settings=_settings(config, "denoiser_model"), resume=resume)
    if trained.finished:
        what = "Denoises clips of eight latent frames, given words, boxes, a masked or present frame, actions."
        card = _card("Denoiser", what, model, config, trained, "scene")
        save_denoiser(out / "model", model.cpu(), card)
        shrunk(autoencoder.cpu(), out / "model" / "autoencoder")
    return trained


def labels(
    who: NDArray[np.uint8], kind: NDArray[np.int16], colour: NDArray[np.int16]
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the class of every pixel and its colour, −1 where there is no thing; each (B, H, W)."""
    index = np.clip(who.astype(np.int64) - FIRST_THING, 0, None)
    thing = who >= FIRST_THING
    rows = np.arange(len(who))[:, None, None]
    classes = np.where(thing, kind[rows, index].astype(np.int64) + len(GROUND), who)
    colours = np.where(thing, colour[rows, index].astype(np.int64), -1)
    return torch.from_numpy(classes), torch.from_numpy(colours)


def _begin(config: PartTraining) -> torch.device:
    if config.schedule.threads:
        torch.set_num_threads(config.schedule.threads)
    collect(config)
    torch.manual_seed(config.schedule.seed)
    return pick_device(config.schedule.device)


def _shards(config: PartTraining) -> list[Shard]:
    clips = read_shards(config.store, CLIPS) if config.episodes else []
    return [*read_shards(config.store, STILLS), *clips]


def _pictures(config: PartTraining) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    pictures, who = (joined(_shards(config), name).astype(np.uint8) for name in ("image", "who"))
    dress_some(pictures, who, config.dressed, first_seed=config.first_seed)
    return pictures, who


def _chosen(count: int, schedule: Schedule, step: int) -> NDArray[np.int64]:
    return np.random.default_rng([schedule.seed, 3, step]).integers(0, count, schedule.batch)


def _settings(config: PartTraining, model: str) -> dict[str, object]:
    """What must not change between a run and its continuation."""
    free = {"workers", "store"}
    mine = {k: v for k, v in to_mapping(config).items() if k not in free and (not k.endswith("_model") or k == model)}
    loose = ("report_every", "save_every", "threads", "device")
    return {**mine, "schedule": {k: v for k, v in to_mapping(config.schedule).items() if k not in loose}}


def _card(name: str, what: str, model: torch.nn.Module, config: PartTraining, trained: Trained, measure: str) -> str:
    data = f"{config.scenes} scenes of {VIEWS} pictures"
    data += f", {config.episodes} episodes of the expert" if config.episodes else ""
    return CARD.format(
        name=name,
        what=what,
        parameters=sum(p.numel() for p in model.parameters()),
        steps=trained.steps,
        batch=config.schedule.batch,
        data=data,
        first_seed=config.first_seed,
        seconds=trained.seconds,
        measure=measure,
    )
