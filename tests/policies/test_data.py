import json
from pathlib import Path

import numpy as np
import pytest

from agent.errors import SpecError
from agent.notes import ENTITY_COLUMNS, QUESTION_COLUMNS, SceneNote
from policies.data import EpisodeFrames, FrameStore, FrameWriter
from tests.policies.toy import TOY

COLUMNS = len(QUESTION_COLUMNS)


def episode(length: int, *, mark: int, by_expert: list[bool] | None = None, text: str = "go") -> EpisodeFrames:
    """Frames whose first pixel and first action value tell which frame it is."""
    rng = np.random.default_rng(mark)
    count = np.arange(length)
    images = {c.name: rng.integers(0, 255, (length, c.height, c.width, 3), dtype=np.uint8) for c in TOY.cameras}
    images["front"][:, 0, 0, 0] = mark + count
    action = np.zeros((length, 5), dtype=np.float32)
    action[:, 0] = mark + count
    return EpisodeFrames(
        images=images,
        state=np.zeros((length, 4), dtype=np.float32),
        action=action,
        by_expert=np.ones(length, dtype=np.bool_) if by_expert is None else np.array(by_expert),
        notes=(SceneNote(np.ones((2, len(ENTITY_COLUMNS)), np.float32), (text,), np.zeros((1, COLUMNS), np.float32)),)
        * length,
    )


def test_parts_are_read_as_one_store(tmp_path: Path) -> None:
    for part, texts in (("a", ("red", "blue")), ("b", ("green", "red"))):
        with FrameWriter(tmp_path, TOY, part=part) as writer:
            for number, text in enumerate(texts):
                writer.append_episode(episode(3, mark=10 * (part == "b") + 5 * number, text=text))
    store = FrameStore(tmp_path)
    assert (len(store), store.skipped) == (12, [])
    assert store.instructions == ("red", "blue", "green")
    assert [store.instructions[i] for i in store.instruction[::3, 0]] == ["red", "blue", "green", "red"]
    assert store.episode.tolist() == [0] * 3 + [1] * 3 + [2] * 3 + [3] * 3
    batch = store.batch(np.array([11, 0, 6]))
    assert batch.images["front"][:, 0, 0, 0].tolist() == [17, 0, 10]
    assert batch.images["wrist"].shape == (3, 16, 16, 3)
    assert (batch.instruction[:, 1:] == -1).all()
    assert (batch.entities[:, :2, 0] == 1).all() and (batch.entities[:, 2:, 0] == -1).all()
    assert batch.questions.shape[0] == 3 and np.isnan(batch.questions[:, 1:]).all()
    assert np.load(tmp_path / "a" / "action.npy").shape == (6, 5)


def test_chunks_stop_at_the_end_of_an_episode_and_of_an_expert_segment(tmp_path: Path) -> None:
    with FrameWriter(tmp_path, TOY, part="a") as writer:
        writer.append_episode(episode(3, mark=0))
        writer.append_episode(episode(6, mark=3, by_expert=[True, False, True, True, True, False]))
        writer.append_episode(episode(1, mark=9))
    chunks = FrameStore(tmp_path).chunks(3)
    assert chunks.frames.tolist() == [0, 1, 2, 3, 5, 6, 7, 9]
    assert chunks.rows.tolist() == [
        [0, 1, 2],
        [1, 2, 2],
        [2, 2, 2],
        [3, 3, 3],
        [5, 6, 7],
        [6, 7, 7],
        [7, 7, 7],
        [9, 9, 9],
    ]
    assert chunks.pad.sum(axis=1).tolist() == [0, 1, 2, 2, 0, 1, 2, 2]


def test_a_killed_writer_leaves_whole_episodes_and_the_part_goes_on(tmp_path: Path) -> None:
    writer = FrameWriter(tmp_path, TOY, part="a")
    writer.append_episode(episode(3, mark=0))
    for file in writer.files:  # rows reached the disk, the count did not
        file.seek(0, 2)
        file.write(b"\x01" * 500)
        file.flush()
    writer.close()
    assert len(FrameStore(tmp_path)) == 3
    with FrameWriter(tmp_path, TOY, part="a") as again:
        again.append_episode(episode(2, mark=3, text="stop"))
    store = FrameStore(tmp_path)
    assert store.action[:, 0].tolist() == [0, 1, 2, 3, 4]
    assert store.instructions == ("go", "stop")


def test_broken_parts_are_skipped_and_named(tmp_path: Path) -> None:
    for part in ("a", "b", "c", "d"):
        with FrameWriter(tmp_path, TOY, part=part) as writer:
            writer.append_episode(episode(3, mark=0))
    with (tmp_path / "b" / "state.npy").open("r+b") as file:
        file.truncate(150)
    (tmp_path / "c" / "part.json").write_text("{")
    (tmp_path / "d" / "instructions.json").write_text("[]")
    store = FrameStore(tmp_path)
    assert len(store) == 3
    assert ["state.npy" in store.skipped[0], "/c is not" in store.skipped[1], "/d/instr" in store.skipped[2]] == [
        True
    ] * 3


def test_nothing_to_read_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="no readable training frames"):
        FrameStore(tmp_path / "absent")


def test_an_episode_is_added_whole_or_not_at_all(tmp_path: Path) -> None:
    wrong = episode(3, mark=0)
    wrong.images["front"] = wrong.images["front"][:2]
    with FrameWriter(tmp_path, TOY, part="a") as writer:
        with pytest.raises(SpecError, match=r"'image_front' has shape \(2, 32, 32, 3\)"):
            writer.append_episode(wrong)
        writer.append_episode(episode(2, mark=0))
    assert len(FrameStore(tmp_path)) == 2
    assert json.loads((tmp_path / "a" / "part.json").read_text())["episodes"] == 1
