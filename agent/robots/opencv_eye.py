"""A USB or network camera, or a film, through OpenCV (extra `cameras`).

A thread keeps the newest picture; a silent camera, or one that shows the same picture for ever, is a fault.
"""

import importlib.util
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from agent.errors import SpecError, WorldFault
from agent.robots.eye import Eye, EyeSettings, fitted
from agent.types import CameraSpec, ImageArray

if TYPE_CHECKING:
    import cv2

FIRST_PICTURE_SECONDS = 5.0


class OpenCVEye:
    """An Eye. The middle of the picture is cut to the wanted shape and scaled; nothing is stretched."""

    def __init__(self, settings: EyeSettings) -> None:
        """Raise SpecError when no device is named."""
        if not settings.device:
            raise SpecError(f"camera '{settings.name}' names no device; give a number such as '0', or a file")
        self._settings = settings
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None
        self._newest: ImageArray | None = None
        self._came_at = self._changed_at = 0.0
        self._came = threading.Event()

    @property
    def spec(self) -> CameraSpec:
        return self._settings.spec

    def open(self) -> None:
        """Open it and wait for the first picture; raise WorldFault when none comes."""
        if self._thread is not None:
            return
        capture = self._capture()
        self._closing.clear()
        self._came.clear()
        name = f"camera {self._settings.device}"
        self._thread = threading.Thread(target=self._watch, args=(capture,), name=name, daemon=True)
        self._thread.start()
        if not self._came.wait(FIRST_PICTURE_SECONDS):
            self.close()
            raise WorldFault(f"camera '{self._settings.name}' is open and gives no picture")

    def look(self) -> ImageArray:
        newest, now = self._newest, time.monotonic()
        name, still_s = self._settings.name, self._settings.still_s
        if newest is None:
            raise WorldFault(f"camera '{name}' is not open")
        if now - self._came_at > self._settings.patience_s:
            raise WorldFault(f"camera '{name}' has given no picture for {now - self._came_at:.1f} s")
        if still_s is not None and now - self._changed_at > still_s:
            raise WorldFault(f"camera '{name}' has shown the same picture for {now - self._changed_at:.1f} s")
        return newest

    def close(self) -> None:
        self._closing.set()
        if self._thread is not None:
            self._thread.join(FIRST_PICTURE_SECONDS)
        self._thread, self._newest = None, None

    def _capture(self) -> "cv2.VideoCapture":
        if importlib.util.find_spec("cv2") is None:
            raise SpecError("cameras need OpenCV; install it with: pip install 'aubergine[cameras]'")
        import cv2

        settings = self._settings
        device = settings.device
        capture = cv2.VideoCapture(int(device) if device.isdigit() else device)
        if not capture.isOpened():
            capture.release()
            raise WorldFault(f"camera '{settings.name}' cannot be opened at '{device}'")
        # Old pictures in the driver's queue would show where the robot was.
        capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)
        if settings.capture is not None:
            capture.set(cv2.CAP_PROP_FRAME_WIDTH, settings.capture[0])
            capture.set(cv2.CAP_PROP_FRAME_HEIGHT, settings.capture[1])
        if settings.rate_hz is not None:
            capture.set(cv2.CAP_PROP_FPS, settings.rate_hz)
        return capture

    def _watch(self, capture: "cv2.VideoCapture") -> None:
        import cv2

        rate = self._settings.rate_hz
        # A device gives its pictures when they are there; a film gives all at once.
        pause = 1 / rate if rate is not None and Path(self._settings.device).is_file() else 0.0
        last: object = None
        while not self._closing.is_set():
            there, picture = capture.read()
            if not there:
                # A camera that was unplugged answers at once, again and again.
                self._closing.wait(0.02)
                continue
            now = time.monotonic()
            if not isinstance(last, np.ndarray) or not np.array_equal(picture, last):
                self._changed_at = now
            last = picture
            self._came_at = now
            rgb = np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB), dtype=np.uint8)
            self._newest = fitted(rgb, self.spec)
            self._came.set()
            self._closing.wait(pause)
        capture.release()


def eyes_for(cameras: Sequence[EyeSettings], eyes: Sequence[Eye] | None) -> tuple[Eye, ...]:
    """Return `eyes` where they are given, else OpenCV's for the cameras that the settings name.

    Raises SpecError when a camera names no device, or two have the same name.
    """
    names = [camera.name for camera in cameras]
    if len(set(names)) < len(names):
        raise SpecError(f"two cameras have the same name among {', '.join(names)}")
    return tuple(map(OpenCVEye, cameras)) if eyes is None else tuple(eyes)
