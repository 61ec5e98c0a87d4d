"""Write policies/assets/lexicon.txt.gz: `python -m policies.build_lexicon DICT [FILE]`. The same DICT always writes the
same bytes.

DICT is WordNet 3.0's folder of database files (Debian: /usr/share/wordnet), whose format is that of wndb(5WN). Kept are
nouns of things that can be touched, without proper names and taxa; see policies/lexicon.py for what is written.
"""

import gzip
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from policies.instruction import words_of
from policies.lexicon import FILE, LONGEST

TOUCHABLE = frozenset(("05", "06", "13", "17", "20", "25"))
"""Lexicographer files of lexnames(5WN): animals, artifacts, food, natural objects, plants, shapes."""
BEGINNERS = "03"
"""Lexicographer file of what is most general, like "plant": no definition is meant that says no more."""
PARENTS = frozenset(("@", "@i"))
BEFORE = words_of("a an the any one some small")
"""What a gloss may begin with before it says what the thing is ..."""
AFTER = words_of(
    "and as by consisting containing designed for from having in like made of on or resembling that to used usually",
    "when where which whose with without worn",
)
"""... and what follows that."""
PARTITIVES = words_of("kind piece sort type variety")
"""Before "of" they do not say what it is."""


@dataclass(frozen=True)
class _Synset:
    """nouns: as WordNet writes them.  parents: offsets.  genus: what the gloss says first that it is."""

    nouns: tuple[str, ...]
    parents: tuple[str, ...]
    genus: tuple[str, ...]


def genus(gloss: str) -> tuple[str, ...]:
    """What a gloss says that the thing is: "a small shallow dish for holding a cup" -> dish; "a bowl-shaped vessel" ->
    bowl, vessel."""
    first = re.split(r"[;:,\"]", re.sub(r"\([^)]*\)", "", gloss.lower()))[0]
    words = re.findall(r"[a-z-]+", first)
    start = next((number for number, word in enumerate(words) if word not in BEFORE), len(words))
    stop = next((number for number in range(start, len(words)) if words[number] in AFTER), len(words))
    phrase = words[start:stop]
    if phrase and phrase[-1] in PARTITIVES and words[stop : stop + 1] == ["of"]:
        return genus(" ".join(words[stop + 1 :]))
    shapes = [word.removesuffix("-shaped") for word in phrase if word.endswith("-shaped")]
    return tuple(dict.fromkeys([*shapes, *phrase[-1:]]))


def entries(folder: Path) -> Iterator[str]:
    """Yield a line for each set of synonyms, as policies/lexicon.py reads them."""
    ranks = dict(_ranks(folder / "index.noun"))
    synsets = dict(_synsets(folder / "data.noun"))
    beginners = set(_beginners(folder / "data.noun"))
    number = {offset: str(place) for place, offset in enumerate(synsets)}
    for offset, synset in synsets.items():
        nouns = [f"{noun.replace('_', ' ')}:{ranks[noun, offset]}" for noun in synset.nouns]
        parents = [number[parent] for parent in synset.parents if parent in number]
        said = [noun for noun in synset.genus if noun not in beginners]
        yield "\t".join(("|".join(nouns), " ".join(parents), " ".join(said)))


def build(folder: Path, file: Path) -> None:
    """Write what `folder` holds into `file`. OSError where it is no WordNet folder."""
    text = "".join(f"{line}\n" for line in entries(folder))
    file.parent.mkdir(parents=True, exist_ok=True)
    # Neither a name nor a time: they would make the bytes differ.
    file.write_bytes(gzip.compress(text.encode("ascii"), mtime=0))


def _lines(file: Path) -> Iterator[str]:
    """Yield the lines behind the licence, which is indented."""
    with file.open(encoding="ascii") as lines:
        yield from (line for line in lines if not line.startswith(" "))


def _ranks(file: Path) -> Iterator[tuple[tuple[str, str], int]]:
    """Yield (noun, offset) and how many of the noun's meanings are more frequent."""
    for line in _lines(file):
        fields = line.split()
        for rank, offset in enumerate(fields[-int(fields[2]) :]):
            yield (fields[0], offset), rank


def _beginners(file: Path) -> Iterator[str]:
    for line in _lines(file):
        fields = line.split()
        if fields[1] == BEGINNERS:
            yield from _nouns(fields)


def _synsets(file: Path) -> Iterator[tuple[str, _Synset]]:
    for line in _lines(file):
        data, gloss = line.rstrip("\n").split(" | ", 1)
        fields = data.split()
        nouns = tuple(noun for noun in _nouns(fields) if _is_common(noun))
        pointers = fields[5 + 2 * int(fields[3], 16) :]
        parents = tuple(pointers[at + 1] for at in range(0, len(pointers) - 3, 4) if pointers[at] in PARENTS)
        if fields[1] in TOUCHABLE and nouns:
            yield fields[0], _Synset(nouns, parents, genus(gloss))


def _nouns(fields: list[str]) -> list[str]:
    """The synonyms of a line; their number is hexadecimal."""
    return fields[4 : 4 + 2 * int(fields[3], 16) : 2]


def _is_common(noun: str) -> bool:
    """Whether it is no proper name, no taxon, and not too long."""
    words = re.split("[_-]", noun)
    return len(words) <= LONGEST and all(re.fullmatch("[a-z]+", word) for word in words)


if __name__ == "__main__":
    build(Path(sys.argv[1]), Path(sys.argv[2]) if len(sys.argv) > 2 else FILE)
