"""A local cluster of two nodes gives what one process gives, also when a worker and a whole node are killed midway."""

import os
import signal
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

from agent.errors import AubergineError
from agent.evaluation.play import BoothJob, SerialPlayer
from agent.evaluation.ray_player import RayPlayer
from agent.evaluation.session import evaluate
from agent.evaluation.store import RunStore
from agent.types import Outcome
from tests.evaluation import point
from tests.evaluation.point import CONDITIONS, outcome, trials

ray = pytest.importorskip("ray")
pytestmark = [pytest.mark.slow, pytest.mark.timeout(280)]
TRIALS = trials(20)


@pytest.fixture
def cluster() -> Iterator[Any]:
    from ray.cluster_utils import Cluster

    made = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "object_store_memory": 80_000_000})
    made.second = made.add_node(num_cpus=1, object_store_memory=80_000_000)
    made.wait_for_nodes()
    yield made
    if ray.is_initialized():
        ray.shutdown()
    made.shutdown()


def serial(folder: Path) -> list[tuple[object, ...]]:
    folder.mkdir()
    with RunStore(folder / "run.db") as store:
        player = SerialPlayer(BoothJob(point.make_seer, tuple(TRIALS), execute=2))
        return sorted(map(outcome, evaluate(TRIALS, CONDITIONS, store, player)), key=str)


def test_two_nodes_with_a_worker_and_a_node_killed_midway_give_what_one_process_gives(
    tmp_path: Path, cluster: Any
) -> None:
    wanted = serial(tmp_path / "serial")
    assert [outcome for _, _, outcome, *_ in wanted].count(Outcome.SUCCESS) >= 16
    player = RayPlayer(BoothJob(point.make_slower, tuple(TRIALS), execute=2), address=cluster.address)
    played = []
    with RunStore(tmp_path / "run.db") as store:
        for each in evaluate(TRIALS, CONDITIONS, store, player):
            played.append(each)
            if len(played) == 3:
                os.kill(an_actor_pid(), signal.SIGKILL)
            if len(played) == 10:
                cluster.remove_node(cluster.second, allow_graceful=False)
                cluster.add_node(num_cpus=1, object_store_memory=80_000_000)
    assert sorted(map(outcome, played), key=str) == wanted


def test_a_world_that_kills_its_actor_every_time_is_an_error(tmp_path: Path, cluster: Any) -> None:
    some = trials(4)
    player = RayPlayer(BoothJob(point.make_deadly, tuple(some), execute=2), address=cluster.address)
    with RunStore(tmp_path / "run.db") as store:
        for each in evaluate(some, CONDITIONS, store, player):
            red = each.trial.row == "red square"
            assert each.episode.outcome is (Outcome.ERROR if red else Outcome.SUCCESS)
            assert ("died 3 times" in each.episode.detail) == red


def test_a_policy_that_hangs_fails_its_episode_on_a_cluster_too(tmp_path: Path, cluster: Any) -> None:
    some = trials(4)
    job = BoothJob(point.make_sleepy, tuple(some), execute=2, limit_s=0.5)
    with RunStore(tmp_path / "run.db") as store:
        for each in evaluate(some, CONDITIONS, store, RayPlayer(job, address=cluster.address)):
            red = each.trial.row == "red square"
            assert each.episode.outcome is (Outcome.FAILURE if red else Outcome.SUCCESS)
            assert (each.episode.detail == "the policy did not answer within 0.5 s") == red


def test_a_cluster_that_is_not_there_is_named() -> None:
    player = RayPlayer(BoothJob(point.make_seer, tuple(TRIALS), execute=2), address="127.0.0.1:1")
    with pytest.raises(AubergineError, match=r"cannot reach a Ray cluster at '127.0.0.1:1'"):
        player.__enter__()


def an_actor_pid() -> int:
    """One of this test's actors; they are always in the middle of an episode. Ray writes the class into the title."""
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.Error):
            if process.name().startswith("ray::_Actor"):
                return process.pid
    raise AssertionError("there is no actor")
