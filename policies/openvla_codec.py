"""OpenVLA's action tokens to the letter, for data and checkpoints that go between the two projects.

Source: the action tokenizer of openvla/openvla (2406.09246, section 3.2): 256 edges over [-1, 1], np.digitize, and the
ids counted down from the end of the tokenizer's vocabulary, where Llama keeps what it uses least.
"""

import numpy as np

from agent.errors import SpecError
from agent.types import FloatArray
from policies.codec import EDGES, Bins, BoolArray, CodecConfig, TokenArray, check_legal, checked

LLAMA_VOCABULARY = 32_000
"""Size of the tokenizer that OpenVLA counts down from; the model's own 32,064 is padded."""


class OpenVlaCodec:
    """One token per row and dimension, the gripper included: it is a value in [0, 1] like any other.

    Token t means OpenVLA's id `vocabulary - 1 - t`. Tokens run 0 ... 255 although there are 255 centres: exactly 1.0
    alone is digitized as 256, and both of the last two tokens decode to the last centre. `bins` avoids this.
    """

    def __init__(self, config: CodecConfig) -> None:
        self.config = config
        self.bins = Bins()

    @property
    def chunk(self) -> int:
        return self.config.chunk

    @property
    def legal(self) -> BoolArray:
        return np.ones((self.chunk * self.config.action_dim, EDGES), dtype=np.bool_)

    @property
    def ordinal(self) -> BoolArray:
        return np.ones(self.chunk * self.config.action_dim, dtype=np.bool_)

    def encode(self, actions: FloatArray) -> TokenArray:
        values = np.clip(checked(actions, self.config), -1.0, 1.0)
        tokens: TokenArray = (np.digitize(values, self.bins.edges) - 1).reshape(len(actions), -1)
        return tokens

    def decode(self, tokens: TokenArray) -> FloatArray:
        check_legal(tokens, self.legal)
        values = self.bins.decode(np.minimum(tokens, Bins.count - 1))
        return values.reshape(len(tokens), self.chunk, self.config.action_dim)

    def weights(self, pad: BoolArray) -> FloatArray:
        return np.repeat(~pad, self.config.action_dim, axis=1).astype(np.float32)


def vocabulary_ids(tokens: TokenArray, *, vocabulary: int = LLAMA_VOCABULARY) -> TokenArray:
    """OpenVLA's ids of tokens 0 ... 255, any shape: the last 256 of the vocabulary, 31,744 ... 31,999 for Llama."""
    return vocabulary - 1 - tokens


def tokens_of(ids: TokenArray, *, vocabulary: int = LLAMA_VOCABULARY) -> TokenArray:
    """The inverse of `vocabulary_ids`. SpecError for an id that is no action: OpenVLA's own decoder clips it to one."""
    tokens = vocabulary - 1 - ids
    if ((tokens < 0) | (tokens >= EDGES)).any():
        raise SpecError(f"action ids lie in [{vocabulary - EDGES}, {vocabulary - 1}]; got {ids.min()} ... {ids.max()}")
    return tokens
