"""How words look when people type them: capitals, a missing article, a wrong letter."""

import re
from functools import cache

from dialogue.lessons.tables import Draw
from sim.grammar import nouns_of
from sim.objects import COLOURS, KINDS

SMOOTH = 0.75
"""Share of words that are left as they are."""
SHORTEST = 4
"""Letters of a word that may be misspelt; shorter ones become others."""


def roughly(words: str, draw: Draw) -> str:
    """Return the words, perhaps with one fault. Names of things keep all their letters."""
    if draw.chance(SMOOTH):
        return words
    fault = draw.one(("capital", "stop", "article", "letter", "comma"))
    if fault == "capital":
        return words[:1].upper() + words[1:]
    if fault == "stop":
        return words[:1].upper() + words[1:] + draw.one((".", "!", "..", " ."))
    if fault == "article":
        return re.sub(r"\bthe ", "", words)
    if fault == "comma":
        return words.replace(",", "").replace(";", "")
    return _misspelt(words, draw)


def _misspelt(words: str, draw: Draw) -> str:
    parts = words.split(" ")
    able = [i for i, part in enumerate(parts) if len(part) >= SHORTEST and part.isalpha() and part not in _names()]
    if not able:
        return words
    at = draw.one(able)
    part, place = parts[at], draw.between(1, len(parts[at]) - 2)
    swapped = part[:place] + part[place + 1] + part[place] + part[place + 2 :]
    parts[at] = draw.one((swapped, part[:place] + part[place + 1 :], part[:place] + part[place] + part[place:]))
    return " ".join(parts)


@cache
def _names() -> frozenset[str]:
    """All words that things are called by, in the plural as well."""
    spoken = [*COLOURS, *KINDS, *(noun for kind in KINDS for noun in nouns_of(kind)[0])]
    spoken += [kind.category for kind in KINDS.values()] + ["object", "left", "right", "front", "back", "middle"]
    words = {word for name in spoken for word in name.split()}
    return frozenset(form for word in words for form in (word, f"{word}s", f"{word}es", f"{word[:-1]}ies"))
