"""Contact sheets: one size a tile, the verdict round it, and a sheet of every use."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from imagination.gallery import ACROSS, GIVEN, RIGHT, SHEETS, TITLE, WRONG, contact_sheet, main


def test_tiles_are_framed_by_their_verdict() -> None:
    picture = np.full((8, 8, 3), 7, dtype=np.uint8)
    sheet = contact_sheet([(picture, RIGHT, "a"), (picture, WRONG, "b")])
    tile = sheet.shape[1] // ACROSS
    assert tuple(sheet[-1, 0]) == RIGHT and tuple(sheet[-1, tile]) == WRONG
    assert tuple(sheet[-1, -1]) == (255, 255, 255)
    assert (sheet[TITLE:] == 7).all(axis=2).sum() == 2 * 16 * 16
    assert len({RIGHT, WRONG, GIVEN}) == 3


def test_every_sheet_is_drawn(latent_folder: Path, judge_folder: Path, tmp_path: Path) -> None:
    words = [str(tmp_path), "--model", str(latent_folder), "--judge", str(judge_folder), "--n", "4", "--seed", "500000"]
    assert main(words) == 0
    for name in SHEETS:
        with Image.open(tmp_path / f"imagined_{name}.png") as sheet:
            assert sheet.width > 200, name


def test_without_a_model_it_says_so(judge_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path), "--model", str(tmp_path), "--judge", str(judge_folder)]) == 2
    assert "holds no denoiser" in capsys.readouterr().err
