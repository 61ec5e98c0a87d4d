"""Memory survives restarts, finds by words and by meaning, forgets without a trace, and never overwrites a file."""

import multiprocessing
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from agent.errors import AubergineError, SpecError
from agent.types import Episode, FloatArray, Goal, Outcome, Task
from dialogue.memory.database import FORMAT
from dialogue.memory.embedding import SentenceEmbedder
from dialogue.memory.entries import EntryKind
from dialogue.memory.store import Memory, read_rows
from dialogue.memory.vectors import Rows, unit
from dialogue.notes import Constraint


class Letters:
    """An embedder that tells texts by their letters: fixed, and no two of these tests' texts are alike."""

    space = "letters"

    def embed(self, text: str) -> FloatArray:
        counts = np.array([text.lower().count(chr(97 + letter)) for letter in range(26)], dtype=np.float32)
        return counts + 1e-3


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "deep" / "memory.db"


@pytest.fixture
def memory(file: Path) -> Iterator[Memory]:
    ticks = iter(range(1_000_000))
    with Memory(file, session="one", embed=Letters(), clock=lambda: float(next(ticks))) as opened:
        yield opened


def episode(instruction: str = "put the egg in the bowl") -> Episode:
    task = Task("put_in", instruction, Goal("in", "egg", "bowl"), 80)
    return Episode(task, 7, Outcome.SUCCESS, 21, "done after 21 steps", 1.5)


def test_everything_is_there_after_a_restart(memory: Memory, file: Path) -> None:
    turn = memory.add_turn("person", "put the carrot in my bowl")
    memory.bind(turn, "my bowl", "blue bowl", scene="seed 7")
    memory.remember("never touch egg", source="person", because_of=turn)
    number = memory.add_episode(episode(), source="run", vectors={"pictures": np.ones(4, dtype=np.float32)})
    before = memory.entries()
    memory.close()
    with Memory(file, session="two") as again:
        assert again.entries() == before
        assert [entry.kind.value for entry in before] == ["episode", "note", "turn"]
        assert [entry.source for entry in before] == ["run", "person", "person"]
        assert again.entry(number).detail == "success: done after 21 steps (seed 7, 21 steps)"
        (binding,) = again.bindings(scene="seed 7")
        assert (binding.mention, binding.name, binding.turn) == ("my bowl", "blue bowl", turn)
        assert again.bindings(scene="seed 8") == ()
        assert isinstance(again.notes().constraints[0], Constraint)
        (hit,) = again.search_vector("pictures", np.array([1, 1, 1, 0.9], dtype=np.float32))
        assert hit.entry.id == number and hit.score > 0.99


def test_notes_are_kept_once_and_forgotten_by_their_words(memory: Memory) -> None:
    for text in ("my bowl is blue bowl", "never touch egg", "never touch egg", "never touch white mug"):
        memory.remember(text)
    assert [entry.text for entry in memory.entries(EntryKind.NOTE)] == [
        "never touch white mug",
        "never touch egg",
        "my bowl is blue bowl",
    ]
    assert memory.notes().aliases == {"my bowl": "blue bowl"}
    assert memory.forget("touch the sky") == 0 and memory.forget("") == 0 and memory.forget("' OR 1=1 --") == 0
    assert memory.forget("EGG touch") == 1
    assert [constraint.text for constraint in memory.notes().constraints] == ["never touch white mug"]


def test_search_goes_by_words_and_stems(memory: Memory) -> None:
    for text in ("put the carrot in the bowl", "open the drawer", "stacking cubes is fun"):
        memory.add_turn("person", text)
    with Memory(memory._database.path) as words_only:
        assert [hit.entry.text for hit in words_only.search("drawers")] == ["open the drawer"]
        assert [hit.entry.text for hit in words_only.search("stack cube")] == ["stacking cubes is fun"]
        assert words_only.search("zebra") == () and words_only.search("  ") == ()


def test_search_goes_by_meaning_where_words_fail(memory: Memory) -> None:
    memory.add_turn("person", "gather the aubergines")
    memory.add_turn("person", "zzz")
    hits = memory.search("aubergine thegathers")
    assert hits[0].entry.text == "gather the aubergines"
    assert {hit.entry.text for hit in memory.search("quuz")} >= {"zzz"}


def test_search_can_be_told_what_to_look_for(memory: Memory) -> None:
    memory.add_turn("person", "the egg")
    memory.remember("egg is breakfast")
    assert {hit.entry.kind for hit in memory.search("egg", kind=EntryKind.NOTE)} == {EntryKind.NOTE}
    assert len(memory.search("egg", limit=1)) == 1


@pytest.mark.parametrize(
    "text", ['"', "a AND", "NEAR(", "text:egg", "egg*", "-", "(((", "\x00", "'; DROP TABLE entries; --", "😀" * 99]
)
def test_no_text_is_an_operator(memory: Memory, text: str) -> None:
    memory.add_turn("person", "the egg is here")
    memory.search(text)
    memory.forget(text)
    memory.add_turn("person", f"x{text}")
    assert len(memory.entries()) == 2


def test_forgetting_takes_along_what_was_drawn_from_it_and_leaves_no_trace(memory: Memory, file: Path) -> None:
    secret = "xylophone"
    turn = memory.add_turn("person", f"my {secret} is in the drawer")
    memory.bind(turn, f"my {secret}", "drawer")
    memory.remember(f"the {secret} is mine", because_of=turn)
    kept = memory.add_turn("person", "the egg is in the bowl")
    assert memory.forget_entries([turn]) == 2
    assert [entry.id for entry in memory.entries()] == [kept] and memory.bindings() == ()
    assert memory.search(secret, kind=EntryKind.NOTE) == ()
    memory.close()
    left = b"".join(path.read_bytes() for path in file.parent.iterdir())
    assert secret.encode() not in left and b"egg" in left


def test_numbers_are_never_given_twice(memory: Memory) -> None:
    first = memory.add_turn("person", "one")
    memory.forget_entries([first])
    assert memory.add_turn("person", "two") > first


def test_what_is_not_there_cannot_be_forgotten(memory: Memory) -> None:
    number = memory.add_turn("person", "stay")
    with pytest.raises(SpecError, match="no memory '99'"):
        memory.forget_entries([number, 99])
    assert len(memory.entries()) == 1


def test_odd_text_is_kept_without_what_would_break_a_terminal(memory: Memory) -> None:
    number = memory.add_turn("person", "a\x1b[2Jb\x00c \ud800" + "x" * 9000)
    assert memory.entry(number).text.startswith("a[2Jbc") and len(memory.entry(number).text) <= 4000
    with pytest.raises(SpecError, match="nothing to remember"):
        memory.add_turn("person", " \x00 ")


@pytest.mark.parametrize("damage", ["text", "half", "zeros"])
def test_a_damaged_file_is_named_and_left_as_it_is(memory: Memory, file: Path, damage: str) -> None:
    for number in range(300):
        memory.add_turn("person", f"turn {number} with some words to fill the pages of the file")
    memory.close()
    whole = file.read_bytes()
    broken = {
        "text": b"dear diary" * 99,
        "half": whole[: len(whole) // 2],
        "zeros": whole[:4096] + bytes(len(whole) - 4096),
    }
    file.write_bytes(broken[damage])
    with pytest.raises(SpecError, match=r"memory\.db is damaged or no database .* left as it is"):
        Memory(file)
    assert file.read_bytes() == broken[damage]


def test_a_newer_file_is_named_and_left_as_it_is(memory: Memory, file: Path) -> None:
    memory.close()
    with sqlite3.connect(file) as db:
        db.execute(f"PRAGMA user_version = {FORMAT + 1}")
    db.close()
    before = file.read_bytes()
    with pytest.raises(SpecError, match=f"newer version .format {FORMAT + 1}"):
        Memory(file)
    assert file.read_bytes() == before


def test_a_strangers_file_is_named_and_left_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "other.db"
    with sqlite3.connect(file) as db:
        db.execute("CREATE TABLE entries (x)")
    db.close()
    before = file.read_bytes()
    with pytest.raises(SpecError, match="another program's database"):
        Memory(file)
    assert file.read_bytes() == before


def test_an_empty_file_becomes_a_memory_and_a_folder_does_not(tmp_path: Path) -> None:
    (tmp_path / "empty.db").touch()
    with Memory(tmp_path / "empty.db") as memory:
        assert memory.entries() == ()
    with pytest.raises(AubergineError, match="cannot use the memory"):
        Memory(tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(SpecError, match="cannot make the folder"):
        Memory(tmp_path / "file" / "memory.db")


def test_threads_share_one_memory(memory: Memory) -> None:
    def write(name: str) -> None:
        for number in range(10):
            memory.add_turn(name, f"turn {number}")

    threads = [threading.Thread(target=write, args=(f"t{n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(memory.entries(limit=None)) == 40


def _write(path: str) -> None:
    with Memory(Path(path)) as memory:
        for number in range(10):
            memory.add_turn("other", f"turn {number}")


def test_two_processes_share_one_file_and_see_each_other(memory: Memory, file: Path) -> None:
    """Vectors kept in RAM are read again when another program wrote."""
    memory.add_turn("person", "mine")
    assert len(memory.search_vector("letters", Letters().embed("mine"), limit=99)) == 1
    process = multiprocessing.get_context("spawn").Process(target=_write, args=(str(file),))
    process.start()
    process.join(60)
    assert process.exitcode == 0 and len(memory.entries(limit=None)) == 11
    with Memory(file, embed=Letters()) as other:
        other.add_turn("other", "ours")
    assert len(memory.search_vector("letters", Letters().embed("mine"), limit=99)) == 2


def test_vectors_in_ram_are_those_in_the_file(memory: Memory) -> None:
    """The fast path against a fresh read and a plain loop, through additions and deletions."""
    rng = np.random.default_rng(500_001)
    numbers = list[int]()
    for round_ in range(12):
        vectors = {"pictures": rng.standard_normal(8).astype(np.float32)}
        numbers.append(memory.add_episode(episode(f"round {round_}"), source="test", vectors=vectors))
        if round_ % 4 == 3:
            memory.forget_entries([numbers.pop(0)])
        query = rng.standard_normal(8).astype(np.float32)
        fast = [(hit.entry.id, hit.score) for hit in memory.search_vector("pictures", query, limit=5)]
        with memory._database.reading() as db:
            rows = read_rows(db, "pictures")
        cosines = {
            id_: float(sum(a * b for a, b in zip(row, unit(query), strict=True)))
            for id_, row in zip(rows.ids, rows.matrix, strict=True)
        }
        slow = sorted(cosines.items(), key=lambda pair: -pair[1])[:5]
        assert [id_ for id_, _ in fast] == [id_ for id_, _ in slow]
        np.testing.assert_allclose([c for _, c in fast], [c for _, c in slow], atol=1e-5)


def test_vectors_that_are_none_are_refused(memory: Memory) -> None:
    for bad in (np.zeros(3), np.array([np.nan, 1.0]), np.ones((2, 2)), np.zeros(0)):
        with pytest.raises(SpecError, match="a vector to remember"):
            memory.add_episode(episode(), source="x", vectors={"pictures": bad.astype(np.float32)})
    assert memory.entries() == ()


def test_a_vector_of_another_width_finds_nothing(memory: Memory) -> None:
    memory.add_episode(episode(), source="x", vectors={"pictures": np.ones(4, dtype=np.float32)})
    assert memory.search_vector("pictures", np.ones(5, dtype=np.float32)) == ()
    assert memory.search_vector("nothing", np.ones(5, dtype=np.float32)) == ()
    assert (
        Rows((), (), np.zeros((0, 0), dtype=np.float32)).nearest(np.ones(2, dtype=np.float32), kind=None, count=3) == []
    )


def test_a_sentence_is_the_mean_of_its_pieces() -> None:
    class Pieces:
        def encode(self, sentences: list[str]) -> list[FloatArray]:
            return [np.array([[len(word), 1] for word in text.split()], dtype=np.float32) for text in sentences]

    np.testing.assert_allclose(SentenceEmbedder(Pieces(), "pieces").embed("a bbb"), [2.0, 1.0])
