"""Glances show the same moment under other instructions, and stores keep them apart from steps."""

from pathlib import Path

import numpy as np

from agent.cli.classroom import ClassroomFactory, Share
from agent.doubles import FixedPolicy, PointWorld, point_task
from agent.recording.collect import DemonstrationJob
from agent.recording.demonstrate import Coaching
from agent.recording.frame_sink import FrameStoreSink
from agent.recording.glances import Glancing
from agent.runtime import run_episode
from agent.types import CameraSpec
from policies.data import FrameStore

SMALL = (CameraSpec("front", 32, 32), CameraSpec("wrist", 32, 32))


def test_glances_do_not_change_what_is_done() -> None:
    world = PointWorld()
    row = np.zeros((1, len(world.embodiment.action)), dtype=np.float32)
    policy = FixedPolicy(world.embodiment, row)
    aims = np.zeros(6, dtype=np.float32)
    glancing = Glancing(policy, lambda _: ("look there", aims), at_start=2, share=1.0)
    task = point_task(0, max_steps=5)
    plain = run_episode(world, policy, task, seed=0, execute=1)
    watched = run_episode(world, glancing, task, seed=0, execute=1)
    assert (plain.outcome, plain.steps) == (watched.outcome, watched.steps)
    assert [glance.instruction for glance in glancing.glances] == ["look there"] * 6
    times = [glance.observation.time for glance in glancing.glances]
    assert times[0] == times[1] < times[2] < times[-1]


def test_a_collection_stores_steps_first_and_then_glances(tmp_path: Path) -> None:
    factory = ClassroomFactory((Share("eggplant_in_bowl"),), cameras=SMALL)
    sink = FrameStoreSink(tmp_path / "frames")
    sink.open()
    job = DemonstrationJob(factory, (sink,), Coaching(clean_share=1.0), keep_failures=False)
    attempt = job()(1_000_003)
    sink.close()
    store = FrameStore(tmp_path / "frames")
    assert attempt.stored
    assert len(store) > attempt.steps
    assert store.by_expert[: attempt.steps].all()
    assert not store.by_expert[attempt.steps :].any()
    steps, glances = store.instruction[: attempt.steps], store.instruction[attempt.steps :]
    assert len(set(steps.tolist())) == 1
    assert len(set(glances.tolist())) > 1
    assert np.isfinite(store.aims).all()
    first = store.batch(np.array([0, attempt.steps]))
    assert np.array_equal(first.images["front"][0], first.images["front"][1]), "the first glance is of the first moment"
    assert len(store.chunks(4).frames) == attempt.steps
