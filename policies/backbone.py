"""The vision-language backbone: pictures, words and robot state -> what is meant, where it is, and prefix tokens.

It looks first and reads afterwards. Looking finds the regions of the first camera's picture where things are and
describes each by its neighbourhood and by a crop at full resolution; no words are needed, so one look serves many
sentences. Reading compares a sentence with the regions and chooses: one region as the subject, one as the target, or
that the words name what is not there. From the chosen regions follow the aims, which the hand's camera corrects.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from agent.errors import SpecError, unknown_name
from agent.notes import RELATIONS
from policies.camera import Pinhole
from policies.clip import ClipTower, is_clip
from policies.reader import Reader, Reading
from policies.regions import SORTS, Regions, crops, find, sampled
from policies.tower import CropTower, ImageTower, WristTower, grid

WORKSPACE_CENTRE = (0.5, 0.0, 0.1)
"""Positions are given to the network around this point of the base frame [m] ..."""
WORKSPACE_SCALE = 0.25
"""... in units of this many metres."""
CROPS_TOGETHER = 4
"""Crops that are looked at in one pass when acting; sums of floats depend on the sizes of the matrices."""
TABLE_HEIGHT = 0.02
"""m; regions are first taken to lie this high, where the middle of most things is."""


@dataclass(frozen=True)
class BackboneConfig:
    """Sizes of the backbone.

    tower: what looks at the first camera's picture: `own`, or `open_clip:TAG[@WEIGHTS]` beside a fine map of its own.
    tower_trains: train open_clip's weights as well; without, they stay as they were published.
    widths: channels of the first camera's tower at strides 4, 8 and 16.  crop_widths: of the crops' tower, from its
    stem on.  wrist_widths: of the hand camera's at strides
    4 and 8.  features: channels of the map that regions are found in.  width: of regions, words and prefix tokens, a
    multiple of `heads`.  layers: of the reader.  key_points: learned points in the hand's picture.
    kinds, colours: how many there are to tell apart.  position_in_state: where the tool position stands in the state.
    camera: where the first camera stands.
    """

    tower: str = "own"
    tower_trains: bool = False
    widths: tuple[int, int, int] = (32, 64, 96)
    crop_widths: tuple[int, int, int] = (48, 64, 96)
    wrist_widths: tuple[int, int] = (32, 64)
    features: int = 64
    width: int = 128
    layers: int = 2
    heads: int = 4
    key_points: int = 8
    kinds: int = 49
    colours: int = 13
    position_in_state: tuple[int, int, int] = (0, 1, 2)
    camera: Pinhole = field(default_factory=Pinhole)


@dataclass(eq=False)
class Inputs:
    """What the backbone reads, batched.

    pictures: one (B, 3, H, W) a camera, the table's first, then the hand's, in [-1, 1].  state (B, S): normalised.
    tool_position (B, 3): metres, base frame.  text (B, N, E) and text_mask (B, N), True at words.
    aimed (B, 2, 3): the aims of the last look [m, base frame], NaN where there was none.
    """

    pictures: tuple[Tensor, ...]
    state: Tensor
    tool_position: Tensor
    text: Tensor
    text_mask: Tensor
    aimed: Tensor


@dataclass(eq=False)
class Seen:
    """What the first camera shows. heat (B, 2, h, w): logits of where things are that can be taken, and that hold.
    offsets (B, 4, h, w): from a cell's centre to the thing's, in cells.  maps (B, F, h, w)."""

    heat: Tensor
    offsets: Tensor
    maps: Tensor


@dataclass(eq=False)
class Described:
    """Regions as vectors. tokens (B, R, D).  points (B, R, 3): where each would lie on the table [m, base frame]."""

    regions: Regions
    tokens: Tensor
    points: Tensor

    def rows(self, which: Tensor) -> "Described":
        """Pictures `which` (P,), some of them several times."""
        regions = Regions(*(part[which] for part in vars(self.regions).values()))
        return Described(regions, self.tokens[which], self.points[which])


@dataclass(eq=False)
class Plan:
    """What a sentence wants done. hidden (B, H): everything about it.  coarse (B, 2, 3): where to begin and to end [m],
    from the first camera alone.  yaw (B, 2): cosine and sine of twice the tool's yaw at the beginning.
    clearance (B,): how high the other things are [m].  chosen (B, 2, D): tokens of subject and target."""

    hidden: Tensor
    coarse: Tensor
    yaw: Tensor
    clearance: Tensor
    chosen: Tensor

    def rows(self, keep: Tensor) -> "Plan":
        """Some of the sentences."""
        return Plan(*(part[keep] for part in vars(self).values()))


@dataclass(eq=False)
class Settled:
    """A plan corrected by the hand's camera. fine (B, 2, 3) [m].  yaw (B, 2).  held (B,): logit that the hand has it.
    features (B, W): what the hand's camera shows of it."""

    fine: Tensor
    yaw: Tensor
    held: Tensor
    features: Tensor


class Backbone(nn.Module):
    """See the module's docstring."""

    cells: Tensor
    centre: Tensor

    def __init__(
        self,
        config: BackboneConfig,
        *,
        picture_sizes: tuple[tuple[int, int], ...],
        state_dim: int,
        text_dim: int,
        pretrained: bool = False,
    ) -> None:
        """pretrained: begin with published weights where the tower has any."""
        super().__init__()
        if len(picture_sizes) != 2:
            raise SpecError(
                f"the backbone sees the table and the hand, the embodiment has {len(picture_sizes)} cameras"
            )
        self.config = config
        width, features = config.width, config.features
        (height, across), (wrist_height, wrist_across) = picture_sizes
        self.register_buffer("cells", grid(height // 4, across // 4), persistent=False)
        self.register_buffer("wrist_cells", grid(wrist_height // 8, wrist_across // 8), persistent=False)
        self.register_buffer("centre", torch.tensor(WORKSPACE_CENTRE), persistent=False)
        self.tower = make_tower(config, pretrained=pretrained)
        self.heat = nn.Conv2d(features, SORTS, 1)
        self.offsets = nn.Conv2d(features, 2 * SORTS, 1)
        self.crops = CropTower(config.crop_widths, width)
        self.around = nn.Linear(features, width)
        self.placed = nn.Linear(6, width)
        self.region_norm = nn.LayerNorm(width)
        self.kind = nn.Linear(width, config.kinds)
        self.colour = nn.Linear(width, config.colours)
        self.reader = Reader(
            width, text_dim=text_dim, relations=len(RELATIONS), layers=config.layers, heads=config.heads
        )
        self.no_target = nn.Parameter(torch.zeros(2 * width))
        clues = width + 2 * (2 * width + 3) + state_dim
        self.think = _mlp(clues, 256, 192)
        self.aims = nn.Linear(192, 6)
        self.turn = nn.Linear(192, 2)
        self.clear = nn.Linear(192, 1)
        coarse = config.wrist_widths[1]
        self.wrist = WristTower(config.wrist_widths)
        self.look_for = nn.Linear(192 + 9, coarse)
        self.where = nn.Linear(2, coarse)
        self.key_points = nn.Conv2d(coarse, config.key_points, 1)
        seen_by_hand = coarse + 2 + 2 * config.key_points
        self.correct = _mlp(seen_by_hand + 192 + 18 + 2 + state_dim, 256, 9, start_at_zero=True)
        self.reconsider = _mlp(9 + 192 + 18 + 2, 128, 6, start_at_zero=True)
        self.from_said = nn.Linear(width, width)
        self.from_chosen = nn.Linear(width, width)
        self.from_state = nn.Linear(state_dim, width)
        self.from_aims = nn.Linear(12, width)
        self.from_turn = nn.Linear(4, width)
        self.from_hand = nn.Linear(seen_by_hand, width)
        self.from_thought = nn.Linear(192, width)
        self.role = nn.Parameter(torch.randn(9, width) * 0.1)

    def look(self, picture: Tensor) -> Seen:
        """picture (B, 3, H, W) of the table."""
        maps = self.tower(picture)
        return Seen(self.heat(maps), self.offsets(maps), maps)

    def find(self, seen: Seen) -> Regions:
        """The regions where something stands."""
        return find(seen.heat, seen.offsets, self.cells)

    def describe(self, picture: Tensor, seen: Seen, regions: Regions) -> Described:
        """What stands in each region."""
        points = self.config.camera.on_plane(regions.places, TABLE_HEIGHT)
        place = [regions.places, (points[..., :2] - self.centre[:2]) / WORKSPACE_SCALE, _pair(regions.sort)]
        tokens = self.around(sampled(seen.maps, regions.places)) + self.placed(torch.cat(place, dim=2))
        if bool(regions.there.any()):
            close = self._close(crops(picture, regions))
            tokens = tokens.index_put(regions.there.nonzero(as_tuple=True), close, accumulate=True)
        return Described(regions, self.region_norm(tokens), points)

    def _close(self, cut: Tensor) -> Tensor:
        """Crops (N, 3, CROP, CROP) -> (N, D). When acting, they are seen a few at a time, the last ones filled up with
        zeros: a crop gets the same bits whatever else is found, in its own picture or in others."""
        if self.training:
            return cast(Tensor, self.crops(cut))
        filled = functional.pad(cut, (0, 0) * 3 + (0, -len(cut) % CROPS_TOGETHER))
        filled = filled.contiguous(memory_format=torch.channels_last)
        return torch.cat([self.crops(part) for part in torch.split(filled, CROPS_TOGETHER)])[: len(cut)]

    def plan(self, described: Described, reading: Reading, chosen: Tensor, state: Tensor) -> Plan:
        """chosen (B, 2): rows of the regions that are subject and target; R or more means none."""
        count, most, _ = described.tokens.shape
        both = torch.cat([described.tokens, reading.regions], dim=2)
        both = torch.cat([both, self.no_target.expand(count, 1, -1)], dim=1)
        points = torch.cat([described.points, self.centre.expand(count, 1, 3)], dim=1)
        row = chosen.clamp(max=most)
        tokens = both.gather(1, row[:, :, None].expand(-1, -1, both.shape[2]))
        at = points.gather(1, row[:, :, None].expand(-1, -1, 3))
        near = (at - self.centre) / WORKSPACE_SCALE
        hidden = functional.gelu(
            self.think(torch.cat([reading.said, tokens.flatten(1), near.flatten(1), state], dim=1))
        )
        # Without a target, what is asked ends somewhere around the subject.
        base = torch.stack([at[:, 0], torch.where(row[:, 1:] < most, at[:, 1], at[:, 0])], dim=1)
        coarse = base + WORKSPACE_SCALE * self.aims(hidden).view(-1, 2, 3)
        clearance = 0.1 * self.clear(hidden)[:, 0]
        return Plan(hidden, coarse, self.turn(hidden), clearance, tokens[:, :, : self.config.width])

    def settle(self, plan: Plan, picture: Tensor, tool: Tensor, state: Tensor, aimed: Tensor) -> Settled:
        """Correct a plan by what the hand's camera shows and by what was aimed at before.

        picture (B, 3, H, W), tool (B, 3) and aimed (B, 2, 3) [m, base frame], NaN where nothing was.
        """
        maps = self.wrist(picture)
        flat = maps.flatten(2).transpose(1, 2)
        guess = plan.coarse.detach()
        away = scales_of(guess - tool[:, None])
        # The words and the first camera say what to look for and where about it should be.
        probe = self.look_for(torch.cat([plan.hidden, away[:, 0]], dim=1))
        match = torch.einsum("bd,bnd->bn", probe, flat + self.where(self.wrist_cells)) * flat.shape[2] ** -0.5
        heat = match.softmax(dim=1)
        found = [torch.einsum("bn,bnd->bd", heat, flat), heat @ self.wrist_cells]
        points = self.key_points(maps).flatten(2).softmax(dim=2) @ self.wrist_cells
        features = torch.cat([*found, points.flatten(1)], dim=1)
        clues = torch.cat([features, plan.hidden, away.flatten(1), plan.yaw.detach(), state], dim=1)
        change = self.correct(clues)
        # An earlier look may have seen better what the arm hides now.
        known = torch.isfinite(aimed).all(dim=2, keepdim=True)
        moved = scales_of(torch.where(known, torch.nan_to_num(aimed) - guess, 0.0))
        recalled = self.reconsider(torch.cat([change, plan.hidden, moved.flatten(1), known[:, :, 0].float()], dim=1))
        fine = guess + 0.1 * (change[:, :6] + recalled).view(-1, 2, 3)
        return Settled(fine, plan.yaw.detach() + change[:, 6:8], change[:, 8], features)

    def prefix(self, plan: Plan, reading: Reading, settled: Settled, tool: Tensor, state: Tensor) -> Tensor:
        """Tokens (B, 9, D) for an action head. It reads the aims but must not bend them: no gradient goes back."""
        fine = settled.fine.detach()
        aims = torch.cat([(fine - self.centre) / WORKSPACE_SCALE, scales_of(fine - tool[:, None])], dim=2)
        turn = torch.cat([settled.yaw, plan.clearance[:, None] * 10, settled.held.sigmoid()[:, None]], dim=1).detach()
        parts = [
            self.from_said(reading.said)[:, None],
            self.from_chosen(plan.chosen),
            self.from_state(state)[:, None],
            self.from_aims(aims),
            self.from_turn(turn)[:, None],
            self.from_hand(settled.features)[:, None],
            self.from_thought(plan.hidden)[:, None],
        ]
        return torch.cat(parts, dim=1) + self.role

    def forward(self, inputs: Inputs, follow: "Follow | None" = None) -> "Thought":
        """Look, read, choose, aim: everything for one sentence about each picture. follow: what was meant before."""
        seen = self.look(inputs.pictures[0])
        regions, bonus = self.find(seen), None
        if follow is not None:
            regions, bonus = follow(regions, self.config.camera.project(inputs.tool_position))
        described = self.describe(inputs.pictures[0], seen, regions)
        reading = self.read(described, inputs.text, inputs.text_mask)
        chosen = likeliest(reading, bonus)
        plan = self.plan(described, reading, chosen, inputs.state)
        settled = self.settle(plan, inputs.pictures[1], inputs.tool_position, inputs.state, inputs.aimed)
        tokens = self.prefix(plan, reading, settled, inputs.tool_position, inputs.state)
        return Thought(described, reading, chosen, plan, settled, tokens)

    def read(self, described: Described, words: Tensor, mask: Tensor) -> Reading:
        """words (B, N, E), mask (B, N): one sentence about each picture."""
        return cast(Reading, self.reader(words, mask, described.tokens, described.regions.there))


def make_tower(config: BackboneConfig, *, pretrained: bool) -> nn.Module:
    """Build what makes the map (B, F, H / 4, W / 4) that regions are found in; SpecError names what there is."""
    if config.tower == "own":
        return ImageTower(config.widths, config.features)
    if not is_clip(config.tower):
        raise unknown_name("image tower", config.tower, ("own", "open_clip:TAG"))
    fine = config.widths[0]
    return ClipTower(config.tower, fine, config.features, trains=config.tower_trains, pretrained=pretrained)


@dataclass(eq=False)
class Thought:
    """What the backbone makes of a look. chosen (B, 2): rows of subject and target among the regions; the number of
    regions where the words name what is not there, one more where no target is meant.  tokens (B, 9, D): the prefix."""

    described: Described
    reading: Reading
    chosen: Tensor
    plan: Plan
    settled: Settled
    tokens: Tensor

    def row(self, number: int) -> "Thought":
        """What came of one picture, still batched."""
        keep = torch.tensor([number])
        settled = Settled(*(part[keep] for part in vars(self.settled).values()))
        described, reading, plan = self.described.rows(keep), self.reading.rows(keep), self.plan.rows(keep)
        return Thought(described, reading, self.chosen[keep], plan, settled, self.tokens[keep])


Follow = Callable[[Regions, Tensor], tuple[Regions, Tensor]]
"""(regions, the tool's place in the picture (B, 2)) -> regions to choose from and a bonus for `likeliest`."""


def likeliest(reading: Reading, bonus: Tensor | None = None) -> Tensor:
    """(B, 2): the region that subject and target most likely are, or none as the target; never "not there".

    Whoever acts needs a place to go to: what is named may only be hidden behind the arm. bonus (B, 2, R + 2) is added
    to the logits of subject and target.
    """
    most = reading.regions.shape[1]
    absent = torch.arange(most + 2, device=reading.target.device) == most
    subject, target = reading.subject, reading.target
    if bonus is not None:
        subject, target = subject + bonus[:, 0, : most + 1], target + bonus[:, 1]
    return torch.stack([subject[:, :most].argmax(dim=1), target.masked_fill(absent, -1e9).argmax(dim=1)], dim=1)


def missing(thought: Thought, chance: float = 0.5) -> str | None:
    """Return "object" or "place", whichever the first row's words name and is not there with more than `chance`."""
    most = thought.described.tokens.shape[1]
    for name, logits in (("object", thought.reading.subject), ("place", thought.reading.target)):
        if float(logits[0].softmax(dim=0)[most]) > chance:
            return name
    return None


def scales_of(offset: Tensor) -> Tensor:
    """Offsets (..., 3) [m] at three ranges: all of the table, one step of the arm, and the last centimetre."""
    return torch.cat([offset / 0.3, torch.tanh(offset / 0.06), torch.tanh(offset / 0.015)], dim=-1)


def _pair(sort: Tensor) -> Tensor:
    return functional.one_hot(sort.long(), SORTS).to(sort.dtype)


def _mlp(inside: int, hidden: int, out: int, *, start_at_zero: bool = False) -> nn.Sequential:
    last = nn.Linear(hidden, out)
    if start_at_zero:
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)
    return nn.Sequential(nn.Linear(inside, hidden), nn.GELU(), nn.Linear(hidden, hidden), nn.GELU(), last)
