"""Random tables and walls, and things pasted in from other looks: a policy must not rely on the one table it was shown.

The recorded world is plain, so what shows no thing and no arm is known by its colour, and can be painted over.
"""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

WAVES = 6
"""Plane waves whose sum makes a pattern."""
COARSE, FINE = 2.0, 14.0
"""Fewest and most periods of a wave across a picture."""
TOLERANCE = 1.5 / 127.5
"""By which a colour may differ from the plain one, in units of [-1, 1]: the renderer draws both without shades."""
CUTTING = 0.4
"""Side of what is pasted, as a share of the picture's."""


@dataclass(frozen=True)
class Backgrounds:
    """share: of looks whose table and wall are painted over, in one pair of colours for all cameras.  pasted: of looks
    that get a cutting of another look, put where they show table.  table, wall: 8-bit colours of the recorded world."""

    share: float = 0.0
    pasted: float = 0.0
    table: tuple[int, int, int] = (193, 164, 130)
    wall: tuple[int, int, int] = (255, 255, 255)


def repaint(pictures: tuple[Tensor, ...], changes: Backgrounds, generator: torch.Generator) -> tuple[Tensor, ...]:
    """Return pictures, each (B, 3, H, W) in [-1, 1], one a camera, with other backgrounds; draws come from `generator`
    (on the CPU)."""
    if not (changes.share or changes.pasted):
        return pictures
    count, device = len(pictures[0]), pictures[0].device
    painted = torch.rand(count, generator=generator) < changes.share
    colours = (torch.rand(count, 4, 3, generator=generator) * 1.8 - 0.9).to(device)
    contrast = (torch.rand(count, 1, 1, 1, generator=generator) ** 2).to(device)
    sharpness = (0.5 * 40 ** torch.rand(count, 1, 1, 1, generator=generator)).to(device)
    out = []
    for picture in pictures:
        tables, walls = _shows(picture, changes.table), _shows(picture, changes.wall)
        if changes.pasted:
            picture = _paste(picture, tables, tables | walls, changes.pasted, generator)
            tables = tables & _shows(picture, changes.table)
        share = contrast * torch.sigmoid(sharpness * _waves(picture, generator))
        for mask, first, other in ((tables, 0, 1), (walls, 2, 3)):
            paint = torch.lerp(colours[:, first, :, None, None], colours[:, other, :, None, None], share)
            picture = torch.where(mask & painted.to(device)[:, None, None, None], paint, picture)
        out.append(picture)
    return tuple(out)


def _shows(picture: Tensor, colour: tuple[int, int, int]) -> Tensor:
    """Where the pictures show this 8-bit colour, (B, 1, H, W)."""
    wanted = torch.tensor(colour, device=picture.device).view(1, 3, 1, 1) / 127.5 - 1
    shown: Tensor = ((picture - wanted).abs() <= TOLERANCE).all(dim=1, keepdim=True)
    return shown


def _waves(picture: Tensor, generator: torch.Generator) -> Tensor:
    """A random field (B, 1, H, W) of about unit spread for each picture; drawn at half the size, which is as good."""
    count, _, height, width = picture.shape
    angle, phase, rate = (torch.rand(3, count, WAVES, generator=generator)).to(picture.device)
    periods = COARSE * (FINE / COARSE) ** rate
    down = torch.linspace(0, 2 * torch.pi, height // 2, device=picture.device)[None, None, :, None]
    across = torch.linspace(0, 2 * torch.pi, width // 2, device=picture.device)[None, None, None, :]
    slope = (2 * torch.pi * angle)[:, :, None, None]
    turned = periods[:, :, None, None] * (slope.cos() * across + slope.sin() * down)
    field = torch.cos(turned + 2 * torch.pi * phase[:, :, None, None]).sum(dim=1, keepdim=True)
    return functional.interpolate(field * (2 / WAVES) ** 0.5, (height, width), mode="bilinear")


def _paste(picture: Tensor, tables: Tensor, empty: Tensor, share: float, generator: torch.Generator) -> Tensor:
    """Paste what stands in a window of the next look into this one, where this one shows table."""
    count, _, height, width = picture.shape
    chosen = (torch.rand(count, generator=generator) < share).to(picture.device)
    top, left = torch.rand(2, count, generator=generator).to(picture.device) * (1 - CUTTING)
    rows = torch.linspace(0, 1, height, device=picture.device)[None, :, None]
    columns = torch.linspace(0, 1, width, device=picture.device)[None, None, :]
    inside = (rows >= top[:, None, None]) & (rows <= top[:, None, None] + CUTTING)
    inside = inside & (columns >= left[:, None, None]) & (columns <= left[:, None, None] + CUTTING)
    stands = inside[:, None] & ~empty.roll(1, dims=0) & tables & chosen[:, None, None, None]
    return torch.where(stands, picture.roll(1, dims=0), picture)
