"""From a line of YAML to a head."""

from collections.abc import Callable

import torch

from agent.errors import unknown_name
from policies.codec import CodecConfig, make_codec
from policies.decoder import ActionDecoder, Vocabulary
from policies.heads.base import Head, HeadConfig
from policies.heads.continuous import FlowHead, MipHead, RegressionHead
from policies.heads.diffusion import DiffusionHead
from policies.heads.tokens import ParallelDecoder, TokenHead


def make_head(config: HeadConfig, codec: CodecConfig) -> Head:
    """Build the head that `config.kind` names, with random weights but those of a language model.

    codec: what a chunk is (rows, columns, which are binary and which held); its kind is for the token heads alone.
    Raises SpecError for an unknown kind, naming those that exist, and when a part cannot be had.
    """
    kinds: dict[str, Callable[[HeadConfig, CodecConfig], Head]] = {
        "tokens": _tokens,
        "parallel": _tokens,
        "smollm": _tokens,
        "regression": RegressionHead,
        "flow": FlowHead,
        "mip": MipHead,
        "diffusion": DiffusionHead,
    }
    if config.kind not in kinds:
        raise unknown_name("action head", config.kind, kinds)
    return kinds[config.kind](config, codec)


def _tokens(config: HeadConfig, codec_config: CodecConfig) -> Head:
    codec = make_codec(codec_config)
    vocabulary = Vocabulary(torch.from_numpy(codec.legal), torch.from_numpy(codec.ordinal))
    decoder: ActionDecoder
    if config.kind == "parallel":
        decoder = ParallelDecoder(config.net, vocabulary)
    elif config.kind == "smollm":
        # transformers takes seconds to import, and the other heads do not need it.
        from policies.heads.smollm import SmolDecoder, load_language

        decoder = SmolDecoder(config.net, vocabulary, load_language(config.language_model))
    else:
        decoder = ActionDecoder(config.net, vocabulary)
    return TokenHead(decoder, codec, temperature=config.temperature)
