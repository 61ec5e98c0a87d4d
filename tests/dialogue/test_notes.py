"""What is remembered is held to: constraints forbid, names stand for things, and facts do nothing."""

import pytest

from dialogue.notes import Alias, Constraint, compile_notes, is_unreadable_constraint, read_note
from tests.dialogue.mind import table


@pytest.mark.parametrize(
    ("text", "verb", "subject", "relation", "target"),
    [
        ("never touch egg", "touch", "egg", None, None),
        ("Never stack anything on the glass!", "put", None, "on", "glass"),
        ("never put the egg in the drawer", "put", "egg", "in", "drawer"),
        ("don't put anything at the left side", "put", None, "at", "left side"),
        ("do not push fragile objects", "push", "fragile objects", None, None),
        ("never open the drawer", "open", "drawer", None, None),
        ("never place red cube in front of egg", "put", "red cube", "in front of", "egg"),
        ("never pick up the egg", "pick", "egg", None, None),
    ],
)
def test_constraints_are_read(
    text: str, verb: str, subject: str | None, relation: str | None, target: str | None
) -> None:
    assert read_note(text) == Constraint(verb, subject, relation, target, text)


@pytest.mark.parametrize(
    ("text", "note"),
    [
        ("my bowl is blue bowl", Alias("my bowl", "blue bowl")),
        ("my bowl is the blue one", Alias("my bowl", "blue bowl")),
        ("the toy is the red cube.", Alias("toy", "red cube")),
        ("grandma likes carrots", None),
        ("the bowl is in the drawer", None),
    ],
)
def test_names_and_facts_are_told_apart(text: str, note: Alias | None) -> None:
    assert read_note(text) == note


def test_what_cannot_be_checked_is_not_promised() -> None:
    assert is_unreadable_constraint("never make noise")
    assert is_unreadable_constraint("Never place it at the moon")
    assert not is_unreadable_constraint("never touch egg")
    assert not is_unreadable_constraint("the egg is never cold")


def test_later_names_replace_earlier_ones() -> None:
    notes = compile_notes(["my bowl is red bowl", "a fact", "never touch egg", "my bowl is blue bowl"])
    assert notes.aliases == {"my bowl": "blue bowl"}
    assert [constraint.text for constraint in notes.constraints] == ["never touch egg"]


@pytest.mark.parametrize(
    ("text", "verb", "subject", "relation", "target", "forbidden"),
    [
        ("never touch egg", "push", "egg", None, None, True),
        ("never touch egg", "point", "egg", None, None, False),
        ("never touch egg", "pick", "carrot", None, None, False),
        ("never push toys", "push", "red cube", None, None, True),
        ("never push toys", "pick", "red cube", None, None, False),
        ("never put anything in bowl", "put", "egg", "on", "red bowl", True),
        ("never put anything in red bowl", "put", "egg", "in", "blue bowl", False),
        ("never put egg next to carrot", "put", "egg", "left of", "carrot", True),
        ("never put egg left of carrot", "put", "egg", "right of", "carrot", False),
        ("never put anything at front", "put", "egg", "at", "front", True),
        ("never put anything at front", "put", "egg", "at", "back", False),
    ],
)
def test_constraints_forbid_what_they_say(
    text: str, verb: str, subject: str, relation: str | None, target: str | None, forbidden: bool
) -> None:
    view, note = table(), read_note(text)
    assert isinstance(note, Constraint)
    assert note.forbids(verb, view[subject], relation, (target and view.find(target)) or target) is forbidden
