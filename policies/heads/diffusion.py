"""Diffusion Policy's head (arXiv 2303.04137): trained by DDPM over 100 noise levels, drawn by DDIM in a few."""

from typing import Any

import torch
from torch import Tensor

from agent.errors import SpecError
from policies.codec import CodecConfig
from policies.decoder import DecoderConfig
from policies.heads.base import HeadConfig, noise, start_noise, weighted_mean
from policies.heads.continuous import ContinuousHead, switch_loss

LEVELS = 100
"""Noise levels t of training, 0 the least."""


class DiffusionHead(ContinuousHead):
    """q(x_t | x_0) = N(√ᾱ_t x_0, (1 - ᾱ_t) I) with a squared-cosine ᾱ_t; the denoiser says the noise that was added.

    Schedulers are those of diffusers. Drawing is DDIM with η = 0: nothing is random after the first noise.
    """

    def __init__(self, config: HeadConfig, net: DecoderConfig, codec: CodecConfig) -> None:
        super().__init__(config, net, codec)
        if self.steps > LEVELS:
            raise SpecError(f"a diffusion head draws in 1 to {LEVELS} steps, not {self.steps}")
        ddpm, _ = _schedulers()
        self.forward_process = ddpm(
            num_train_timesteps=LEVELS, beta_schedule="squaredcos_cap_v2", prediction_type="epsilon"
        )

    @property
    def steps(self) -> int:
        return self.config.steps or 8

    def noised(self, clean: Tensor, z: Tensor, level: Tensor) -> Tensor:
        """Draw from q(x_t | x_0): clean (B, T, C), standard normal z of that shape, level (B,) int64."""
        drawn: Tensor = self.forward_process.add_noise(clean, z, level)
        return drawn

    def loss(
        self, prefix: Tensor, actions: Tensor, weights: Tensor, *, generator: torch.Generator | None = None
    ) -> Tensor:
        numbers, switches = self.layout.split(actions)
        level = torch.randint(LEVELS, (len(actions),), generator=generator).to(prefix.device)
        z = noise(numbers, generator)
        told, logits = self.denoiser(self.noised(numbers, z, level), level / LEVELS, self.denoiser.keys(prefix))
        return weighted_mean((told - z) ** 2, weights) + switch_loss(logits, switches, weights)

    @torch.no_grad()
    def sample(self, prefix: Tensor, *, generator: torch.Generator | None = None) -> Tensor:
        _, ddim = _schedulers()
        # Trailing: the first step is the highest level, which is what pure noise is.
        sampler = ddim.from_config(self.forward_process.config, timestep_spacing="trailing")
        sampler.set_timesteps(self.steps)
        keys, numbers = self.denoiser.keys(prefix), start_noise(self.blank(prefix), generator)
        for level in sampler.timesteps.tolist():
            told, logits = self.at(numbers, level / LEVELS, keys)
            numbers = sampler.step(told, level, numbers, eta=0.0).prev_sample
        return self.layout.join(numbers, logits)


def _schedulers() -> tuple[Any, Any]:
    """diffusers' DDPM and DDIM schedulers; SpecError when the extra is not installed."""
    try:
        from diffusers import DDIMScheduler, DDPMScheduler
    except ImportError as error:
        raise SpecError("the diffusion head needs diffusers; get it with: pip install 'aubergine[imagine]'") from error
    return DDPMScheduler, DDIMScheduler
