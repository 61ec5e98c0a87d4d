"""Reads a sentence over the regions of a picture: which of them it is about, which it goes to, and what to do."""

from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

SUBJECT, TARGET, RELATION = 0, 1, 2
QUERIES = 3


class Block(nn.Module):
    """Pre-norm self-attention with a mask of what is there, and a feed-forward net."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(2))
        self.into = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.feed = nn.Sequential(nn.Linear(width, 3 * width), nn.GELU(), nn.Linear(3 * width, width))

    def forward(self, tokens: Tensor, there: Tensor) -> Tensor:
        """tokens (B, L, D), there (B, 1, 1, L) True where attention may look -> (B, L, D)."""
        count, length, width = tokens.shape
        split = self.into(self.norms[0](tokens)).view(count, length, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        mixed = functional.scaled_dot_product_attention(split[0], split[1], split[2], attn_mask=there)
        tokens = tokens + self.out(mixed.transpose(1, 2).reshape(count, length, width))
        fed: Tensor = tokens + self.feed(self.norms[1](tokens))
        return fed


@dataclass(eq=False)
class Reading:
    """What a sentence is about. subject (B, R + 1): logits over the regions and, last, "not there".
    target (B, R + 2): the same, then "none is meant".  relation (B, K): logits.
    said (B, D): what to do.  regions (B, R, D): what each region means to the sentence."""

    subject: Tensor
    target: Tensor
    relation: Tensor
    said: Tensor
    regions: Tensor

    def rows(self, keep: Tensor) -> "Reading":
        """Some of the sentences."""
        return Reading(*(part[keep] for part in vars(self).values()))


class Reader(nn.Module):
    """A transformer over words, regions and three questions to itself."""

    def __init__(self, width: int, *, text_dim: int, relations: int, layers: int, heads: int) -> None:
        super().__init__()
        self.word = nn.Sequential(nn.LayerNorm(text_dim), nn.Linear(text_dim, width))
        self.queries = nn.Parameter(torch.randn(QUERIES, width) * 0.3)
        self.sorts = nn.Parameter(torch.randn(3, width) * 0.1)
        self.blocks = nn.ModuleList(Block(width, heads) for _ in range(layers))
        self.norm = nn.LayerNorm(width)
        self.points = nn.ModuleList(nn.Linear(width, width) for _ in range(2))
        self.pointed = nn.ModuleList(nn.Linear(width, width) for _ in range(2))
        self.absent = nn.ModuleList(nn.Linear(width, extra) for extra in (1, 2))
        self.relation = nn.Linear(width, relations)
        self.scale = width**-0.5

    def forward(self, words: Tensor, mask: Tensor, regions: Tensor, there: Tensor) -> Reading:
        """words (B, N, E), mask (B, N), regions (B, R, D), there (B, R)."""
        count = len(words)
        asking = (self.queries + self.sorts[0]).expand(count, -1, -1)
        tokens = torch.cat([asking, regions + self.sorts[1], self.word(words) + self.sorts[2]], dim=1)
        visible = torch.cat([mask.new_ones(count, QUERIES), there, mask], dim=1)[:, None, None]
        for block in self.blocks:
            tokens = cast(Tensor, block(tokens, visible))
        tokens = self.norm(tokens)
        meant = tokens[:, QUERIES : QUERIES + regions.shape[1]]
        logits = []
        for part in (SUBJECT, TARGET):
            match = torch.einsum("bd,brd->br", self.points[part](tokens[:, part]), self.pointed[part](meant))
            match = (match * self.scale).masked_fill(~there, -1e4)
            logits.append(torch.cat([match, self.absent[part](tokens[:, part])], dim=1))
        return Reading(logits[0], logits[1], self.relation(tokens[:, RELATION]), tokens[:, RELATION], meant)
