"""Attempts are kept with what the table looked like, and found again by a picture of a table like it."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from agent.types import Episode, Goal, ImageArray, Observation, Outcome, Task
from dialogue.executor import Executor
from dialogue.memory.entries import EntryKind
from dialogue.memory.pictures import PictureDiary, picture_vector
from dialogue.memory.store import Memory
from dialogue.ports import Judgement
from dialogue.syntax import parse_plan
from policies.looking import Look
from tests.dialogue.mind import MindWorld, mind_body, table
from tests.dialogue.test_seeing import Shown, seen

CUBES: tuple[Shown, ...] = (("cube", "red", 0.5, 0.0, 0.02), ("cube", "blue", 0.4, 0.1, 0.02))
LUNCH: tuple[Shown, ...] = (("banana", "yellow", 0.5, 0.0, 0.02), ("bowl", "white", 0.6, 0.1, 0.03))


class Tables:
    """An eye that sees one of a few tables, by the first pixel."""

    space = "tables"

    def look(self, picture: ImageArray) -> Look:
        return seen(*(CUBES, LUNCH, ())[int(picture[0, 0, 0])])


def shown(number: int) -> Observation:
    return Observation({"front": np.full((4, 4, 3), number, np.uint8)}, np.zeros(1, np.float32), "x", 0.0)


def episode(words: str, outcome: Outcome = Outcome.TIMEOUT) -> Episode:
    return Episode(Task("put_in", words, Goal("in", "egg", "bowl"), 80), 7, outcome, 21, "ran 21 steps", 1.5)


def test_attempts_are_found_by_what_the_table_looked_like(tmp_path: Path) -> None:
    with Memory(tmp_path / "memory.db") as memory:
        diary = PictureDiary(memory, Tables())
        diary.keep(episode("stack the cubes"), shown(0), Judgement(True, "it stands"))
        diary.keep(episode("serve lunch"), shown(1), Judgement(False, "it fell"))
        diary.keep(episode("clear up", Outcome.REFUSED), shown(2), None)
        for number, words in enumerate(("stack the cubes", "serve lunch", "clear up")):
            vector = picture_vector(Tables().look(shown(number).images["front"]))
            best, *others = memory.search_vector("tables", vector, kind=EntryKind.EPISODE)
            assert best.entry.text == words and best.score == pytest.approx(1.0, abs=1e-5)
            assert all(other.score < 0.9 for other in others)
        told = [entry.detail.split(" (")[0] for entry in memory.entries(EntryKind.EPISODE)]
        assert told == ["refused: ran 21 steps", "failure: it fell", "success: it stands"]


def test_a_picture_is_like_itself_after_something_was_moved() -> None:
    moved = (("cube", "red", 0.6, 0.2, 0.02), CUBES[1])
    one, other, third = (picture_vector(seen(*shown_)) for shown_ in (CUBES, moved, LUNCH))
    assert one == pytest.approx(other) and one @ third < 0.5 * float(one @ one)


def test_a_world_without_that_camera_is_remembered_by_words(tmp_path: Path) -> None:
    with Memory(tmp_path / "memory.db") as memory:
        PictureDiary(memory, Tables(), camera="side").keep(episode("stack the cubes"), shown(0), None)
        assert memory.search_vector("tables", np.ones(63, np.float32)) == ()
        assert [hit.entry.text for hit in memory.search("cubes")] == ["stack the cubes"]


def test_what_a_plan_tries_is_kept() -> None:
    kept: list[tuple[str, bool]] = []

    class Diary:
        def keep(self, episode: Episode, before: Observation, judgement: Judgement | None) -> None:
            assert judgement is not None and before.time == 0.0
            kept.append((episode.task.instruction, judgement.success))

    world = MindWorld(table(), fails={"red cube": 1})
    Executor(replace(mind_body(world), diary=Diary())).run(parse_plan("place red cube in red bowl\npoint egg"))
    assert [success for _, success in kept] == [False, True]
