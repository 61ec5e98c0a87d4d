"""Sentence vectors from the frozen text encoders of the policies."""

from typing import Protocol

import numpy as np

from agent.types import FloatArray


class PieceEncoder(Protocol):
    """What policies.text offers: sentences -> one float32 (n, E) each, a row a word piece."""

    def encode(self, sentences: list[str]) -> list[FloatArray]: ...


class SentenceEmbedder:
    """An Embedder: the mean over a sentence's word pieces. space: the encoder's name."""

    def __init__(self, encoder: PieceEncoder, space: str) -> None:
        self._encoder, self.space = encoder, space

    def embed(self, text: str) -> FloatArray:
        rows = self._encoder.encode([text])[0]
        return np.asarray(rows.mean(axis=0), dtype=np.float32)
