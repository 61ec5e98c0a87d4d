"""Rules answer what they understand; only the rest reaches the other model."""

from collections.abc import Sequence

import pytest

from agent.cli import talk
from dialogue.agent import Act, Agent
from dialogue.language_model import Limits, Message, Reply, ScoringModel
from dialogue.lessons.tables import make_item
from dialogue.rule_model import RuleModel
from dialogue.rules_first import RulesFirst
from dialogue.view import SceneView

TABLE = SceneView((make_item("red cube", "cube", "red", 0.5, 0.1), make_item("white bowl", "bowl", "white", 0.5, -0.1)))


class Other:
    """Says one thing, and keeps what it was asked with."""

    name, obeys_grammar = "other", True

    def __init__(self) -> None:
        self.grammars: list[str | None] = []
        self.prepared = 0

    def reply(self, messages: Sequence[Message], *, grammar: str | None = None, limits: Limits | None = None) -> Reply:
        self.grammars.append(grammar)
        return Reply("pick red cube", 3, 0.0)

    def prepare(self, messages: Sequence[Message]) -> None:
        self.prepared += 1


@pytest.fixture
def opened() -> list[Other]:
    return []


@pytest.fixture
def agent(opened: list[Other]) -> Agent:
    def open_other() -> Other:
        opened.append(Other())
        return opened[-1]

    return Agent(RulesFirst("both", RuleModel(), open_other))


def test_plain_words_never_load_the_other_model(agent: Agent, opened: list[Other]) -> None:
    agent.prepare(TABLE)
    answer = agent.answer("put the red cube in the white bowl", TABLE)
    assert (answer.act, answer.proposed) == (Act.ACT, "place red cube in white bowl")
    assert not opened


def test_what_the_rules_do_not_understand_is_read_by_the_other_under_its_grammar(
    agent: Agent, opened: list[Other]
) -> None:
    for _ in range(2):
        assert agent.answer("how about you hoist that scarlet die", TABLE).proposed == "pick red cube"
    (other,) = opened
    assert len(other.grammars) == 2 and all(other.grammars)
    agent.prepare(TABLE)
    assert other.prepared == 1


def test_a_machine_without_the_weights_talks_by_rule_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(talk, "is_installed", lambda: False)
    assert talk.open_model()[0].name == "rules"
    monkeypatch.setattr(talk, "is_installed", lambda: True)
    model, folder = talk.open_model()
    assert (model.name, folder) == ("rules, then smollm2", None) and isinstance(model, ScoringModel)
