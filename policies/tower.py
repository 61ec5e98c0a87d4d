"""The image tower: a small convolutional network that text modulates, and what is read off its feature maps."""

import torch
from torch import Tensor, nn
from torch.nn import functional


class FilmBlock(nn.Module):
    """Residual 3 x 3 convolution whose output text scales and shifts (FiLM, arXiv 1709.07871)."""

    def __init__(self, width: int, text_width: int, *, dilation: int = 1) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(width, width, 3, padding=dilation, dilation=dilation, bias=False)
        self.norm = nn.BatchNorm2d(width)
        self.film = nn.Linear(text_width, 2 * width)
        nn.init.normal_(self.film.weight, std=0.01)
        nn.init.zeros_(self.film.bias)

    def forward(self, maps: Tensor, text: Tensor) -> Tensor:
        """maps (B, C, h, w), text (B, W) -> (B, C, h, w)."""
        scale, shift = self.film(text)[:, :, None, None].chunk(2, dim=1)
        return functional.relu(torch.addcmul(maps + shift, self.norm(self.convolution(maps)), 1 + scale))


class ImageTower(nn.Module):
    """RGB pictures -> a feature map at a quarter of their resolution, conditioned on the text.

    A patch stem of stride 4 and plain 3 x 3 convolutions: on two CPU cores they run near peak speed, where
    depthwise convolutions and layer norms do not. A second scale at stride 8, one layer of it dilated, gives
    every cell a view of most of the picture before both scales are added.
    """

    def __init__(self, widths: tuple[int, int], features: int, text_width: int) -> None:
        super().__init__()
        fine, coarse = widths
        self.stem = nn.Sequential(nn.Conv2d(3, fine, 4, stride=4, bias=False), nn.BatchNorm2d(fine), nn.ReLU())
        self.fine = nn.ModuleList([FilmBlock(fine, text_width), FilmBlock(fine, text_width)])
        self.down = nn.Sequential(
            nn.Conv2d(fine, coarse, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(coarse), nn.ReLU()
        )
        self.coarse = nn.ModuleList(
            [FilmBlock(coarse, text_width), FilmBlock(coarse, text_width, dilation=2), FilmBlock(coarse, text_width)]
        )
        self.lateral = nn.Conv2d(fine, features, 1)
        self.top = nn.Conv2d(coarse, features, 1, bias=False)

    def forward(self, pictures: Tensor, text: Tensor) -> Tensor:
        """pictures (B, 3, H, W) in [-1, 1], text (B, W) -> features (B, F, H / 4, W / 4)."""
        fine = self.stem(pictures)
        for block in self.fine:
            fine = block(fine, text)
        coarse = self.down(fine)
        for block in self.coarse:
            coarse = block(coarse, text)
        raised = functional.interpolate(self.top(coarse), size=fine.shape[-2:], mode="nearest")
        return functional.relu(self.lateral(fine) + raised)


def grid(height: int, width: int) -> Tensor:
    """Centres of the cells of a map as (height * width, 2): u right and v down, both in [-1, 1]."""
    v = (torch.arange(height) + 0.5) / height * 2 - 1
    u = (torch.arange(width) + 0.5) / width * 2 - 1
    return torch.stack([u.repeat(height), v.repeat_interleave(width)], dim=1)


class Pointer(nn.Module):
    """Looks for things in a feature map: where text queries match it, and at learned key points.

    Returns, for the Q queries, match logits (B, Q, h * w) and their soft-argmax (B, Q, 2); features (B, Q + 1, F)
    where the queries match and, last, over the whole map; and K key points (B, K, 2).
    """

    def __init__(self, features: int, queries: int, key_points: int, text_width: int) -> None:
        super().__init__()
        self.queries = queries
        self.ask = nn.Linear(text_width, features)
        self.key_points = nn.Linear(features, key_points, bias=False)
        self.scale = features**-0.5

    def forward(self, maps: Tensor, asked: Tensor, cells: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """maps (B, F, h, w), asked (B, Q, W) one text vector a query, cells (h * w, 2) from `grid`."""
        flat = maps.flatten(2).transpose(1, 2)
        learned = self.key_points.weight.expand(len(flat), -1, -1)
        probes = torch.cat([self.ask(asked), learned], dim=1)
        logits = torch.bmm(probes, flat.transpose(1, 2))
        logits = torch.cat([logits[:, : self.queries] * self.scale, logits[:, self.queries :]], dim=1)
        heat = logits.softmax(dim=-1)
        points = heat @ cells
        everywhere = torch.full_like(heat[:, :1], 1 / heat.shape[2])
        found = torch.bmm(torch.cat([heat[:, : self.queries], everywhere], dim=1), flat)
        return logits[:, : self.queries], points[:, : self.queries], found, points[:, self.queries :]
