"""Films, contact sheets and logs of an episode."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFont

from agent.doubles import PointTeacher, PointWorld, point_task
from agent.errors import SpecError
from agent.recording.log import EpisodeLog, status_words
from agent.recording.mp4 import decode
from agent.recording.video import (
    Thinned,
    VideoRecorder,
    camera_frames,
    captioned,
    contact_sheet,
    shortened,
)
from agent.runtime import run_episode
from agent.types import Observation, Status, Step


class Interrupter:
    def on_step(self, tick: int, before: Observation, step: Step) -> None:
        if tick == 6:
            raise KeyboardInterrupt


def test_film_and_contact_sheet(tmp_path: Path) -> None:
    world = PointWorld()

    def large(observation: Observation) -> np.ndarray:
        return world.render("front", 160, 160)

    with VideoRecorder(tmp_path / "out" / "film.mp4", large, fps=5, keep=6) as video:
        episode = run_episode(world, PointTeacher(world), point_task(1), seed=1, execute=1, observers=[video])
        sheet = contact_sheet(video.kept, tmp_path / "out" / "sheet.png", columns=3)
    film = decode(tmp_path / "out" / "film.mp4", first=0, count=episode.steps, fps=5)
    height, width = film.shape[1:3]
    assert width == 160 and height > 160 and height % 2 == 0
    assert np.abs(film[-1, :160].astype(int) - world.render("front", 160, 160)).mean() < 4
    assert film[0, 160:].std() > 20, "there is text in the strip below the picture"
    assert Image.open(sheet).size == (3 * (width + 2) + 2, 2 * (height + 2) + 2)
    assert len(video.kept) == 6


def test_interrupted_files_can_be_read(tmp_path: Path) -> None:
    world = PointWorld()
    video = VideoRecorder(tmp_path / "film.mp4", camera_frames("front"), fps=5)
    log = EpisodeLog(tmp_path)
    watchers = [video, log, Interrupter()]
    with pytest.raises(KeyboardInterrupt), video, log:
        run_episode(world, PointTeacher(world), point_task(0), seed=0, execute=1, observers=watchers)
    assert len(decode(tmp_path / "film.mp4", first=0, count=7, fps=5)) == 7
    assert len((tmp_path / "steps.jsonl").read_text().splitlines()) == 7


def test_log_holds_every_step_and_the_end(tmp_path: Path) -> None:
    world = PointWorld()
    with EpisodeLog(tmp_path) as log:
        episode = run_episode(world, PointTeacher(world), point_task(1), seed=1, execute=1, observers=[log])
        path = log.finish(episode)
    lines = [json.loads(line) for line in (tmp_path / "steps.jsonl").read_text().splitlines()]
    assert [line["tick"] for line in lines] == list(range(episode.steps))
    assert lines[3]["time"] == pytest.approx(0.6)
    assert len(lines[0]["executed"]) == 7 and len(lines[0]["state"]) == 4
    assert lines[-1]["status"]["held"] and not lines[0]["status"]["held"]
    summary = json.loads(path.read_text())
    assert (summary["outcome"], summary["seed"], summary["steps"]) == ("success", 1, episode.steps)
    assert summary["task"]["goal"]["target"] in point_task(1).instruction


@pytest.mark.parametrize("count", [1, 2, 11, 12, 13, 100, 1000])
def test_kept_pictures_are_spread_evenly(count: int) -> None:
    thinned = Thinned(12)
    for number in range(count):
        thinned.add(np.full((1, 1, 3), number % 256, dtype=np.uint8))
        newest = thinned._newest
    kept = thinned.pictures
    assert len(kept) == min(count, 12) and kept[-1] is newest
    assert kept[0].max() == 0
    if count == 100:
        gaps = np.diff([int(picture[0, 0, 0]) for picture in kept])
        assert gaps[:-1].min() >= 8 and gaps.max() <= 16, "only the newest may be nearer"


def test_captions_fit_and_change_colour() -> None:
    picture = np.zeros((64, 65, 3), dtype=np.uint8)
    plain = captioned(picture, "move the dot " * 20, "step 1", Status())
    assert plain.shape[0] % 2 == plain.shape[1] % 2 == 0
    assert plain.shape == captioned(picture, "go", "step 100 · done", Status(satisfied=True)).shape
    good, bad = (captioned(picture, "go", "x", s) for s in (Status(satisfied=True), Status(wrong_object="can")))
    assert (good != bad).any()
    font = ImageFont.load_default(12)
    assert shortened("short", font, 500) == "short"
    assert font.getlength(shortened("very long " * 30, font, 100)) <= 100


def test_contact_sheet_needs_pictures_of_one_size(tmp_path: Path) -> None:
    for pictures in ([], [np.zeros((2, 2, 3), np.uint8), np.zeros((4, 2, 3), np.uint8)]):
        with pytest.raises(SpecError, match="one size"):
            contact_sheet(pictures, tmp_path / "sheet.png")


def test_status_in_words() -> None:
    assert status_words(Status()) == "on the way"
    assert status_words(Status(reached=True, grasped=True, lifted=True)) == "lifted"
    assert status_words(Status(held=True, satisfied=True)) == "done"
    assert status_words(Status(lifted=True, wrong_object="can")) == "moved the can"
