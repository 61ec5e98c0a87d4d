"""What a request asks, once it is understood."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from agent.errors import AubergineError, SpecError
from agent.serving.batching import Answer
from agent.serving.card import Card
from agent.serving.codec import unpack
from agent.serving.layouts import OWN, Layout, layout_of, observation_from
from agent.serving.limits import BadMessage, Limits
from agent.types import Observation


@dataclass(frozen=True, eq=False)
class Question:
    """An observation for the policy. seed: reset the policy with it first."""

    observation: Observation
    seed: int | None = None


Ask = Callable[[Question], Awaitable[Answer]]
"""Puts one question to the policy; raises AubergineError."""


def question_from(frame: str | bytes, card: Card, limits: Limits) -> tuple[Question, Layout]:
    """Return what an openpi frame asks, and in which layout; raise SpecError (BadMessage is one) and nothing else."""
    if isinstance(frame, str):
        raise BadMessage("a request is a binary frame, this was text")
    request = unpack(frame, limits)
    if not isinstance(request, Mapping):
        raise BadMessage(f"a request is a map, this was {type(request).__name__}")
    layout = layout_of(request)
    seed = request.get("seed") if layout is OWN else None
    if seed is not None and (not isinstance(seed, int) or isinstance(seed, bool) or not 0 <= seed < 2**63):
        raise BadMessage("'seed' must be a whole number of at least 0")
    return Question(observation_from(request, layout, card.embodiment, limits), seed), layout


def kind_of(error: AubergineError) -> str:
    """Return the word before an error's text: what a client should make of it (see agent.errors)."""
    return "SpecError" if isinstance(error, SpecError) else type(error).__name__
