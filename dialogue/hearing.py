"""What a person typed, before anyone acts on it: made readable, or turned away in a sentence."""

import re
import unicodedata

from dialogue.deeds import Deed
from dialogue.finding import described
from dialogue.notes import Notes
from dialogue.view import SceneView
from sim.objects import COLOURS
from sim.reading import entities_mentioned

LONGEST = 600
"""Characters; a longer text is turned away rather than cut, because what is cut off may be the "not"."""
LATIN_SHARE = 0.7
"""Share of the letters that must be plain Latin ones."""
_AUXILIARY = re.compile(r"\b(can|could|may|might) (you|i|we|it|the robot)\b")
_COLOURED_ONE = re.compile(rf"\b(?:{'|'.join(COLOURS)}) ones?\b")
""" "The orange one" is no fruit."""
_OTHER_LANGUAGES = frozenset(
    (
        *("bitte", "und", "der", "die", "das", "auf", "nicht", "lege", "nimm", "el", "los", "por", "favor", "pon"),
        *("sobre", "le", "les", "dans", "sur", "mets", "prends", "il", "nel", "metti", "prendi", "het", "een", "leg"),
    )
)
EMPTY = "I heard nothing; tell me what to do, such as: put the apple in the bowl"
TOO_LONG = f"that is more than {LONGEST} characters; tell me one thing at a time"
NOT_ENGLISH = "I only understand English; tell me what to do, such as: put the apple in the bowl"


def heard(text: str) -> tuple[str, str | None]:
    """Return the words as one clean line, and why they cannot be acted on (None when they can).

    Control and invisible characters go, look-alikes become what they look like (NFKC).
    """
    if len(text) > 20 * LONGEST:
        return "", TOO_LONG
    plain = unicodedata.normalize("NFKC", text)
    shown = "".join(c if c.isprintable() else " " for c in plain if unicodedata.category(c) not in ("Cf", "Mn", "Me"))
    words = " ".join(shown.replace("|", " ").split())
    letters = [c for c in words if c.isalpha()]
    if not any(c.isalnum() for c in words):
        return "", EMPTY
    if len(words) > LONGEST:
        return words[:LONGEST], TOO_LONG
    if not letters or sum(c.isascii() for c in letters) < LATIN_SHARE * len(letters):
        return words, NOT_ENGLISH
    foreign = [word for word in re.findall(r"[a-z]+", words.lower()) if word in _OTHER_LANGUAGES]
    return words, NOT_ENGLISH if len(foreign) >= 2 else None


def missing_things(words: str, view: SceneView, notes: Notes) -> tuple[str, ...]:
    """Return the things of the catalogue that the words name and that are not in the view, as they are named."""
    said = _COLOURED_ONE.sub(" ", _AUXILIARY.sub(" ", words.lower()))
    known = {alias.split()[-1] for alias in notes.aliases}
    names = entities_mentioned(said)
    return tuple(name for name in names if not described(name, view) and name.split()[-1] not in known)


def instead_of(name: str, view: SceneView) -> tuple[str, ...]:
    """Return what could be meant instead of a thing that is not there: its kind in other colours, else all."""
    kind = name.split()[-1]
    alike = tuple(item.name for item in view.items if kind in item.nouns or item.kind.endswith(kind))
    return alike or view.names


def touches(deeds: tuple[Deed, ...]) -> bool:
    """Say whether anything would move."""
    return any(not deed.already for deed in deeds)
