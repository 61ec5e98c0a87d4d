"""What is remembered in words and acted on: constraints that every later plan is held to, and names for things.

never touch vase                     never put anything on glass cup            my bowl is blue bowl
never push fragile object            never put egg in drawer                    (anything else is a fact)
never open drawer                    never put anything at front
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from dialogue.finding import matches
from dialogue.plan import REGIONS, RELATIONS
from dialogue.view import Item
from dialogue.words import is_name

VERBS = {
    "touch": "touch",
    "move": "touch",
    "push": "push",
    "open": "open",
    "close": "close",
    "pick": "pick",
    "take": "pick",
    "put": "put",
    "place": "put",
    "stack": "put",
}
_ARTICLES = ("the ", "a ", "an ", "any ")
_OPENINGS = ("never ", "do not ever ", "do not ", "don't ever ", "don't ")
_ANYTHING = ("anything", "something", "things", "")
_RELATIONS = sorted(RELATIONS, key=len, reverse=True)


@dataclass(frozen=True)
class Constraint:
    """One standing "never".

    verb: touch (any motion of the thing), push, open, close, pick or put.  subject: what it is about, None for
    anything.  relation, target: for put, where to; "at" goes with a region.  text: as it was said.
    """

    verb: str
    subject: str | None
    relation: str | None
    target: str | None
    text: str

    def forbids(self, verb: str, subject: Item, relation: str | None, target: Item | str | None) -> bool:
        """Say whether this motion is meant: verb is pick, put, push, open, close or point; target a thing or region."""
        if self.verb != verb and not (self.verb == "touch" and verb != "point"):
            return False
        if self.subject is not None and not matches(subject, self.subject):
            return False
        if self.relation is None:
            return True
        if self.relation == "at":
            return target == self.target
        if not isinstance(target, Item) or self.target is None or not matches(target, self.target):
            return False
        # Both are said of the same act: what goes "in" a bowl goes "on" it, too.
        return self.relation == relation or {self.relation, relation} == {"in", "on"} or self.relation == "next to"


@dataclass(frozen=True)
class Alias:
    """A name that a person gave a thing: "my bowl" for "blue bowl"."""

    name: str
    meaning: str


@dataclass(frozen=True)
class Notes:
    """What plans are checked with. Hazard rules are not among them: no note can be forgotten that was never one."""

    constraints: tuple[Constraint, ...] = ()
    aliases: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


def read_note(text: str) -> Constraint | Alias | None:
    """Return what a remembered text means for plans; None for a mere fact."""
    plain = " ".join(text.lower().replace("’", "'").rstrip(".!").split())
    opening = next((opening for opening in _OPENINGS if plain.startswith(opening)), None)
    if opening is not None:
        return _constraint(plain.removeprefix(opening), text)
    name, separator, meaning = plain.partition(" is ")
    words_end_in_one = bool(name) and meaning.endswith(" one")
    name, meaning = _bare(name), _bare(meaning.removesuffix(" one"))
    if words_end_in_one:
        # "my bowl is the blue one": the noun comes from the name.
        meaning = f"{meaning} {name.split()[-1]}"
    return Alias(name, meaning) if separator and is_name(name) and is_name(meaning) else None


def is_unreadable_constraint(text: str) -> bool:
    """Say whether a text forbids something that plans cannot be checked for; it must not be kept as if they were."""
    plain = " ".join(text.lower().replace("’", "'").split())
    return plain.startswith(_OPENINGS) and read_note(text) is None


def compile_notes(texts: Iterable[str]) -> Notes:
    """Return what these remembered texts ask for, in their order: a later name replaces an earlier one."""
    read = [read_note(text) for text in texts]
    return Notes(
        tuple(note for note in read if isinstance(note, Constraint)),
        MappingProxyType({note.name: note.meaning for note in read if isinstance(note, Alias)}),
    )


def _constraint(words: str, text: str) -> Constraint | None:
    verb, _, rest = words.partition(" ")
    rest = rest.removeprefix("up ")
    if verb not in VERBS:
        return None
    if VERBS[verb] != "put":
        return Constraint(VERBS[verb], _subject(rest), None, None, text)
    padded = f" {rest} "
    if " at " in padded:
        subject, _, region = padded.partition(" at ")
        region = _bare(region.strip())
        return Constraint("put", _subject(subject.strip()), "at", region, text) if region in REGIONS else None
    for relation in _RELATIONS:
        subject, separator, target = padded.partition(f" {relation} ")
        if separator and target.strip():
            return Constraint("put", _subject(subject.strip()), relation, _bare(target.strip()), text)
    return Constraint("put", _subject(rest), None, None, text)


def _subject(words: str) -> str | None:
    bare = _bare(words)
    return None if bare in _ANYTHING else bare


def _bare(words: str) -> str:
    for article in _ARTICLES:
        words = words.removeprefix(article)
    return words.strip()
