"""Looking without words: what stands in a picture of the table, where, and what the backbone takes it for."""

import hashlib
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch.nn import functional

from agent.types import CameraSpec, FloatArray, ImageArray
from policies.model import Trained
from policies.samples import as_pictures

NEAR_PEAK = 3
"""Cells of the heat map, across, within which a region's peak lies."""


@dataclass(frozen=True, eq=False)
class Look:
    """R regions of one picture, in no order that means anything.

    places (R, 2): u right and v down in the picture, from 0 to 1.  ground (R, 2): where the line of sight through each
    meets the table [m, base frame], and eye (3,): where it starts.  holds (R,): whether it was found among what holds
    other things.  scores (R,): that something is there, from 0 to 1.  kinds (R, K), colours (R, C): probabilities over
    the catalogue's numbers.  tokens (R, D): all that the backbone knows of each.
    """

    places: FloatArray
    ground: FloatArray
    eye: FloatArray
    holds: NDArray[np.bool_]
    scores: FloatArray
    kinds: FloatArray
    colours: FloatArray
    tokens: FloatArray

    def __len__(self) -> int:
        return len(self.places)

    def at_height(self, row: int, height: float) -> tuple[float, float]:
        """Return x, y [m, base frame] of what is seen in region `row` if it is `height` [m] above the table."""
        x, y = self.ground[row] + (self.eye[:2] - self.ground[row]) * (height / self.eye[2])
        return float(x), float(y)


class Looker:
    """Looks with the backbone of a trained policy; pictures may have any size and are squeezed to the one it knows."""

    def __init__(self, trained: Trained) -> None:
        self._backbone, self._camera = trained.model.backbone, trained.embodiment.cameras[0]

    @cached_property
    def space(self) -> str:
        """Names what vectors of its looks can be compared with: other weights, another name."""
        digest = hashlib.sha256()
        for name, value in sorted(self._backbone.state_dict().items()):
            digest.update(name.encode() + value.contiguous().numpy().tobytes())
        return f"backbone {digest.hexdigest()[:12]}"

    @torch.inference_mode()
    def look(self, picture: ImageArray) -> Look:
        """picture: RGB uint8 (H, W, 3) of the first camera."""
        pixels = as_pictures(fitted(picture, self._camera)[None], torch.device("cpu"))
        seen = self._backbone.look(pixels)
        described = self._backbone.describe(pixels, seen, self._backbone.find(seen))
        there = described.regions.there[0]
        tokens, places = described.tokens[0, there], described.regions.places[0, there]
        sort = described.regions.sort[0, there].long()
        peaks = functional.max_pool2d(seen.heat.sigmoid(), NEAR_PEAK, stride=1, padding=NEAR_PEAK // 2)
        heat = functional.grid_sample(peaks, places[None, None], mode="nearest", align_corners=False)[0, :, 0]
        camera = self._backbone.config.camera
        return Look(
            places=((places + 1) / 2).numpy(),
            ground=camera.on_plane(places, 0.0)[:, :2].numpy(),
            eye=np.asarray(camera.eye, dtype=np.float32),
            holds=(sort > 0).numpy(),
            scores=heat.gather(0, sort[None])[0].numpy(),
            kinds=self._backbone.kind(tokens).softmax(dim=1).numpy(),
            colours=self._backbone.colour(tokens).softmax(dim=1).numpy(),
            tokens=tokens.numpy(),
        )


def fitted(picture: ImageArray, camera: CameraSpec) -> ImageArray:
    """Return the picture (H, W, 3) squeezed to the camera's own size."""
    if picture.shape[:2] == (camera.height, camera.width):
        return picture
    return np.array(Image.fromarray(picture).resize((camera.width, camera.height), Image.Resampling.BOX))
