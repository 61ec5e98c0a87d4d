"""A USB or network camera through OpenCV (extra `cameras`).

A thread keeps the newest picture; a silent camera is a fault.
"""

import importlib.util
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from agent.errors import SpecError, WorldFault
from agent.types import CameraSpec, ImageArray

if TYPE_CHECKING:
    import cv2

FIRST_PICTURE_SECONDS = 5.0


@dataclass(frozen=True)
class EyeSettings:
    """One camera. name, height, width: what the policy knows it by [pixels].

    device: number ("0"), device file, stream address or film that OpenCV opens; "" where pictures are emulated.
    patience_s: a camera that gave no picture for so long is broken [s].
    """

    name: str
    height: int
    width: int
    device: str = ""
    patience_s: float = 0.5

    @property
    def spec(self) -> CameraSpec:
        return CameraSpec(self.name, self.height, self.width)


class OpenCVEye:
    """An Eye. The middle of the picture is cut to the wanted shape and scaled; nothing is stretched."""

    def __init__(self, settings: EyeSettings) -> None:
        """Raise SpecError when no device is named."""
        if not settings.device:
            raise SpecError(f"camera '{settings.name}' names no device; give a number such as '0', or a file")
        self._settings = settings
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None
        self._newest: tuple[ImageArray, float] | None = None
        self._came = threading.Event()

    @property
    def spec(self) -> CameraSpec:
        return self._settings.spec

    def open(self) -> None:
        """Open it and wait for the first picture; raise WorldFault when none comes."""
        if self._thread is not None:
            return
        if importlib.util.find_spec("cv2") is None:
            raise SpecError("cameras need OpenCV; install it with: pip install 'aubergine[cameras]'")
        import cv2

        device = self._settings.device
        capture = cv2.VideoCapture(int(device) if device.isdigit() else device)
        if not capture.isOpened():
            capture.release()
            raise WorldFault(f"camera '{self._settings.name}' cannot be opened at '{device}'")
        # Old pictures in the driver's queue would show where the robot was.
        capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)
        self._closing.clear()
        self._came.clear()
        self._thread = threading.Thread(target=self._watch, args=(capture,), name=f"camera {device}", daemon=True)
        self._thread.start()
        if not self._came.wait(FIRST_PICTURE_SECONDS):
            self.close()
            raise WorldFault(f"camera '{self._settings.name}' is open and gives no picture")

    def look(self) -> ImageArray:
        newest = self._newest
        if newest is None:
            raise WorldFault(f"camera '{self._settings.name}' is not open")
        picture, at = newest
        age = time.monotonic() - at
        if age > self._settings.patience_s:
            raise WorldFault(f"camera '{self._settings.name}' has given no picture for {age:.1f} s")
        return picture

    def close(self) -> None:
        self._closing.set()
        if self._thread is not None:
            self._thread.join(FIRST_PICTURE_SECONDS)
        self._thread, self._newest = None, None

    def _watch(self, capture: "cv2.VideoCapture") -> None:
        import cv2

        while not self._closing.is_set():
            there, picture = capture.read()
            if not there:
                # A camera that was unplugged answers at once, again and again.
                self._closing.wait(0.02)
                continue
            rgb = np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB), dtype=np.uint8)
            self._newest = fitted(rgb, self.spec), time.monotonic()
            self._came.set()
        capture.release()


def fitted(picture: ImageArray, spec: CameraSpec) -> ImageArray:
    """Return the largest middle part (H, W, 3) of `picture` that has the wanted shape, scaled by area means."""
    import cv2

    height, width = picture.shape[:2]
    shape = spec.width / spec.height
    wide, high = min(width, round(height * shape)), min(height, round(width / shape))
    top, left = (height - high) // 2, (width - wide) // 2
    middle = picture[top : top + high, left : left + wide]
    return np.asarray(cv2.resize(middle, (spec.width, spec.height), interpolation=cv2.INTER_AREA), dtype=np.uint8)
