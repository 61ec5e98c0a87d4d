"""`aubergine eval --lerobot --rerun`: what was played is what others read, for rows that share seeds too."""

import json
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from agent.cli import main
from agent.cli.export import RecordingWitness, recording_key
from agent.doubles import PointSeer, PointWorld
from agent.evaluation.play import BoothJob, SerialPlayer, play_one
from agent.evaluation.suite import Trial
from agent.recording.episode import Recording
from agent.recording.reader import DatasetReader
from agent.types import Episode, Observation, Outcome, Task
from tests.evaluation import point
from tests.evaluation.point import trials

pytestmark = pytest.mark.usefixtures("point_cli")

SUITE = """\
max_steps: 40
same_scenes: true
tasks:
  - {name: red one, instruction: move the dot to the red square, relation: in, subject: dot, target: red square}
  - {name: blue one, instruction: move the dot to the blue square, relation: in, subject: dot, target: blue square}
"""


@pytest.fixture
def suite(tmp_path: Path) -> str:
    path = tmp_path / "suite.yaml"
    path.write_text(SUITE, encoding="utf-8")
    return str(path)


def evaluate(suite: str, out: Path, *further: str, policy: str = "seer") -> int:
    return main(["eval", "--suite", suite, "--policy", policy, "--out", str(out), "--films", "0", *further])


def lines(out: Path) -> dict[tuple[str, int], dict[str, object]]:
    rows = map(json.loads, (out / "episodes.jsonl").read_text().splitlines())
    return {(row["task"], row["seed"]): row for row in rows}


def check_dataset(root: Path, out: Path) -> DatasetReader:
    """Every episode of the run, once, with as many frames as it had steps."""
    dataset, played = DatasetReader(root), lines(out)
    found = {(episode.family, episode.seed): episode for episode in dataset.episodes()}
    assert len(found) == len(dataset)
    assert found.keys() == played.keys()
    for place, episode in found.items():
        assert (episode.length, episode.outcome) == (played[place]["steps"], played[place]["outcome"])
        assert episode.instruction == played[place]["instruction"]
    return dataset


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_lerobot_dataset_holds_what_was_played(suite: str, tmp_path: Path, workers: str) -> None:
    assert (
        evaluate(suite, tmp_path / "out", "--episodes", "4", "--workers", workers, "--lerobot", f"{tmp_path}/set") == 0
    )
    dataset = check_dataset(tmp_path / "set", tmp_path / "out")
    # The frames are those of the episode: played again, it gives them again.
    again = {(recording.family, recording.episode.seed): recording for recording in played_again(suite, 4)}
    for index, episode in enumerate(dataset.episodes()):
        wanted = again[episode.family, episode.seed]
        np.testing.assert_array_equal(dataset.column(index, "action"), wanted.action)
        np.testing.assert_array_equal(dataset.column(index, "observation.state"), wanted.state)
        assert dataset.images(index, "front").shape == wanted.images["front"].shape


def played_again(suite: str, episodes: int) -> list[Recording]:
    from agent.cli import stage
    from agent.evaluation.suite import prepare

    _, dealt = prepare(suite, episodes=episodes, seed=0, sample=stage.sample, check=stage.check_task)
    job = BoothJob(point.make_seer, tuple(dealt), execute=2, make_witness=RecordingWitness)
    with SerialPlayer(job) as player:
        return [recording for ended in player.play(range(episodes)) for recording in ended.seen]  # type: ignore[attr-defined]


def test_a_run_that_goes_on_adds_to_its_dataset_and_says_what_it_cannot_add(
    suite: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ("--workers", "1", "--lerobot", str(tmp_path / "set"))
    assert evaluate(suite, tmp_path / "out", "--episodes", "2", *options) == 0
    assert evaluate(suite, tmp_path / "out", "--episodes", "4", *options) == 0
    assert "2 episodes were finished before" in capsys.readouterr().err
    check_dataset(tmp_path / "set", tmp_path / "out")


def test_a_full_disk_stops_the_export_with_one_sentence_and_keeps_the_run(
    suite: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from agent.recording.writer import DatasetWriter

    real, added = DatasetWriter.add, []

    def full(self: DatasetWriter, recording: Recording) -> None:
        if added:
            raise OSError(28, "No space left on device")
        added.append(1)
        real(self, recording)

    options = ("--episodes", "3", "--workers", "1", "--lerobot", str(tmp_path / "set"))
    with monkeypatch.context() as patch:
        patch.setattr(DatasetWriter, "add", full)
        assert evaluate(suite, tmp_path / "out", *options) == 2
    said = capsys.readouterr().err
    assert "cannot write the export: No space left on device; the episodes finished so far are kept" in said
    assert said.count("\n") == 1
    assert evaluate(suite, tmp_path / "out", *options) == 0
    check_dataset(tmp_path / "set", tmp_path / "out")


def test_a_chain_is_one_recording_a_link() -> None:
    class Continuing(PointWorld):
        def assign(self, task: Task) -> Observation:
            self._task, self._tick, self._ticks_satisfied, self._reached = task, 0, 0, False
            return self._observe()

    first, second = (trial.task for trial in trials(2))
    trial = Trial("two", first, 10, then=(second,))
    world = Continuing(cameras=point.CAMERAS)
    witness = RecordingWitness(world.embodiment)
    episode, _ = play_one(world, PointSeer(world.embodiment), trial, execute=2, observers=(witness,))
    one, other = witness.finish(trial, episode)
    assert (one.episode.task, other.episode.task) == (first, second)
    assert len(one) + len(other) == episode.steps
    assert {one.episode.outcome, other.episode.outcome} == {Outcome.SUCCESS}
    (half,) = witness_of_a_broken_chain(trial)
    assert half.episode.outcome is Outcome.TIMEOUT


def witness_of_a_broken_chain(trial: Trial) -> tuple[Recording, ...]:
    world = PointWorld(cameras=point.CAMERAS)
    witness = RecordingWitness(world.embodiment)
    play_one(world, PointSeer(world.embodiment), Trial("one", trial.task, 10), execute=2, observers=(witness,))
    failed = Episode(trial.task, 10, Outcome.TIMEOUT, 3, "too late", 0.1)
    return witness.finish(trial, failed)


def test_keys_tell_episodes_and_links_apart() -> None:
    ids = [f"{number:010x}{0:022x}" for number in range(5)]
    assert len({recording_key(id_, link) for id_ in ids for link in range(5)}) == 25
    assert recording_key("f" * 32, 9) < 2**63


def test_without_rerun_the_extra_is_named_before_anything_is_played(
    suite: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "rerun", None)
    assert evaluate(suite, tmp_path / "out", "--rerun", str(tmp_path / "run.rrd")) == 2
    assert "--rerun needs Rerun; install it with: pip install 'aubergine[rerun]'" in capsys.readouterr().err
    assert not (tmp_path / "run.rrd").exists()
    assert not (tmp_path / "out" / "run.db").exists()


def column(batches: list[pa.RecordBatch], ending: str) -> list[object]:
    return [value for batch in batches for name in batch.schema.names if name.endswith(ending) for value in batch[name]]


def test_rerun_reads_back_what_was_played(suite: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("rerun")
    from rerun.chunk import RrdReader

    path = tmp_path / "run.rrd"
    options = ("--episodes", "4", "--workers", "2", "--rerun", str(path))
    assert evaluate(suite, tmp_path / "out", *options) == 0
    trees: dict[str, list[pa.RecordBatch]] = {}
    for chunk in RrdReader(path).stream():
        trees.setdefault(chunk.entity_path, []).append(chunk.to_record_batch())
    again = {f"{r.family}-{r.episode.seed}".replace(" ", "-"): r for r in played_again(suite, 4)}
    assert {path.split("/")[2] for path in trees if path.startswith("/episodes/")} == set(again)
    for name, recording in again.items():
        root = f"/episodes/{name}"
        actions = np.array([value.as_py() for value in column(trees[f"{root}/action"], "Scalars:scalars")])
        np.testing.assert_allclose(actions, recording.action, atol=1e-7)
        assert len(column(trees[f"{root}/camera/front"], ":blob")) == len(recording)
        (about,) = column(trees[f"{root}/about"], ":text")
        assert recording.episode.task.instruction in str(about) and "outcome: success" in str(about)
    capsys.readouterr()
    assert evaluate(suite, tmp_path / "other", *options) == 2
    assert "run.rrd exists and a .rrd file cannot be added to" in capsys.readouterr().err


def test_another_library_reads_the_lerobot_dataset(suite: str, tmp_path: Path) -> None:
    pytest.importorskip("rerun")
    from rerun.experimental import LeRobotReader

    assert evaluate(suite, tmp_path / "out", "--episodes", "3", "--workers", "1", "--lerobot", f"{tmp_path}/set") == 0
    reader = LeRobotReader(tmp_path / "set")
    assert (reader.version, reader.episodes()) == ("v3", [0, 1, 2])
    ours = DatasetReader(tmp_path / "set")
    for index in reader.episodes():
        batches = [chunk.to_record_batch() for chunk in reader.stream(index) if chunk.entity_path.endswith("action")]
        actions = np.array([value.as_py() for value in column(batches, "Scalars:scalars")])
        np.testing.assert_allclose(actions, ours.column(index, "action"), atol=1e-6)
