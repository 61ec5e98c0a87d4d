"""Cameras through OpenCV's own VideoCapture; a film stands for the device."""

import json
import time
from pathlib import Path

import numpy as np
import pytest

from agent.doubles import FixedPolicy
from agent.errors import SpecError, WorldFault
from agent.robots.eye import EyeSettings, fitted
from agent.robots.fake import FakeConfig, FakeRobot
from agent.robots.opencv_eye import OpenCVEye, eyes_for
from agent.robots.world import RobotWorld, Watch
from agent.runtime import run_episode
from agent.types import CameraSpec, Outcome, Task

cv2 = pytest.importorskip("cv2", reason="the extra 'cameras' is not installed")


def film(path: Path, *, frames: int, still_from: int = 0) -> str:
    """Write a film, red left and blue right, 64 x 48 pixels; until frame `still_from` a white square grows in it."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 30, (64, 48))
    for number in range(frames):
        picture = np.zeros((48, 64, 3), dtype=np.uint8)
        picture[:, :32, 2], picture[:, 32:, 0] = 255, 255
        picture[:8, : min(number, still_from)] = 255
        writer.write(picture)
    writer.release()
    return str(path)


def test_the_picture_is_rgb_of_the_wanted_size(tmp_path: Path) -> None:
    device = film(tmp_path / "film.avi", frames=400)
    eye = OpenCVEye(EyeSettings("front", 24, 24, device=device, patience_s=30))
    eye.open()
    picture = eye.look()
    eye.close()
    assert (picture.shape, picture.dtype) == ((24, 24, 3), np.uint8)
    assert picture[12, 4].tolist() == pytest.approx([255, 0, 0], abs=12)
    assert picture[12, 20].tolist() == pytest.approx([0, 0, 255], abs=12)


def test_a_film_is_played_at_the_rate_that_is_asked_for(tmp_path: Path) -> None:
    device = film(tmp_path / "film.avi", frames=60, still_from=60)
    eye = OpenCVEye(EyeSettings("front", 48, 64, device=device, rate_hz=20, patience_s=30))
    eye.open()
    began, first = time.monotonic(), eye.look()
    while (seen := eye.look())[4].sum() < first[4].sum() + 6 * 255 and time.monotonic() < began + 20:
        time.sleep(0.01)
    eye.close()
    assert seen[4].sum() >= first[4].sum() + 6 * 255
    assert time.monotonic() - began > 0.15, "three frames of white at 20 a second"


def test_a_camera_that_stops_giving_pictures_is_a_fault(tmp_path: Path) -> None:
    eye = OpenCVEye(EyeSettings("wrist", 24, 24, device=film(tmp_path / "film.avi", frames=2), patience_s=0.2))
    eye.open()
    with pytest.raises(WorldFault, match="camera 'wrist' has given no picture for"):
        for _ in range(1000):
            eye.look()
            time.sleep(0.01)
    eye.close()
    with pytest.raises(WorldFault, match="is not open"):
        eye.look()


def test_a_camera_that_repeats_its_picture_is_a_fault_once_that_takes_too_long(tmp_path: Path) -> None:
    device = film(tmp_path / "film.avi", frames=400, still_from=20)
    eye = OpenCVEye(EyeSettings("wrist", 24, 24, device=device, rate_hz=100, patience_s=30, still_s=0.6))
    eye.open()
    with pytest.raises(WorldFault, match="camera 'wrist' has shown the same picture for"):
        for _ in range(3000):
            eye.look()
            time.sleep(0.01)
    eye.close()


@pytest.mark.parametrize(
    ("frames", "still_from", "patience_s", "words"),
    [
        (600, 40, 30.0, "camera 'wrist' has shown the same picture 4 times"),
        (40, 40, 0.3, "camera 'wrist' has given no"),
    ],
)
def test_the_robot_is_stopped_when_a_camera_freezes(
    tmp_path: Path, frames: int, still_from: int, patience_s: float, words: str
) -> None:
    device = film(tmp_path / "film.avi", frames=frames, still_from=still_from)
    wrist = EyeSettings("wrist", 48, 64, device=device, rate_hz=50, patience_s=patience_s)
    robot = FakeRobot(FakeConfig(cameras=(EyeSettings("front", 24, 24), wrist), rate_hz=10))
    world = RobotWorld(robot, watch=Watch(observation=None, frozen_pictures=3))
    policy = FixedPolicy(world.embodiment, np.array([[0.01, 0, 0, 0, 0, 0, 1]], dtype=np.float32))
    episode = run_episode(world, policy, Task("drive", "wave", None, 300), seed=0, execute=1)
    assert episode.outcome is Outcome.ERROR
    assert words in episode.detail
    assert robot.stops == 1
    world.close()


def test_what_cannot_be_opened_is_named_and_nothing_stays_open(tmp_path: Path) -> None:
    nothing = EyeSettings("front", 24, 24, device=str(tmp_path / "nothing.avi"))
    with pytest.raises(WorldFault, match="camera 'front' cannot be opened"):
        OpenCVEye(nothing).open()
    robot = FakeRobot(FakeConfig(cameras=(nothing,)))
    with pytest.raises(WorldFault, match="camera 'front' cannot be opened"):
        robot.connect()
    with pytest.raises(WorldFault, match="not connected"):
        robot.read()


def test_settings_that_make_no_camera_are_refused() -> None:
    with pytest.raises(SpecError, match="names no device"):
        OpenCVEye(EyeSettings("front", 24, 24))
    with pytest.raises(SpecError, match="two cameras have the same name among front, front"):
        eyes_for([EyeSettings("front", 24, 24, device="0")] * 2, None)
    with pytest.raises(SpecError, match="at least 1 pixel"):
        EyeSettings("front", 0, 24)
    with pytest.raises(SpecError, match="rate_hz must be above 0"):
        EyeSettings("front", 24, 24, rate_hz=0)


def test_check_robot_shows_the_cameras_of_the_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from agent.cli.program import main

    device = film(tmp_path / "film.avi", frames=2000, still_from=2000)
    text = f"{{name: front, height: 24, width: 32, device: {device}, rate_hz: 60, patience_s: 30}}"
    path = tmp_path / "robot.yaml"
    path.write_text(f"driver: fake\nsettings:\n  cameras: [{text}]\n", encoding="utf-8")
    assert main(["check-robot", str(path), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["cameras"]["front"]["height"], found["cameras"]["front"]["width"]) == (24, 32)
    assert 60 < found["cameras"]["front"]["brightness"] < 140
    path.write_text(path.read_text().replace(device, str(tmp_path / "gone.avi")), encoding="utf-8")
    assert main(["check-robot", str(path), "--json"]) == 1
    assert "camera 'front' cannot be opened" in json.loads(capsys.readouterr().out)["problems"][0]


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
