"""Reads an instruction back into a goal, and says which things a text mentions.

Things are found first ("the red cube" becomes a mark), then every line of the phrasebook is tried on what is left.
The grammar is small and closed, so a text has at most one meaning or none; nothing is guessed.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache

from agent.errors import SpecError, unknown_name
from agent.types import Goal
from sim.nouns import (
    COLOUR_SYNONYMS,
    DETERMINERS,
    NO_OBJECT,
    NOUNS,
    PLACE,
    POSITIONS,
    SIZES,
    TRAILS,
    UNDERSTOOD_CLOSINGS,
    UNDERSTOOD_OPENINGS,
    WHERE,
)
from sim.objects import KINDS, ReceptacleKind
from sim.phrasebook import PHRASES

_SHORT_FORMS = {
    "doesn't": "does not",
    "don't": "do not",
    "shouldn't": "should not",
    "i'd": "i would",
    "mustn't": "must not",
}


@dataclass(frozen=True)
class _Mention:
    kind: str
    colour: str | None
    position: str | None

    def name(self, trail: str | None) -> str | None:
        """The entity's name, or None when two positions contradict each other."""
        if trail is not None and self.position not in (None, trail):
            return None
        return " ".join(word for word in (trail or self.position, self.colour, self.kind) if word)


@dataclass(frozen=True)
class _Pattern:
    relation: str
    target: str | None
    strict: re.Pattern[str]
    loose: str


def understand(text: str) -> Goal | None:
    """Return what the instruction asks for, or None when it is no known task.

    Case, punctuation and politeness do not matter. "in", "on" and "stack" follow the target: onto a thing that is no
    receptacle is "stack", and a plate is always "on".
    """
    for candidate in _candidates(text):
        marked, mentions = _mark(candidate)
        for pattern in _patterns():
            goal = _reading(pattern, marked, mentions)
            if goal is not None:
                return goal
    return None


def readings(text: str) -> tuple[Goal, ...]:
    """Return every different goal that some line of the phrasebook gives for `text`; more than one is an ambiguity."""
    for candidate in _candidates(text):
        marked, mentions = _mark(candidate)
        goals = [_reading(pattern, marked, mentions) for pattern in _patterns()]
        found = tuple(dict.fromkeys(goal for goal in goals if goal is not None))
        if found:
            return found
    return ()


def entities_mentioned(text: str) -> tuple[str, ...]:
    """Return the names of all things that a text mentions, in its order, each once.

    What the catalogue does not have in that colour is left out: a blue carrot can be talked of, but not be shown.
    """
    marked, mentions = _mark(_plain(text))
    names = []
    for match in re.finditer(_slot("m"), marked):
        mention = mentions[int(match["m"])]
        if mention.colour is None or mention.colour in KINDS[mention.kind].colours:
            names.append(mention.name(_trail(match, "m")) or mention.name(None))
    return tuple(dict.fromkeys(name for name in names if name))


def unknown_in(text: str) -> SpecError | None:
    """Return the error for a text that is a known task but for a thing or colour that does not exist, else None."""
    for candidate in _candidates(text):
        marked, mentions = _mark(candidate)
        for pattern in _patterns():
            match = re.fullmatch(pattern.loose, marked)
            problem = _problem(match, mentions) if match else None
            if problem:
                return problem
    return None


def fitting_relation(relation: str, target: str) -> str:
    """Return how a thing of kind `target` takes another: a receptacle in its own way, an object "on" it as "stack"."""
    kind = KINDS[target]
    if isinstance(kind, ReceptacleKind):
        return kind.support if relation in ("in", "on", "stack") else relation
    return "stack" if relation == "on" else relation


def _reading(pattern: _Pattern, marked: str, mentions: list[_Mention]) -> Goal | None:
    match = pattern.strict.fullmatch(marked)
    if match is None:
        return None
    groups = match.groupdict()
    subject_mention = mentions[int(groups["subject"])]
    subject, target = subject_mention.name(_trail(match, "subject")), pattern.target
    relation = pattern.relation
    if relation in ("open", "close") and subject_mention.kind != "drawer":
        return None
    if "target" in groups:
        target_mention = mentions[int(groups["target"])]
        target = target_mention.name(_trail(match, "target"))
        relation = fitting_relation(relation, target_mention.kind)
        if target is None:
            return None
    return Goal(relation, subject, target) if subject else None


def _problem(match: re.Match[str], mentions: list[_Mention]) -> SpecError | None:
    """What is unknown in a loose match: a noun, or the word before a known noun."""
    slots = [slot for slot in ("subject", "target") if match.groupdict().get(slot)]
    known = any(re.fullmatch(r"<\d+>.*", match[slot]) for slot in slots)
    for slot in slots:
        words = match[slot].split()
        determined = words[0] in DETERMINERS
        words = words[determined:]
        mark = re.fullmatch(r"<(\d+)>", words[-1]) if words else None
        said = [word for word in words if not word.startswith("<")]
        if not said or _no_objects().intersection(said) or not (determined or known or mark):
            continue
        if mark:
            kind = mentions[int(mark[1])].kind
            return unknown_name(f"{kind} that is", " ".join(said), KINDS[kind].colours)
        return unknown_name("object", " ".join(said), KINDS)
    return None


def _plain(text: str) -> str:
    """Lower case, no punctuation, single spaces, short forms spelled out."""
    text = text.lower().replace("’", "'")
    for short, full in _SHORT_FORMS.items():
        text = text.replace(short, full)
    return " ".join(re.sub(r"[^\w]+|_", " ", text).split())


def _candidates(text: str) -> Iterator[str]:
    """The text as it is, then with one polite opening or closing less, and so on."""
    queue, seen = [_plain(text)], set[str]()
    while queue:
        candidate = queue.pop(0)
        if not candidate or candidate in seen:
            continue
        seen.add(candidate)
        yield candidate
        queue += [candidate.removeprefix(f"{words} ") for words in UNDERSTOOD_OPENINGS]
        queue += [candidate.removesuffix(f" {words}") for words in UNDERSTOOD_CLOSINGS]


def _mark(text: str) -> tuple[str, list[_Mention]]:
    """Replace every known thing by <0>, <1>, ... and return what each stands for."""
    mentions: list[_Mention] = []

    def replace(match: re.Match[str]) -> str:
        colour = match["colour"] or match["late"]
        mentions.append(
            _Mention(
                kind=_kinds_by_noun()[match["noun"]],
                colour=_colours()[colour] if colour else None,
                position=_positions(0)[match["position"]] if match["position"] else None,
            )
        )
        return f"<{len(mentions) - 1}>"

    return _thing().sub(replace, text), mentions


def _trail(match: re.Match[str], slot: str) -> str | None:
    words = match[f"{slot}_trail"]
    return _positions(1)[words] if words else None


@cache
def _thing() -> re.Pattern[str]:
    sizes = f"(?:{_any(SIZES)} )*"
    return re.compile(
        rf"\b(?:{_any(DETERMINERS)} )?{sizes}(?:(?P<position>{_any(_positions(0))}) )?{sizes}"
        rf"(?:(?P<colour>{_any(_colours())})(?: colou?red)? )?(?P<noun>{_any(_kinds_by_noun())})\b"
        rf"(?: that is (?P<late>{_any(_colours())})\b)?"
    )


@cache
def _kinds_by_noun() -> dict[str, str]:
    kinds = {kind: kind for kind in KINDS}
    for kind in KINDS:
        for words in NOUNS.get(kind, ()):
            for noun in words:
                kinds.setdefault(noun, kind)
    return kinds


@cache
def _colours() -> dict[str, str]:
    colours = {colour: colour for kind in KINDS.values() for colour in kind.colours}
    for colour, synonyms in COLOUR_SYNONYMS.items():
        for synonym in synonyms:
            if colour in colours:
                colours.setdefault(synonym, colour)
    return colours


@cache
def _no_objects() -> frozenset[str]:
    """Words that never name an unknown thing: those of NO_OBJECT, and what the phrasebook itself says."""
    lines = [line for grades in PHRASES.values() for group in grades.values() for line in group]
    places = [words for table in (*WHERE.values(), *PLACE.values()) for words in _flat(table)]
    said = re.sub(r"\{[a-z*]+\}", " ", " ".join([*lines, *places]))
    return NO_OBJECT | frozenset(re.findall(r"[a-z]+", said))


@cache
def _positions(where: int) -> dict[str, str]:
    """Words for positions: adjectives (where = 0) or what follows the noun (1)."""
    table = (POSITIONS, TRAILS)[where]
    return {words: position for position, lists in table.items() for group in lists for words in group}


@cache
def _patterns() -> tuple[_Pattern, ...]:
    patterns = []
    for relation, grades in PHRASES.items():
        targets = [target for known, target in WHERE if known == relation] or [None]
        for target in targets:
            for line in (line for lines in grades.values() for line in lines):
                strict = _compiled(line, relation, target, _slot("subject"), _slot("target"))
                loose = _compiled(line, relation, target, _loose("subject"), _loose("target"))
                patterns.append(_Pattern(relation, target, re.compile(strict), loose))
    return tuple(patterns)


def _compiled(line: str, relation: str, target: str | None, subject: str, object_: str) -> str:
    """The regular expression for one line of the phrasebook."""
    text = line.replace("(", "(?:")
    text = re.sub(r"\{where\*?\}", lambda _: f"(?:{_any(_flat(WHERE.get((relation, target), ())))})", text)
    text = re.sub(r"\{place\*?\}", lambda _: f"(?:{_any(_flat(PLACE.get(str(target), ())))})", text)
    return text.replace("{subject}", subject).replace("{target}", object_)


def _slot(name: str) -> str:
    return rf"<(?P<{name}>\d+)>(?: (?P<{name}_trail>{_any(_positions(1))}))?"


def _loose(name: str) -> str:
    """Like `_slot`, but any one to three words will do for the thing."""
    return rf"(?P<{name}>(?:[a-z]+ ){{0,3}}(?:[a-z]+|<\d+>))(?: (?:{_any(_positions(1))}))?"


def _flat(groups: Iterable[tuple[str, ...]]) -> list[str]:
    return [words for group in groups for words in group]


def _any(words: Iterable[str]) -> str:
    """Alternatives, the longest first so that "bell pepper" wins over "pepper"."""
    return "(?:" + "|".join(re.escape(word) for word in sorted(words, key=lambda word: (-len(word), word))) + ")"


def marked(text: str) -> tuple[str, tuple[str, ...]]:
    """Return the plain text with every known thing replaced by <0>, <1>, ..., and the things' names.

    A name may describe what the catalogue does not have in that colour; `parse_name` then raises.
    """
    plain, mentions = _mark(_plain(text))
    return plain, tuple(mention.name(None) or mention.kind for mention in mentions)
