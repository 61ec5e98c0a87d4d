"""From a line of YAML to a head."""

from collections.abc import Callable

import torch

from agent.errors import unknown_name
from policies.codec import ActionCodec, CodecConfig, make_codec
from policies.decoder import ActionDecoder, DecoderConfig, Vocabulary
from policies.heads.base import Head, HeadConfig
from policies.heads.continuous import FlowHead, MipHead, RegressionHead
from policies.heads.diffusion import DiffusionHead
from policies.heads.tokens import ParallelDecoder, TokenHead

CONTINUOUS: dict[str, Callable[[HeadConfig, DecoderConfig, CodecConfig], Head]] = {
    "regression": RegressionHead,
    "flow": FlowHead,
    "mip": MipHead,
    "diffusion": DiffusionHead,
}
TOKENS = ("tokens", "parallel", "smollm")


def make_head(config: HeadConfig, net: DecoderConfig, codec: CodecConfig, *, pretrained: bool = True) -> Head:
    """Build the head that `config.kind` names, with random weights but those of a language model.

    net: sizes; its width is the prefix's D, smoothing_bins and pick are for the token heads.  codec: what a chunk is
    (rows, columns, which are binary and which held); its kind is for the token heads alone.
    pretrained: False where weights will be loaded over these, so that a language model need not be read for nothing.
    Raises SpecError for an unknown kind, naming those that exist, and when a part cannot be had.
    """
    if config.kind in CONTINUOUS:
        return CONTINUOUS[config.kind](config, net, codec)
    if config.kind not in TOKENS:
        raise unknown_name("action head", config.kind, (*TOKENS, *CONTINUOUS))
    made = make_codec(codec)
    vocabulary = vocabulary_of(made)
    decoder: ActionDecoder
    if config.kind == "parallel":
        decoder = ParallelDecoder(net, vocabulary)
    elif config.kind == "smollm":
        # transformers takes seconds to import, and the other heads do not need it.
        from policies.heads.smollm import SmolDecoder, make_language

        decoder = SmolDecoder(net, vocabulary, make_language(config, pretrained=pretrained))
    else:
        decoder = ActionDecoder(net, vocabulary)
    return TokenHead(decoder, made, temperature=config.temperature)


def vocabulary_of(codec: ActionCodec) -> Vocabulary:
    return Vocabulary(torch.from_numpy(codec.legal), torch.from_numpy(codec.ordinal))
