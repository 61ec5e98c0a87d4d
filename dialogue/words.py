"""The words and limits of plan text, and the error that says where it is wrong."""

from agent.errors import SpecError

MAX_CHARACTERS = 4000
MAX_LINES = 64
MAX_DEPTH = 4
MAX_SPOKEN = 240
"""Characters in what is said, asked or remembered."""
MAX_NAME_WORDS, MAX_NAME_CHARACTERS = 5, 40

RESERVED = frozenset(
    ("in", "on", "of", "at", "to", "out", "next", "is", "not", "no", "any", "it", "each", "for", "except", "max")
) | frozenset(("if", "else", "while", "end", "there", "table"))
"""Words that no name may hold, but for the name `table` itself."""
VERBS = (
    *("pick", "place", "return", "push", "open", "close", "point", "look"),
    *("say", "ask", "correct", "refuse", "remember", "forget"),
)
BLOCKS = ("for", "if", "while")


class PlanError(SpecError):
    """A plan that cannot be read. line and column count from 1; column 0 means the whole line."""

    def __init__(self, sentence: str, *, line: int, column: int = 0) -> None:
        where = f"line {line}" + (f", column {column}" if column else "")
        super().__init__(f"{where}: {sentence}")
        self.sentence, self.line, self.column = sentence, line, column


def is_name(text: str) -> bool:
    """Say whether `text` may name a thing in a plan: a few lower-case ASCII words, none of them reserved."""
    words = text.split(" ")
    return (
        len(text) <= MAX_NAME_CHARACTERS
        and len(words) <= MAX_NAME_WORDS
        and all(_is_word(word) and word not in RESERVED for word in words)
    )


def is_spoken(text: str) -> bool:
    """Say whether `text` may be said or remembered: printable, one line, no `|`, trimmed, not empty, not too long."""
    return 0 < len(text) <= MAX_SPOKEN and text.isprintable() and "|" not in text and text == text.strip()


def _is_word(word: str) -> bool:
    return word.isascii() and word.replace("-", "").isalnum() and word == word.lower() and word[0].isalpha()


def shown(text: str) -> str:
    """`text` as an error may show it: short, printable."""
    shown = text if len(text) <= MAX_NAME_CHARACTERS else text[:MAX_NAME_CHARACTERS] + "..."
    return f"'{shown}'" if shown.isprintable() else ascii(shown)
