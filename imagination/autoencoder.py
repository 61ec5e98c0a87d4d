"""Pictures of 64 pixels as 4 x 16 x 16 latents: diffusers' AutoencoderKL, configured small."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL
from numpy.typing import NDArray
from torch import Tensor

from agent.errors import SpecError
from agent.types import ImageArray
from imagination.stills import FIRST_THING, SIDE

LATENT, GRID = 4, 16
"""Channels of a latent, and its height and width."""
THING_WEIGHT = 8.0
"""How much more a pixel of a thing counts than one of the table: a picture's error is otherwise all table."""
COMMON_SIZE = 40
"""Pixels of a thing of which each counts THING_WEIGHT: those of smaller things count more, of larger ones less."""


@dataclass(frozen=True)
class AutoencoderConfig:
    """widths: channels at full, half and quarter size.  layers: residual blocks at each.  kl: weight of the prior."""

    widths: tuple[int, int, int] = (16, 32, 64)
    layers: int = 1
    kl: float = 1e-6


def make_autoencoder(config: AutoencoderConfig) -> AutoencoderKL:
    """Return an untrained autoencoder; `scaling_factor` is set once it is trained."""
    return AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * 3,
        up_block_types=("UpDecoderBlock2D",) * 3,
        block_out_channels=config.widths,
        layers_per_block=config.layers,
        latent_channels=LATENT,
        norm_num_groups=8,
        sample_size=SIDE,
        scaling_factor=1.0,
        mid_block_add_attention=False,
    )


def autoencoder_loss(
    model: AutoencoderKL, pictures: Tensor, things: Tensor, config: AutoencoderConfig, generator: torch.Generator
) -> dict[str, Tensor]:
    """Squared and absolute error, things counting more by their `prominence` (B, 1, H, W), and the divergence."""
    posterior = model.encode(pictures).latent_dist
    noise = torch.randn(posterior.mean.shape, generator=generator).to(pictures.device)
    seen = model.decode(posterior.mean + posterior.std * noise).sample
    weight = 1 + (THING_WEIGHT - 1) * things
    off = seen - pictures
    squared = (off**2 * weight).sum() / (3 * weight.sum())
    absolute = (off.abs() * weight).sum() / (3 * weight.sum())
    prior = posterior.kl().mean()
    psnr = -10 * torch.log10((off.detach() ** 2).mean() / 4)
    return {"total": squared + 0.1 * absolute + config.kl * prior, "squared": squared, "prior": prior, "psnr": psnr}


def prominence(who: NDArray[np.generic]) -> NDArray[np.float32]:
    """Return how much each pixel counts as one of a thing, (N, H, W): 0 on the ground, 1 on a thing of COMMON_SIZE
    pixels, and between a half and two by the root of how much smaller it is; who (N, H, W) as in `Still.who`."""
    shares = np.zeros(who.shape, dtype=np.float32)
    for picture, share in zip(np.asarray(who, dtype=np.int64), shares, strict=True):
        size = np.maximum(np.bincount(picture.ravel()), 1)
        weight = np.clip(np.sqrt(COMMON_SIZE / size), 0.5, 2.0)
        weight[:FIRST_THING] = 0
        share[:] = weight[picture]
    return shares


def as_pixels(pictures: ImageArray) -> Tensor:
    """uint8 (B, H, W, 3) -> float (B, 3, H, W) in [-1, 1]."""
    return torch.from_numpy(np.array(pictures)).permute(0, 3, 1, 2).float() / 127.5 - 1


def as_pictures(pixels: Tensor) -> ImageArray:
    """float (B, 3, H, W) in [-1, 1] -> uint8 (B, H, W, 3), clipped; inverse of `as_pixels`."""
    values = (pixels.clamp(-1, 1) + 1) * 127.5
    return np.asarray(values.round().to(torch.uint8).permute(0, 2, 3, 1).cpu().numpy())


@torch.no_grad()
def encode(model: AutoencoderKL, pixels: Tensor) -> Tensor:
    """Return the latents (B, 4, 16, 16) of pictures (B, 3, 64, 64), of about unit spread."""
    return torch.as_tensor(model.encode(pixels).latent_dist.mean * model.config.scaling_factor)


@torch.no_grad()
def decode(model: AutoencoderKL, latents: Tensor) -> Tensor:
    """Return pictures (B, 3, 64, 64) in about [-1, 1]."""
    return torch.as_tensor(model.decode(latents / model.config.scaling_factor).sample)


@torch.no_grad()
def settle_scale(model: AutoencoderKL, batches: Sequence[Tensor]) -> None:
    """Set the scaling factor so that latents of these pictures have unit spread."""
    model.register_to_config(scaling_factor=1.0)
    spread = torch.cat([encode(model, pixels) for pixels in batches]).std()
    model.register_to_config(scaling_factor=float(1 / spread))


def psnr(seen: ImageArray, true: ImageArray) -> float:
    """Return the peak signal-to-noise ratio [dB] of pictures uint8, all of them together."""
    error = float(np.mean((seen.astype(np.float64) - true.astype(np.float64)) ** 2))
    return float(10 * np.log10(255**2 / max(error, 1e-9)))


@cache
def load_autoencoder(folder: Path) -> AutoencoderKL:
    """Read an autoencoder that `save_pretrained` wrote; SpecError when there is none."""
    try:
        model = AutoencoderKL.from_pretrained(folder, local_files_only=True)
    except (OSError, ValueError) as error:
        raise SpecError(f"{folder} holds no autoencoder; train one: configs/train/imagine_autoencoder.yaml") from error
    if model.config.latent_channels != LATENT or len(model.config.block_out_channels) != 3:
        raise SpecError(f"the autoencoder in {folder} does not turn {SIDE} pixels into {LATENT} x {GRID} x {GRID}")
    return model.eval()


def shrunk(model: AutoencoderKL, folder: Path) -> None:
    """Write the model as 16-bit floats: half the bytes, and pictures of 8 bits do not show it."""
    model.half().save_pretrained(folder)
    model.float()
    # Where a model was read from is nobody's business.
    described = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    described.pop("_name_or_path", None)
    (folder / "config.json").write_text(json.dumps(described, indent=2, sort_keys=True) + "\n", encoding="utf-8")
