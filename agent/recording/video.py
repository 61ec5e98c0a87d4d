"""A film and a contact sheet of an episode, with what was said and how it stands written under the picture."""

from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from agent.errors import SpecError
from agent.recording.log import status_words
from agent.recording.mp4 import FilmWriter
from agent.types import ImageArray, Observation, Status, Step

FrameSource = Callable[[Observation], ImageArray]
"""Gives the picture to film, uint8 (H, W, 3), for the observation at hand; it may render a larger one of its own."""

_MARGIN = 6
_PAPER, _INK, _FAINT, _GOOD, _BAD = (24, 24, 28), (240, 240, 240), (160, 160, 168), (110, 220, 130), (255, 130, 110)


def camera_frames(camera: str) -> FrameSource:
    """Return a source that films what the policy itself sees through `camera`."""

    def frame(observation: Observation) -> ImageArray:
        return observation.images[camera]

    return frame


class VideoRecorder:
    """Observer that films an episode to an H.264 mp4 that browsers play and that stays readable if the program dies.

    Picture k shows the scene after step k, at `fps` a second, preceded by what `begin` was given. Use it as a context
    manager, or call `close`.
    """

    def __init__(self, path: Path, source: FrameSource, *, fps: int, keep: int = 12) -> None:
        """keep: how many pictures, spread over the episode, `contact_sheet` gets."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self._film = FilmWriter(path, fps=fps, fragmented=True)
        self._source = source
        self._kept = Thinned(keep)

    def __enter__(self) -> "VideoRecorder":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def begin(self, observation: Observation) -> None:
        """Film the scene before the first step. Optional: without it the film starts after step 0."""
        self._shoot(observation, "start", Status())

    def on_step(self, tick: int, before: Observation, step: Step) -> None:
        self._shoot(step.observation, f"step {tick + 1}", step.status)

    @property
    def kept(self) -> list[ImageArray]:
        """Captioned pictures spread evenly over the episode so far, first and last among them."""
        return self._kept.pictures

    def close(self) -> None:
        """Finish the film; closing twice is allowed."""
        self._film.close()

    def _shoot(self, seen: Observation, when: str, status: Status) -> None:
        picture = captioned(self._source(seen), seen.instruction, f"{when} · {status_words(status)}", status)
        self._film.add(picture)
        self._kept.add(picture)


class Thinned:
    """Keeps about `most` items spread evenly over a stream of unknown length, and always the newest."""

    def __init__(self, most: int) -> None:
        if most < 2:
            raise SpecError(f"a contact sheet needs at least 2 pictures, got {most}")
        self._most, self._stride, self._seen = most, 1, 0
        self._items: list[ImageArray] = []
        self._newest: ImageArray | None = None

    def add(self, item: ImageArray) -> None:
        if self._seen % self._stride == 0:
            self._items.append(item)
            if len(self._items) == 2 * self._most:
                self._items, self._stride = self._items[::2], self._stride * 2
        self._seen += 1
        self._newest = item

    @property
    def pictures(self) -> list[ImageArray]:
        """Return at most `most` items in order."""
        items = list(self._items)
        if self._newest is not None and (not items or items[-1] is not self._newest):
            items.append(self._newest)
        if len(items) <= self._most:
            return items
        return [items[i] for i in np.linspace(0, len(items) - 1, self._most).round().astype(int)]


def captioned(picture: ImageArray, instruction: str, note: str, status: Status) -> ImageArray:
    """Return `picture` with a strip below it: the instruction, and `note` in a colour that tells how it goes.

    The result has even sides, as H.264 wants; it depends on the picture's size only.
    """
    height, width = picture.shape[:2]
    size = max(9, width // 26)
    strip = 2 * (size + _MARGIN) + _MARGIN
    sheet = Image.new("RGB", (width + width % 2, height + strip + (height + strip) % 2), _PAPER)
    sheet.paste(Image.fromarray(picture), (0, 0))
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(size)
    room = width - 2 * _MARGIN
    draw.text((_MARGIN, height + _MARGIN // 2), shortened(instruction, font, room), _INK, font)
    colour = _BAD if status.wrong_object else _GOOD if status.satisfied else _FAINT
    draw.text((_MARGIN, height + size + _MARGIN + _MARGIN // 2), shortened(note, font, room), colour, font)
    return np.asarray(sheet, dtype=np.uint8)


def shortened(text: str, font: ImageFont.ImageFont | ImageFont.FreeTypeFont, room: float) -> str:
    """Return as much of `text` as fits into `room` pixels, with an ellipsis where something is missing."""
    if font.getlength(text) <= room:
        return text
    while text and font.getlength(text + "…") > room:
        text = text[:-1]
    return text.rstrip() + "…"


def contact_sheet(pictures: Sequence[ImageArray], path: Path, *, columns: int = 4) -> Path:
    """Write `pictures`, uint8 (H, W, 3) of one size, row by row into one PNG and return its path.

    Raises SpecError when there is no picture or they differ in size.
    """
    sizes = {picture.shape for picture in pictures}
    if len(sizes) != 1:
        raise SpecError(f"a contact sheet needs pictures of one size, got {len(pictures)} of {len(sizes)} sizes")
    height, width = pictures[0].shape[:2]
    columns = min(columns, len(pictures))
    rows = -(-len(pictures) // columns)
    sheet = Image.new("RGB", (columns * (width + 2) + 2, rows * (height + 2) + 2), _PAPER)
    for number, picture in enumerate(pictures):
        sheet.paste(
            Image.fromarray(picture), (2 + number % columns * (width + 2), 2 + number // columns * (height + 2))
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    sheet.save(path)
    return path
