"""Unheard nouns: which words are exchanged for which, and what the next look is told of it."""

import gzip
from pathlib import Path

import numpy as np
import pytest

from policies.build_lexicon import build, genus
from policies.instruction import words_of
from policies.lexicon import Lexicon, lexicon, singulars
from policies.renaming import LENGTH, MOST, Exchange, Renaming, Thesaurus, remembered

HEARD = words_of("a the it in on up put push give red can box pan frying potato tater bowl bottle spoon plate left")


@pytest.fixture(scope="module")
def thesaurus() -> Thesaurus:
    return Thesaurus(HEARD)


def read_as(thesaurus: Thesaurus, instruction: str) -> list[str]:
    return [thesaurus.renamed(renaming) for renaming in thesaurus.renamings(instruction)]


def test_heard_words_are_left_alone(thesaurus: Thesaurus) -> None:
    assert read_as(thesaurus, "Put the red can in the frying pan") == []
    assert read_as(thesaurus, "put the cans in the bowls") == [], "their singulars were heard"
    assert Thesaurus(()).renamings("put it in the skillet") == [], "nobody wrote down what was heard"


def test_the_nearest_comes_first_and_what_stands_about_it_stays(thesaurus: Thesaurus) -> None:
    assert read_as(thesaurus, "Put it in the Skillet, red can!") == [
        "Put it in the frying pan, red can!",
        "Put it in the pan, red can!",
    ]
    assert read_as(thesaurus, "CRATES: put it on the left") == ["box: put it on the left"]
    assert read_as(thesaurus, "put it in the soda can")[0] == "put it in the can", "the longest noun is exchanged"


def test_two_nouns_are_exchanged_together(thesaurus: Thesaurus) -> None:
    read = read_as(thesaurus, "put the spud in the carton")
    assert read == ["put the potato in the box", "put the tater in the box"]
    assert len(read_as(thesaurus, "put the spud in the skillet")) == MOST


def test_only_a_noun_by_itself_is_exchanged(thesaurus: Thesaurus) -> None:
    assert read_as(thesaurus, "crate the can") == [], "before an article it is a verb"
    assert read_as(thesaurus, "give the crate a push") == ["give the box a push"]
    assert read_as(thesaurus, "put it on the crate plate") == [], "before another noun it only says which one"
    assert read_as(thesaurus, "push the crate left") == ["push the box left"]
    assert read_as(thesaurus, "put the spud on the potato") == ["put the tater on the potato"], "two words, two things"


def test_what_was_exchanged_comes_back(thesaurus: Thesaurus) -> None:
    inner = np.array([1.0, np.nan, 3.0])
    for renaming in (*thesaurus.renamings("put the spud in the skillet"), *thesaurus.renamings("put it in the crate")):
        memory, again = thesaurus.recall(remembered(inner, renaming), renaming.instruction)
        assert again == renaming
        np.testing.assert_array_equal(memory, inner)
        assert thesaurus.recall(remembered(inner, renaming), "put it in the carton")[1] is None, "other words"
    memory, again = thesaurus.recall(remembered(inner, None), "put it in the crate")
    assert again is None
    np.testing.assert_array_equal(memory, inner)
    assert thesaurus.recall(None, "put it in the crate") == (None, None)


@pytest.mark.parametrize(
    "numbers",
    [
        [np.inf, 0, 1],
        [1e300, 0, 1],
        [-1, 0, 1],
        [0, 4, 0],
        [0, 4, 9],
        [0, 4, 2],
        [0, -1, 1],
        [0, 5, 1],
        [0, 3, 1, 0, 3, 1],
        [0, 3, 1, 0, 2, 1],
    ],
)
def test_a_strangers_memory_does_no_harm(thesaurus: Thesaurus, numbers: list[float]) -> None:
    text = "put it in the crate"
    memory = remembered(np.zeros(28), thesaurus.renamings(text)[0])
    memory[1 - LENGTH : len(numbers) + 1 - LENGTH or None] = numbers
    assert thesaurus.recall(memory, text)[1] is None


def test_a_memory_of_another_length_is_left_to_others(thesaurus: Thesaurus) -> None:
    for memory in (np.zeros(LENGTH - 1), np.zeros((2, LENGTH)), np.zeros(0)):
        assert thesaurus.recall(memory, "put it in the crate") == (memory, None)


def test_the_lexicon_knows_what_is_near() -> None:
    def near(noun: str, *known: str) -> list[str]:
        return lexicon().near(noun, lambda other: other in known)

    assert near("skillet", "pan", "frying pan", "pot") == ["frying pan", "pan"]
    assert near("spud", "shovel", "potato") == ["potato", "shovel"], "a synonym before a kind of"
    assert near("crate", "box", "basket") == ["box"]
    assert near("basin", "bowl", "bottle") == ["bowl"], "by its definition"
    assert near("sweetcorn", "corn") == ["corn"], "however it is written"
    assert near("xylophone", "bell", "box", "bowl", "pan", "spoon", "triangle") == []
    assert near("florp", "box") == []


def test_singulars() -> None:
    assert singulars("box") == ["box"]
    assert "berry" in singulars("berries")
    assert "knife" in singulars("knives")
    assert "glass" in singulars("glasses")


def test_a_gloss_says_what_a_thing_is() -> None:
    assert genus("a small shallow dish for holding a cup at the table") == ("dish",)
    assert genus('a bowl-shaped vessel; "she mixed it in a basin"') == ("bowl", "vessel")
    assert genus("a small piece of cloth or paper") == ("cloth",)
    assert genus("(botany) any of various plants") == ()
    assert genus("") == ()


INDEX = """\
  1 A licence
  2 and more of it
basket n 1 2 @ ~ 1 1 00000200
crate n 2 1 @ 2 0 00000900 00000300
hamper n 1 1 @ 1 0 00000400
handbasket n 1 1 @ 1 0 00000200
joy n 1 0 1 0 00000500
tub n 1 0 1 0 00000300
vessel n 1 1 ~ 1 0 00000100
"""
DATA = """\
  1 A licence
00000050 03 n 01 object 0 000 | a tangible thing
00000100 06 n 01 vessel 0 001 ~ 00000200 n 0000 | an object used as a container; "a vessel"
00000200 06 n 02 basket 0 handbasket 1 002 @ 00000100 n 0000 ~ 00000400 n 0000 | a container that is woven
00000300 06 n 03 Crate 0 tub 0 crate 1 001 @ 00000999 n 0000 | a box-shaped case made of wood
00000400 06 n 01 hamper 0 002 @ 00000200 n 0000 + 00000001 v 0101 | a basket usually with a cover
00000500 12 n 01 joy 0 000 | the emotion of great happiness
"""
LINES = [
    "vessel:0\t\t",
    "basket:0|handbasket:0\t0\tcontainer",
    "tub:0|crate:1\t\tbox case",
    "hamper:0\t1\tbasket",
]


def test_the_lexicon_is_built_from_wordnets_files_and_always_the_same(tmp_path: Path) -> None:
    (tmp_path / "index.noun").write_text(INDEX, encoding="ascii")
    (tmp_path / "data.noun").write_text(DATA, encoding="ascii")
    files = [tmp_path / "one" / "lexicon.txt.gz", tmp_path / "another.txt.gz"]
    for file in files:
        build(tmp_path, file)
    assert files[0].read_bytes() == files[1].read_bytes()
    assert gzip.decompress(files[0].read_bytes()).decode("ascii").splitlines() == LINES


def test_a_small_lexicon_reads_as_it_says() -> None:
    book = Lexicon(LINES)
    assert book.near("hampers", lambda other: True) == ["basket", "handbasket"]
    assert book.near("basket", lambda other: True) == ["handbasket", "container", "hamper", "vessel"]
    thesaurus = Thesaurus({"put", "it", "in", "the", "basket"}, book)
    assert thesaurus.nouns == ["basket"]
    text = "put it in the hamper"
    assert thesaurus.renamings(text) == [Renaming(text, (Exchange(noun=0, start=4, count=1),))]
    assert read_as(thesaurus, text) == ["put it in the basket"]
