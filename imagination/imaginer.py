"""What can imagine: the port, and the latent model of this project behind it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from tqdm import tqdm

from agent.types import ImageArray
from imagination.autoencoder import as_pictures, as_pixels, decode, encode, load_autoencoder
from imagination.captions import PlacedBox, read_caption
from imagination.denoiser import FRAMES, load_denoiser, sample_clips
from imagination.hands import Motion
from imagination.judge import Reading, load_judge
from imagination.reading import closeness
from imagination.samples import Row, Words, changed_pixels, known_of
from imagination.staging import stage_caption, stage_goal
from imagination.vocabulary import COLOUR_NAMES, COLOUR_NUMBER, KIND_NAMES, KIND_NUMBER, NOTHING
from policies.text import make_text_encoder
from sim.objects import Description

SHIPPED = Path(__file__).parent / "pretrained" / "latent"
CRITIC = Path(__file__).parent / "pretrained" / "critic"
"""A second judge, trained on other scenes: what the first one measures is never chosen by it."""
STEPS = {"scene": 4, "layout": 4, "inpaint": 8, "goal": 4, "film": 4, "rollout": 1}
"""Of denoising, what is best for every use on development scenes: of few steps drafts differ more, and one is chosen;
what actions come to is hardly open."""
GUIDANCE = {"scene": 2.0, "layout": 2.0, "inpaint": 1.0, "goal": 2.0, "film": 2.0, "rollout": 1.0}
"""What is best for every use: to exaggerate what is hardly open only spoils it."""
CHOSEN = ("layout", "goal")
"""Uses of which several drafts are drawn, where it is said what shall stand in which box."""


@dataclass(frozen=True)
class Draw:
    """How to sample. seed: equal ones give equal pictures.  steps: of denoising.  guidance: towards what is asked for,
    1 for none; where these are None, what is best for the use, or the pipeline's own.  candidates: how often the latent
    model draws what shall stand in boxes; the critic keeps what shows it best.  quiet: no progress bar."""

    seed: int = 0
    steps: int | None = None
    guidance: float | None = None
    candidates: int = 8
    quiet: bool = False


class Imaginer(Protocol):
    """Draws pictures uint8 (H, W, 3). Raises SpecError where its model cannot do what is asked."""

    def scene(self, text: str, draw: Draw) -> ImageArray:
        """A picture of what the text says."""
        ...

    def layout(self, boxes: Sequence[PlacedBox], text: str | None, draw: Draw) -> ImageArray:
        """A picture with these things in these boxes."""
        ...

    def inpaint(self, frame: ImageArray, hole: NDArray[np.bool_], text: str | None, draw: Draw) -> ImageArray:
        """The frame with what is True in `hole` (H, W) painted anew; outside not a bit changes."""
        ...

    def goal(self, frame: ImageArray, text: str, draw: Draw) -> ImageArray:
        """What the frame will look like when the instruction is done."""
        ...

    def video(self, frame: ImageArray, text: str | None, motion: Motion | None, draw: Draw) -> tuple[ImageArray, ...]:
        """Eight frames to come: to the end of the task, or, given a motion, one after each of its actions."""
        ...


class LatentImaginer:
    """The latent model: autoencoder, denoiser, a frozen text encoder, and the critic that looks at frames and drafts.

    What words say of places becomes boxes first: see `imagination.staging`.
    """

    def __init__(self, folder: Path, *, critic: Path | None = CRITIC) -> None:
        """Read a folder as training wrote it; SpecError when it holds no such model.

        critic: folder of a judge; None: goals are drawn from words alone, and the first draft is taken.
        """
        self._critic = None if critic is None else load_judge(critic)
        self._denoiser = load_denoiser(folder)
        self._autoencoder = load_autoencoder(folder / "autoencoder")
        self._words = Words(make_text_encoder(self._denoiser.config.text))

    def scene(self, text: str, draw: Draw) -> ImageArray:
        boxes = stage_caption(read_caption(text), np.random.default_rng([draw.seed, 24]))
        return np.asarray(self.draw([layout_row(boxes, text)], draw)[0, 0])

    def layout(self, boxes: Sequence[PlacedBox], text: str | None, draw: Draw) -> ImageArray:
        return np.asarray(self.draw([layout_row(boxes, text)], draw)[0, 0])

    def inpaint(self, frame: ImageArray, hole: NDArray[np.bool_], text: str | None, draw: Draw) -> ImageArray:
        painted = self.draw([Row("inpaint", text=text, picture=frame, hole=hole)], draw)[0, 0]
        return np.where(hole[..., None], painted, frame).astype(np.uint8)

    def goal(self, frame: ImageArray, text: str, draw: Draw) -> ImageArray:
        return np.asarray(self.draw([self.goal_row(frame, text)], draw)[0, 0])

    def video(self, frame: ImageArray, text: str | None, motion: Motion | None, draw: Draw) -> tuple[ImageArray, ...]:
        if motion is None:
            row = self.goal_row(frame, text or "", use="film")
        else:
            row = self.rollout_rows(frame, [motion], text)[0]
        return tuple(self.draw([row], draw)[0])

    def goal_row(self, frame: ImageArray, text: str, *, use: str = "goal") -> Row:
        """Return the sample that asks for what an instruction comes to, with the box in which its object ends where
        the critic sees enough to say."""
        box = None if self._critic is None else stage_goal(text, Reading(self._critic, frame))
        row = layout_row([] if box is None else [box], text)
        return replace(row, use=use, present=self.latent(frame), picture=frame)

    def rollout_rows(self, frame: ImageArray, motions: Sequence[Motion], text: str | None = None) -> list[Row]:
        """Return the samples that ask what each of the motions comes to."""
        now = Row("rollout", text=text, present=self.latent(frame), picture=frame)
        return [replace(now, actions=motion.actions, hands=motion.hands) for motion in motions]

    def rollouts(self, frame: ImageArray, motions: Sequence[Motion], draw: Draw) -> ImageArray:
        """Return the frames (N, H, W, 3) after the last action of each of the motions."""
        return np.asarray(self.draw(self.rollout_rows(frame, motions), draw)[:, -1])

    def latent(self, frame: ImageArray) -> torch.Tensor:
        """Return the latent (4, 16, 16) of a frame."""
        return encode(self._autoencoder, as_pixels(frame[None]))[0]

    def draw(self, rows: Sequence[Row], draw: Draw) -> ImageArray:
        """Draw all rows at once: (B, 8, H, W, 3) for films, (B, 1, H, W, 3) for pictures; one kind a call.

        Of a present frame, what stays as it is is not painted anew: there not a bit changes.
        """
        placed = [boxes_of(row) for row in rows]
        if self._critic is None or draw.candidates == 1 or rows[0].use not in CHOSEN or not any(placed):
            return self._drawn(rows, draw)
        drafts = self._drawn([row for row in rows for _ in range(draw.candidates)], draw)
        drafts = drafts.reshape(len(rows), draw.candidates, *drafts.shape[1:])
        chosen = [
            int(np.argmax([closeness(boxes, Reading(self._critic, draft[0])) for draft in several]))
            for boxes, several in zip(placed, drafts, strict=True)
        ]
        return drafts[np.arange(len(rows)), chosen]

    @torch.inference_mode()
    def _drawn(self, rows: Sequence[Row], draw: Draw) -> ImageArray:
        known = known_of(rows, self._words, self._autoencoder)
        use = rows[0].use
        steps, guidance = draw.steps or STEPS[use], GUIDANCE[use] if draw.guidance is None else draw.guidance
        with tqdm(total=steps, desc="imagining", unit="step", disable=draw.quiet, leave=False) as bar:
            clips = sample_clips(self._denoiser, known, seed=draw.seed, steps=steps, guidance=guidance, tick=bar)
        count = FRAMES if use in ("film", "rollout") else 1
        pictures = as_pictures(decode(self._autoencoder, clips[:, :count].flatten(0, 1)))
        pictures = pictures.reshape(len(rows), count, *pictures.shape[1:])
        for row, frames, latents in zip(rows, pictures, clips[:, :count], strict=True):
            if row.present is not None and row.picture is not None:
                frames[:] = np.where(changed_pixels(latents, row.present)[..., None], frames, row.picture)
        return pictures


def layout_row(boxes: Sequence[PlacedBox], text: str | None) -> Row:
    """Return the sample that asks for these boxes."""
    return Row(
        "layout",
        text=text,
        boxes=np.array([placed.box for placed in boxes], dtype=np.float32).reshape(-1, 4),
        kinds=np.array([KIND_NUMBER[placed.thing.kind] for placed in boxes], dtype=np.int16),
        colours=np.array(
            [NOTHING if placed.thing.colour is None else COLOUR_NUMBER[placed.thing.colour] for placed in boxes],
            dtype=np.int16,
        ),
    )


def boxes_of(row: Row) -> list[PlacedBox]:
    """Return the boxes that a sample asks for; inverse of `layout_row`."""
    if row.boxes is None or row.kinds is None or row.colours is None:
        return []
    return [
        PlacedBox(
            Description(KIND_NAMES[kind], None if colour == NOTHING else COLOUR_NAMES[colour]),
            (float(box[0]), float(box[1]), float(box[2]), float(box[3])),
        )
        for box, kind, colour in zip(row.boxes, row.kinds, row.colours, strict=True)
    ]
