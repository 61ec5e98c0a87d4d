"""The network of the policy: backbone and action decoder, and the loss that trains both."""

from dataclasses import dataclass, field, replace

import torch
from torch import Tensor, nn

from agent.types import Embodiment
from policies.backbone import Backbone, BackboneConfig, Inputs
from policies.codec import CodecConfig, make_codec
from policies.decoder import ActionDecoder, DecoderConfig
from policies.heads.base import Head, HeadConfig
from policies.heads.factory import make_head
from policies.heads.tokens import TokenHead
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
    """The network's sizes. head: how actions are written or drawn.  decoder: how wide and deep that is.
    text_encoder: `minilm`, `open_clip:TAG[@WEIGHTS]`, or `words` (no download, for tests). text_dim follows from it."""

    backbone: BackboneConfig = field(default_factory=BackboneConfig)
    head: HeadConfig = field(default_factory=HeadConfig)
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
    """Backbone and action head of one embodiment."""

    def __init__(self, config: ModelConfig, embodiment: Embodiment, *, pretrained: bool = False) -> None:
        """pretrained: begin with the published weights of those parts that have any; without, they have the right
        shapes for a checkpoint's."""
        super().__init__()
        sizes = tuple((camera.height, camera.width) for camera in embodiment.cameras)
        self.backbone = Backbone(
            config.backbone,
            picture_sizes=sizes,
            state_dim=len(embodiment.state),
            text_dim=config.text_dim,
            pretrained=pretrained,
        )
        self.codec = make_codec(config.codec)
        head = make_head(config.head, config.decoder, config.codec, pretrained=pretrained)
        # A decoder of tokens stands here without the codec around it, so that its weights are called what they were
        # before there were other heads.
        self.decoder: ActionDecoder | Head = head.decoder if isinstance(head, TokenHead) else head
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def head(self, *, temperature: float = 0.0) -> Head:
        """What writes or draws chunks. temperature: of heads that write tokens."""
        if isinstance(self.decoder, Head):
            return self.decoder
        return TokenHead(self.decoder, self.codec, temperature=temperature)

    def forward(
        self, inputs: Inputs, labels: Labels, weights: LossWeights, noise: Tensor, generator: torch.Generator
    ) -> Losses:
        """noise (B, M + DECOYS, 2) in [-1, 1]: moves regions a little off the things, and places the decoys.
        generator: on the CPU, for heads that train on noise."""
        taught = self.taught(inputs, labels, noise)
        parts, acted = taught.parts, taught.acted
        if isinstance(self.decoder, Head):
            actions, shown = labels.actions[acted], labels.shown[acted]
            parts["action"] = self.decoder.loss(taught.prefix, actions, shown, generator=generator)
        else:
            # As `TokenHead.loss`, of chunks that were encoded once and not at every step, the gripper's tokens weighed.
            parts["action"] = self.decoder.loss(taught.prefix, labels.tokens[acted], labels.weights[acted])
        total = torch.stack([weight * parts[name] for name, weight in vars(weights).items()]).sum()
        return Losses(total, {name: part.detach() for name, part in parts.items()})

    def taught(self, inputs: Inputs, labels: Labels, noise: Tensor) -> "Taught":
        """The backbone's part of `forward`: it is told where things are and which of them are meant."""
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
        return Taught(parts, acted, backbone.prefix(plan, reading, settled, tool, state))


@dataclass(eq=False)
class Taught:
    """parts: of the loss, scalars.  acted (P,): the pictures whose first question has words.  prefix (P, 9, D): what
    the action head reads for each."""

    parts: dict[str, Tensor]
    acted: Tensor
    prefix: Tensor


@dataclass(frozen=True, eq=False)
class Trained:
    """A network with everything needed to act: what a checkpoint folder holds.

    model: in evaluation mode, on the CPU.  execute: rows of a chunk to carry out before looking again.
    heard: every word of the sentences that it was trained on, in small letters; empty where nobody wrote them down.
    """

    name: str
    config: ModelConfig
    model: VLAModel
    statistics: Statistics
    embodiment: Embodiment
    execute: int
    heard: frozenset[str] = frozenset()


def fitted(config: ModelConfig, embodiment: Embodiment, *, text_dim: int, held: tuple[int, ...]) -> ModelConfig:
    """`config` with what only the data and the encoder know filled in."""
    names = embodiment.action.names
    binary = tuple(index for index, name in enumerate(names) if name == "gripper")
    codec = replace(config.codec, action_dim=len(names), held=held, binary=binary)
    return replace(config, text_dim=text_dim, codec=codec, head=sized(config.head))


def sized(head: HeadConfig) -> HeadConfig:
    """`head` with the sizes of its language model filled in, where it has one."""
    if head.kind != "smollm" or head.language is not None:
        return head
    # transformers takes seconds to import, and the other heads do not need it.
    from policies.heads.smollm import sizes_of

    return replace(head, language=sizes_of(head.language_model))
