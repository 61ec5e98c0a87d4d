"""What every action head is: a loss to train on and chunks to act with, both read from the same prefix."""

from abc import ABC, abstractmethod
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from policies.decoder import DecoderConfig


@dataclass(frozen=True)
class HeadConfig:
    """Which head, and how it draws; `head: {kind: flow, steps: 4}` is a whole one.

    kind: `tokens` (autoregressive), `parallel` (all tokens in one pass), `regression` (L1), `flow` (flow matching),
    `mip` (two deterministic steps), `diffusion` (DDPM, drawn by DDIM) or `smollm` (tokens written by SmolLM2).
    steps: passes of the sampler of `flow` and `diffusion`; 0 takes the kind's own number, 4 and 8.
    temperature: of the token heads; 0 decodes greedily.
    gripper: how the continuous heads say binary columns: `logit` (a chance read from the pass that ends the drawing) or
    `vector` (as numbers that are drawn with the others, thresholded). On a toy of one right answer `logit` is wrong
    in half (flow) and a twentieth (diffusion) as many rows; where the gripper goes with one of two routes, `vector`
    keeps the two together in fewer than five steps of flow, which `logit` does not.
    noise_bias: of the training times of `flow`: the share of noise is Beta(noise_bias, 1); 1 is uniform, more trains
    longer on much noise, which few steps need.
    net: sizes; its width is the prefix's D, smoothing_bins and pick are for the token heads.
    language_model: of `smollm`: `smollm2`, a folder in transformers' layout, or `hub:organisation/name`.
    """

    kind: str = "tokens"
    steps: int = 0
    temperature: float = 0.0
    gripper: str = "logit"
    noise_bias: float = 1.5
    net: DecoderConfig = field(default_factory=DecoderConfig)
    language_model: str = "smollm2"


class Head(nn.Module, ABC):
    """Turns a prefix (B, N, D) into chunks (B, T, A): numbers in [-1, 1], binary columns 0 or 1, held columns 0."""

    @abstractmethod
    def loss(
        self, prefix: Tensor, actions: Tensor, weights: Tensor, *, generator: torch.Generator | None = None
    ) -> Tensor:
        """prefix (B, N, D), actions (B, T, A) as `sample` gives them, weights (B, T): 1, or 0 at rows without a label
        -> scalar.

        generator: on the CPU, for the noise of heads that train on it; None takes torch's own.
        """

    @abstractmethod
    def sample(self, prefix: Tensor, *, generator: torch.Generator | None = None) -> Tensor:
        """prefix (B, N, D) -> chunks (B, T, A) float32; equal generators give equal chunks.

        generator: on the CPU; None makes one draw that is the same for every row and every call, so that a row's chunk
        does not depend on the batch it stands in.
        """


def noise(like: Tensor, generator: torch.Generator | None) -> Tensor:
    """Return standard normal numbers of the shape and on the device of `like`, equal on every device for one seed."""
    return torch.randn(like.shape, generator=generator, dtype=like.dtype).to(like.device)


def start_noise(like: Tensor, generator: torch.Generator | None) -> Tensor:
    """Return what a drawing starts from, (B, ...); without a generator one draw for every row."""
    if generator is not None:
        return noise(like, generator)
    return noise(like[:1], torch.Generator().manual_seed(0)).expand_as(like)


def weighted_mean(errors: Tensor, weights: Tensor) -> Tensor:
    """errors (B, T, C), weights (B, T) -> scalar: the mean over C and over the rows that count; 0 when C is 0."""
    if errors.shape[2] == 0:
        return errors.sum()
    mean: Tensor = (errors.mean(dim=2) * weights).sum() / weights.sum().clamp(min=1.0)
    return mean
