"""open_clip's models by their tags: image towers and text towers of others, trained on pictures and captions.

An address is `open_clip:TAG` for weights that are made up, or `open_clip:TAG@WEIGHTS` for published ones, such as
`open_clip:ViT-B-32@laion2b_s34b_b79k`. A tag is what open_clip takes: a name, `hf-hub:organisation/name` or
`local-dir:FOLDER`; the latter two bring their weights along.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from agent.errors import SpecError, unknown_name
from agent.types import FloatArray
from policies.text import MAX_PIECES
from policies.tower import ConvNorm, Residual

PREFIX = "open_clip:"
ELSEWHERE = ("hf-hub:", "local-dir:")


def is_clip(name: str) -> bool:
    """Whether `name` is an address of a model of open_clip's."""
    return name.startswith(PREFIX)


def make_clip(address: str, *, pretrained: bool) -> Any:
    """Return the model at `address`; without `pretrained`, or where it names no weights, with the same made-up ones
    every time. Raises SpecError naming the models there are, or saying why one cannot be had."""
    import open_clip

    tag, _, weights = address.removeprefix(PREFIX).partition("@")
    if not tag.startswith(ELSEWHERE) and tag not in open_clip.list_models():
        raise unknown_name("model of open_clip's", tag, open_clip.list_models())
    try:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            return open_clip.create_model(
                tag,
                pretrained=(weights or None) if pretrained else None,
                load_weights=pretrained,
                pretrained_text=pretrained and bool(weights),
            )
    except (RuntimeError, ValueError, OSError) as error:
        raise SpecError(f"cannot make the open_clip model '{tag}': {str(error).splitlines()[0]}") from error


class ClipTower(nn.Module):
    """RGB pictures -> one feature map at a quarter of their resolution: open_clip's map, which is 16 or 32 times
    coarser than the picture, raised and added to a fine map of this network's own."""

    def __init__(self, address: str, fine: int, features: int, *, trains: bool, pretrained: bool) -> None:
        """fine: channels of the own map.  trains: train open_clip's weights as well."""
        super().__init__()
        self.visual = make_clip(address, pretrained=pretrained).visual
        size = self.visual.image_size
        self.size = (size, size) if isinstance(size, int) else tuple(size)
        self.trains = trains
        for name, values in (("mean", self.visual.image_mean), ("std", self.visual.image_std)):
            self.register_buffer(name, torch.tensor(values)[:, None, None], persistent=False)
        width = self._freeze()
        self.stem = ConvNorm(3, fine, size=4, stride=4)
        self.fine = Residual(fine)
        self.from_fine = nn.Conv2d(fine, features, 1)
        self.from_clip = nn.Conv2d(width, features, 1, bias=False)

    mean: Tensor
    std: Tensor

    def forward(self, pictures: Tensor) -> Tensor:
        """pictures (B, 3, H, W) in [-1, 1] -> features (B, F, H / 4, W / 4)."""
        fine = self.fine(self.stem(pictures))
        with torch.set_grad_enabled(self.trains and torch.is_grad_enabled()):
            seen = self._maps(pictures)
        raised = functional.interpolate(self.from_clip(seen), size=fine.shape[-2:], mode="bilinear")
        return functional.relu(self.from_fine(fine) + raised)

    def _maps(self, pictures: Tensor) -> Tensor:
        """pictures (B, 3, H, W) in [-1, 1] -> open_clip's last map (B, C, h, w)."""
        sized = functional.interpolate(pictures, size=self.size, mode="bilinear", antialias=True)
        normal = ((sized + 1) / 2 - self.mean) / self.std
        found: Tensor = self.visual.forward_intermediates(
            normal, indices=1, normalize_intermediates=True, intermediates_only=True
        )["image_intermediates"][-1]
        return found

    def _freeze(self) -> int:
        """Let those weights ask for gradients that are trained: not those behind the map. Return the map's channels."""
        self.visual.requires_grad_(self.trains)
        with torch.set_grad_enabled(self.trains):
            seen = self._maps(torch.zeros(1, 3, *self.size))
            if self.trains:
                seen.sum().backward()  # type: ignore[no-untyped-call]
        for parameter in self.visual.parameters():
            if self.trains and parameter.grad is None:
                parameter.requires_grad_(False)
            parameter.grad = None
        return seen.shape[1]


class ClipText:
    """A text tower of open_clip's, frozen: each word piece's state after the first layer beside its last.

    Early states say which word it is, late ones what it means after the words before it.
    """

    def __init__(self, address: str) -> None:
        import open_clip

        self.model = make_clip(address, pretrained=True).eval()
        self.tokenizer = open_clip.get_tokenizer(address.removeprefix(PREFIX).partition("@")[0])
        row = self.tokenizer([""])[0]
        self.context, self.blank = min(len(row), MAX_PIECES), int(row[-1])
        self.dim = int(self._states(row[None]).shape[2])

    @torch.inference_mode()
    def encode(self, sentences: Sequence[str]) -> list[FloatArray]:
        features: list[FloatArray] = []
        for start in range(0, len(sentences), 64):
            rows = self.tokenizer(list(sentences[start : start + 64]))
            states = self._states(rows).numpy()
            features += [each[: min(self._length(row), MAX_PIECES)] for each, row in zip(states, rows, strict=True)]
        return features

    def pieces(self, sentence: str) -> int:
        """How many feature vectors the whole of `sentence` needs, at most one more than are read."""
        row = self.tokenizer([sentence + " and"])[0]
        whole = self._length(self.tokenizer([sentence])[0])
        # A row that another word no longer makes longer is full, and may have been cut.
        return self.context + 1 if self._length(row) == whole else whole

    def _states(self, rows: Tensor) -> Tensor:
        """rows (B, N) of token ids -> (B, N, 2 W) float32."""
        layers = self.model.forward_intermediates(text=rows, normalize_intermediates=True, intermediates_only=True)
        states = layers["text_intermediates"]
        return torch.cat([states[0], states[-1]], dim=2).detach().float()

    def _length(self, row: Tensor) -> int:
        """Tokens up to the last that is no filling; the mark at the end is one of them."""
        return int((row != self.blank).nonzero().max()) + 1
