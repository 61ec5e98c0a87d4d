"""The convolutional parts: a tower over a whole picture, one over crops of it, and what is read off their maps."""

import torch
from torch import Tensor, nn
from torch.nn import functional


class ConvNorm(nn.Sequential):
    """Convolution, batch norm, ReLU."""

    def __init__(self, inside: int, out: int, *, size: int = 3, stride: int = 1) -> None:
        padding = 0 if size == stride else size // 2
        super().__init__(
            nn.Conv2d(inside, out, size, stride=stride, padding=padding, bias=False), nn.BatchNorm2d(out), nn.ReLU()
        )


class Residual(nn.Module):
    """A 3 x 3 convolution added to what goes in."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(width)

    def forward(self, maps: Tensor) -> Tensor:
        """maps (B, C, h, w) -> (B, C, h, w)."""
        return functional.relu(maps + self.norm(self.convolution(maps)))


class ImageTower(nn.Module):
    """RGB pictures -> one feature map at a quarter of their resolution, three scales added up.

    A patch stem of stride 4 and plain 3 x 3 convolutions: on CPU cores they run near peak speed, where depthwise
    convolutions and layer norms do not. It sees no words, so one pass serves any number of sentences.
    """

    def __init__(self, widths: tuple[int, int, int], features: int) -> None:
        super().__init__()
        fine, middle, coarse = widths
        self.stem = ConvNorm(3, fine, size=4, stride=4)
        self.fine = Residual(fine)
        self.middle = nn.Sequential(ConvNorm(fine, middle, stride=2), Residual(middle), Residual(middle))
        self.coarse = nn.Sequential(ConvNorm(middle, coarse, stride=2), Residual(coarse))
        self.from_fine = nn.Conv2d(fine, features, 1)
        self.from_middle = nn.Conv2d(middle, features, 1, bias=False)
        self.from_coarse = nn.Conv2d(coarse, features, 1, bias=False)

    def forward(self, pictures: Tensor) -> Tensor:
        """pictures (B, 3, H, W) in [-1, 1] -> features (B, F, H / 4, W / 4)."""
        fine = self.fine(self.stem(pictures))
        middle = self.middle(fine)
        coarse = self.coarse(middle)
        raised = self.from_middle(middle) + functional.interpolate(
            self.from_coarse(coarse), size=middle.shape[-2:], mode="nearest"
        )
        added = self.from_fine(fine) + functional.interpolate(raised, size=fine.shape[-2:], mode="nearest")
        return functional.relu(added)


class CropTower(nn.Module):
    """Small square pictures, each of one thing -> one vector each."""

    def __init__(self, widths: tuple[int, int, int], out: int) -> None:
        super().__init__()
        stem, fine, coarse = widths
        self.maps = nn.Sequential(
            ConvNorm(3, stem, size=4, stride=4),
            ConvNorm(stem, fine),
            Residual(fine),
            ConvNorm(fine, coarse, stride=2),
            Residual(coarse),
        )
        self.spread = nn.Conv2d(coarse, 24, 1)
        self.out = nn.Linear(coarse + 24 * (CROP // 8) ** 2, out)

    def forward(self, crops: Tensor) -> Tensor:
        """crops (N, 3, CROP, CROP) in [-1, 1] -> (N, out)."""
        maps = self.maps(crops)
        vectors: Tensor = self.out(torch.cat([maps.mean(dim=(2, 3)), self.spread(maps).flatten(1)], dim=1))
        return vectors


CROP = 32
"""Side of a crop, in pixels of the first camera's picture."""


class WristTower(nn.Module):
    """The hand's small picture -> features at an eighth of its resolution."""

    def __init__(self, widths: tuple[int, int]) -> None:
        super().__init__()
        fine, coarse = widths
        self.maps = nn.Sequential(
            ConvNorm(3, fine, size=4, stride=4),
            Residual(fine),
            Residual(fine),
            ConvNorm(fine, coarse, stride=2),
            Residual(coarse),
            Residual(coarse),
        )

    def forward(self, pictures: Tensor) -> Tensor:
        """pictures (B, 3, H, W) in [-1, 1] -> (B, C, H / 8, W / 8)."""
        maps: Tensor = self.maps(pictures)
        return maps


def grid(height: int, width: int) -> Tensor:
    """Centres of the cells of a map as (height * width, 2): u right and v down, both in [-1, 1]."""
    v = (torch.arange(height) + 0.5) / height * 2 - 1
    u = (torch.arange(width) + 0.5) / width * 2 - 1
    return torch.stack([u.repeat(height), v.repeat_interleave(width)], dim=1)
