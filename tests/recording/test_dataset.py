"""LeRobotDataset v3.0: what goes in comes out, twice opened equals once, and damage is refused by name."""

import json
import pickle
import shutil
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from agent.doubles import PointTeacher, PointWorld, point_task
from agent.errors import SpecError
from agent.recording import join as join_module
from agent.recording import layout
from agent.recording.demonstrate import Coached, Coaching, Drift
from agent.recording.episode import EpisodeRecorder, Recording
from agent.recording.reader import DatasetReader
from agent.recording.writer import DatasetWriter
from agent.runtime import run_episode
from agent.types import CameraSpec


def recorded(seed: int, world: PointWorld | None = None) -> Recording:
    world = world or PointWorld()
    policy = Coached(PointTeacher(world), [(1.0, Drift(world.embodiment.action))], coaching=Coaching(calm_after=9))
    recorder = EpisodeRecorder(world.embodiment, note=policy.note)
    episode = run_episode(world, policy, point_task(seed), seed=seed, execute=1, observers=[recorder])
    return recorder.finish(episode, family="points")


def write(root: Path, seeds: range) -> list[Recording]:
    writer = DatasetWriter(root)
    writer.open()
    recordings = [recorded(seed) for seed in seeds]
    for recording in recordings:
        writer.add(recording)
    writer.close()
    return recordings


def check_contents(root: Path, recordings: list[Recording]) -> None:
    """Everything that was recorded is read back, at its place and only once."""
    dataset = DatasetReader(root)
    assert [episode.seed for episode in dataset.episodes()] == [r.episode.seed for r in recordings]
    frame = 0
    for index, recording in enumerate(recordings):
        episode, count = dataset.episode(index), len(recording)
        assert (episode.length, episode.instruction) == (count, recording.episode.task.instruction)
        assert (episode.outcome, episode.family) == (str(recording.episode.outcome), "points")
        np.testing.assert_array_equal(dataset.column(index, "action"), recording.action)
        np.testing.assert_array_equal(dataset.column(index, "observation.state"), recording.state)
        np.testing.assert_array_equal(dataset.column(index, "aims"), recording.aims)
        np.testing.assert_array_equal(dataset.column(index, "by_expert"), recording.by_expert)
        np.testing.assert_array_equal(dataset.column(index, "index"), np.arange(frame, frame + count))
        np.testing.assert_array_equal(dataset.column(index, "timestamp"), np.arange(count, dtype=np.float32) / 5)
        task = dataset.column(index, "task_index")
        tasks = pq.read_table(root / "meta" / "tasks.parquet").to_pandas()
        assert (tasks.index[task] == episode.instruction).all()
        for camera, pictures in recording.images.items():
            got = dataset.images(index, camera)
            assert got.shape == pictures.shape
            error = np.abs(got.astype(int) - pictures).mean()
            assert error < 8 and error < np.abs(np.roll(got, 1, axis=0).astype(int) - pictures).mean() + 0.01
        frame += count
    assert dataset.total_frames == frame


def test_what_goes_in_comes_out(tmp_path: Path) -> None:
    recordings = write(tmp_path, range(4))
    check_contents(tmp_path, recordings)
    dataset = DatasetReader(tmp_path)
    assert dataset.embodiment == PointWorld().embodiment
    assert any(not r.by_expert.all() for r in recordings)
    whole = np.concatenate([r.state for r in recordings]).astype(np.float64)
    np.testing.assert_allclose(dataset.stats["observation.state"]["q01"], np.quantile(whole, 0.01, axis=0))
    assert "aims" not in dataset.stats, "a dot is never grasped, so its aims have no statistics"
    assert not (tmp_path / "staging").exists()


def test_appending_equals_writing_at_once(tmp_path: Path) -> None:
    once = write(tmp_path / "once", range(5))
    write(tmp_path / "twice", range(2))
    write(tmp_path / "twice", range(5))
    check_contents(tmp_path / "twice", once)
    a, b = DatasetReader(tmp_path / "once"), DatasetReader(tmp_path / "twice")
    assert a.stats.keys() == b.stats.keys()
    for key, feature in a.stats.items():
        for name, value in feature.items():
            np.testing.assert_allclose(b.stats[key][name], value, atol=0.05 if name in ("q10", "q50", "q90") else 1e-6)


def test_large_files_are_split(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layout, "DATA_MEGABYTES", 0.01)
    monkeypatch.setattr(layout, "VIDEO_MEGABYTES", 0.004)
    recordings = write(tmp_path, range(5))
    assert len(list((tmp_path / "data").glob("*/*.parquet"))) > 1
    assert len(list((tmp_path / "videos" / "observation.images.front").glob("*/*.mp4"))) > 1
    check_contents(tmp_path, recordings)


@pytest.mark.parametrize("dies_before", ["tasks.parquet", "stats.json", "info.json"])
def test_a_death_while_joining_loses_and_doubles_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dies_before: str
) -> None:
    first = write(tmp_path, range(2))
    write_json, write_tasks = layout.write_json, join_module._write_tasks

    def dying_json(path: Path, content: layout.Json) -> None:
        if path.name == dies_before:
            raise KeyboardInterrupt
        write_json(path, content)

    def dying_tasks(root: Path, tasks: list[str]) -> None:
        if dies_before == "tasks.parquet":
            raise KeyboardInterrupt
        write_tasks(root, tasks)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(layout, "write_json", dying_json)
        patch.setattr(join_module, "_write_tasks", dying_tasks)
        write(tmp_path, range(2, 5))
    check_contents(tmp_path, first)
    writer = DatasetWriter(tmp_path)
    assert writer.seeds() == set(range(5))
    with pytest.MonkeyPatch.context() as patch:
        # The dead process no longer holds its lock; this one, in which it was only acted, still does.
        patch.setattr("agent.recording.lock.fcntl.flock", lambda *_: None)
        writer.open()
    writer.close()
    check_contents(tmp_path, [*first, *(recorded(seed) for seed in range(2, 5))])


def test_a_death_before_staging_is_removed_counts_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recordings = [recorded(seed) for seed in range(3)]
    writer = DatasetWriter(tmp_path)
    writer.open()
    for recording in recordings:
        writer.add(recording)
    with monkeypatch.context() as patch:
        patch.setattr(shutil, "rmtree", lambda *_, **__: None)
        writer.close()
    (tmp_path / "staging" / ".partial-9-1").mkdir()
    again = DatasetWriter(tmp_path)
    again.open()
    assert list((tmp_path / "staging").iterdir()) == []
    again.close()
    check_contents(tmp_path, recordings)


def test_the_same_seed_is_stored_once(tmp_path: Path) -> None:
    writer = DatasetWriter(tmp_path)
    writer.open()
    for _ in range(2):
        writer.add(recorded(1))
    copy: DatasetWriter = pickle.loads(pickle.dumps(writer))
    copy.add(recorded(1))
    writer.close()
    assert len(DatasetReader(tmp_path)) == 1


def test_one_owner_and_one_body(tmp_path: Path) -> None:
    writer = DatasetWriter(tmp_path)
    writer.open()
    with pytest.raises(SpecError, match="another process is writing"):
        DatasetWriter(tmp_path).open()
    writer.add(recorded(0))
    other = PointWorld(cameras=(CameraSpec("front", 32, 32),))
    with pytest.raises(SpecError, match="another body"):
        writer.add(recorded(1, other))
    writer.close()
    (tmp_path / "foreign" / "meta").mkdir(parents=True)
    with pytest.raises(SpecError, match="something else"):
        DatasetWriter(tmp_path / "foreign").open()


def test_damage_is_refused_and_named(tmp_path: Path) -> None:
    write(tmp_path / "good", range(3))
    films = "videos/observation.images.front/chunk-000/file-000.mp4"
    for name in (
        "meta/info.json",
        "meta/tasks.parquet",
        "meta/episodes/chunk-000/file-000.parquet",
        "data/chunk-000/file-000.parquet",
        films,
    ):
        shutil.rmtree(tmp_path / "bad", ignore_errors=True)
        shutil.copytree(tmp_path / "good", tmp_path / "bad")
        path = tmp_path / "bad" / name
        content = path.read_bytes()
        for damaged in (content[: len(content) // 2], b"\x00foreign" * 10):
            path.write_bytes(damaged)
            with pytest.raises(SpecError, match=path.name.replace(".", r"\.")):
                dataset = DatasetReader(tmp_path / "bad")
                _ = dataset.tasks
                for index in range(len(dataset)):
                    dataset.images(index, "front")
    with pytest.raises(SpecError, match=r"info\.json does not exist"):
        DatasetReader(tmp_path / "nowhere")


def test_other_versions_and_unknown_names_are_refused(tmp_path: Path) -> None:
    write(tmp_path, range(1))
    dataset = DatasetReader(tmp_path)
    with pytest.raises(SpecError, match="did you mean 'wrist'"):
        dataset.images(0, "wirst")
    with pytest.raises(SpecError, match="did you mean 'action'"):
        dataset.column(0, "actoin")
    info = json.loads((tmp_path / "meta" / "info.json").read_text())
    for change, words in (({"codebase_version": "v2.1"}, "only v3.0"), ({"total_frames": 99}, "number of frames")):
        (tmp_path / "meta" / "info.json").write_text(json.dumps(info | change))
        with pytest.raises(SpecError, match=words):
            DatasetReader(tmp_path)
