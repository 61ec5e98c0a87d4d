"""The vision-language backbone: camera pictures, text features and robot state -> prefix tokens for an action head."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from agent.errors import SpecError
from policies.tower import ImageTower, Pointer, grid

AIMS = 2
"""What the pointing head looks for: where to grasp, and where to release."""
WORKSPACE_CENTRE = (0.5, 0.0, 0.1)
"""Aims are predicted around this point of the base frame [m] ..."""
WORKSPACE_SCALE = 0.25
"""... in units of this many metres."""


@dataclass(frozen=True)
class BackboneConfig:
    """Sizes of the backbone.

    widths: channels of each camera's image tower at strides 4 and 8, in the embodiment's order.  features:
    channels of the map that is searched.
    width: width of the prefix tokens.  text_width: of the adapter's vectors.  text_queries: vectors that the
    adapter pools from the sentence, at least 2: the first asks for the subject, the second for the target.
    key_points: learned points a camera.  position_in_state: where the tool position stands in the state vector.
    """

    widths: tuple[tuple[int, int], ...] = ((32, 96), (32, 64))
    features: int = 64
    width: int = 128
    text_width: int = 128
    text_queries: int = 4
    key_points: int = 16
    position_in_state: tuple[int, int, int] = (0, 1, 2)


@dataclass(eq=False)
class Inputs:
    """What the backbone reads, batched.

    pictures: one (B, 3, H, W) a camera, in the embodiment's order, in [-1, 1].  state (B, S): normalised.
    tool_position (B, 3): metres, base frame.  text (B, N, E) and text_mask (B, N), True at words.
    """

    pictures: tuple[Tensor, ...]
    state: Tensor
    tool_position: Tensor
    text: Tensor
    text_mask: Tensor


@dataclass(eq=False)
class Prefix:
    """tokens (B, N, D) for the action head, and what the pointing heads think.

    heat (B, 2, h * w): logits over cells of the first camera.  coarse, fine (B, 2, 3): where to grasp and where to
    release, metres in the base frame, from the first camera alone and refined with the others.
    """

    tokens: Tensor
    heat: Tensor
    coarse: Tensor
    fine: Tensor


class TextAdapter(nn.Module):
    """Frozen word features -> a few vectors, each free to attend to its own part of the sentence."""

    def __init__(self, text_dim: int, width: int, queries: int) -> None:
        super().__init__()
        self.key = nn.Linear(text_dim, width)
        self.value = nn.Linear(text_dim, width)
        self.query = nn.Parameter(torch.randn(queries, width) * 0.3)
        self.mix = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, width), nn.GELU(), nn.Linear(width, width))
        self.scale = width**-0.5

    def forward(self, text: Tensor, mask: Tensor) -> Tensor:
        """text (B, N, E), mask (B, N) -> (B, Q, W)."""
        scores = torch.matmul(self.query, self.key(text).transpose(1, 2)) * self.scale
        pooled = scores.masked_fill(~mask[:, None, :], -1e4).softmax(dim=-1) @ self.value(text)
        mixed: Tensor = pooled + self.mix(pooled)
        return mixed


@dataclass(eq=False)
class Seen:
    """What one camera shows. heat (B, 2, h * w): match logits of the two aims.  located (B, 2 * (2 + F)): where they
    match and the features there.  points (B, 2 K): key points.  tokens (B, 4, D): all of it for the prefix."""

    heat: Tensor
    located: Tensor
    points: Tensor
    tokens: Tensor


class Eye(nn.Module):
    """One camera: its tower, its pointer, and the way into the prefix."""

    cells: Tensor

    def __init__(self, config: BackboneConfig, widths: tuple[int, int], size: tuple[int, int]) -> None:
        super().__init__()
        features, width = config.features, config.width
        self.tower = ImageTower(widths, features, config.text_queries * config.text_width)
        self.pointer = Pointer(features, AIMS, config.key_points, config.text_width)
        self.from_located = nn.Linear(2 + features, width)
        self.from_points = nn.Linear(2 * config.key_points, width)
        self.from_whole = nn.Linear(features, width)
        self.register_buffer("cells", grid(size[0] // 4, size[1] // 4), persistent=False)

    def forward(self, pictures: Tensor, words: Tensor) -> Seen:
        """pictures (B, 3, H, W), words (B, Q, W) from the text adapter."""
        maps = self.tower(pictures, words.flatten(1))
        heat, where, found, points = self.pointer(maps, words[:, :AIMS], self.cells)
        located = torch.cat([where, found[:, :AIMS]], dim=2)
        flat_points = points.flatten(1)
        tokens = [self.from_located(located), self.from_points(flat_points)[:, None], self.from_whole(found[:, AIMS:])]
        return Seen(heat, located.flatten(1), flat_points, torch.cat(tokens, dim=1))


class Backbone(nn.Module):
    """See the module's docstring. The first camera must see the whole table: aims are pointed at there."""

    centre: Tensor

    def __init__(
        self, config: BackboneConfig, *, picture_sizes: tuple[tuple[int, int], ...], state_dim: int, text_dim: int
    ) -> None:
        super().__init__()
        cameras, width = len(picture_sizes), config.width
        if len(config.widths) != cameras:
            raise SpecError(f"the backbone has widths for {len(config.widths)} cameras, the embodiment has {cameras}")
        self.text = TextAdapter(text_dim, config.text_width, config.text_queries)
        self.eyes = nn.ModuleList(
            Eye(config, widths, size) for widths, size in zip(config.widths, picture_sizes, strict=True)
        )
        self.register_buffer("centre", torch.tensor(WORKSPACE_CENTRE), persistent=False)
        located = AIMS * (2 + config.features)
        self.coarse = _mlp(located, 128, AIMS * 3)
        others = (cameras - 1) * (located + 2 * config.key_points)
        self.fine = _mlp(located + others + AIMS * 9 + state_dim, 192, AIMS * 3, start_at_zero=True)
        self.from_text = nn.Linear(config.text_width, width)
        self.from_state = nn.Linear(state_dim, width)
        self.from_aims = nn.Linear(12, width)
        self.kind = nn.Parameter(torch.randn(config.text_queries + cameras * (AIMS + 2) + 1 + AIMS, width) * 0.1)

    def forward(self, inputs: Inputs) -> Prefix:
        words = self.text(inputs.text, inputs.text_mask)
        seen: list[Seen] = [eye(pictures, words) for eye, pictures in zip(self.eyes, inputs.pictures, strict=True)]
        coarse = self.centre + WORKSPACE_SCALE * self.coarse(seen[0].located).view(-1, AIMS, 3)
        tool = inputs.tool_position[:, None]
        # The first camera points; the others, the wrist's above all, correct what is left by a few centimetres.
        guess = coarse.detach()
        others = [part for one in seen[1:] for part in (one.located, one.points)]
        clues = [seen[0].located, *others, scales_of(guess - tool).flatten(1), inputs.state]
        fine = guess + 0.1 * self.fine(torch.cat(clues, dim=1)).view(-1, AIMS, 3)
        # The action head reads the aims but must not bend them into a private code: no gradient goes back.
        settled = fine.detach()
        aims = torch.cat([(settled - self.centre) / WORKSPACE_SCALE, scales_of(settled - tool)], dim=2)
        parts = [self.from_text(words), *(one.tokens for one in seen)]
        tokens = torch.cat([*parts, self.from_state(inputs.state)[:, None], self.from_aims(aims)], dim=1) + self.kind
        return Prefix(tokens=tokens, heat=seen[0].heat, coarse=coarse, fine=fine)


def scales_of(offset: Tensor) -> Tensor:
    """Offsets (..., 3) [m] at three ranges: all of the table, one step of the arm, and the last centimetre."""
    return torch.cat([offset / 0.3, torch.tanh(offset / 0.06), torch.tanh(offset / 0.015)], dim=-1)


def _mlp(inside: int, hidden: int, out: int, *, start_at_zero: bool = False) -> nn.Sequential:
    last = nn.Linear(hidden, out)
    if start_at_zero:
        nn.init.zeros_(last.weight)
    return nn.Sequential(nn.Linear(inside, hidden), nn.GELU(), nn.Linear(hidden, hidden), nn.GELU(), last)
