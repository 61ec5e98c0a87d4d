"""A transformer that answers on this machine: a cache of what it has read, and decoding that a grammar binds.

Two things make it quick on two cores. What two prompts share (the system message, the conversation so far) is read
once, and ahead of the words where whoever talks says so in time. Under a grammar, tokens without an alternative are not
computed but only read together with the next one, and the output layer, a fifth of this network, is computed only for
the tokens that are allowed.
"""

import time
from collections.abc import Sequence
from functools import cached_property

import numpy as np
import torch
from llguidance import LLTokenizer
from numpy.typing import NDArray
from torch import Tensor
from transformers import DynamicCache, PreTrainedModel, PreTrainedTokenizerFast

from dialogue.language_model import Limits, Message, ModelFault, Reply
from dialogue.tiny.chatml import ChatMl
from dialogue.tiny.constraint import Constraint, make_tokenizer

LONGEST_PROMPT = 2048
"""Tokens; about 4 s of reading on one core."""
FEW = 4096
"""Up to this many allowed tokens, gathering their rows of the output layer beats computing all of them."""


class TransformerModel:
    """A ScoringModel over a causal network of transformers. Greedy: the same conversation gives the same answer."""

    obeys_grammar = True

    def __init__(
        self, model: PreTrainedModel, tokenizer: PreTrainedTokenizerFast, *, name: str, reuse: bool = True
    ) -> None:
        """reuse: keep what was read for the next prompt, and skip forced tokens; False is the slow twin for tests."""
        self._model, self._tokenizer, self._reuse = model, tokenizer, reuse
        self._name, self._chat = name, ChatMl(tokenizer)
        self._cache, self._read = DynamicCache(config=model.config), list[int]()
        self._passes = 0

    @property
    def name(self) -> str:
        return self._name

    def reply(self, messages: Sequence[Message], *, grammar: str | None = None, limits: Limits | None = None) -> Reply:
        limits = limits or Limits()
        began, self._passes = time.monotonic(), 0
        tokens = self.prompt(messages)
        constraint = Constraint(self._guide, grammar) if grammar is not None else None
        said: list[int] = []
        while True:
            if constraint is not None and self._reuse:
                forced = constraint.forced()
                constraint.advance(forced)
                said += forced
            if constraint is not None and constraint.done:
                break
            if len(said) >= limits.tokens:
                if constraint is None:
                    break
                raise ModelFault(f"{self.name} did not finish its answer within {limits.tokens} tokens")
            self._check_time(began, limits)
            allowed = constraint.allowed() if constraint is not None else None
            if self._reuse and allowed is not None and len(allowed) == 1:
                # Where its letters could be cut into other tokens it is not told as forced, and yet there is no choice.
                token = int(allowed[0])
            else:
                token = self._choose(self._state_after(tokens + said), allowed)
            if token == self._chat.end:
                break
            said.append(token)
            if constraint is not None:
                constraint.advance([token])
        text = str(self._tokenizer.decode([t for t in said if t != self._chat.end], skip_special_tokens=True))
        return Reply(text.strip(), len(said), time.monotonic() - began, self._passes)

    def prepare(self, messages: Sequence[Message]) -> None:
        """See `ReadsAhead`. The first time it also makes ready what grammars need, which takes about a second."""
        tokens = self._chat.said(messages)
        if not self._reuse or not tokens or len(tokens) > LONGEST_PROMPT:
            return
        _ = self._guide
        if _shared(self._read, tokens) < len(tokens):
            self._state_after(tokens)

    def log_probabilities(self, messages: Sequence[Message], answers: Sequence[str]) -> list[float]:
        prompt = self.prompt(messages)
        return [self._log_probability(prompt, answer) for answer in answers]

    def prompt(self, messages: Sequence[Message]) -> list[int]:
        """Return the tokens of the conversation, up to where the answer begins. Raises ModelFault if it is too long."""
        tokens = self._chat.prompt(messages)
        if len(tokens) > LONGEST_PROMPT:
            raise ModelFault(f"the conversation has {len(tokens)} tokens; {self.name} reads {LONGEST_PROMPT}")
        return tokens

    @cached_property
    def _guide(self) -> LLTokenizer:
        return make_tokenizer(self._tokenizer, self._output.shape[0])

    @property
    def _output(self) -> Tensor:
        """(V, E), one row a token."""
        weight: Tensor = self._model.get_output_embeddings().weight  # type: ignore[no-untyped-call]
        return weight

    def _check_time(self, began: float, limits: Limits) -> None:
        if time.monotonic() - began > limits.seconds:
            raise ModelFault(f"{self.name} did not finish its answer within {limits.seconds:g} s")

    @torch.inference_mode()
    def _choose(self, state: Tensor, ids: NDArray[np.int64] | None) -> int:
        """Return the likeliest token after `state` (E,), of these ids alone where they are given."""
        if ids is None:
            return int(torch.argmax(self._output @ state))
        allowed = torch.from_numpy(ids)
        if len(allowed) <= FEW:
            return int(allowed[torch.argmax(self._output[allowed] @ state)])
        return int(allowed[torch.argmax((self._output @ state)[allowed])])

    def _state_after(self, tokens: list[int]) -> Tensor:
        """Return the last hidden state (E,) after all of `tokens`."""
        return self._states(tokens, last=1)[-1]

    @torch.inference_mode()
    def _states(self, tokens: list[int], *, last: int) -> Tensor:
        """Return the hidden states (last, E) of the last tokens, reading only what the cache does not hold yet."""
        known = _shared(self._read, tokens[:-last]) if self._reuse else 0
        if known == 0:
            self._cache = DynamicCache(config=self._model.config)
        elif known < len(self._read):
            self._cache.crop(known - len(self._read))
        # Half-read tokens would be taken for read ones if this pass failed.
        self._read = []
        ids = torch.tensor([tokens[known:]])
        places = torch.arange(known, len(tokens)).unsqueeze(0)
        out = self._model.base_model(input_ids=ids, position_ids=places, past_key_values=self._cache, use_cache=True)
        self._passes += 1
        self._read = list(tokens)
        states: Tensor = out.last_hidden_state[0, -last:]
        return states

    @torch.inference_mode()
    def _log_probability(self, prompt: list[int], answer: str) -> float:
        target = [*self._chat.plain(answer), self._chat.end]
        states = self._states([*prompt, *target[:-1]], last=len(target))
        scores = torch.log_softmax((states @ self._output.T).float(), dim=-1)
        return float(scores[torch.arange(len(target)), torch.tensor(target)].sum())


def _shared(first: Sequence[int], second: Sequence[int]) -> int:
    """Return how many leading tokens both have in common."""
    for count, (one, other) in enumerate(zip(first, second, strict=False)):
        if one != other:
            return count
    return min(len(first), len(second))
