"""Cameras through OpenCV; a film stands for the device."""

import time
from pathlib import Path

import numpy as np
import pytest

from agent.errors import SpecError, WorldFault
from agent.types import CameraSpec

cv2 = pytest.importorskip("cv2", reason="the extra 'cameras' is not installed")

from agent.robots.opencv_eye import EyeSettings, OpenCVEye, fitted  # noqa: E402 - OpenCV may be missing


def film(path: Path, *, frames: int) -> str:
    """Write a film, red left and blue right, 64 x 48 pixels."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 30, (64, 48))
    picture = np.zeros((48, 64, 3), dtype=np.uint8)
    picture[:, :32, 2], picture[:, 32:, 0] = 255, 255
    for _ in range(frames):
        writer.write(picture)
    writer.release()
    return str(path)


def test_the_picture_is_rgb_of_the_wanted_size(tmp_path: Path) -> None:
    eye = OpenCVEye(EyeSettings("front", 24, 24, device=film(tmp_path / "film.avi", frames=400), patience_s=30))
    eye.open()
    picture = eye.look()
    eye.close()
    assert (picture.shape, picture.dtype) == ((24, 24, 3), np.uint8)
    assert picture[12, 4].tolist() == pytest.approx([255, 0, 0], abs=12)
    assert picture[12, 20].tolist() == pytest.approx([0, 0, 255], abs=12)


def test_a_camera_that_stops_giving_pictures_is_a_fault(tmp_path: Path) -> None:
    eye = OpenCVEye(EyeSettings("wrist", 24, 24, device=film(tmp_path / "film.avi", frames=2), patience_s=0.2))
    eye.open()
    with pytest.raises(WorldFault, match="camera 'wrist' has given no picture for"):
        for _ in range(100):
            eye.look()
            time.sleep(0.01)
    eye.close()
    with pytest.raises(WorldFault, match="is not open"):
        eye.look()


def test_what_cannot_be_opened_is_named(tmp_path: Path) -> None:
    with pytest.raises(WorldFault, match="camera 'front' cannot be opened"):
        OpenCVEye(EyeSettings("front", 24, 24, device=str(tmp_path / "nothing.avi"))).open()
    with pytest.raises(SpecError, match="names no device"):
        OpenCVEye(EyeSettings("front", 24, 24))


@pytest.mark.parametrize("shape", [(48, 64), (64, 48), (50, 50)])
def test_nothing_is_stretched(shape: tuple[int, int]) -> None:
    """The middle stays in the middle, and a square of the scene stays a square."""
    height, width = shape
    picture = np.zeros((height, width, 3), dtype=np.uint8)
    picture[height // 2 - 8 : height // 2 + 8, width // 2 - 8 : width // 2 + 8] = 255
    small = fitted(picture, CameraSpec("front", 25, 25))[..., 0] > 127
    rows, columns = np.flatnonzero(small.any(axis=1)), np.flatnonzero(small.any(axis=0))
    assert abs(len(rows) - len(columns)) <= 1
    assert rows.mean() == pytest.approx(12, abs=1)
    assert columns.mean() == pytest.approx(12, abs=1)
