"""Heads that write tokens of a codec: one after the other, or all in one pass."""

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from policies.codec import ActionCodec
from policies.decoder import ActionDecoder, DecoderConfig, Generated, Layer, Vocabulary
from policies.heads.base import Drawn, Head
from policies.heads.denoiser import OpenLayer


class TokenHead(Head):
    """A decoder of tokens with the codec that turns chunks into them and back."""

    def __init__(self, decoder: ActionDecoder, codec: ActionCodec, *, temperature: float) -> None:
        super().__init__()
        self.decoder, self.codec, self.temperature = decoder, codec, temperature

    def loss(
        self, prefix: Tensor, actions: Tensor, weights: Tensor, *, generator: torch.Generator | None = None
    ) -> Tensor:
        tokens = torch.from_numpy(self.codec.encode(actions.detach().cpu().numpy())).to(prefix.device)
        counts = torch.from_numpy(self.codec.weights((weights <= 0).cpu().numpy())).to(prefix.device)
        return self.decoder.loss(prefix, tokens, counts)

    @torch.no_grad()
    def sample(self, prefix: Tensor, *, generator: torch.Generator | None = None) -> Tensor:
        """As `Head.sample` says; at temperature 0 the generator has no effect."""
        return self.draw(prefix, generator=generator).chunks

    @torch.no_grad()
    def draw(self, prefix: Tensor, *, generator: torch.Generator | None = None) -> Drawn:
        """As `Head.draw`. How sure it is of a chunk is the geometric mean of the tokens' probabilities, each against
        the most that training asks for: where targets are spread over neighbouring bins, no bin can come near 1."""
        written = self._written(prefix, generator)
        actions = np.ascontiguousarray(self.codec.decode(written.tokens.cpu().numpy()))
        short = (written.log_probabilities - self.decoder.surest(written.tokens)).clamp(max=0.0)
        chunks = torch.from_numpy(actions).to(prefix.device)
        return Drawn(chunks, short.mean(dim=1).exp(), written.log_probabilities.exp())

    def _written(self, prefix: Tensor, generator: torch.Generator | None) -> Generated:
        if generator is None and self.temperature > 0:
            # One generator would serve the rows in turn, and a row's chunk would depend on those before it.
            seeds = [torch.Generator(prefix.device).manual_seed(0) for _ in prefix]
            rows = [
                self.decoder.generate(row, temperature=self.temperature, generator=seed)
                for row, seed in zip(torch.split(prefix, 1), seeds, strict=True)
            ]
            parts = (torch.cat([getattr(row, name) for row in rows]) for name in ("tokens", "log_probabilities"))
            return Generated(*parts)
        if generator is not None and prefix.device.type != "cpu":
            # Chances are drawn from where they are, which asks for a generator there.
            seed = int(torch.randint(2**62, (), generator=generator))
            generator = torch.Generator(prefix.device).manual_seed(seed)
        return self.decoder.generate(prefix, temperature=self.temperature, generator=generator)


class ParallelDecoder(ActionDecoder):
    """All L positions in one pass: each starts blank, and they see one another and the prefix.

    Positions are drawn independently, so above temperature 0 a chunk may mix two that are each good.
    """

    def __init__(self, config: DecoderConfig, vocabulary: Vocabulary) -> None:
        super().__init__(config, vocabulary)
        self.layers = nn.ModuleList(OpenLayer(config.width, config.heads) for _ in range(config.layers))

    def logits(self, prefix: Tensor, tokens: Tensor) -> Tensor:
        """prefix (B, N, D) -> (B, L, V); of the tokens (B, L) nothing but the device is read."""
        blank = torch.full((len(prefix), len(self.place)), self.start, dtype=torch.int64, device=tokens.device)
        hidden: Tensor = self.embed(blank) + self.place
        for layer in self.layers:
            assert isinstance(layer, Layer)
            hidden = layer(hidden, layer.prefix_keys(prefix))
        return self._masked(self.head(self.norm(hidden)), slice(None))

    @torch.no_grad()
    def generate(
        self, prefix: Tensor, *, temperature: float = 0.0, generator: torch.Generator | None = None
    ) -> Generated:
        logits = self.logits(prefix, torch.empty(0, device=prefix.device))
        log_probabilities = functional.log_softmax(logits, dim=2)
        if temperature > 0:
            chances = functional.softmax(logits / temperature, dim=2).flatten(0, 1)
            tokens = torch.multinomial(chances, 1, generator=generator).view(logits.shape[:2])
        else:
            tokens = logits.argmax(dim=2)
            if self.config.pick == "median":
                halves = (log_probabilities.exp().cumsum(dim=2) < 0.5).sum(dim=2).clamp(max=logits.shape[2] - 1)
                tokens = torch.where(self.ordinal, halves, tokens)
        return Generated(tokens, log_probabilities.gather(2, tokens[:, :, None])[:, :, 0])
