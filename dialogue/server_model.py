"""A language model behind any server that speaks OpenAI's chat completions."""

import os
import queue
import threading
import time
from collections.abc import Sequence
from urllib.parse import urldefrag

import openai

from agent.errors import SpecError
from dialogue.language_model import Limits, Message, ModelFault, Reply

DEFAULT_LIMITS = Limits(seconds=30.0)
CHARACTERS_A_TOKEN = 16
"""An answer longer than this for every token allowed is cut off: the server does not keep to max_tokens."""


class ServerModel:
    """Asks a server. It cannot be bound by a grammar; what it says is checked by the caller.

    The time limit holds however the server misbehaves (does not answer, drips bytes, never ends): the call runs in a
    thread of its own that is given up when the time is over.
    """

    obeys_grammar = False

    def __init__(self, address: str) -> None:
        """address: http://host:port/v1, followed by #name when the server has several models."""
        base, self._model = urldefrag(address)
        self._address = base.rstrip("/")
        key = os.environ.get("OPENAI_API_KEY") or "none"
        try:
            self._client = openai.OpenAI(base_url=self._address, api_key=key, max_retries=0)
        except (openai.OpenAIError, ValueError) as error:
            raise SpecError(f"'{address}' is no address of a language model: {error}") from error

    @property
    def name(self) -> str:
        return f"{self._address}#{self._model}" if self._model else self._address

    def reply(self, messages: Sequence[Message], *, grammar: str | None = None, limits: Limits | None = None) -> Reply:
        del grammar  # no two servers take one in the same way
        limits = limits or DEFAULT_LIMITS
        began = time.monotonic()
        outcome: queue.Queue[str | ModelFault] = queue.Queue()
        threading.Thread(target=self._ask, args=(tuple(messages), limits, outcome), daemon=True).start()
        try:
            answer = outcome.get(timeout=limits.seconds)
        except queue.Empty:
            raise ModelFault(
                f"the language model at {self._address} did not answer within {limits.seconds:g} s"
            ) from None
        if isinstance(answer, ModelFault):
            raise answer
        return Reply(answer, len(answer.split()), time.monotonic() - began)

    def _ask(self, messages: tuple[Message, ...], limits: Limits, outcome: "queue.Queue[str | ModelFault]") -> None:
        """Put the answer, or why there is none, into `outcome`."""
        try:
            outcome.put(self._completion(messages, limits))
        except ModelFault as fault:
            outcome.put(fault)
        except openai.APITimeoutError:
            outcome.put(ModelFault(f"the language model at {self._address} did not answer within {limits.seconds:g} s"))
        except openai.APIConnectionError:
            outcome.put(ModelFault(f"no language model answers at {self._address}; is the server running?"))
        except openai.APIStatusError as error:
            outcome.put(ModelFault(f"the language model at {self._address} refused with status {error.status_code}"))
        except (openai.OpenAIError, ValueError, TypeError, AttributeError, KeyError, IndexError) as error:
            # The client builds its objects without checking them, so a reply of another shape fails anywhere.
            outcome.put(self._nonsense(type(error).__name__))

    def _completion(self, messages: tuple[Message, ...], limits: Limits) -> str:
        client = self._client.with_options(timeout=limits.seconds)
        if not self._model:
            names = [model.id for model in client.models.list().data]
            if not names:
                raise ModelFault(f"the server at {self._address} offers no model")
            self._model = names[0]
        answer = client.chat.completions.create(
            model=self._model,
            messages=[{"role": m.role, "content": m.text} for m in messages],  # type: ignore[misc]
            max_tokens=limits.tokens,
            temperature=0.0,
        )
        text = answer.choices[0].message.content
        if not isinstance(text, str) or not text.strip():
            raise self._nonsense("no text")
        if len(text) > CHARACTERS_A_TOKEN * limits.tokens:
            raise self._nonsense(f"{len(text)} characters for {limits.tokens} tokens")
        return text.strip()

    def _nonsense(self, what: str) -> ModelFault:
        return ModelFault(f"the language model at {self._address} answered with something unusable ({what})")
