"""Pointing: given a picture of the table and a phrase, say where the thing is, or that it is not there."""

from dataclasses import dataclass

import torch

from agent.errors import SpecError
from agent.types import ImageArray
from policies.instruction import check_length
from policies.looking import fitted
from policies.model import Trained
from policies.samples import as_pictures
from policies.text import TextTable, make_text_encoder


@dataclass(frozen=True)
class Pointed:
    """pixel: (u, v) in the picture that was given, right and down from its upper left corner; None where the thing is
    not there.  confidence: probability of this answer among all that were possible, in [0, 1]."""

    pixel: tuple[float, float] | None
    confidence: float


class Pointer:
    """Points with the backbone of a trained policy; pictures may have any size and are squeezed to the one it knows."""

    def __init__(self, trained: Trained) -> None:
        self._backbone, self._camera = trained.model.backbone, trained.embodiment.cameras[0]
        self._text = TextTable(make_text_encoder(trained.config.text_encoder))

    @torch.inference_mode()
    def point(self, picture: ImageArray, phrases: list[str]) -> list[Pointed]:
        """picture: RGB uint8 (H, W, 3). One answer a phrase. SpecError for an empty or too long phrase."""
        for phrase in phrases:
            if not phrase.strip():
                raise SpecError("the phrase is empty; name a thing, such as 'the yellow cube'")
            check_length(self._text.encoder, phrase)
        seen_by = as_pictures(fitted(picture, self._camera)[None], torch.device("cpu"))
        seen = self._backbone.look(seen_by)
        described = self._backbone.describe(seen_by, seen, self._backbone.find(seen))
        words, mask = self._text.padded(phrases)
        repeated = described.rows(torch.zeros(len(phrases), dtype=torch.int64))
        chances = self._backbone.read(repeated, words, mask).subject.softmax(dim=1)
        confidence, best = chances.max(dim=1)
        places = (described.regions.places[0] + 1) / 2 * torch.tensor([picture.shape[1], picture.shape[0]])
        answers = []
        for row, sure in zip(best.tolist(), confidence.tolist(), strict=True):
            pixel = (float(places[row, 0]), float(places[row, 1])) if row < len(places) else None
            answers.append(Pointed(pixel, sure))
        return answers
