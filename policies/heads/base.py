"""What every action head is: a loss to train on and chunks to act with, both read from the same prefix."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class LanguageSizes:
    """What a model of the Llama family is built from, named as transformers' LlamaConfig names it."""

    vocab_size: int
    hidden_size: int
    intermediate_size: int
    num_hidden_layers: int
    num_attention_heads: int
    num_key_value_heads: int
    rms_norm_eps: float = 1e-5
    rope_theta: float = 10_000.0
    max_position_embeddings: int = 2048


@dataclass(frozen=True)
class HeadConfig:
    """Which head, and how it draws; `head: {kind: flow, steps: 4}` is a whole one. How wide and deep it is says a
    `policies.decoder.DecoderConfig` beside it.

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
    language_model: of `smollm`: `smollm2`, a folder in transformers' layout, `hub:organisation/name`, or `random`, made
    up with `language` as its sizes.
    language: sizes of that model; filled in when training begins, so that a checkpoint loads without the weights that
    it started from.
    """

    kind: str = "tokens"
    steps: int = 0
    temperature: float = 0.0
    gripper: str = "logit"
    noise_bias: float = 1.5
    language_model: str = "smollm2"
    language: LanguageSizes | None = None


@dataclass(eq=False)
class Drawn:
    """What a head drew. chunks (B, T, A): as `Head.sample` gives them.  sure (B,): how likely the head finds each, in
    (0, 1], NaN where it cannot say.  chances (B, L): of each token that was written; L is 0 where none was."""

    chunks: Tensor
    sure: Tensor
    chances: Tensor

    def row(self, number: int) -> "Drawn":
        """One row of it, still batched."""
        one = slice(number, number + 1)
        return Drawn(self.chunks[one], self.sure[one], self.chances[one])


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

    def draw(self, prefix: Tensor, *, generator: torch.Generator | None = None) -> Drawn:
        """As `sample`, with what the head can say of it."""
        chunks = self.sample(prefix, generator=generator)
        return Drawn(chunks, chunks.new_full((len(chunks),), torch.nan), chunks.new_zeros(len(chunks), 0))


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
