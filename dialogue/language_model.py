"""The port to a language model: messages in, one text out, within limits of time and length."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol, runtime_checkable

from agent.errors import AubergineError, SpecError

Role = Literal["system", "user", "assistant"]
DEFAULT_MODEL = "smollm2"


class ModelFault(AubergineError):
    """The language model is down, too slow, or said nothing usable; whoever asked must not move."""


@dataclass(frozen=True)
class Message:
    """One part of a conversation, as chat models are given it."""

    role: Role
    text: str


@dataclass(frozen=True)
class Limits:
    """What an answer may cost. seconds: wall time (> 0).  tokens: longest answer in the model's tokens (>= 1)."""

    seconds: float = 20.0
    tokens: int = 128

    def __post_init__(self) -> None:
        if self.seconds <= 0 or self.tokens < 1:
            raise ValueError(f"limits must be positive, got {self.seconds} s and {self.tokens} tokens")


@dataclass(frozen=True)
class Reply:
    """text: what was said.  tokens: how many it has.  seconds: wall time.  passes: forward passes (0: not known)."""

    text: str
    tokens: int
    seconds: float
    passes: int = 0


class LanguageModel(Protocol):
    """Continues a conversation."""

    @property
    def name(self) -> str:
        """What it is called in reports."""
        ...

    @property
    def obeys_grammar(self) -> bool:
        """Whether `grammar` binds it; otherwise the caller must expect anything and check."""
        ...

    def reply(self, messages: Sequence[Message], *, grammar: str | None = None, limits: Limits | None = None) -> Reply:
        """Return the most likely next message.

        grammar: in llguidance's Lark-like notation; a model that obeys it can say nothing else.
        Raises ModelFault in one sentence when there is no answer within the limits.
        """
        ...


@runtime_checkable
class ScoringModel(LanguageModel, Protocol):
    """A language model that also says how likely given answers are."""

    def log_probabilities(self, messages: Sequence[Message], answers: Sequence[str]) -> list[float]:
        """Return the natural log of the probability of each whole answer, its end included; each <= 0."""
        ...


@runtime_checkable
class ReadsAhead(LanguageModel, Protocol):
    """A language model that can read what is known of the next conversation before its last words are said."""

    def prepare(self, messages: Sequence[Message]) -> None:
        """Read these messages, so that an answer to them and one more need read that one alone. It changes the time,
        never the answer, and does nothing where they are too long to be answered."""
        ...


def open_language_model(address: str = DEFAULT_MODEL, *, adapter: Path | None = None) -> LanguageModel:
    """Return the model at `address`: `smollm2`, a folder, `hub:organisation/name`, or http(s)://host:port/v1[#model].

    adapter: a folder with a LoRA adapter for a local model. Raises SpecError when there is no such model, or when its
    libraries are not installed.
    """
    if address.startswith(("http://", "https://")):
        if adapter is not None:
            raise SpecError("an adapter is for a local model; a server has its own weights")
        from dialogue.server_model import ServerModel

        return ServerModel(address)
    from dialogue.tiny.weights import load_model

    return load_model(address, adapter=adapter)
