"""Any diffusers pipeline, from a folder or a hub, behind the same port as the latent model of this project."""

import json
from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np
import torch
from diffusers import (
    AutoPipelineForImage2Image,
    AutoPipelineForInpainting,
    AutoPipelineForText2Image,
    DiffusionPipeline,
)
from numpy.typing import NDArray
from PIL import Image

from agent.errors import SpecError
from agent.types import ImageArray
from imagination.captions import PlacedBox
from imagination.hands import Motion
from imagination.imaginer import Draw

STEPS = 20
"""Of denoising, where none are asked for."""
EDIT_STRENGTH = 0.7
"""How far image-to-image may leave the frame: 0 not at all, 1 entirely."""
GROUNDED = "StableDiffusionGLIGENPipeline"
"""The one pipeline of diffusers that takes boxes with words."""


class _Loads(Protocol):
    def from_pretrained(self, source: str) -> Callable[..., object]: ...


class PipelineImaginer:
    """A diffusers pipeline; which class it is loaded as follows from what is asked of it."""

    def __init__(self, source: str) -> None:
        """source: folder or hub id. Raises SpecError when nothing can be found there."""
        self._source = source
        try:
            self._kind = str(DiffusionPipeline.load_config(source)["_class_name"])
        except (OSError, ValueError, KeyError, json.JSONDecodeError) as error:
            reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
            raise SpecError(f"no diffusers pipeline at '{source}': {reason}") from error

    def scene(self, text: str, draw: Draw) -> ImageArray:
        return self._run(AutoPipelineForText2Image, "draw from text", draw, prompt=text)

    def layout(self, boxes: Sequence[PlacedBox], text: str | None, draw: Draw) -> ImageArray:
        if self._kind != GROUNDED:
            raise SpecError(f"the pipeline '{self._source}' is a {self._kind}; boxes can be given to a {GROUNDED}")
        names = [placed.thing.name for placed in boxes]
        prompt = text or " and ".join(names)
        places = [list(placed.box) for placed in boxes]
        return self._run(
            DiffusionPipeline, "draw from boxes", draw, prompt=prompt, gligen_phrases=names, gligen_boxes=places
        )

    def inpaint(self, frame: ImageArray, hole: NDArray[np.bool_], text: str | None, draw: Draw) -> ImageArray:
        mask = Image.fromarray((hole * 255).astype(np.uint8))
        arguments = {"prompt": text or "", "image": Image.fromarray(frame), "mask_image": mask}
        painted = self._run(AutoPipelineForInpainting, "fill a hole", draw, frame.shape[:2], **arguments)
        return np.where(hole[..., None], painted, frame).astype(np.uint8)

    def goal(self, frame: ImageArray, text: str, draw: Draw) -> ImageArray:
        arguments = {"prompt": text, "image": Image.fromarray(frame), "strength": EDIT_STRENGTH}
        return self._run(AutoPipelineForImage2Image, "edit a picture", draw, frame.shape[:2], **arguments)

    def video(self, frame: ImageArray, text: str | None, motion: Motion | None, draw: Draw) -> tuple[ImageArray, ...]:
        raise SpecError(f"the pipeline '{self._source}' is a {self._kind}; films of this robot need its own model")

    def _run(
        self, loader: _Loads, task: str, draw: Draw, size: tuple[int, ...] | None = None, **arguments: object
    ) -> ImageArray:
        """Load the pipeline for this task, draw once, and bring the picture to (height, width) `size`."""
        try:
            pipeline = loader.from_pretrained(self._source)
        except (ValueError, OSError, TypeError) as error:
            raise SpecError(f"the pipeline '{self._source}' is a {self._kind}, which cannot {task}") from error
        quieten = getattr(pipeline, "set_progress_bar_config", None)
        if quieten is not None:
            quieten(disable=draw.quiet, leave=False)
        if draw.guidance is not None:
            arguments["guidance_scale"] = draw.guidance
        made = pipeline(
            num_inference_steps=draw.steps or STEPS,
            generator=torch.Generator().manual_seed(draw.seed),
            **arguments,
        )
        picture = made.images[0].convert("RGB")  # type: ignore[attr-defined]
        if size is not None:
            picture = picture.resize((size[1], size[0]), Image.Resampling.BICUBIC)
        return np.asarray(picture, dtype=np.uint8)
