"""The one denoiser: diffusers' UNet2DConditionModel, configured small, over clips of eight latent frames.

A picture is a clip of which only the first frame counts. What is known comes in four ways: as further channels (present
frame, masked frame and mask, what stands where), as words to attend to, and, beside the time, as one vector of the
use and the actions.
"""

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import torch
from diffusers import DDIMScheduler, DDPMScheduler, UNet2DConditionModel
from diffusers.models.attention_processor import AttnProcessor
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from agent.errors import SpecError
from imagination.autoencoder import GRID, LATENT
from imagination.hands import HAND_FEATURES
from imagination.vocabulary import COLOUR_NAMES, KIND_NAMES

FRAMES = 8
ACTION = 7
USES = ("scene", "layout", "inpaint", "goal", "film", "rollout")
"""What is asked for. film: frames spread over the whole task; rollout: the next eight, given the actions."""
SINGLE = ("scene", "layout", "inpaint", "goal")
TRAIN_TIMES = 1000
ATTENTION_HEADS = 4
"""diffusers reads its `attention_head_dim` as their number."""
MAP = 24
"""Channels of the map that says what stands where; four more say which part of its box a cell is."""
NEAR_HAND = 3
"""Channels of a frame that say how far every cell is from the hand, and whether it is there."""
KNOWN_CHANNELS = LATENT + 1 + LATENT + 1 + MAP + 4 + FRAMES * NEAR_HAND
VECTOR = len(USES) + 2 + FRAMES * (ACTION + HAND_FEATURES)
NOISIER = 4.0
"""How far the noise is moved up: what a picture shows is settled at loud noise, and quiet noise is then soon gone."""


@dataclass(frozen=True)
class DenoiserConfig:
    """widths: channels at 16, 8 and 4 cells.  attend: width of the words.  text_dim: of the encoder's features.

    text: which frozen encoder reads the words. They are attended to at 8 and 4 cells; at 16 attention would cost more
    than all the rest together.
    """

    widths: tuple[int, int, int] = (96, 96, 128)
    layers: int = 1
    attend: int = 128
    text: str = "minilm"
    text_dim: int = 768


@dataclass(frozen=True, eq=False)
class Known:
    """A batch of what is known. Everything is there always; what is not given is zero and its flag is 0.

    use (B,): index into USES.  words (B, L, E) and word_mask (B, L), True at words.
    present (B, 4, 16, 16) and has_present (B,).  kept (B, 4, 16, 16): latents of the picture with its hole greyed, and
    hole (B, 1, 16, 16), 1 where to paint.  boxes (B, M, 4) as shares, kinds and colours (B, M), −1 for none.
    actions (B, 8, 7), each about in [-1, 1], and has_actions (B,).  hands (B, 8, 6): where the hand will be after each,
    as `imagination.hands` says, and has_hands (B,).
    """

    use: Tensor
    words: Tensor
    word_mask: Tensor
    present: Tensor
    has_present: Tensor
    kept: Tensor
    hole: Tensor
    boxes: Tensor
    kinds: Tensor
    colours: Tensor
    actions: Tensor
    has_actions: Tensor
    hands: Tensor
    has_hands: Tensor

    def to(self, device: torch.device) -> "Known":
        return Known(**{name: getattr(self, name).to(device) for name in self.__dataclass_fields__})

    def without(self, dropped: Tensor) -> "Known":
        """The same with words, boxes and actions forgotten where `dropped` (B,) is True; pictures stay."""
        gone = dropped.bool()
        mask = self.word_mask.clone()
        mask[gone, 1:] = False
        words = self.words * (~gone)[:, None, None]
        return replace(
            self,
            words=words,
            word_mask=mask,
            kinds=torch.where(gone[:, None], -1, self.kinds),
            actions=self.actions * (~gone)[:, None, None],
            has_actions=self.has_actions * ~gone,
            hands=self.hands * (~gone)[:, None, None],
            has_hands=self.has_hands * ~gone,
        )


class Denoiser(nn.Module):
    """Predicts v of noisy clips (B, 8, 4, 16, 16) at times (B,)."""

    def __init__(self, config: DenoiserConfig) -> None:
        super().__init__()
        self.config = config
        self.words = nn.Linear(config.text_dim, config.attend)
        self.nothing = nn.Parameter(torch.zeros(config.attend))
        self.kind = nn.Embedding(len(KIND_NAMES), MAP)
        self.colour = nn.Embedding(len(COLOUR_NAMES) + 1, MAP)
        self.unet = UNet2DConditionModel(
            sample_size=GRID,
            in_channels=FRAMES * LATENT + KNOWN_CHANNELS,
            out_channels=FRAMES * LATENT,
            down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"),
            up_block_types=("UpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
            block_out_channels=config.widths,
            layers_per_block=config.layers,
            cross_attention_dim=config.attend,
            attention_head_dim=ATTENTION_HEADS,
            norm_num_groups=16,
            class_embed_type="projection",
            projection_class_embeddings_input_dim=VECTOR,
            resnet_time_scale_shift="scale_shift",
        )
        # Over so few cells torch's fused attention takes a third of a training step on a CPU, plain products a tenth.
        self.unet.set_attn_processor(AttnProcessor())

    def forward(self, noisy: Tensor, time: Tensor, known: Known) -> Tensor:
        count = len(noisy)
        flags = known.has_present[:, None, None, None].expand(-1, 1, GRID, GRID).to(noisy.dtype)
        painted = self.paint(known.boxes, known.kinds, known.colours)
        near = near_hands(known.hands) * known.has_hands[:, None, None, None]
        channels = torch.cat([noisy.flatten(1, 2), known.present, flags, known.kept, known.hole, painted, near], dim=1)
        said = self.words(known.words)
        said = torch.cat([self.nothing.expand(count, 1, -1), said], dim=1)
        mask = torch.cat([torch.ones_like(known.word_mask[:, :1]), known.word_mask], dim=1)
        use = nn.functional.one_hot(known.use, len(USES)).to(noisy.dtype)
        flags = torch.stack([known.has_actions, known.has_hands], dim=1).to(noisy.dtype)
        vector = torch.cat([use, flags, known.actions.flatten(1), known.hands.flatten(1)], dim=1)
        out = self.unet(channels, time, said, class_labels=vector, encoder_attention_mask=mask, return_dict=False)[0]
        return torch.as_tensor(out).reshape(count, FRAMES, LATENT, GRID, GRID)

    def paint(self, boxes: Tensor, kinds: Tensor, colours: Tensor) -> Tensor:
        """Return the map (B, MAP + 4, 16, 16): in every cell the sum of what lies there, by how much of it is covered;
        then how far right and down in its box the cell is, from −0.5 to 0.5, and the box's width and height."""
        there = (kinds >= 0).to(boxes.dtype)
        boxes = boxes.nan_to_num()
        cover = coverage(boxes) * there[:, :, None, None]
        looks = self.kind(kinds.clamp(min=0)) + self.colour(torch.where(colours < 0, len(COLOUR_NAMES), colours))
        middle, size = (boxes[..., :2] + boxes[..., 2:]) / 2, (boxes[..., 2:] - boxes[..., :2]).clamp(min=1e-3)
        across, down = (cells_from(middle) / size[:, :, :, None, None]).clamp(-0.5, 0.5).unbind(dim=2)
        parts = [
            (cover * part).sum(dim=1) for part in (across, down, size[..., 0, None, None], size[..., 1, None, None])
        ]
        return torch.cat([torch.einsum("bmhw,bmc->bchw", cover, looks), torch.stack(parts, dim=1)], dim=1)


def coverage(boxes: Tensor) -> Tensor:
    """Return how much of every cell each box covers, (B, M, 16, 16) in [0, 1]; boxes (B, M, 4) as shares."""
    edges = torch.arange(GRID, device=boxes.device, dtype=boxes.dtype)
    x0, y0, x1, y1 = (boxes[..., side, None] * GRID for side in range(4))
    across = (torch.minimum(x1, edges + 1) - torch.maximum(x0, edges)).clamp(min=0)
    down = (torch.minimum(y1, edges + 1) - torch.maximum(y0, edges)).clamp(min=0)
    return down[..., :, None] * across[..., None, :]


def cells_from(places: Tensor) -> Tensor:
    """Return how far right and down every cell's middle is from places (..., 2), as shares: (..., 2, 16, 16)."""
    middles = (torch.arange(GRID, device=places.device, dtype=places.dtype) + 0.5) / GRID
    right = middles[None, :].expand(GRID, GRID) - places[..., 0, None, None]
    down = middles[:, None].expand(GRID, GRID) - places[..., 1, None, None]
    return torch.stack([right, down], dim=-3)


def near_hands(hands: Tensor) -> Tensor:
    """Return, of every frame, how far right and down of the hand each cell is, in [-1, 1], and a spot of a cell's size
    where the hand is, (B, 8 · NEAR_HAND, 16, 16); hands (B, 8, HAND_FEATURES)."""
    away = cells_from(hands[..., :2])
    spot = torch.exp(-0.5 * ((away * GRID) ** 2).sum(dim=2, keepdim=True))
    return torch.cat([(3 * away).clamp(-1, 1), spot], dim=2).flatten(1, 2)


def forward_process() -> DDPMScheduler:
    """q(x_t | x_0): the squared cosine with its signal-to-noise ratio divided by NOISIER² at every time (Hoogeboom et
    al. 2023, "Simple diffusion"), v-prediction (Salimans and Ho 2022)."""
    angles = torch.linspace(0, math.pi / 2, TRAIN_TIMES + 1, dtype=torch.float64)
    kept = angles.cos() ** 2 / (angles.cos() ** 2 + (NOISIER * angles.sin()) ** 2)
    betas = (1 - kept[1:] / kept[:-1]).clamp(max=0.999)
    return DDPMScheduler(
        num_train_timesteps=TRAIN_TIMES,
        trained_betas=betas.float().numpy(),
        prediction_type="v_prediction",
        clip_sample=False,
    )


def denoiser_loss(
    model: Denoiser,
    noise: DDPMScheduler,
    clips: Tensor,
    known: Known,
    generator: torch.Generator,
    *,
    drop: float,
    weight: Tensor,
) -> dict[str, Tensor]:
    """Squared error of v over the frames that count; clips (B, 8, 4, 16, 16).

    drop: share of the batch whose words, boxes and actions are hidden, for classifier-free guidance.
    weight (B, 8, 16, 16): how much every cell counts.
    """
    count = len(clips)
    time = torch.randint(0, TRAIN_TIMES, (count,), generator=generator).to(clips.device)
    eps = torch.randn(clips.shape, generator=generator).to(clips.device)
    hidden = (torch.rand(count, generator=generator) < drop).to(clips.device)
    counts = frames_that_count(known.use)[:, :, None, None, None]
    noisy = noise.add_noise(clips, eps, time) * counts
    wanted = noise.get_velocity(clips, eps, time)
    off = ((model(noisy, time, known.without(hidden)) - wanted) ** 2).mean(dim=2)
    share = weight * counts[:, :, 0]
    each = (off * share).sum(dim=(1, 2, 3)) / share.sum(dim=(1, 2, 3))
    figures = {"total": each.mean()}
    for number, use in enumerate(USES):
        chosen = known.use == number
        if bool(chosen.any()):
            figures[use] = each[chosen].mean()
    return figures


def frames_that_count(use: Tensor) -> Tensor:
    """Return 1 for every frame (B, 8) that the use (B,) fills: all of a film, the first alone of a picture."""
    clip = torch.tensor([name not in SINGLE for name in USES], device=use.device)[use]
    first = torch.zeros(len(use), FRAMES, device=use.device)
    first[:, 0] = 1
    return torch.where(clip[:, None], torch.ones_like(first), first)


@torch.inference_mode()
def sample_clips(
    model: Denoiser,
    known: Known,
    *,
    seed: int,
    steps: int = 20,
    guidance: float = 2.0,
    tick: "Ticker | None" = None,
) -> Tensor:
    """Draw clips (B, 8, 4, 16, 16) by DDIM with classifier-free guidance; equal seeds give equal clips.

    guidance: 1 takes the conditioned prediction as it is.  tick: called after every step.
    """
    sampler = DDIMScheduler.from_config(forward_process().config, timestep_spacing="trailing")
    sampler.set_timesteps(steps)
    count = len(known.use)
    generator = torch.Generator().manual_seed(seed)
    clips = torch.randn(count, FRAMES, LATENT, GRID, GRID, generator=generator).to(known.words.device)
    counts = frames_that_count(known.use)[:, :, None, None, None]
    bare = known.without(torch.ones(count, dtype=torch.bool, device=clips.device))
    for time in sampler.timesteps:
        times = time.expand(count).to(clips.device)
        velocity = model(clips * counts, times, known)
        if guidance != 1.0:
            plain = model(clips * counts, times, bare)
            velocity = plain + guidance * (velocity - plain)
        clips = sampler.step(velocity, time, clips).prev_sample
        if tick is not None:
            tick.update()
    return clips


class Ticker:
    """What is told of every step: a progress bar."""

    def update(self) -> object: ...


def save_denoiser(folder: Path, model: Denoiser, card: str) -> None:
    """Write config.json, model.safetensors (16-bit) and README.md (the model card)."""
    folder.mkdir(parents=True, exist_ok=True)
    described = {"type": "denoiser", "format": 2, "kinds": KIND_NAMES, "colours": COLOUR_NAMES, **asdict(model.config)}
    (folder / "config.json").write_text(json.dumps(described, indent=2) + "\n", encoding="utf-8")
    weights = {name: value.half().contiguous() for name, value in model.state_dict().items()}
    save_file(weights, folder / "model.safetensors")
    (folder / "README.md").write_text(card, encoding="utf-8")


def load_denoiser(folder: Path) -> Denoiser:
    """Read a saved denoiser; SpecError when it is none, or was trained on another catalogue."""
    try:
        described = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, json.JSONDecodeError) as error:
        raise SpecError(f"{folder} holds no denoiser; train one: configs/train/imagine_denoiser.yaml") from error
    if described.pop("type", None) != "denoiser" or described.pop("format", None) != 2:
        raise SpecError(f"{folder} is not a denoiser of format 2")
    known: Sequence[object] = described.pop("kinds"), described.pop("colours")
    if known != (list(KIND_NAMES), list(COLOUR_NAMES)):
        raise SpecError(f"{folder} was trained on another catalogue of things; train it again")
    described["widths"] = tuple(described["widths"])
    model = Denoiser(DenoiserConfig(**described))
    model.load_state_dict({name: value.float() for name, value in load_file(folder / "model.safetensors").items()})
    return model.eval()
