"""The rule model: what people say becomes plan text, and what it does not know it says it did not understand."""

import pytest

from dialogue.agent import Act, Agent
from dialogue.language_model import Message
from dialogue.lessons.draw import draw_lessons
from dialogue.lessons.exam import examine, figures
from dialogue.lessons.tables import make_item
from dialogue.prompt import Said, conversation, describe
from dialogue.rule_model import RuleModel, in_words, table_of
from dialogue.syntax import parse_plan
from dialogue.view import SceneView
from tests.dialogue.mind import table

FIRST = Said("put the red cube in the red bowl", "place red cube in red bowl")


def answer(words: str, *, history: tuple[Said, ...] = (), notes: tuple[str, ...] = ()) -> str:
    return RuleModel().reply(conversation(words, table(), notes=notes, history=history, manual=True)).text


@pytest.mark.parametrize(
    ("words", "plan"),
    [
        ("put the red cube in the blue bowl", "place red cube in blue bowl"),
        ("Could you please pick up the carrot?", "pick carrot"),
        ("push the carrot to the left", "push carrot left"),
        ("open the drawer", "open drawer"),
        ("put the carrot next to the egg", "place carrot next to egg"),
        ("move the carrot to the middle of the table", "place carrot at middle"),
        ("put the red cube in the red bowl and then open the drawer", "place red cube in red bowl\nopen drawer"),
        ("pick up the carrot and put it on the blue bowl", "place carrot in blue bowl"),
        ("put all the cubes in the red bowl", "for each cubes\nplace it in red bowl\nend"),
        (
            "put all the toys in the red bowl except the blue cube",
            "for each toys except blue cube\nplace it in red bowl\nend",
        ),
        ("put any cube in the red bowl", "place any cube in red bowl"),
        ("empty the red bowl", "for each object in red bowl\nplace it on table\nend"),
        (
            "if there is a lemon, pick up the egg, otherwise pick up the carrot",
            "if any lemon\npick egg\nelse\npick carrot\nend",
        ),
        ("open the drawer if it is closed", "if drawer is closed\nopen drawer\nend"),
        ("never put anything on the red bowl", "remember never put anything on red bowl"),
        ("my bowl is the blue one", "remember my bowl is blue bowl"),
        ("the carrot is my lunch", "remember my lunch is carrot"),
        ("the carrot always goes in the red bowl", "remember carrot always goes in red bowl"),
        ("you may put things on the red bowl again", "forget never red bowl"),
        ("throw the egg at the wall", "refuse throw | "),
        ("put the egg in the red bowl, do not throw it", "place egg in red bowl"),
        ("where is the dice?", "say the dice is in the drawer"),
        ("how many cubes are there", "say there are 2"),
        ("is there a lemon", "say no, there is no lemon"),
        ("xyzzy", "say I did not understand"),
    ],
)
def test_sentences(words: str, plan: str) -> None:
    text = answer(words)
    assert parse_plan(text).steps and text.startswith(plan)


@pytest.mark.parametrize(
    ("words", "plan"),
    [
        ("no, the other bowl", "place red cube in blue bowl"),
        ("no, I meant the carrot", "return red cube\nplace carrot in red bowl"),
        ("and the other one", "place blue cube in red bowl"),
        ("do the other one as well", "place blue cube in red bowl"),
        ("the same with the carrot", "place carrot in red bowl"),
        ("put the carrot in the same place", "place carrot there"),
        ("put it back", "return red cube"),
        ("now put it in the blue bowl", "place red cube in blue bowl"),
    ],
)
def test_what_leans_on_the_turn_before(words: str, plan: str) -> None:
    assert answer(words, history=(FIRST,)) == plan


def test_an_answer_goes_with_the_request_before_the_question() -> None:
    asked = Said("put the cube in the red bowl", "ask which? | red cube | blue cube")
    assert answer("the blue one", history=(asked,)) == "place blue cube in red bowl"


def test_notes_are_used() -> None:
    assert answer("put the egg in my bowl", notes=("my bowl is blue bowl",)) == "place egg in blue bowl"
    home = ("egg always goes in red bowl",)
    assert answer("put the egg where it belongs", notes=home) == "place egg in red bowl"
    assert answer("put the egg where it belongs") == "say you have not told me where the egg belongs"


def test_the_table_is_read_back_from_the_prompt() -> None:
    view = table()
    again, notes = table_of("a manual\n" + describe(view, ("never touch egg", "my bowl is blue bowl")))
    assert again.names == tuple(sorted(view.names, key=lambda name: (view[name].support is not None,)))
    assert notes == ("never touch egg", "my bowl is blue bowl")
    dice = again["dice"]
    assert (dice.support, again["drawer"].open, again["egg"].fragile, again["carrot"].colour) == (
        "drawer",
        False,
        True,
        "orange",
    )


def test_it_reads_most_of_what_training_says_and_less_of_what_it_does_not() -> None:
    lessons = draw_lessons(1_500_000, 60, only=("single", "several", "group", "following", "correction", "note"))
    seen = figures(examine(RuleModel(), lessons, constrained=False))
    assert seen.valid == 60 and seen.right >= 54


def test_options_are_weighed_by_meaning() -> None:
    vectors = {"the blue one": (1.0, 0.0), "put the blue cube in the bowl": (0.9, 0.1)}

    def embed(texts: object) -> object:
        import numpy as np

        return np.array([vectors.get(str(text), (0.0, 1.0)) for text in texts], dtype=np.float32)  # type: ignore[attr-defined]

    model = RuleModel(lambda: embed)  # type: ignore[arg-type,return-value]
    messages = [Message("user", "the blue one")]
    red, blue = model.log_probabilities(messages, ["place red cube in bowl", "place blue cube in bowl"])
    assert blue > red and blue < 0
    assert in_words(parse_plan("place egg in bowl\nplace carrot in bowl")) == "put two of them in the bowl"


def test_the_agent_asks_with_exactly_those_that_fit() -> None:
    items = [make_item(f"{c} cube", "cube", c, 0.45, 0.1 * i) for i, c in enumerate(("red", "blue", "green"))]
    view = SceneView((*items, make_item("bowl", "bowl", "white", 0.6, -0.2)))
    asked = Agent(RuleModel()).answer("put the cube in the bowl", view)
    assert (asked.act, set(asked.options)) == (Act.ASK, {"red cube", "blue cube", "green cube"})
