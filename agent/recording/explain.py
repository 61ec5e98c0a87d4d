"""Draws an explanation on a picture: where the policy looks, the path it plans, and how sure it is of its tokens."""

from collections.abc import Callable
from itertools import pairwise

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from agent.types import Explanation, FloatArray, HeatMap, ImageArray

Projection = Callable[[FloatArray], FloatArray]
"""Points (N, 3) in the base frame [m] -> (N, 3): pixels u, v of the picture drawn on, and depth [m], <= 0 behind."""

PANEL = 160
"""Width [pixels] of the strip to the right of the picture."""
COLOURS = {"subject": (255, 170, 0), "target": (0, 190, 255)}
_OTHER, _INK, _PAPER, _FAINT = (220, 90, 255), (240, 240, 240), (24, 24, 28), (150, 150, 158)
_OPEN, _CLOSED = (110, 220, 130), (255, 80, 70)
_STRONGEST = 0.65
_SURE, _UNSURE = np.array([110, 220, 130]), np.array([70, 40, 50])


class Overlay:
    """Draws on pictures of `camera`; `project` says where points lie in them (without it no path is drawn)."""

    def __init__(self, camera: str, project: Projection | None) -> None:
        self._camera, self._project = camera, project

    def draw(self, picture: ImageArray, explanation: Explanation | None) -> ImageArray:
        """Return uint8 (H, W + PANEL, 3): the picture with heat and path on it, the tokens beside it.

        Without an explanation the strip stays empty, so that a film keeps its size.
        """
        height, width = picture.shape[:2]
        sheet = Image.new("RGB", (width + PANEL, height), _PAPER)
        seen = [] if explanation is None else [heat for heat in explanation.heat if heat.camera == self._camera]
        sheet.paste(Image.fromarray(heated(picture, seen)), (0, 0))
        draw = ImageDraw.Draw(sheet)
        for heat in seen:
            _mark(draw, heat, (height, width))
        if explanation is not None:
            if self._project is not None and len(explanation.path):
                _draw_path(draw, self._project(explanation.path), explanation.opening, (height, width))
            _draw_panel(draw, explanation, seen, (width, height))
        return np.asarray(sheet, dtype=np.uint8)


def heated(picture: ImageArray, heat: list[HeatMap]) -> ImageArray:
    """Return the picture (H, W, 3) tinted where each map (h, w) is warm: full strength at its peak, none at 0."""
    tinted = picture.astype(np.float32)
    for one in heat:
        strength = _STRONGEST * np.sqrt(enlarged(one.heat, picture.shape[:2]))[..., None]
        tinted += strength * (np.array(_colour(one), dtype=np.float32) - tinted)
    return np.clip(np.rint(tinted), 0, 255).astype(np.uint8)


def enlarged(heat: FloatArray, size: tuple[int, int]) -> FloatArray:
    """Return the map at `size` (height, width), smooth between its cells, its peak 1."""
    small = Image.fromarray((heat / max(float(heat.max()), 1e-12)).astype(np.float32))
    large = np.asarray(small.resize((size[1], size[0]), Image.Resampling.BILINEAR), dtype=np.float32)
    clipped: FloatArray = np.clip(large, 0, 1)
    return clipped


def peak(heat: FloatArray, size: tuple[int, int]) -> tuple[float, float]:
    """Return the pixel (u, v) of a picture of `size` (height, width) that the middle of the warmest cell covers."""
    row, column = np.unravel_index(int(np.argmax(heat)), heat.shape)
    return (float(column) + 0.5) * size[1] / heat.shape[1], (float(row) + 0.5) * size[0] / heat.shape[0]


def _colour(heat: HeatMap) -> tuple[int, int, int]:
    return COLOURS.get(heat.label, _OTHER)


def _mark(draw: ImageDraw.ImageDraw, heat: HeatMap, size: tuple[int, int]) -> None:
    u, v = peak(heat.heat, size)
    reach = max(4, size[0] // 40)
    draw.ellipse((u - reach, v - reach, u + reach, v + reach), outline=_colour(heat), width=2)
    draw.line((u - 2 * reach, v, u - reach, v), fill=_colour(heat), width=2)
    draw.line((u + reach, v, u + 2 * reach, v), fill=_colour(heat), width=2)


def _draw_path(draw: ImageDraw.ImageDraw, pixels: FloatArray, opening: FloatArray, size: tuple[int, int]) -> None:
    """A line from where the gripper is, a dot after each row; what lies behind the camera is left out."""
    seen = [(u, v) if depth > 0 else None for u, v, depth in pixels.tolist()]
    for one, other in pairwise(seen):
        if one is not None and other is not None:
            draw.line((*one, *other), fill=_INK, width=2)
    dot = max(2, size[0] // 110)
    for place, opened in zip(seen, opening.tolist(), strict=True):
        if place is not None:
            (u, v), colour = place, _OPEN if opened > 0.5 else _CLOSED
            draw.ellipse((u - dot, v - dot, u + dot, v + dot), fill=colour, outline=_PAPER)


def _draw_panel(
    draw: ImageDraw.ImageDraw, explanation: Explanation, seen: list[HeatMap], corner: tuple[int, int]
) -> None:
    left, height = corner
    text = max(9, height // 40)
    font = ImageFont.load_default(text)
    line, margin = text + 4, 6
    top = margin
    chances = explanation.probabilities
    if chances.size:
        draw.text((left + margin, top), "token probability, %", _INK, font)
        top = _draw_tokens(draw, chances, (left + margin, top + line + 2), bottom=height - 5 * line)
        draw.text((left + margin, top + 2), f"mean {100 * float(np.nanmean(chances)):.0f}", _FAINT, font)
    top = height - (2 + len(seen)) * line - margin
    for heat in seen:
        draw.rectangle((left + margin, top + 3, left + margin + text - 3, top + text), fill=_colour(heat))
        draw.text(
            (left + margin + text + 3, top), f"{heat.label}, peak {100 * float(heat.heat.max()):.0f}%", _INK, font
        )
        top += line
    for words, colour in (("path, open", _OPEN), ("path, closed", _CLOSED)):
        draw.ellipse((left + margin, top + 3, left + margin + text - 3, top + text), fill=colour)
        draw.text((left + margin + text + 3, top), words, _INK, font)
        top += line


def _draw_tokens(draw: ImageDraw.ImageDraw, chances: FloatArray, at: tuple[int, int], *, bottom: int) -> int:
    """A cell a token, the rows downwards, green where sure; return where the grid ends."""
    columns = int(chances.shape[1])
    # A long single row is broken into several lines: narrower cells could not be told apart.
    per_line = min(columns, 8)
    lines = len(chances) * -(-columns // per_line)
    side = max(1, (PANEL - 12) // per_line)
    tall = max(1, min(side, (bottom - at[1]) // lines))
    font = ImageFont.load_default(max(7, min(side, tall) // 2 - 1))
    number = 0
    for row in chances:
        for start in range(0, columns, per_line):
            for place, chance in enumerate(row[start : start + per_line].tolist()):
                left, top = at[0] + place * side, at[1] + number * tall
                sure = np.rint(_UNSURE + (_SURE - _UNSURE) * np.sqrt(chance)).astype(int)
                box = (left, top, left + side - 2, top + max(tall - 2, 0))
                draw.rectangle(box, fill=(sure[0], sure[1], sure[2]))
                if tall >= 11:
                    draw.text((left + 2, top + 1), f"{100 * chance:.0f}", _PAPER if chance > 0.25 else _INK, font)
            number += 1
    return at[1] + number * tall
