"""The network of the policy: backbone and action decoder, and the loss that trains both."""

from dataclasses import dataclass, field, replace

import torch
from torch import Tensor, nn

from agent.types import Embodiment
from policies.backbone import Backbone, BackboneConfig, Inputs
from policies.codec import ActionCodec, CodecConfig, make_codec
from policies.decoder import ActionDecoder, DecoderConfig, Vocabulary
from policies.lessons import (
    Labels,
    aim_loss,
    choice_loss,
    clearance,
    heat_loss,
    held_loss,
    name_loss,
    questions_of,
    true_regions,
    turn_loss,
)
from policies.stats import Statistics


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
            widths=(16, 16, 16),
            crop_widths=(16, 16, 16),
            wrist_widths=(16, 16),
            features=16,
            width=32,
            layers=1,
            heads=2,
            key_points=4,
        ),
        decoder=DecoderConfig(width=32, layers=1, heads=2),
        text_encoder="words",
        text_dim=32,
    )


@dataclass(frozen=True)
class LossWeights:
    """How the parts of the loss add up. heat: finding things; name: telling what they are; choice: what words mean;
    coarse and fine: distance of the aims, in decimetres; turn: of the yaw; held: whether the hand has the subject."""

    action: float = 1.0
    heat: float = 1.0
    name: float = 0.3
    choice: float = 1.0
    coarse: float = 1.0
    fine: float = 1.0
    turn: float = 0.3
    held: float = 0.2


@dataclass(eq=False)
class Losses:
    """Scalars. total is what to minimise; parts: the loss's parts and, for people, shares and centimetres."""

    total: Tensor
    parts: dict[str, Tensor]


class VLAModel(nn.Module):
    """Backbone and decoder of one embodiment."""

    def __init__(self, config: ModelConfig, embodiment: Embodiment) -> None:
        super().__init__()
        codec = make_codec(config.codec)
        sizes = tuple((camera.height, camera.width) for camera in embodiment.cameras)
        self.backbone = Backbone(
            config.backbone, picture_sizes=sizes, state_dim=len(embodiment.state), text_dim=config.text_dim
        )
        self.decoder = ActionDecoder(config.decoder, vocabulary_of(codec))
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def losses(self, inputs: Inputs, labels: Labels, weights: LossWeights, noise: Tensor) -> Losses:
        """noise (B, M + DECOYS, 2) in [-1, 1]: moves regions a little off the things, and places the decoys."""
        backbone, parts = self.backbone, dict[str, Tensor]()
        regions = true_regions(labels.entities, noise, backbone.config.camera)
        seen = backbone.look(inputs.pictures[0])
        parts["heat"] = heat_loss(seen, regions)
        described = backbone.describe(inputs.pictures[0], seen, regions)
        names = backbone.kind(described.tokens), backbone.colour(described.tokens)
        parts["name"], parts["named"] = name_loss(*names, described.regions.there, labels.entities)
        asked = questions_of(labels, regions)
        of = asked.picture
        repeated = described.rows(of)
        reading = backbone.read(repeated, asked.text, asked.text_mask)
        parts["choice"], parts["right"] = choice_loss(reading, asked)
        plan = backbone.plan(repeated, reading, asked.chosen, inputs.state[of])
        parts["coarse"], parts["coarse_cm"] = aim_loss(plan.coarse, asked.aims)
        parts["turn"] = turn_loss(plan.yaw, asked.yaw) + 10 * clearance(plan.clearance, labels.entities[of], asked)
        # Only the first question of a picture is acted on, so only for it the hand's camera is asked.
        acted, first = of[asked.first], asked.rows(asked.first)
        plan, reading = plan.rows(asked.first), reading.rows(asked.first)
        tool, state = inputs.tool_position[acted], inputs.state[acted]
        settled = backbone.settle(plan, inputs.pictures[1][acted], tool, state, inputs.aimed[acted])
        parts["fine"], parts["fine_cm"] = aim_loss(settled.fine, first.aims)
        parts["turn"] = parts["turn"] + turn_loss(settled.yaw, first.yaw)
        parts["held"] = held_loss(settled.held, labels.entities[acted], first)
        tokens = backbone.prefix(plan, reading, settled, tool, state)
        parts["action"] = self.decoder.loss(tokens, labels.tokens[acted], labels.weights[acted])
        total = torch.stack([weight * parts[name] for name, weight in vars(weights).items()]).sum()
        return Losses(total, {name: part.detach() for name, part in parts.items()})


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


def fitted(config: ModelConfig, embodiment: Embodiment, *, text_dim: int, held: tuple[int, ...]) -> ModelConfig:
    """`config` with what only the data and the encoder know filled in."""
    names = embodiment.action.names
    binary = tuple(index for index, name in enumerate(names) if name == "gripper")
    codec = replace(config.codec, action_dim=len(names), held=held, binary=binary)
    return replace(config, text_dim=text_dim, codec=codec)
