"""The network of the policy: backbone and action decoder, and the loss that trains both."""

from dataclasses import dataclass, field, replace

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from agent.types import Embodiment, FloatArray
from policies.backbone import Backbone, BackboneConfig, Inputs, Prefix
from policies.codec import ActionCodec, CodecConfig, make_codec
from policies.decoder import ActionDecoder, DecoderConfig, Vocabulary
from policies.stats import Statistics
from policies.tower import grid


@dataclass(frozen=True)
class ModelConfig:
    """The network's sizes. text_encoder: `minilm`, or `words` (no download, for tests). text_dim follows from it."""

    backbone: BackboneConfig = field(default_factory=BackboneConfig)
    decoder: DecoderConfig = field(default_factory=DecoderConfig)
    codec: CodecConfig = field(default_factory=CodecConfig)
    text_encoder: str = "minilm"
    text_dim: int = 768


def tiny_model() -> ModelConfig:
    """A model that trains in seconds: for tests, and for trying a pipeline end to end."""
    return ModelConfig(
        backbone=BackboneConfig(
            widths=((16, 16), (16, 16)), features=16, width=32, text_width=32, text_queries=2, key_points=4
        ),
        decoder=DecoderConfig(width=32, layers=1, heads=2),
        text_encoder="words",
        text_dim=32,
    )


@dataclass(eq=False)
class Labels:
    """What a batch should give. tokens (B, L) and weights (B, L): action tokens and how much each counts.
    aims (B, 2, 3): metres in the base frame, NaN where undefined.  cells (B, 2, 2): the same points in the first
    camera's picture, u right and v down in [-1, 1], NaN where undefined or out of the picture."""

    tokens: Tensor
    weights: Tensor
    aims: Tensor
    cells: Tensor


@dataclass(frozen=True)
class LossWeights:
    """How the parts of the loss add up. heat: cross-entropy of pointing in the picture; coarse and fine: distance of
    the aims, in decimetres."""

    action: float = 1.0
    heat: float = 0.2
    coarse: float = 1.0
    fine: float = 1.0


@dataclass(eq=False)
class Losses:
    """Scalars. total is what to minimise; coarse_cm and fine_cm are mean distances of the aims."""

    total: Tensor
    action: Tensor
    heat: Tensor
    coarse_cm: Tensor
    fine_cm: Tensor


class VLAModel(nn.Module):
    """Backbone and decoder of one embodiment."""

    cells: Tensor

    def __init__(self, config: ModelConfig, embodiment: Embodiment) -> None:
        super().__init__()
        codec = make_codec(config.codec)
        sizes = tuple((camera.height, camera.width) for camera in embodiment.cameras)
        self.map_size = (sizes[0][0] // 4, sizes[0][1] // 4)
        self.backbone = Backbone(
            config.backbone, picture_sizes=sizes, state_dim=len(embodiment.state), text_dim=config.text_dim
        )
        self.register_buffer("cells", grid(*self.map_size), persistent=False)
        self.decoder = ActionDecoder(config.decoder, vocabulary_of(codec))
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def losses(self, inputs: Inputs, labels: Labels, weights: LossWeights) -> Losses:
        prefix: Prefix = self.backbone(inputs)
        action = self.decoder.loss(prefix.tokens, labels.tokens, labels.weights)
        heat = self._heat_loss(prefix.heat, labels.cells)
        coarse, coarse_cm = _aim_loss(prefix.coarse, labels.aims)
        fine, fine_cm = _aim_loss(prefix.fine, labels.aims)
        total = weights.action * action + weights.heat * heat + weights.coarse * coarse + weights.fine * fine
        return Losses(total, action.detach(), heat.detach(), coarse_cm, fine_cm)

    def _heat_loss(self, heat: Tensor, cells: Tensor) -> Tensor:
        """Cross-entropy between logits (B, 2, h * w) and a Gaussian of half a cell around each labelled point."""
        known = torch.isfinite(cells).all(dim=2)
        height, width = self.map_size
        size = self.cells.new_tensor([width / 2, height / 2])
        away = (torch.nan_to_num(cells)[:, :, None] - self.cells) * size
        target = torch.softmax(-away.pow(2).sum(dim=3) / (2 * 0.6**2), dim=2)
        losses = -(target * functional.log_softmax(heat, dim=2)).sum(dim=2)
        mean: Tensor = (losses * known).sum() / known.sum().clamp(min=1)
        return mean


def _aim_loss(guess: Tensor, aims: Tensor) -> tuple[Tensor, Tensor]:
    """guess, aims (B, 2, 3) metres -> smooth L1 distance in decimetres, and the mean distance in centimetres."""
    known = torch.isfinite(aims).all(dim=2)
    miss = (guess - torch.nan_to_num(aims)) * known[:, :, None]
    count = known.sum().clamp(min=1)
    loss = functional.smooth_l1_loss(miss * 10, torch.zeros_like(miss), beta=0.1, reduction="sum") / count
    return loss, (miss.detach().norm(dim=2).sum() / count) * 100


def vocabulary_of(codec: ActionCodec) -> Vocabulary:
    return Vocabulary(torch.from_numpy(codec.legal), torch.from_numpy(codec.ordinal))


@dataclass(frozen=True, eq=False)
class Trained:
    """A network with everything needed to act: what a checkpoint folder holds.

    model: in evaluation mode, on the CPU.  execute: rows of a chunk to carry out before looking again.
    """

    name: str
    config: ModelConfig
    model: VLAModel
    statistics: Statistics
    embodiment: Embodiment
    execute: int


@dataclass(frozen=True)
class Pinhole:
    """Where the first camera stands, so that aims can be pointed at in its picture. Metres, base frame; vertical
    field of view in degrees."""

    eye: tuple[float, float, float]
    target: tuple[float, float, float]
    up: tuple[float, float, float] = (0.0, 0.0, 1.0)
    fov_deg: float = 42.0
    aspect: float = 1.0

    def project(self, points: FloatArray) -> FloatArray:
        """points (..., 3) -> (..., 2): u right and v down, [-1, 1] inside the picture, NaN outside it."""
        eye = np.asarray(self.eye)
        forward = np.asarray(self.target) - eye
        forward = forward / np.linalg.norm(forward)
        right = np.cross(forward, np.asarray(self.up))
        right = right / np.linalg.norm(right)
        down = np.cross(forward, right)
        offset = points - eye
        depth = offset @ forward
        half = np.tan(np.radians(self.fov_deg) / 2)
        with np.errstate(invalid="ignore", divide="ignore"):
            u = offset @ right / (depth * half * self.aspect)
            v = offset @ down / (depth * half)
            seen = (depth > 0) & (np.abs(u) <= 1) & (np.abs(v) <= 1)
        return np.where(seen[..., None], np.stack([u, v], axis=-1), np.nan).astype(np.float32)


def fitted(config: ModelConfig, embodiment: Embodiment, *, text_dim: int, held: tuple[int, ...]) -> ModelConfig:
    """`config` with what only the data and the encoder know filled in."""
    names = embodiment.action.names
    binary = tuple(index for index, name in enumerate(names) if name == "gripper")
    codec = replace(config.codec, action_dim=len(names), held=held, binary=binary)
    return replace(config, text_dim=text_dim, codec=codec)
