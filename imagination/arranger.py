"""The layout diffuser: a small set transformer that denoises the poses of all things on the table at once.

Poses are four numbers a thing, in units of about one: x, y, and yaw as (cos 2 yaw, sin 2 yaw), for a gripper and most
things are the same turned by half a turn. Things that stay are given clean; what is asked for is a sentence.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

import numpy as np
import torch
from diffusers import DDIMScheduler, DDPMScheduler
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from agent.errors import SpecError
from imagination.patterns import Item, holds, is_clear, on_table
from policies.schedule import generator_of
from policies.text import TextTable, make_text_encoder
from sim.geometry import Array
from sim.objects import COLOURS

SHIPPED = Path(__file__).parent / "pretrained" / "layout"
MIDDLE, SPREAD = np.array([0.515, 0.0]), 0.15
"""m; what 0 and 1 are in the network's x and y."""
TRAIN_TIMES = 200
POSE = 4


@dataclass(frozen=True)
class ArrangerConfig:
    """width, depth, heads: of the transformer.  text: which frozen encoder reads the sentence and the kinds' names."""

    width: int = 96
    depth: int = 4
    heads: int = 4
    text: str = "minilm"


@dataclass(frozen=True, eq=False)
class Table:
    """A batch of problems, padded to N things: what is known of every thing, and of the sentence.

    known (B, N, 6): half extents, colour, fixed.  kind (B, N, E) and text (B, E): pooled features.
    start (B, N, 4): poses now.  there (B, N): True where there is a thing.
    """

    known: Tensor
    kind: Tensor
    text: Tensor
    start: Tensor
    there: Tensor

    @property
    def fixed(self) -> Tensor:
        """(B, N, 1), 1 where a thing stays."""
        return self.known[:, :, 5:]

    def rows(self, chosen: Tensor) -> "Table":
        """The problems `chosen` (K,) alone."""
        return Table(*(getattr(self, name)[chosen] for name in ("known", "kind", "text", "start", "there")))

    def to(self, device: torch.device) -> "Table":
        return Table(*(getattr(self, name).to(device) for name in ("known", "kind", "text", "start", "there")))


class Arranger(nn.Module):
    """Predicts v (Salimans and Ho 2022) of noisy poses (B, N, 4) at times (B,), given a `Table`."""

    def __init__(self, config: ArrangerConfig, *, text_dim: int) -> None:
        super().__init__()
        self.config = config
        width = config.width
        self.thing = nn.Linear(2 * POSE + 6, width)
        self.kind = nn.Linear(text_dim, width)
        self.said = nn.Sequential(nn.Linear(text_dim, width), nn.SiLU(), nn.Linear(width, width))
        self.time = nn.Sequential(nn.Linear(width, width), nn.SiLU(), nn.Linear(width, width))
        layer = nn.TransformerEncoderLayer(
            width, config.heads, 2 * width, dropout=0.0, activation="gelu", batch_first=True, norm_first=True
        )
        self.body = nn.TransformerEncoder(layer, config.depth, norm=nn.LayerNorm(width), enable_nested_tensor=False)
        self.out = nn.Linear(width, POSE)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)

    def forward(self, noisy: Tensor, time: Tensor, table: Table) -> Tensor:
        things = self.thing(torch.cat([noisy, table.start, table.known], dim=2)) + self.kind(table.kind)
        said, when = self.said(table.text), self.time(_waves(time, self.config.width))
        tokens = torch.cat([things + when[:, None], (said + when)[:, None]], dim=1)
        empty = torch.cat([~table.there, torch.zeros_like(table.there[:, :1])], dim=1)
        return torch.as_tensor(self.out(self.body(tokens, src_key_padding_mask=empty)[:, :-1]))


def schedule() -> DDPMScheduler:
    """The forward process q(x_t | x_0): squared cosine, v-prediction."""
    return DDPMScheduler(
        num_train_timesteps=TRAIN_TIMES,
        beta_schedule="squaredcos_cap_v2",
        prediction_type="v_prediction",
        clip_sample=False,
    )


def arranger_loss(
    model: Arranger, noise: DDPMScheduler, table: Table, answer: Tensor, generator: torch.Generator
) -> Tensor:
    """Mean squared error of v over the movable things; answer (B, N, 4)."""
    count = len(answer)
    time = torch.randint(0, TRAIN_TIMES, (count,), generator=generator).to(answer.device)
    eps = torch.randn(answer.shape, generator=generator).to(answer.device)
    noisy = torch.where(table.fixed > 0, answer, noise.add_noise(answer, eps, time))
    wanted = noise.get_velocity(answer, eps, time)
    weight = table.there[:, :, None] * (1 - table.fixed)
    off = (model(noisy, time, table) - wanted) ** 2 * weight
    return torch.as_tensor(off.sum() / (POSE * weight.sum()))


@torch.inference_mode()
def sample_poses(model: Arranger, table: Table, *, seed: int, steps: int = 25) -> Tensor:
    """Draw poses (B, N, 4) by DDIM; equal seeds give equal poses."""
    sampler = DDIMScheduler.from_config(schedule().config, timestep_spacing="trailing")
    sampler.set_timesteps(steps)
    poses = torch.randn(table.start.shape, generator=generator_of(seed, 0)).to(table.start.device)
    for time in sampler.timesteps:
        poses = torch.where(table.fixed > 0, table.start, poses)
        poses = sampler.step(model(poses, time.expand(len(poses)), table), time, poses).prev_sample
    return torch.where(table.fixed > 0, table.start, poses)


def to_units(layout: Array) -> Array:
    """Return poses (..., 4) of a layout (..., 3); inverse of `to_metres`, yaw modulo half a turn."""
    xy = (layout[..., :2] - MIDDLE) / SPREAD
    return np.concatenate([xy, np.cos(2 * layout[..., 2:]), np.sin(2 * layout[..., 2:])], axis=-1)


def to_metres(poses: Array) -> Array:
    """Return the layout (..., 3) of poses (..., 4), yaw in [-pi/2, pi/2]."""
    yaw = np.arctan2(poses[..., 3:], poses[..., 2:3]) / 2
    return np.concatenate([poses[..., :2] * SPREAD + MIDDLE, yaw], axis=-1)


def make_table(
    problems: Sequence[tuple[str, Sequence[Item], Array]], words: TextTable, *, width: int | None = None
) -> Table:
    """Return the problems (text, items, start (n, 3)) as tensors, padded to `width` things or the most there are."""
    most = width or max(len(items) for _, items, _ in problems)
    count, dim = len(problems), words.encoder.dim
    known, start = torch.zeros(count, most, 6), torch.zeros(count, most, POSE)
    kind, text = torch.zeros(count, most, dim), torch.zeros(count, dim)
    there = torch.zeros(count, most, dtype=torch.bool)
    words.add([t for t, _, _ in problems] + [item.kind for _, items, _ in problems for item in items])
    for row, (said, items, now) in enumerate(problems):
        text[row] = torch.from_numpy(words.known[said].mean(0))
        start[row, : len(items)] = torch.from_numpy(to_units(now)).float()
        there[row, : len(items)] = True
        for column, item in enumerate(items):
            numbers = (*(10 * half for half in item.half), *COLOURS[item.colour], float(item.fixed))
            known[row, column] = torch.tensor(numbers)
            kind[row, column] = torch.from_numpy(words.known[item.kind].mean(0))
    return Table(known, kind, text, start, there)


def save_arranger(folder: Path, model: Arranger, card: str) -> None:
    """Write config.json, model.safetensors and README.md (the model card)."""
    folder.mkdir(parents=True, exist_ok=True)
    described = {"type": "arranger", "format": 1, **asdict(model.config)}
    (folder / "config.json").write_text(json.dumps(described, indent=2) + "\n", encoding="utf-8")
    save_file({name: value.contiguous() for name, value in model.state_dict().items()}, folder / "model.safetensors")
    (folder / "README.md").write_text(card, encoding="utf-8")


@cache
def load_arranger(folder: Path = SHIPPED) -> tuple[Arranger, TextTable]:
    """Read a saved arranger and the text encoder it was trained with; SpecError when it is not one."""
    try:
        described = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, json.JSONDecodeError) as error:
        raise SpecError(f"{folder} holds no layout diffuser: {error}") from error
    if described.pop("type", None) != "arranger" or described.pop("format", None) != 1:
        raise SpecError(f"{folder} is not a layout diffuser of format 1")
    config = ArrangerConfig(**described)
    words = TextTable(make_text_encoder(config.text))
    model = Arranger(config, text_dim=words.encoder.dim)
    model.load_state_dict(load_file(folder / "model.safetensors"))
    return model.eval(), words


def propose(
    text: str, items: Sequence[Item], start: Array, *, seed: int, draws: int = 1, folder: Path = SHIPPED
) -> list[Array]:
    """Draw `draws` layouts (n, 3) for what `text` asks of the things at `start`, unchecked."""
    model, words = load_arranger(folder)
    problem = make_table([(text, items, start)], words)
    poses = sample_poses(model, problem.rows(torch.zeros(draws, dtype=torch.long)), seed=seed)
    return list(to_metres(poses.numpy().astype(np.float64)))


def best_of(pattern: str, items: Sequence[Item], start: Array, layouts: Sequence[Array]) -> Array | None:
    """Return the layout that holds, is clear and on the table, with the least travel; None when none does."""
    good = [
        layout
        for layout in layouts
        if holds(pattern, items, layout) and is_clear(items, layout, margin=0.012) and on_table(layout)
    ]
    return min(good, key=lambda layout: float(np.linalg.norm((layout - start)[:, :2], axis=1).sum()), default=None)


def _waves(time: Tensor, width: int) -> Tensor:
    """Sinusoidal features (B, width) of times (B,) in [0, TRAIN_TIMES)."""
    rates = torch.exp(torch.linspace(0, -6, width // 2, device=time.device))
    angles = time[:, None].float() * rates
    return torch.cat([angles.sin(), angles.cos()], dim=1)
