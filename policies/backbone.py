"""The vision-language backbone: camera pictures, text features and robot state -> prefix tokens for an action head."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

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

    widths: channels of each camera's image tower at strides 4 and 8, in the embodiment's order.  features: channels of the map that is searched.
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
        return pooled + self.mix(pooled)


class Backbone(nn.Module):
    """See the module's docstring. The first camera must see the whole table: aims are pointed at there."""

    def __init__(
        self, config: BackboneConfig, *, picture_sizes: tuple[tuple[int, int], ...], state_dim: int, text_dim: int
    ) -> None:
        super().__init__()
        self.config = config
        cameras, width, features = len(picture_sizes), config.width, config.features
        film_width = config.text_queries * config.text_width
        self.text = TextAdapter(text_dim, config.text_width, config.text_queries)
        self.towers = nn.ModuleList(ImageTower(widths, features, film_width) for widths in config.widths)
        self.pointers = nn.ModuleList(
            Pointer(features, AIMS, config.key_points, config.text_width) for _ in range(cameras)
        )
        for number, (height, across) in enumerate(picture_sizes):
            self.register_buffer(f"cells_{number}", grid(height // 4, across // 4), persistent=False)
        self.register_buffer("centre", torch.tensor(WORKSPACE_CENTRE), persistent=False)
        seen = AIMS * (2 + features) + 2 * config.key_points
        self.coarse = _mlp(AIMS * (2 + features), 128, AIMS * 3)
        self.fine = _mlp(seen * (cameras - 1) + AIMS * (9 + features) + state_dim, 192, AIMS * 3)
        nn.init.zeros_(self.fine[-1].weight)
        self.to_prefix = nn.ModuleDict(
            {
                "text": nn.Linear(config.text_width, width),
                "found": nn.ModuleList(nn.Linear(features + 2, width) for _ in range(cameras)),
                "points": nn.ModuleList(nn.Linear(2 * config.key_points, width) for _ in range(cameras)),
                "whole": nn.ModuleList(nn.Linear(features, width) for _ in range(cameras)),
                "state": nn.Linear(state_dim, width),
                "aims": nn.Linear(12, width),
            }
        )
        self.kind = nn.Parameter(torch.randn(self.prefix_length(cameras), width) * 0.1)

    def prefix_length(self, cameras: int) -> int:
        return self.config.text_queries + cameras * (AIMS + 2) + 1 + AIMS

    def forward(self, inputs: Inputs) -> Prefix:
        to = self.to_prefix
        words = self.text(inputs.text, inputs.text_mask)
        film = words.flatten(1)
        tokens, seen, heat, coarse = [to["text"](words)], [], None, None
        for number, pictures in enumerate(inputs.pictures):
            maps = self.towers[number](pictures, film)
            logits, where, found, points = self.pointers[number](
                maps, words[:, :AIMS], getattr(self, f"cells_{number}")
            )
            found, whole = found[:, :AIMS], found[:, AIMS:]
            located = torch.cat([where, found], dim=2)
            if number == 0:
                heat = logits
                coarse = self._metres(self.coarse(located.flatten(1)))
                seen.append(found.flatten(1))
            else:
                seen += [located.flatten(1), points.flatten(1)]
            tokens.append(to["found"][number](located))
            tokens.append(to["points"][number](points.flatten(1))[:, None])
            tokens.append(to["whole"][number](whole))
        assert heat is not None and coarse is not None
        tool = inputs.tool_position[:, None]
        rough = scales_of(coarse.detach() - tool)
        refine = self.fine(torch.cat([*seen, rough.flatten(1), inputs.state], dim=1)).unflatten(1, (AIMS, 3))
        fine = coarse.detach() + 0.1 * refine
        # The action head reads the aims but must not bend them into a private code: no gradient goes back.
        settled = fine.detach()
        tokens.append(to["state"](inputs.state)[:, None])
        centred = (settled - self.centre) / WORKSPACE_SCALE
        tokens.append(to["aims"](torch.cat([centred, scales_of(settled - tool)], dim=2)))
        return Prefix(tokens=torch.cat(tokens, dim=1) + self.kind, heat=heat, coarse=coarse, fine=fine)

    def _metres(self, flat: Tensor) -> Tensor:
        """(B, 6) in workspace units -> (B, 2, 3) metres in the base frame."""
        metres: Tensor = self.centre + WORKSPACE_SCALE * flat.unflatten(1, (AIMS, 3))
        return metres


def scales_of(offset: Tensor) -> Tensor:
    """Offsets (..., 3) [m] at three ranges: all of the table, one step of the arm, and the last centimetre."""
    return torch.cat([offset / 0.3, torch.tanh(offset / 0.06), torch.tanh(offset / 0.015)], dim=-1)


def _mlp(inside: int, hidden: int, out: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(inside, hidden), nn.GELU(), nn.Linear(hidden, hidden), nn.GELU(), nn.Linear(hidden, out)
    )
