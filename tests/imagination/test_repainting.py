"""Repainted frames: what shows a thing stays bit for bit, what shows nothing changes, parts are whole or absent."""

from pathlib import Path

import numpy as np
import pytest

from agent.cli.classroom import ClassroomFactory, Share
from agent.recording.collect import collect
from agent.recording.frame_sink import FrameStoreSink
from agent.types import CameraSpec
from imagination.imaginer import Draw, LatentImaginer
from imagination.repainting import main, repaint_store, repainted, shows_nothing
from policies.data import FrameStore

DRAW = Draw(steps=2, quiet=True)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data") / "frames"
    cameras = (CameraSpec("front", 96, 96), CameraSpec("wrist", 32, 32))
    factory = ClassroomFactory((Share("eggplant_in_bowl"),), cameras=cameras)
    collect(
        factory, range(1_000_000, 1_000_001), (FrameStoreSink(folder),), attempts_file=folder / "a.jsonl", workers=1
    )
    return folder


def test_only_what_shows_nothing_is_painted(store: Path, latent_folder: Path) -> None:
    frames = FrameStore(store).batch(np.arange(6))
    before = frames.images["front"].copy(), frames.images["wrist"].copy()
    after = repainted(before[0].copy(), before[1].copy(), LatentImaginer(latent_folder), DRAW)
    for old, new in zip(before, after, strict=True):
        nothing = np.stack([shows_nothing(picture) for picture in old])
        assert 0.2 < nothing.mean() < 0.95
        assert np.array_equal(new[~nothing], old[~nothing])
        assert (new[nothing] != old[nothing]).any(axis=1).mean() > 0.9


def test_a_store_is_copied_with_other_pictures_and_equal_everything_else(
    store: Path, latent_folder: Path, tmp_path: Path
) -> None:
    assert main([str(store), str(tmp_path / "out"), "--model", str(latent_folder), "--steps", "2"]) == 0
    old, new = FrameStore(store), FrameStore(tmp_path / "out")
    assert len(old) == len(new) and np.array_equal(old.action, new.action)
    assert old.instructions == new.instructions
    chosen = np.arange(len(old))
    assert not np.array_equal(old.batch(chosen).images["front"], new.batch(chosen).images["front"])
    written = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*.npy")}
    repaint_store(store, tmp_path / "out", LatentImaginer(latent_folder), DRAW)
    assert written == {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*.npy")}


def test_what_is_no_store_is_refused(tmp_path: Path, latent_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path), str(tmp_path / "out"), "--model", str(latent_folder)]) == 2
    assert "holds no frames" in capsys.readouterr().err
    assert main([str(tmp_path), str(tmp_path / "out"), "--model", str(tmp_path)]) == 2
    assert "holds no denoiser" in capsys.readouterr().err
