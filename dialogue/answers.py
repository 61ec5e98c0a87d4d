"""What the robot says when it says the same every time: refusals by rule, corrections, and small talk."""

from collections.abc import Sequence

REFUSALS: dict[str, str] = {
    "person": "I do not move things at a person; I can put it down where you can take it",
    "fragile": "it could break; I can move it gently",
    "throw": "I do not throw things; I can put it somewhere",
    "edge": "it would fall off the table; I can put it somewhere on the table",
    "safety": "my safety rules stay on; I can tell you what they are",
    "harm": "I do not help to hurt anyone; I can tidy the table",
    "constraint": "you told me never to do that; tell me to forget it first",
    "absent": "it is not here",
    "impossible": "that cannot be done",
}
"""Rule -> why, and what is possible instead."""

TALK: dict[str, str] = {
    "greeting": "hello, what shall I do",
    "thanks": "you are welcome",
    "who": "I am a robot arm; I move the things on this table",
    "able": "I can pick, place, push, open, close, point and look; ask me about the table",
    "how": "I am ready to work",
    "bye": "goodbye",
    "off topic": "I only know about this table",
    "safety": "my safety rules are on: no throwing, no breaking, nothing off the table, never near a person",
}


def listed(names: Sequence[str]) -> str:
    """Return "a, b and c"; "nothing" when there is none."""
    if not names:
        return "nothing"
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def not_there(words: str, instead: Sequence[str]) -> str:
    """Return how a false premise is corrected: what is missing, and what is there."""
    return f"there is no {words}; there is {listed(instead)}"
