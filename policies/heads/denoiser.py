"""The network that all continuous heads share: T action tokens look at one another and at the prefix."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn

from agent.errors import unknown_name
from policies.codec import CodecConfig
from policies.decoder import Cache, DecoderConfig, Layer

Keys = Sequence[tuple[Tensor, Tensor]]
WAVES = 32
"""Frequencies of the time embedding, from 1 to 1,000 radians over the whole time."""


class OpenLayer(Layer):
    """A decoder layer without the causal mask: every token sees every other."""

    def forward(self, tokens: Tensor, cross: tuple[Tensor, Tensor], cache: Cache | None = None) -> Tensor:
        # With an empty cache the layer attends to all that is there, which is exactly these tokens.
        return super().forward(tokens, cross, Cache(cross))


@dataclass(frozen=True)
class Layout:
    """How a chunk (B, T, A) is split: columns told as numbers, and columns told as chances of being 1.

    binary: of the numbers, those that are 0 or 1 and stand as -1 or 1.
    """

    rows: int
    action_dim: int
    numbers: tuple[int, ...]
    binary: tuple[int, ...]
    switches: tuple[int, ...]

    @classmethod
    def of(cls, codec: CodecConfig, gripper: str) -> "Layout":
        """Split as `HeadConfig.gripper` says; SpecError for another word."""
        if gripper not in ("vector", "logit"):
            raise unknown_name("way to say the gripper", gripper, ("vector", "logit"))
        told = codec.binary if gripper == "vector" else ()
        numbers = tuple(sorted((*codec.continuous, *told)))
        switches = () if gripper == "vector" else codec.binary
        return cls(codec.chunk, codec.action_dim, numbers, told, switches)

    def split(self, actions: Tensor) -> tuple[Tensor, Tensor]:
        """actions (B, T, A) -> numbers (B, T, C) in [-1, 1] and switches (B, T, S), 0 or 1."""
        scaled = actions.clone()
        scaled[:, :, list(self.binary)] = (actions[:, :, list(self.binary)] > 0.5).float() * 2 - 1
        return scaled[:, :, list(self.numbers)].clamp(-1, 1), (actions[:, :, list(self.switches)] > 0.5).float()

    def join(self, numbers: Tensor, logits: Tensor) -> Tensor:
        """numbers (B, T, C) and logits (B, T, S) -> actions (B, T, A)."""
        actions = numbers.new_zeros(len(numbers), self.rows, self.action_dim)
        actions[:, :, list(self.numbers)] = numbers.clamp(-1, 1)
        actions[:, :, list(self.binary)] = (actions[:, :, list(self.binary)] > 0).float()
        actions[:, :, list(self.switches)] = (logits > 0).float()
        return actions


class Denoiser(nn.Module):
    """Numbers (B, T, C), a time in [0, 1] and the prefix -> numbers (B, T, C) and logits (B, T, S)."""

    frequencies: Tensor

    def __init__(self, config: DecoderConfig, layout: Layout) -> None:
        super().__init__()
        width, self.split = config.width, [len(layout.numbers), len(layout.switches)]
        self.enter = nn.Linear(self.split[0], width)
        self.place = nn.Parameter(torch.randn(layout.rows, width) * 0.02)
        self.time = nn.Sequential(nn.Linear(2 * WAVES, width), nn.GELU(), nn.Linear(width, width))
        self.layers = nn.ModuleList(OpenLayer(width, config.heads) for _ in range(config.layers))
        self.norm = nn.LayerNorm(width)
        self.leave = nn.Linear(width, sum(self.split))
        self.register_buffer("frequencies", torch.logspace(0, 3, WAVES), persistent=False)

    def keys(self, prefix: Tensor) -> Keys:
        """What the layers read of the prefix (B, N, D); the same in every step of a drawing."""
        return [cast(Layer, layer).prefix_keys(prefix) for layer in self.layers]

    def forward(self, numbers: Tensor, time: Tensor, keys: Keys) -> tuple[Tensor, Tensor]:
        """numbers (B, T, C), time (B,), keys of `self.keys` -> what it makes of the numbers, and logits."""
        waves = time[:, None] * self.frequencies
        moment = self.time(torch.cat([waves.sin(), waves.cos()], dim=1))
        hidden: Tensor = self.enter(numbers) + self.place + moment[:, None]
        for layer, cross in zip(self.layers, keys, strict=True):
            hidden = layer(hidden, cross)
        told, logits = self.leave(self.norm(hidden)).split(self.split, dim=2)
        return told, logits
