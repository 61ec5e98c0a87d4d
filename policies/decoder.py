"""The action head: a causal transformer that writes a fixed number of action tokens, reading the prefix."""

from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional


@dataclass(frozen=True)
class DecoderConfig:
    """Sizes and the loss of the decoder.

    width: of every token, a multiple of `heads`; the prefix has the same.  smoothing_bins: standard deviation, in
    bins, of the Gaussian that a target is spread over where neighbouring tokens mean neighbouring values (HL-Gauss,
    arXiv 2403.03950); 0 trains on the one target token alone.  pick: how a value is chosen when decoding greedily,
    `mode` (most likely token) or `median` (the token that halves the probability, which an L1 loss would find).
    """

    width: int = 128
    layers: int = 2
    heads: int = 4
    smoothing_bins: float = 3.0
    pick: str = "median"


@dataclass(frozen=True, eq=False)
class Vocabulary:
    """What may stand at each position of a token row.

    legal (L, V) bool.  ordinal (L,) bool: tokens at this position are neighbouring bins of one quantity, so a near
    miss is nearly right.
    """

    legal: Tensor
    ordinal: Tensor


class Cache:
    """Keys and values of the tokens so far (self) and of the prefix (cross), for one layer."""

    def __init__(self, cross: tuple[Tensor, Tensor]) -> None:
        self.cross = cross
        self.past: tuple[Tensor, Tensor] | None = None

    def extend(self, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
        if self.past is not None:
            key, value = torch.cat([self.past[0], key], dim=2), torch.cat([self.past[1], value], dim=2)
        self.past = (key, value)
        return self.past


class Layer(nn.Module):
    """Pre-norm: causal self-attention, cross-attention to the prefix, and a feed-forward net."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(3))
        self.self_in = nn.Linear(width, 3 * width)
        self.self_out = nn.Linear(width, width)
        self.cross_query = nn.Linear(width, width)
        self.cross_in = nn.Linear(width, 2 * width)
        self.cross_out = nn.Linear(width, width)
        self.feed = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def prefix_keys(self, prefix: Tensor) -> tuple[Tensor, Tensor]:
        """Keys and values of the prefix (B, N, D), each (B, H, N, D / H); they stay the same for every token."""
        key, value = self.cross_in(prefix).chunk(2, dim=2)
        return self._split(key), self._split(value)

    def forward(self, tokens: Tensor, cross: tuple[Tensor, Tensor], cache: Cache | None = None) -> Tensor:
        """tokens (B, L, D): all of them when `cache` is None, otherwise only the newest one."""
        query, key, value = (self._split(part) for part in self.self_in(self.norms[0](tokens)).chunk(3, dim=2))
        if cache is not None:
            key, value = cache.extend(key, value)
        mixed = functional.scaled_dot_product_attention(query, key, value, is_causal=cache is None)
        tokens = tokens + self.self_out(self._join(mixed))
        query = self._split(self.cross_query(self.norms[1](tokens)))
        tokens = tokens + self.cross_out(self._join(functional.scaled_dot_product_attention(query, *cross)))
        fed: Tensor = tokens + self.feed(self.norms[2](tokens))
        return fed

    def _split(self, tokens: Tensor) -> Tensor:
        return tokens.view(*tokens.shape[:2], self.heads, -1).transpose(1, 2)

    def _join(self, heads: Tensor) -> Tensor:
        return heads.transpose(1, 2).flatten(2)


@dataclass(eq=False)
class Generated:
    """tokens (B, L) int64 and the log-probability (B, L) that the model gave each."""

    tokens: Tensor
    log_probabilities: Tensor

    def row(self, number: int) -> "Generated":
        """One row of it, still batched."""
        return Generated(self.tokens[number : number + 1], self.log_probabilities[number : number + 1])


class ActionDecoder(nn.Module):
    """Autoregressive over L positions and V tokens; only legal tokens can be written, and always exactly L."""

    legal: Tensor
    ordinal: Tensor

    def __init__(self, config: DecoderConfig, vocabulary: Vocabulary) -> None:
        super().__init__()
        self.config = config
        length, size = vocabulary.legal.shape
        self.embed = nn.Embedding(size + 1, config.width)
        self.place = nn.Parameter(torch.randn(length, config.width) * 0.02)
        self.layers = nn.ModuleList(Layer(config.width, config.heads) for _ in range(config.layers))
        self.norm = nn.LayerNorm(config.width)
        self.head = nn.Linear(config.width, size)
        self._start_smooth(vocabulary)
        self.register_buffer("legal", vocabulary.legal, persistent=False)
        self.register_buffer("ordinal", vocabulary.ordinal, persistent=False)
        self.start = size
        """Id of the token before the first; it is never written."""

    @torch.no_grad()
    def _start_smooth(self, vocabulary: Vocabulary) -> None:
        """Let bins begin as smooth functions of their value; unrelated vectors would have to be learned one by one."""
        nn.init.normal_(self.embed.weight, std=0.3)
        bins = vocabulary.legal[vocabulary.ordinal].any(dim=0).nonzero()[:, 0]
        value = torch.linspace(-1, 1, len(bins))[:, None]
        waves = value * torch.pi * 2.0 ** torch.arange(-1, 4)
        smooth = torch.cat([value, waves.sin(), waves.cos()], dim=1)
        self.embed.weight[bins] = smooth @ torch.randn(smooth.shape[1], self.config.width) * 0.3
        self.head.weight[bins] = smooth @ torch.randn(smooth.shape[1], self.config.width) * 0.02

    def logits(self, prefix: Tensor, tokens: Tensor) -> Tensor:
        """prefix (B, N, D), tokens (B, L) -> (B, L, V): position i from the tokens before i; illegal ones are -inf."""
        start = tokens.new_full((len(tokens), 1), self.start)
        length = tokens.shape[1]
        hidden: Tensor = self.embed(torch.cat([start, tokens[:, :-1]], dim=1)) + self.place[:length]
        for layer in self.layers:
            hidden = layer(hidden, cast(Layer, layer).prefix_keys(prefix))
        return self._masked(self.head(self.norm(hidden)), slice(0, length))

    def loss(self, prefix: Tensor, tokens: Tensor, weight: Tensor) -> Tensor:
        """Cross-entropy with smoothed targets, averaged over positions with weight (B, L) >= 0 -> scalar."""
        log_probabilities = functional.log_softmax(self.logits(prefix, tokens), dim=2)
        target = self._targets(tokens)
        losses = -(target * log_probabilities.masked_fill(~self.legal, 0.0)).sum(dim=2)
        mean: Tensor = (losses * weight).sum() / weight.sum().clamp(min=1.0)
        return mean

    @torch.no_grad()
    def generate(
        self, prefix: Tensor, *, temperature: float = 0.0, generator: torch.Generator | None = None
    ) -> Generated:
        """Write L tokens after prefix (B, N, D), each from those before it, keeping keys and values.

        temperature: 0 decodes greedily (`config.pick`); above 0 samples with `generator`.
        """
        caches = [Cache(cast(Layer, layer).prefix_keys(prefix)) for layer in self.layers]
        token = torch.full((len(prefix),), self.start, dtype=torch.int64, device=prefix.device)
        rows, scores = [], []
        for position in range(len(self.place)):
            hidden = (self.embed(token) + self.place[position])[:, None]
            for layer, cache in zip(self.layers, caches, strict=True):
                hidden = layer(hidden, cache.cross, cache)
            logits = self._masked(self.head(self.norm(hidden[:, 0])), position)
            token = self._choose(logits, position, temperature, generator)
            rows.append(token)
            scores.append(functional.log_softmax(logits, dim=1).gather(1, token[:, None])[:, 0])
        return Generated(torch.stack(rows, dim=1), torch.stack(scores, dim=1))

    @torch.no_grad()
    def generate_slowly(self, prefix: Tensor) -> Generated:
        """The greedy result of `generate` without a cache: every step runs the whole row again."""
        tokens = torch.zeros(len(prefix), len(self.place), dtype=torch.int64, device=prefix.device)
        scores = []
        for position in range(len(self.place)):
            logits = self.logits(prefix, tokens)[:, position]
            tokens[:, position] = self._choose(logits, position, 0.0, None)
            scores.append(functional.log_softmax(logits, dim=1).gather(1, tokens[:, position : position + 1])[:, 0])
        return Generated(tokens, torch.stack(scores, dim=1))

    def surest(self, tokens: Tensor) -> Tensor:
        """tokens (B, L) -> (B, L): the log-probability that training wants each to have where it is the target."""
        return self._targets(tokens).gather(2, tokens[:, :, None])[:, :, 0].log()

    def _choose(self, logits: Tensor, position: int, temperature: float, generator: torch.Generator | None) -> Tensor:
        """logits (B, V) at one position -> token ids (B,)."""
        if temperature > 0:
            chances = functional.softmax(logits / temperature, dim=1)
            return torch.multinomial(chances, 1, generator=generator)[:, 0]
        if self.config.pick == "median" and bool(self.ordinal[position]):
            passed = functional.softmax(logits, dim=1).cumsum(dim=1) < 0.5
            return passed.sum(dim=1).clamp(max=logits.shape[1] - 1)
        return logits.argmax(dim=1)

    def _masked(self, logits: Tensor, positions: slice | int) -> Tensor:
        return logits.masked_fill(~self.legal[positions], float("-inf"))

    def _targets(self, tokens: Tensor) -> Tensor:
        """tokens (B, L) -> probabilities (B, L, V): a Gaussian over neighbouring bins, or one token."""
        size = self.legal.shape[1]
        if self.config.smoothing_bins <= 0:
            return functional.one_hot(tokens, size).float()
        bins = torch.arange(size, device=tokens.device)
        distance = bins.float() - tokens[..., None].float()
        spread = torch.where(self.ordinal[:, None], self.config.smoothing_bins, 1e-3)
        density = torch.exp(-0.5 * (distance / spread) ** 2) * self.legal
        return density / density.sum(dim=2, keepdim=True)
