"""Films: every picture comes back at its place, joining equals encoding, damage is named."""

from pathlib import Path

import numpy as np
import pytest

from agent.errors import SpecError
from agent.recording.mp4 import FilmWriter, decode, encode, join


def gradient_film(count: int, *, start: int = 0, height: int = 32, width: int = 48) -> np.ndarray:
    """Smooth pictures (no loss from colour subsampling) that all differ: number k is brighter than k - 1."""
    ramp = np.linspace(0, 60, width)[None, None, :, None] + np.linspace(0, 20, height)[None, :, None, None]
    level = 5.0 * (start + np.arange(count))[:, None, None, None]
    return np.broadcast_to(ramp + level + 20, (count, height, width, 3)).astype(np.uint8)


def test_every_picture_comes_back_at_its_place(tmp_path: Path) -> None:
    film = gradient_film(23)
    encode(tmp_path / "film.mp4", film, fps=5)
    for first, count in ((0, 23), (0, 1), (7, 5), (22, 1)):
        got = decode(tmp_path / "film.mp4", first=first, count=count, fps=5)
        assert got.shape == (count, 32, 48, 3) and got.dtype == np.uint8
        # Neighbours differ by 5 levels, so an error of one picture would show.
        assert np.abs(got.astype(int) - film[first : first + count]).mean(axis=(1, 2, 3)).max() < 1.5


@pytest.mark.parametrize("fps", [5, 10, 30])
def test_joined_films_equal_their_parts(tmp_path: Path, fps: int) -> None:
    lengths, parts = (3, 11, 1, 6), []
    for number, length in enumerate(lengths):
        parts.append(tmp_path / f"{number}.mp4")
        encode(parts[-1], gradient_film(length, start=sum(lengths[:number])), fps=fps)
    join(tmp_path / "all.mp4", parts, fps=fps)
    first = 0
    for part, length in zip(parts, lengths, strict=True):
        alone = decode(part, first=0, count=length, fps=fps)
        np.testing.assert_array_equal(decode(tmp_path / "all.mp4", first=first, count=length, fps=fps), alone)
        first += length
    with pytest.raises(SpecError, match="cut off"):
        decode(tmp_path / "all.mp4", first=first, count=1, fps=fps)


def test_damaged_and_foreign_files_are_named(tmp_path: Path) -> None:
    path = tmp_path / "film.mp4"
    encode(path, gradient_film(12), fps=5)
    whole = path.read_bytes()
    for content in (whole[: len(whole) // 2], b"", b"not a film at all"):
        path.write_bytes(content)
        with pytest.raises(SpecError, match=r"film\.mp4"):
            decode(path, first=0, count=12, fps=5)
    with pytest.raises(SpecError, match=r"none\.mp4"):
        decode(tmp_path / "none.mp4", first=0, count=1, fps=5)


def test_a_film_can_be_read_while_it_is_written(tmp_path: Path) -> None:
    path, film = tmp_path / "film.mp4", gradient_film(23)
    writer = FilmWriter(path, fps=5, fragmented=True)
    for picture in film:
        writer.add(picture)
    copy = tmp_path / "copy.mp4"
    copy.write_bytes(path.read_bytes())
    assert len(decode(copy, first=0, count=15, fps=5)) == 15
    writer.close()
    writer.close()
    assert len(decode(path, first=0, count=23, fps=5)) == 23


def test_sizes_that_h264_cannot_hold_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="even picture sizes, got 33 x 48"):
        encode(tmp_path / "a.mp4", gradient_film(1, height=33), fps=5)
    with FilmWriter(tmp_path / "b.mp4", fps=5) as film, pytest.raises(SpecError, match="this picture 16 x 48"):
        film.add(gradient_film(1)[0])
        film.add(gradient_film(1, height=16)[0])
