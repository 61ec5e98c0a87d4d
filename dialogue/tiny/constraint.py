"""A grammar as a filter on the next token."""

import numpy as np
from llguidance import LLMatcher, LLTokenizer
from llguidance.hf import from_tokenizer
from numpy.typing import NDArray
from transformers import PreTrainedTokenizerFast

from agent.errors import SpecError


class Constraint:
    """Follows one answer through one grammar (llguidance's Lark-like notation)."""

    def __init__(self, tokenizer: LLTokenizer, grammar: str) -> None:
        """Raises SpecError when the grammar does not compile."""
        self._matcher = LLMatcher(tokenizer, LLMatcher.grammar_from_lark(grammar), log_level=0)
        self._check()

    @property
    def done(self) -> bool:
        """Whether nothing more can follow."""
        return bool(self._matcher.is_stopped())

    def forced(self) -> list[int]:
        """Return the tokens that must come next whatever the model thinks; empty when there is a choice."""
        tokens = [] if self.done else list(self._matcher.compute_ff_tokens())
        self._check()
        return tokens

    def allowed(self) -> NDArray[np.int64]:
        """Return the ids of all tokens that may come next, at least one."""
        bits = np.frombuffer(self._matcher.compute_bitmask(), dtype=np.uint8)
        self._check()
        return np.flatnonzero(np.unpackbits(bits, bitorder="little"))

    def advance(self, tokens: list[int]) -> None:
        """Take note that these tokens were said. Raises SpecError when the grammar does not allow them."""
        if tokens:
            self._matcher.consume_tokens(tokens)
            self._check()

    def _check(self) -> None:
        if self._matcher.is_error():
            raise SpecError(f"the grammar cannot be followed: {self._matcher.get_error().splitlines()[0]}")


def make_tokenizer(tokenizer: PreTrainedTokenizerFast, vocabulary: int) -> LLTokenizer:
    """Return llguidance's view of `tokenizer`; about a second, so keep it. vocabulary: rows of the output layer."""
    return from_tokenizer(tokenizer, n_vocab=vocabulary)
