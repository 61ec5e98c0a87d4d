"""Action tokens written by a language model's transformer: SmolLM2-135M, or any model of the Llama family.

The prefix is projected into the model's width and stands before the row. As in OpenVLA, action tokens take the place
of the vocabulary's last words: token t is id V - 1 - t. Meant for GPUs: 135 M parameters.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch
from safetensors import SafetensorError
from torch import Tensor, nn
from torch.nn import functional
from transformers import AutoConfig, AutoModel, DynamicCache, LlamaConfig, LlamaModel

from agent.errors import SpecError
from policies.decoder import ActionDecoder, DecoderConfig, Generated, Vocabulary
from policies.heads.base import HeadConfig, LanguageSizes
from policies.smollm2 import package_file

HUB = "hub:"
RANDOM = "random"
BEGIN = 0
"""Id of the token before the first; SmolLM2's <|endoftext|>, with which its training texts begin."""


class SmolDecoder(ActionDecoder):
    """An `ActionDecoder` whose layers, embedding and output are a language model's, its output tied to its embedding.

    config.width: of the prefix; layers and heads are the model's own.
    """

    def __init__(self, config: DecoderConfig, vocabulary: Vocabulary, language: LlamaModel) -> None:
        # Of the parent the rules of tokens are used, none of its layers.
        nn.Module.__init__(self)
        length, size = vocabulary.legal.shape
        words, width = language.config.vocab_size, language.config.hidden_size
        if size >= words:
            raise SpecError(f"the codec has {size} tokens, and the language model {words}, too few to hold them")
        self.config, self.language, self.start = config, language, size
        self.project = nn.Linear(config.width, width)
        self.place = nn.Parameter(torch.zeros(length, width))
        self.register_buffer("legal", vocabulary.legal, persistent=False)
        self.register_buffer("ordinal", vocabulary.ordinal, persistent=False)
        ids = torch.cat([words - 1 - torch.arange(size), torch.tensor([BEGIN])])
        self.register_buffer("ids", ids, persistent=False)

    ids: Tensor

    def logits(self, prefix: Tensor, tokens: Tensor) -> Tensor:
        length = tokens.shape[1]
        start = tokens.new_full((len(tokens), 1), self.start)
        row = self._embedded(torch.cat([start, tokens[:, :-1]], dim=1)) + self.place[:length]
        whole = torch.cat([self.project(prefix), row], dim=1)
        hidden = self.language(inputs_embeds=whole, use_cache=False).last_hidden_state[:, -length:]
        return self._masked(self._scores(hidden), slice(0, length))

    @torch.no_grad()
    def generate(
        self, prefix: Tensor, *, temperature: float = 0.0, generator: torch.Generator | None = None
    ) -> Generated:
        """As the parent's: the model's own cache keeps keys and values of the prefix and of the tokens so far."""
        cache = DynamicCache(config=self.language.config)
        token = torch.full((len(prefix),), self.start, dtype=torch.int64, device=prefix.device)
        fresh, rows, scores = self.project(prefix), [], []
        for position in range(len(self.place)):
            newest = (self._embedded(token) + self.place[position])[:, None]
            fresh = torch.cat([fresh, newest], dim=1) if position == 0 else newest
            hidden = self.language(inputs_embeds=fresh, past_key_values=cache, use_cache=True).last_hidden_state
            logits = self._masked(self._scores(hidden[:, -1]), position)
            token = self._choose(logits, position, temperature, generator)
            rows.append(token)
            scores.append(functional.log_softmax(logits, dim=1).gather(1, token[:, None])[:, 0])
        return Generated(torch.stack(rows, dim=1), torch.stack(scores, dim=1))

    def _embedded(self, tokens: Tensor) -> Tensor:
        words: Tensor = self.language.embed_tokens(self.ids[tokens])
        return words

    def _scores(self, hidden: Tensor) -> Tensor:
        """hidden (..., width) -> (..., V): how well each action token's word fits."""
        return hidden @ self.language.embed_tokens.weight[self.ids[:-1]].T


def make_language(config: HeadConfig, *, pretrained: bool) -> LlamaModel:
    """Return the language model that a head of kind `smollm` has; without `pretrained` one of its sizes, made up."""
    if pretrained and config.language_model != RANDOM:
        return load_language(config.language_model)
    if config.language is None:
        raise SpecError("a language model that is made up needs its sizes; give them as 'language'")
    sizes = {name: value for name, value in vars(config.language).items() if name != "rope_theta"}
    turning = {"rope_type": "default", "rope_theta": config.language.rope_theta}
    return LlamaModel(LlamaConfig(**sizes, rope_parameters=turning, tie_word_embeddings=True))


def sizes_of(address: str) -> LanguageSizes:
    """Return the sizes of the model that `load_language` would load; raises SpecError as that does."""
    read = _read(address, AutoConfig.from_pretrained)
    if not isinstance(read, LlamaConfig):
        raise SpecError(f"'{address}' is a {type(read).__name__}; the action decoder needs a LlamaConfig")
    values = {name: getattr(read, name) for name in LanguageSizes.__dataclass_fields__ if name != "rope_theta"}
    theta = (getattr(read, "rope_parameters", None) or {}).get("rope_theta", LanguageSizes.rope_theta)
    return LanguageSizes(**values, rope_theta=float(theta))


def load_language(address: str) -> LlamaModel:
    """Return the transformer of `smollm2`, of a folder in transformers' layout, or of `hub:organisation/name`.

    float32, ready to be trained further. Raises SpecError when there is none, or it is of another family.
    """
    model = _read(address, partial(AutoModel.from_pretrained, dtype=torch.float32))
    if not isinstance(model, LlamaModel):
        raise SpecError(f"'{address}' is a {type(model).__name__}; the action decoder needs a LlamaModel")
    return model


def _read(address: str, read: Callable[..., object]) -> object:
    """What `read` makes of the place that the address means."""
    where, file = address.removeprefix(HUB), None
    if address == "smollm2":
        source = package_file()
        where, file = str(source.parent), source.name
    elif not address.startswith(HUB) and not (Path(address) / "config.json").is_file():
        raise SpecError(
            f"no language model '{address}'; there are: smollm2, a folder with config.json, hub:organisation/name, "
            "random"
        )
    try:
        return read(where, gguf_file=file, local_files_only=not address.startswith(HUB))
    except (OSError, ValueError, ImportError, SafetensorError) as error:
        raise SpecError(f"cannot load the language model '{address}': {str(error).splitlines()[0]}") from error
