"""What a driver asks of a camera, how a file names one, and how a picture is cut to the size that a policy knows."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from PIL import Image

from agent.errors import SpecError
from agent.types import CameraSpec, ImageArray


class Eye(Protocol):
    """One camera. A driver opens it when it connects and closes it when it disconnects."""

    @property
    def spec(self) -> CameraSpec:
        """Its name and picture size; readable while it is closed."""
        ...

    def open(self) -> None:
        """Open it; raise WorldFault in one sentence when it cannot be had."""
        ...

    def look(self) -> ImageArray:
        """Return the newest picture, uint8 (H, W, 3) RGB, not shared with later ones."""
        ...

    def close(self) -> None:
        """Close it; never raises, twice is allowed."""
        ...


@dataclass(frozen=True)
class EyeSettings:
    """One camera, as a file in configs/robot names it.

    name, height, width: what the policy knows it by [pixels].
    device: number ("0"), device file, address of a stream or film that OpenCV opens; "" where pictures are emulated.
    capture: width and height that the device is asked for [pixels]; None leaves its own.
    rate_hz: pictures a second that it is asked for; a film is played at this rate. None leaves its own.
    patience_s: a camera that gave no picture for so long is broken [s].
    still_s: so is one whose pictures were exactly equal for so long [s], as real sensors have noise. None: they may be.
    """

    name: str
    height: int
    width: int
    device: str = ""
    capture: tuple[int, int] | None = None
    rate_hz: float | None = None
    patience_s: float = 0.5
    still_s: float | None = None

    def __post_init__(self) -> None:
        if self.height < 1 or self.width < 1 or (self.capture and min(self.capture) < 1):
            raise SpecError(f"camera '{self.name}': height, width and capture must be at least 1 pixel")
        for field in ("rate_hz", "patience_s", "still_s"):
            value = getattr(self, field)
            if value is not None and value <= 0:
                raise SpecError(f"camera '{self.name}': {field} must be above 0, got {value:g}")

    @property
    def spec(self) -> CameraSpec:
        return CameraSpec(self.name, self.height, self.width)


def fitted(picture: ImageArray, spec: CameraSpec) -> ImageArray:
    """Return the largest middle part (H, W, 3) of `picture` that has the wanted shape, scaled by area means."""
    height, width = picture.shape[:2]
    shape = spec.width / spec.height
    wide, high = min(width, round(height * shape)), min(height, round(width / shape))
    top, left = (height - high) // 2, (width - wide) // 2
    middle = Image.fromarray(picture[top : top + high, left : left + wide])
    return np.array(middle.resize((spec.width, spec.height), Image.Resampling.BOX), dtype=np.uint8)
