"""Rules read plain requests in a millisecond; a language model reads what they did not understand."""

from collections.abc import Callable, Sequence
from functools import cached_property

from dialogue.language_model import LanguageModel, Limits, Message, ReadsAhead, Reply
from dialogue.reader import UNREAD
from dialogue.rule_model import RuleModel


class RulesFirst:
    """A ScoringModel. name: of both.  open_model: loads the other model, when it is needed for the first time."""

    obeys_grammar = True
    """The other model is bound by it, and what rules write is plan text anyway."""

    def __init__(self, name: str, rules: RuleModel, open_model: Callable[[], LanguageModel]) -> None:
        self.name, self._rules, self._open = name, rules, open_model

    def reply(self, messages: Sequence[Message], *, grammar: str | None = None, limits: Limits | None = None) -> Reply:
        read = self._rules.reply(messages)
        return read if read.text != UNREAD else self._model.reply(messages, grammar=grammar, limits=limits)

    def prepare(self, messages: Sequence[Message]) -> None:
        """See `ReadsAhead`; it does not load the other model, which may never be needed."""
        if "_model" in self.__dict__ and isinstance(self._model, ReadsAhead):
            self._model.prepare(messages)

    def log_probabilities(self, messages: Sequence[Message], answers: Sequence[str]) -> list[float]:
        """As the rules weigh them."""
        return self._rules.log_probabilities(messages, answers)

    @cached_property
    def _model(self) -> LanguageModel:
        return self._open()
