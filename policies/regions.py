"""Regions: places in the first camera's picture where things are, found without knowing what is asked."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from policies.tower import CROP

SORTS = 2
"""Things that can be taken, and things that hold others: found apart, since one often lies in the other."""
MOST_FOUND = (8, 4)
"""How many of each sort are looked at, at most."""
CANDIDATES = 16
"""Peaks of each sort that are considered."""
APART = (0.04, 0.16)
"""Half pictures; of two peaks nearer than this the lower is the same thing again. What holds things is wide, and its
map has several tops, which would leave no row for the next."""
LEAST_SCORE = 0.2
"""Peaks below this are nothing."""


@dataclass(eq=False)
class Regions:
    """places (B, R, 2): u right and v down in [-1, 1].  sort (B, R): 0 for what can be taken, 1 for what holds.
    there (B, R): False where the row holds no region."""

    places: Tensor
    sort: Tensor
    there: Tensor


def find(heat: Tensor, offsets: Tensor, cells: Tensor) -> Regions:
    """heat (B, 2, h, w) logits, offsets (B, 4, h, w) in cells, cells (h * w, 2) -> the peaks of both sorts.

    A peak is no lower than its eight neighbours; they are ordered from the highest down.
    """
    score = heat.sigmoid()
    peak = score == functional.max_pool2d(score, 3, stride=1, padding=1)
    flat = (score * peak).flatten(2)
    size = cells.new_tensor([2 / heat.shape[3], 2 / heat.shape[2]])
    parts = []
    for sort, (most, apart) in enumerate(zip(MOST_FOUND, APART, strict=True)):
        value, index = flat[:, sort].topk(min(CANDIDATES, flat.shape[2]), dim=1)
        shift = offsets[:, 2 * sort : 2 * sort + 2].flatten(2).transpose(1, 2)
        moved = cells[index] + size * shift.gather(1, index[:, :, None].expand(-1, -1, 2))
        near = (moved[:, :, None] - moved[:, None]).norm(dim=3) < apart
        higher = torch.ones_like(near[0]).tril(-1)
        value = torch.where((near & higher).any(dim=2), 0.0, value)
        value, kept = value.topk(most, dim=1)
        places = moved.gather(1, kept[:, :, None].expand(-1, -1, 2))
        parts.append((places, torch.full_like(value, float(sort)), value > LEAST_SCORE))
    places, sorts, there = (torch.cat(part, dim=1) for part in zip(*parts, strict=True))
    return Regions(places, sorts, there)


def crops(pictures: Tensor, regions: Regions) -> Tensor:
    """pictures (B, 3, H, W) -> (N, 3, CROP, CROP), one for each region that is there, in order of picture and row."""
    height, width = pictures.shape[2:]
    owner, row = regions.there.nonzero(as_tuple=True)
    steps = torch.arange(CROP, device=pictures.device, dtype=pictures.dtype) - (CROP - 1) / 2
    centre = regions.places[owner, row]
    u = centre[:, 0, None] + steps * (2 / width)
    v = centre[:, 1, None] + steps * (2 / height)
    where = torch.stack([u[:, None, :].expand(-1, CROP, -1), v[:, :, None].expand(-1, -1, CROP)], dim=3)
    counts = regions.there.sum(dim=1).tolist()
    # Crops of one picture share a call: the picture is not copied for each of them.
    parts = [
        functional.grid_sample(
            pictures[number : number + 1], part.reshape(1, -1, CROP, 2), padding_mode="border", align_corners=False
        ).view(3, -1, CROP, CROP)
        for number, part in enumerate(torch.split(where, counts))
        if len(part)
    ]
    return torch.cat(parts, dim=1).transpose(0, 1).contiguous(memory_format=torch.channels_last)


def sampled(maps: Tensor, places: Tensor) -> Tensor:
    """maps (B, F, h, w), places (B, R, 2) -> (B, R, F), bilinear."""
    found = functional.grid_sample(maps, places[:, :, None], padding_mode="border", align_corners=False)
    return found[:, :, :, 0].transpose(1, 2)


def heat_targets(regions: Regions, height: int, width: int, spread: float = 0.9) -> tuple[Tensor, Tensor, Tensor]:
    """What the map should show where regions are: heat (B, 2, h, w), 1 at the cell of each and a Gaussian around it;
    the index (B, R) of that cell; and the offset (B, R, 2) from its centre, in cells."""
    size = regions.places.new_tensor([width, height])
    at = (regions.places + 1) / 2 * size - 0.5
    cell = at.round().clamp(min=0).minimum(size - 1)
    across = torch.arange(width, device=at.device)
    along = torch.arange(height, device=at.device)
    near = torch.exp(-((across - cell[..., :1]) ** 2) / (2 * spread**2))
    high = torch.exp(-((along - cell[..., 1:]) ** 2) / (2 * spread**2))
    bumps = high[:, :, :, None] * near[:, :, None, :] * regions.there[:, :, None, None]
    sorts = [bumps * (regions.sort == sort)[:, :, None, None] for sort in range(SORTS)]
    heat = torch.stack([bump.amax(dim=1) for bump in sorts], dim=1)
    index = (cell[..., 1] * width + cell[..., 0]).long()
    return heat, index, at - cell
