"""Collecting: kills, crashes, Ctrl-C and resuming lose nothing that was whole and double nothing."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from agent.errors import AubergineError, SpecError
from agent.recording.collect import Collected, collect, missing_seeds, read_attempts
from agent.recording.doubles import PointClassroom
from agent.recording.frame_sink import FrameStoreSink
from agent.recording.reader import DatasetReader
from agent.recording.writer import DatasetWriter
from agent.types import Outcome
from policies.data import FrameStore

ROOT = Path(__file__).parents[2]
SLOW_COLLECTION = """
import signal, sys
from pathlib import Path
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs begin with it ignored
from agent.recording.collect import collect
from agent.recording.doubles import PointClassroom
from agent.recording.writer import DatasetWriter
from agent.recording.frame_sink import FrameStoreSink
root = Path(sys.argv[1])
result = collect(
    PointClassroom(seconds_a_task=0.15),
    range(100, 140),
    [DatasetWriter(root / "set"), FrameStoreSink(root / "frames")],
    attempts_file=root / "attempts.jsonl",
)
print(result.interrupted, result.stored)
"""


def gather(
    root: Path, seeds: range, classroom: PointClassroom, *, workers: int = 1, keep_failures: bool = False
) -> Collected:
    return collect(
        classroom,
        seeds,
        [DatasetWriter(root / "set"), FrameStoreSink(root / "frames")],
        attempts_file=root / "attempts.jsonl",
        workers=workers,
        keep_failures=keep_failures,
    )


def check_readable(root: Path, seeds: list[int]) -> None:
    """Exactly `seeds` are stored, each once, every frame of every film decodes, and both stores agree."""
    dataset = DatasetReader(root / "set")
    assert sorted(int(episode.seed or 0) for episode in dataset.episodes()) == seeds
    for index in range(len(dataset)):
        length = dataset.episode(index).length
        for camera in dataset.cameras:
            assert len(dataset.images(index, camera)) == length
        assert dataset.column(index, "action").shape == (length, 7)
    store = FrameStore(root / "frames")
    assert store.skipped == []
    assert FrameStoreSink(root / "frames").seeds() == set(seeds)
    assert sum(part.record.episodes for part in store.parts) == len(seeds)
    assert sum(part.record.rows for part in store.parts) == dataset.total_frames


def start_slow_collection(root: Path, *, until: int) -> "subprocess.Popen[str]":
    """Start a collection of seeds 100..139 in its own process group and wait until some episodes are whole."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(
        [sys.executable, "-c", SLOW_COLLECTION, str(root)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=environment,
        start_new_session=True,
    )
    deadline = time.monotonic() + 60
    while len(list((root / "set" / "staging").glob("seed-*"))) < until:
        assert process.poll() is None, "the collection ended early"
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return process


@pytest.mark.parametrize("kill_group", [False, True])
def test_kill_and_resume(tmp_path: Path, kill_group: bool) -> None:
    process = start_slow_collection(tmp_path, until=7)
    if kill_group:
        os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()
    process.wait()
    whole = len(list((tmp_path / "set" / "staging").glob("seed-*")))
    result = gather(tmp_path, range(100, 140), PointClassroom())
    assert result.already_there >= 7 - 2, "the dataset and the frame store may differ by the episodes in flight"
    assert whole <= 40 - result.attempts + 2
    assert result.stored == 40
    check_readable(tmp_path, list(range(100, 140)))
    again = gather(tmp_path, range(100, 140), PointClassroom())
    assert (again.attempts, again.already_there, again.stored) == (0, 40, 40)


def test_interrupt_leaves_a_readable_dataset(tmp_path: Path) -> None:
    process = start_slow_collection(tmp_path, until=5)
    os.killpg(process.pid, signal.SIGINT)
    output, _ = process.communicate(timeout=60)
    interrupted, stored = output.split()
    assert process.returncode == 0 and interrupted == "True" and 5 <= int(stored) < 40
    seeds = sorted(DatasetWriter(tmp_path / "set").seeds())
    assert len(seeds) == int(stored)
    check_readable(tmp_path, seeds)


def test_the_number_of_workers_changes_nothing(tmp_path: Path) -> None:
    for name, workers in (("a", 1), ("b", 2)):
        gather(tmp_path / name, range(6), PointClassroom(), workers=workers)
    a, b = DatasetReader(tmp_path / "a" / "set"), DatasetReader(tmp_path / "b" / "set")
    for index in range(6):
        np.testing.assert_array_equal(a.column(index, "action"), b.column(index, "action"))
        np.testing.assert_array_equal(a.images(index, "front"), b.images(index, "front"))


def test_a_dying_worker_costs_its_seed_only(tmp_path: Path) -> None:
    result = gather(tmp_path, range(12), PointClassroom(dies_at=frozenset({3, 7})))
    assert sorted(result.died) == [3, 7]
    assert (result.stored, result.attempts, result.success_share) == (10, 10, 1.0)
    check_readable(tmp_path, [seed for seed in range(12) if seed not in (3, 7)])
    stores = [DatasetWriter(tmp_path / "set"), FrameStoreSink(tmp_path / "frames")]
    assert missing_seeds(range(12), stores, tmp_path / "attempts.jsonl") == [3, 7]


def test_failures_are_left_out_unless_wanted(tmp_path: Path) -> None:
    classroom = PointClassroom(hopeless_at=frozenset({2, 4}))
    result = gather(tmp_path, range(6), classroom)
    assert result.outcomes == {Outcome.SUCCESS: 4, Outcome.TIMEOUT: 2}
    check_readable(tmp_path, [0, 1, 3, 5])
    attempts = dict(read_attempts(tmp_path / "attempts.jsonl"))
    assert {seed for seed, outcome in attempts.items() if outcome == "timeout"} == {2, 4}
    assert gather(tmp_path, range(6), classroom).attempts == 0, "an episode follows from its seed: no second try"
    kept = gather(tmp_path, range(6), classroom, keep_failures=True)
    assert (kept.attempts, kept.stored) == (2, 6)
    check_readable(tmp_path, list(range(6)))
    outcomes = [episode.outcome for episode in DatasetReader(tmp_path / "set").episodes()]
    assert sorted(str(outcome) for outcome in outcomes) == ["success"] * 4 + ["timeout"] * 2


def test_world_faults_are_counted_and_tried_again(tmp_path: Path) -> None:
    broken = gather(tmp_path, range(3), PointClassroom(breaks_at=0))
    assert broken.outcomes == {Outcome.ERROR: 3}
    assert (broken.attempts, broken.stored) == (0, 0)
    stores = [DatasetWriter(tmp_path / "set"), FrameStoreSink(tmp_path / "frames")]
    assert missing_seeds(range(3), stores, tmp_path / "attempts.jsonl") == [0, 1, 2]


def test_a_torn_attempts_line_is_skipped(tmp_path: Path) -> None:
    path = tmp_path / "attempts.jsonl"
    path.write_text('{"seed": 1, "outcome": "timeout"}\n{"seed": 2, "outc')
    assert list(read_attempts(path)) == [(1, "timeout")]
    result = gather(tmp_path, range(4), PointClassroom())
    assert result.stored == 3
    assert sorted(seed for seed, _ in read_attempts(path)) == [0, 1, 2, 3]


def test_impossible_requests_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="a seed is named twice"):
        collect(PointClassroom(), [1, 1], [DatasetWriter(tmp_path)], attempts_file=tmp_path / "a.jsonl")
    with pytest.raises(SpecError, match="at least one place"):
        collect(PointClassroom(), [1], [], attempts_file=tmp_path / "a.jsonl")
    with pytest.raises(SpecError, match="at least one worker"):
        collect(PointClassroom(), [1], [DatasetWriter(tmp_path)], attempts_file=tmp_path / "a.jsonl", workers=0)


def test_workers_that_never_start_are_given_up(tmp_path: Path) -> None:
    for factory, error, words in (
        ("refuse_to_start", SpecError, "no camera 'wirst'"),
        ("die_at_start", AubergineError, "died while starting"),
    ):
        code = f"""
import sys; from pathlib import Path
sys.path.insert(0, sys.argv[1])
import factories
from agent.recording.collect import collect
from agent.recording.writer import DatasetWriter
root = Path(sys.argv[1])
collect(factories.{factory}, [1], [DatasetWriter(root / "set")], attempts_file=root / "attempts.jsonl", workers=1)
"""
        (tmp_path / "factories.py").write_text(
            "import os\nfrom agent.errors import SpecError\n"
            "def refuse_to_start():\n    raise SpecError(\"no camera 'wirst'\")\n"
            "def die_at_start():\n    os._exit(7)\n"
        )
        environment = {**os.environ, "PYTHONPATH": f"{ROOT}:{tmp_path}"}
        done = subprocess.run(
            [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, env=environment, timeout=60
        )
        assert done.returncode == 1
        assert f"{error.__name__}: " in done.stderr.splitlines()[-1] and words in done.stderr.splitlines()[-1]
