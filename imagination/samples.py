"""From a store to batches for the denoiser: which use, which frames, and what is known of them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional
from tqdm import tqdm

from agent.types import FloatArray, ImageArray
from imagination.autoencoder import GRID, LATENT, as_pixels, encode
from imagination.collecting import CLIPS, STILLS
from imagination.denoiser import ACTION, FRAMES, USES, Known
from imagination.dressing import dress_some
from imagination.hands import HAND_FEATURES, hands_to_come
from imagination.pairs import PAIRS
from imagination.stills import ARM, FIRST_THING, SIDE
from imagination.store import Shard, joined, read_shards
from imagination.vocabulary import NOTHING
from policies.text import MAX_PIECES, TextEncoder
from sim.commander import ACTION as ACTION_SPEC

GREY = 0.0
"""What a hole is filled with before it is encoded, in [-1, 1]."""
DRESSED, DRESSED_SHARE = 20_000, 0.7
"""Stills at most that are also kept with another table and wall, and the share of holes that are filled in those: only
a hole's rest says which table there is."""
CHANGED = 0.3
"""By how much a cell's latents differ on average, of about unit spread, where a frame shows something else."""
TOLD_WHERE = 0.7
"""Share of goals and films at which it is said where the thing that is moved ends."""
CAPTIONED = 20_000
"""Stills at most whose captions are used: each costs milliseconds once, and 20 kB to keep."""
TOLD_HAND = 0.8
"""Share of rollouts at which it is known where the hand is; a file's picture does not tell."""


@dataclass(frozen=True)
class Mix:
    """How often each use is practised, relative to the others."""

    scene: float = 0.5
    layout: float = 3.0
    inpaint: float = 1.5
    goal: float = 3.0
    film: float = 1.0
    rollout: float = 3.0

    def shares(self) -> NDArray[np.float64]:
        weights = np.array([getattr(self, use) for use in USES], dtype=np.float64)
        return np.asarray(weights / weights.sum())


@dataclass(eq=False)
class Row:
    """What one sample is made of before it becomes tensors. frames (8, 4, 16, 16): what training wants drawn.

    telling (8, 16, 16): True where those frames show any of a thing, or what the present frame does not show.
    """

    use: str
    frames: Tensor = field(default_factory=lambda: torch.zeros(0))
    telling: Tensor = field(default_factory=lambda: torch.zeros(0))
    text: str | None = None
    present: Tensor | None = None
    picture: ImageArray | None = None
    hole: NDArray[np.bool_] | None = None
    boxes: FloatArray | None = None
    kinds: NDArray[np.int16] | None = None
    colours: NDArray[np.int16] | None = None
    actions: FloatArray | None = None
    hands: FloatArray | None = None


class Words:
    """Features of sentences, kept as 16-bit floats: each is encoded once."""

    def __init__(self, encoder: TextEncoder) -> None:
        self.encoder = encoder
        self._known: dict[str, NDArray[np.float16]] = {}

    def add(self, sentences: Sequence[str], *, show: bool = False) -> None:
        fresh = sorted({s for s in sentences if s not in self._known}, key=len)
        for start in tqdm(range(0, len(fresh), 256), desc="sentences", disable=not show):
            part = fresh[start : start + 256]
            for sentence, rows in zip(part, self.encoder.encode(part), strict=True):
                self._known[sentence] = rows.astype(np.float16)

    def batch(self, sentences: Sequence[str | None]) -> tuple[Tensor, Tensor]:
        """Return features (B, L, E) and mask (B, L); None has no words."""
        self.add([s for s in sentences if s is not None])
        rows = [self._known[s] if s is not None else np.zeros((0, self.encoder.dim), np.float16) for s in sentences]
        length = max(1, min(MAX_PIECES, max(len(row) for row in rows)))
        features = torch.zeros(len(rows), length, self.encoder.dim)
        mask = torch.zeros(len(rows), length, dtype=torch.bool)
        for number, row in enumerate(rows):
            features[number, : len(row)] = torch.from_numpy(row[:length].astype(np.float32))
            mask[number, : len(row)] = True
        return features, mask


def known_of(rows: Sequence[Row], words: Words, autoencoder: AutoencoderKL) -> Known:
    """Return what is known of the rows, as one batch on the CPU."""
    count = len(rows)
    features, mask = words.batch([row.text for row in rows])
    most = max([1, *(len(row.kinds) for row in rows if row.kinds is not None)])
    boxes = torch.zeros(count, most, 4)
    kinds = torch.full((count, most), NOTHING, dtype=torch.long)
    colours = kinds.clone()
    present, kept = torch.zeros(2, count, LATENT, GRID, GRID)
    hole, actions = torch.zeros(count, 1, GRID, GRID), torch.zeros(count, FRAMES, ACTION)
    hands = torch.zeros(count, FRAMES, HAND_FEATURES)
    for number, row in enumerate(rows):
        if row.kinds is not None and row.boxes is not None and row.colours is not None:
            boxes[number, : len(row.kinds)] = torch.from_numpy(np.nan_to_num(row.boxes))
            shown = np.where(np.isnan(row.boxes[:, 0]), NOTHING, row.kinds)
            kinds[number, : len(row.kinds)] = torch.from_numpy(shown.astype(np.int64))
            colours[number, : len(row.kinds)] = torch.from_numpy(row.colours.astype(np.int64))
        if row.present is not None:
            present[number] = row.present
        if row.actions is not None:
            actions[number] = torch.from_numpy(scaled_actions(row.actions))
        if row.hands is not None:
            hands[number] = torch.from_numpy(row.hands)
    holed = [number for number, row in enumerate(rows) if row.hole is not None]
    if holed:
        pictures = np.stack([np.asarray(rows[number].picture) for number in holed])
        holes = torch.from_numpy(np.stack([np.asarray(rows[number].hole) for number in holed]))[:, None].float()
        pixels = as_pixels(pictures) * (1 - holes) + GREY * holes
        device = next(autoencoder.parameters()).device
        # As all other latents, in 32 bits even where the denoiser runs in 16.
        with torch.autocast(device.type, enabled=False):
            kept[holed] = encode(autoencoder, pixels.to(device)).cpu()
        hole[holed] = functional.max_pool2d(holes, SIDE // GRID)
    return Known(
        use=torch.tensor([USES.index(row.use) for row in rows]),
        words=features,
        word_mask=mask,
        present=present,
        has_present=torch.tensor([float(row.present is not None) for row in rows]),
        kept=kept,
        hole=hole,
        boxes=boxes,
        kinds=kinds,
        colours=colours,
        actions=actions,
        has_actions=torch.tensor([float(row.actions is not None) for row in rows]),
        hands=hands,
        has_hands=torch.tensor([float(row.hands is not None) for row in rows]),
    )


def scaled_actions(actions: FloatArray) -> FloatArray:
    """Return actions (..., 7) as shares of their bounds, each in [-1, 1]."""
    low, high = ACTION_SPEC.low_array, ACTION_SPEC.high_array
    return np.asarray(2 * (actions - low) / (high - low) - 1, dtype=np.float32)


def random_hole(who: NDArray[np.uint8], things: int, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Draw a hole (H, W): all but the arm and some of the things, or a rectangle."""
    if rng.random() < 0.7:
        kept = [ARM, *(FIRST_THING + index for index in range(things) if rng.random() < 0.5)]
        return ~grown(np.isin(who, kept))
    top, left = rng.integers(0, SIDE - 16, 2)
    height, width = rng.integers(12, 40, 2)
    hole = np.zeros(who.shape, dtype=bool)
    hole[top : top + height, left : left + width] = True
    return hole


def grown(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the mask (H, W) with one more pixel on every side."""
    out = mask.copy()
    out[1:] |= mask[:-1]
    out[:-1] |= mask[1:]
    out[:, 1:] |= mask[:, :-1]
    out[:, :-1] |= mask[:, 1:]
    return out


class Library:
    """All stills and clips of a store with their latents, and how samples are drawn from them."""

    def __init__(
        self, store: Path, autoencoder: AutoencoderKL, words: Words, *, device: torch.device, first_seed: int
    ) -> None:
        """first_seed: of the tables and walls."""
        stills, clips = read_shards(store, STILLS), read_shards(store, CLIPS)
        self.words, self.autoencoder = words, autoencoder
        self._still = {name: joined(stills, name) for name in ("image", "who", "kind", "colour", "box", "text")}
        self._clip = {
            name: joined(clips, name)
            for name in ("image", "hand", "action", "text", "subject", "kind", "colour", "box")
        }
        self._still_things, self._clip_things = (cells_of_things(joined(shards, "who")) for shards in (stills, clips))
        self._texts = [text for shard in stills for text in shard.texts]
        self._still["text"] = _shifted(stills, "text")[:CAPTIONED]
        self._orders = [text for shard in clips for text in shard.texts]
        self._clip["text"] = _shifted(clips, "text")
        self._bounds = _episodes(clips)
        words.add([*(self._texts[number] for number in np.unique(self._still["text"])), *self._orders], show=True)
        pairs = read_shards(store, PAIRS)
        self._pair = {name: joined(pairs, name) for name in ("before", "image", "subject", "kind", "colour", "box")}
        self._pair_things = cells_of_things(joined(pairs, "who"))
        self._changes = [text for shard in pairs for text in shard.texts]
        self._pair["text"] = _shifted(pairs, "text")
        words.add(self._changes, show=True)
        self._dressed = np.array(self._still["image"][:DRESSED], dtype=np.uint8)
        dress_some(self._dressed, self._still["who"].astype(np.uint8), 1.0, first_seed=first_seed)
        latents = Latents(autoencoder, store, device)
        self._dressed_latents = latents.of(self._dressed, "other tables")
        self._still_latents = latents.of(self._still["image"], "stills")
        self._clip_latents = latents.of(self._clip["image"], "clips")
        self._before_latents = latents.of(self._pair["before"], "before")
        self._after_latents = latents.of(self._pair["image"], "after")

    def draw(self, use: str, rng: np.random.Generator) -> Row:
        """Draw one sample for this use."""
        if use == "goal":
            return self._draw_pair(rng)
        return self._draw_still(use, rng) if use in ("scene", "layout", "inpaint") else self._draw_clip(use, rng)

    def batch(self, seed: int, step: int, size: int, mix: Mix) -> tuple[Tensor, Tensor, Known]:
        """Return clips (B, 8, 4, 16, 16), their telling cells (B, 8, 16, 16), and what is known of them; the same for
        equal seed and step."""
        rng = np.random.default_rng([seed, step])
        rows = [self.draw(str(use), rng) for use in rng.choice(USES, size=size, p=mix.shares())]
        clips, telling = (torch.stack([getattr(row, name) for row in rows]) for name in ("frames", "telling"))
        return clips, telling, known_of(rows, self.words, self.autoencoder)

    def _draw_still(self, use: str, rng: np.random.Generator) -> Row:
        dressed = use == "inpaint" and rng.random() < DRESSED_SHARE
        told = use != "layout" or rng.random() < 0.3
        pool = self._dressed if dressed else self._still["text" if told else "image"]
        index = int(rng.integers(len(pool)))
        frames = torch.zeros(FRAMES, LATENT, GRID, GRID)
        frames[0] = (self._dressed_latents if dressed else self._still_latents)[index].float()
        text = None
        if told:
            choices = self._still["text"][index]
            text = self._texts[int(choices[int(rng.integers(len(choices)))])]
        things = torch.zeros(FRAMES, GRID, GRID, dtype=torch.bool)
        things[0] = self._still_things[index]
        row = Row(use, frames, things, text=text)
        kinds = self._still["kind"][index]
        if use == "layout" or (use == "inpaint" and rng.random() < 0.5):
            row.boxes, row.kinds, row.colours = self._still["box"][index], kinds, self._still["colour"][index]
        if use == "inpaint":
            row.picture = (self._dressed if dressed else self._still["image"])[index]
            row.hole = random_hole(self._still["who"][index], int((kinds >= 0).sum()), rng)
        return row

    def _draw_pair(self, rng: np.random.Generator) -> Row:
        index = int(rng.integers(len(self._after_latents)))
        present = self._before_latents[index].float()
        frames = torch.zeros(FRAMES, LATENT, GRID, GRID)
        frames[0] = self._after_latents[index].float()
        telling = torch.zeros(FRAMES, GRID, GRID, dtype=torch.bool)
        telling[0] = self._pair_things[index] | differing(frames[0], present)
        row = Row("goal", frames, telling, text=self._changes[int(self._pair["text"][index])], present=present)
        if rng.random() < TOLD_WHERE:
            moved = int(self._pair["subject"][index])
            row.boxes, row.kinds, row.colours = (
                self._pair[name][index][moved : moved + 1] for name in ("box", "kind", "colour")
            )
        return row

    def _draw_clip(self, use: str, rng: np.random.Generator) -> Row:
        first, end = self._bounds[int(rng.integers(len(self._bounds)))]
        # A film is asked for before anything has happened; a rollout at any time.
        early = 1.0 if use == "rollout" else rng.random()
        now = first + int(rng.random() * early * max(1, end - FRAMES - first))
        if use == "rollout":
            chosen = np.minimum(np.arange(now + 1, now + 1 + FRAMES), end - 1)
        else:
            chosen = np.round(np.linspace(now, end - 1, FRAMES + 1)[1:]).astype(int)
        frames, present = self._clip_latents[chosen].float(), self._clip_latents[now].float()
        row = Row(use, frames, self._clip_things[chosen] | differing(frames, present), present=present)
        if use != "rollout" or rng.random() < 0.3:
            row.text = self._orders[int(self._clip["text"][now])]
        if use != "rollout" and rng.random() < TOLD_WHERE:
            moved = int(self._clip["subject"][now])
            row.boxes, row.kinds, row.colours = (
                self._clip[name][end - 1][moved : moved + 1] for name in ("box", "kind", "colour")
            )
        if use == "rollout":
            row.actions = np.asarray(self._clip["action"][np.minimum(chosen - 1, end - 2)], dtype=np.float32)
            if rng.random() < TOLD_HAND:
                row.hands = hands_to_come(np.asarray(self._clip["hand"][now], dtype=np.float32), row.actions)
        return row


def differing(frames: Tensor, present: Tensor) -> Tensor:
    """Return which cells (..., 16, 16) of frames (..., 4, 16, 16) show something else than the present frame."""
    return (frames - present).abs().mean(dim=-3) > CHANGED


def changed_pixels(frames: Tensor, present: Tensor) -> NDArray[np.bool_]:
    """Return where pictures (F, 64, 64) show something else than the present frame, or border on that, by their latents
    (F, 4, 16, 16) and (4, 16, 16)."""
    cells = functional.max_pool2d(differing(frames, present).float()[:, None], 3, stride=1, padding=1)
    return functional.interpolate(cells, size=SIDE)[:, 0].numpy() > 0


def cells_of_things(who: NDArray[np.generic]) -> Tensor:
    """Return which cells (N, 16, 16) of pictures show any of a thing; who (N, H, W) as in `Still.who`."""
    things = np.asarray(who) >= FIRST_THING
    blocks = things.reshape(len(things), GRID, SIDE // GRID, GRID, SIDE // GRID)
    return torch.from_numpy(blocks.any(axis=(2, 4)))


def _shifted(shards: Sequence[Shard], name: str) -> NDArray[np.int64]:
    """Text numbers of all shards, each counted on from where the one before it ended."""
    parts, first = [], 0
    for shard in shards:
        parts.append(np.asarray(shard.arrays[name]).astype(np.int64) + first)
        first += len(shard.texts)
    return np.concatenate(parts)


def _episodes(shards: Sequence[Shard]) -> list[tuple[int, int]]:
    """First row and end of every episode of at least three frames."""
    bounds, first = [], 0
    for shard in shards:
        numbers = np.asarray(shard.arrays["episode"])
        starts = np.flatnonzero(np.diff(numbers, prepend=-1))
        ends = [*starts[1:], len(numbers)]
        bounds += [(first + int(a), first + int(b)) for a, b in zip(starts, ends, strict=True) if b - a >= 3]
        first += len(numbers)
    return bounds


class Latents:
    """Latents of many pictures, kept in the folder of the pictures: encoding takes minutes, reading seconds."""

    def __init__(self, model: AutoencoderKL, folder: Path, device: torch.device) -> None:
        self._model, self._folder, self._device = model, folder, device
        weights = b"".join(value.float().cpu().numpy().tobytes() for value in model.state_dict().values())
        self._name = sha256(weights).hexdigest()[:12]

    def of(self, pictures: NDArray[np.generic], what: str) -> Tensor:
        """Return 16-bit floats (N, 4, 16, 16); what: a name for these pictures, the same every time."""
        path = self._folder / f"latents-{self._name}-{what.replace(' ', '-')}-{len(pictures)}.npy"
        if path.exists():
            return torch.from_numpy(np.load(path))
        parts = [
            encode(self._model, as_pixels(np.asarray(pictures[start : start + 128])).to(self._device)).half().cpu()
            for start in tqdm(range(0, len(pictures), 128), desc=f"latents of {what}")
        ]
        latents, new = torch.cat(parts), path.with_suffix(".new.npy")
        np.save(new, latents.numpy())
        new.rename(path)
        return latents
