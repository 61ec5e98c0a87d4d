"""Heads that write numbers: L1 regression, flow matching, and two deterministic steps."""

import torch
from torch import Tensor
from torch.nn import functional

from agent.errors import SpecError
from policies.codec import CodecConfig
from policies.decoder import DecoderConfig
from policies.heads.base import Head, HeadConfig, noise, start_noise, weighted_mean
from policies.heads.denoiser import Denoiser, Keys, Layout

SWITCH_WEIGHT = 0.2
"""Of the cross-entropy of binary columns told as chances, beside the error of the numbers."""


class ContinuousHead(Head):
    """What the three and `policies.heads.diffusion` have in common: the layout of a chunk and the denoiser."""

    def __init__(self, config: HeadConfig, net: DecoderConfig, codec: CodecConfig) -> None:
        super().__init__()
        if config.steps < 0:
            raise SpecError(f"a head takes 1 step or more, or 0 for its kind's own number, not {config.steps}")
        self.config = config
        self.layout = Layout.of(codec, config.gripper)
        self.denoiser = Denoiser(net, self.layout)

    def blank(self, prefix: Tensor) -> Tensor:
        """Zeros (B, T, C): numbers of which nothing is known."""
        return prefix.new_zeros(len(prefix), self.layout.rows, len(self.layout.numbers))

    def at(self, numbers: Tensor, time: float, keys: Keys) -> tuple[Tensor, Tensor]:
        """The denoiser's answer at one time for all rows."""
        told: tuple[Tensor, Tensor] = self.denoiser(numbers, numbers.new_full((len(numbers),), time), keys)
        return told


def switch_loss(logits: Tensor, switches: Tensor, weights: Tensor) -> Tensor:
    """logits, switches (B, T, S) -> weighted cross-entropy."""
    errors = functional.binary_cross_entropy_with_logits(logits, switches, reduction="none")
    return SWITCH_WEIGHT * weighted_mean(errors, weights)


class RegressionHead(ContinuousHead):
    """One pass, trained on the absolute error: it says the median, also where the median is nobody's action."""

    def loss(
        self, prefix: Tensor, actions: Tensor, weights: Tensor, *, generator: torch.Generator | None = None
    ) -> Tensor:
        numbers, switches = self.layout.split(actions)
        told, logits = self.at(torch.zeros_like(numbers), 0.0, self.denoiser.keys(prefix))
        return weighted_mean((told - numbers).abs(), weights) + switch_loss(logits, switches, weights)

    @torch.no_grad()
    def sample(self, prefix: Tensor, *, generator: torch.Generator | None = None) -> Tensor:
        return self.layout.join(*self.at(self.blank(prefix), 0.0, self.denoiser.keys(prefix)))


class FlowHead(ContinuousHead):
    """Flow matching (arXiv 2210.02747) on straight paths: x_t = (1 - t) z + t a, z standard normal, t = 0 all noise.

    The denoiser learns the velocity a - z; drawing follows it from noise in equal Euler steps. Training times are
    1 - t ~ Beta(noise_bias, 1), as π0 has them with 1.5 (arXiv 2410.24164).
    """

    @property
    def steps(self) -> int:
        return self.config.steps or 4

    def times(self, count: int, *, generator: torch.Generator | None = None) -> Tensor:
        """Draw `count` training times in [0, 1)."""
        return 1 - torch.rand(count, generator=generator) ** (1 / self.config.noise_bias)

    def loss(
        self, prefix: Tensor, actions: Tensor, weights: Tensor, *, generator: torch.Generator | None = None
    ) -> Tensor:
        numbers, switches = self.layout.split(actions)
        time = self.times(len(actions), generator=generator).to(prefix.device)
        z = noise(numbers, generator)
        share = time[:, None, None]
        velocity, logits = self.denoiser((1 - share) * z + share * numbers, time, self.denoiser.keys(prefix))
        errors = (velocity - (numbers - z)) ** 2
        return weighted_mean(errors, weights) + switch_loss(logits, switches, weights)

    @torch.no_grad()
    def sample(self, prefix: Tensor, *, generator: torch.Generator | None = None) -> Tensor:
        keys, numbers = self.denoiser.keys(prefix), start_noise(self.blank(prefix), generator)
        for step in range(self.steps):
            velocity, logits = self.at(numbers, step / self.steps, keys)
            numbers = numbers + velocity / self.steps
        return self.layout.join(numbers, logits)


class MipHead(ContinuousHead):
    """Minimal iterative policy (arXiv 2512.01809): a guess from nothing, then the guess made better.

    Both passes are trained to say the action a itself: f(0, 0) = a and f(t a + (1 - t) z, t) = a with t = 0.9 and z
    standard normal. Drawing takes f(0, 0) for a and no noise, so equal prefixes always give equal chunks.
    """

    moment = 0.9
    """t of the second pass."""

    def loss(
        self, prefix: Tensor, actions: Tensor, weights: Tensor, *, generator: torch.Generator | None = None
    ) -> Tensor:
        numbers, switches = self.layout.split(actions)
        keys = self.denoiser.keys(prefix)
        near = self.moment * numbers + (1 - self.moment) * noise(numbers, generator)
        total = prefix.new_zeros(())
        for given, time in ((torch.zeros_like(numbers), 0.0), (near, self.moment)):
            told, logits = self.at(given, time, keys)
            total = total + weighted_mean((told - numbers) ** 2, weights) + switch_loss(logits, switches, weights)
        return total

    @torch.no_grad()
    def sample(self, prefix: Tensor, *, generator: torch.Generator | None = None) -> Tensor:
        keys = self.denoiser.keys(prefix)
        guess, _ = self.at(self.blank(prefix), 0.0, keys)
        return self.layout.join(*self.at(self.moment * guess, self.moment, keys))
