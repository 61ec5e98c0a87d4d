"""Conversations as tokens, in ChatML."""

from collections.abc import Sequence

from transformers import PreTrainedTokenizerFast

from agent.errors import SpecError
from dialogue.language_model import Message

START, END = "<|im_start|>", "<|im_end|>"


class ChatMl:
    """Writes messages as tokens. Whatever a message says, it cannot end itself and begin another: markers inside it
    are read as plain letters."""

    def __init__(self, tokenizer: PreTrainedTokenizerFast) -> None:
        """Raises SpecError for a tokenizer without ChatML's markers."""
        self._tokenizer = tokenizer
        self._start, self.end = self._marker(START), self._marker(END)
        self._newline = self.plain("\n")

    def prompt(self, messages: Sequence[Message]) -> list[int]:
        """Return the tokens of the conversation, up to where the assistant's answer begins."""
        return [*self.said(messages), self._start, *self.plain("assistant\n")]

    def said(self, messages: Sequence[Message]) -> list[int]:
        """Return the tokens of the messages alone: what every longer conversation begins with."""
        tokens: list[int] = []
        for message in messages:
            tokens += [self._start, *self.plain(f"{message.role}\n{message.text}"), self.end, *self._newline]
        return tokens

    def plain(self, text: str) -> list[int]:
        """Return the tokens of `text`, none of them special."""
        return list(self._tokenizer(text, add_special_tokens=False, split_special_tokens=True)["input_ids"])

    def _marker(self, text: str) -> int:
        token = self._tokenizer.convert_tokens_to_ids(text)
        if not isinstance(token, int) or token == self._tokenizer.unk_token_id:
            raise SpecError(f"the model has no {text} among its tokens; conversations are written in ChatML")
        return token
