"""Words with the table's own names in them, so that a model has names to copy instead of nouns to know."""

import re

from dialogue.finding import POSITIONS, described
from dialogue.view import SceneView

_AFTER_ARTICLE = re.compile(r"(?<=\bthe )[a-z]+(?: (?!the\b)[a-z]+){0,3}", re.IGNORECASE)


def with_names(words: str, view: SceneView) -> str:
    """Return `words` with "the hamper" as "the yellow basket", where exactly one thing in view is called so.

    Only nouns of the catalogue after "the" are replaced, alone or with a colour or a position. Groups, remembered names
    and what is not there stay as they were said.
    """
    return _AFTER_ARTICLE.sub(lambda found: _begins_with_name(found[0], view), words)


def _begins_with_name(words: str, view: SceneView) -> str:
    parts = words.split(" ")
    for count in range(len(parts), 0, -1):
        name = _name(" ".join(parts[:count]).lower(), view)
        if name is not None:
            return " ".join([name, *parts[count:]])
    return words


def _name(words: str, view: SceneView) -> str | None:
    if view.find(words) is not None:
        return words
    first, _, rest = words.partition(" ")
    found = described(words, view)
    if len(found) != 1:
        return None
    item = found[0]
    called = (*item.nouns, *(f"{item.colour} {noun}" for noun in item.nouns))
    return item.name if words in called or (first in POSITIONS and rest in called) else None
