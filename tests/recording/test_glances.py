"""Glances tell what is true of every moment, under several instructions, and change nothing that is done."""

from pathlib import Path

import numpy as np

from agent.cli.classroom import ClassroomFactory, Share
from agent.doubles import FixedPolicy, PointWorld, point_task
from agent.notes import ENTITY_COLUMNS, QUESTION_COLUMNS, SceneNote
from agent.recording.collect import DemonstrationJob
from agent.recording.demonstrate import Coaching
from agent.recording.frame_sink import FrameStoreSink
from agent.recording.glances import Glancing
from agent.recording.stills import collect_stills
from agent.runtime import run_episode
from agent.types import CameraSpec
from policies.data import FrameStore

SMALL = (CameraSpec("front", 32, 32), CameraSpec("wrist", 32, 32))


class Fixed:
    """A look that tells the same of every moment."""

    def begin(self, rng: np.random.Generator) -> None:
        self.begun = True

    def note(self, rng: np.random.Generator, count: int) -> SceneNote:
        rng.random()
        return SceneNote(np.zeros((1, len(ENTITY_COLUMNS)), np.float32), ("look",) * count, np.zeros((count, 10)))


def test_glances_do_not_change_what_is_done() -> None:
    world = PointWorld()
    row = np.zeros((1, len(world.embodiment.action)), dtype=np.float32)
    policy, look = FixedPolicy(world.embodiment, row), Fixed()
    glancing = Glancing(policy, look, questions=2)
    task = point_task(0, max_steps=5)
    plain = run_episode(world, policy, task, seed=0, execute=1)
    watched = run_episode(world, glancing, task, seed=0, execute=1)
    assert (plain.outcome, plain.steps) == (watched.outcome, watched.steps)
    assert look.begun
    assert [note.instructions for note in glancing.notes] == [("look", "look")] * plain.steps


def test_a_collection_stores_what_is_true_of_every_step(tmp_path: Path) -> None:
    factory = ClassroomFactory((Share("eggplant_in_bowl"),), cameras=SMALL)
    sink = FrameStoreSink(tmp_path / "frames")
    sink.open()
    job = DemonstrationJob(factory, (sink,), Coaching(clean_share=1.0), keep_failures=False)
    attempt = job()(1_000_003)
    sink.close()
    store = FrameStore(tmp_path / "frames")
    assert attempt.stored
    assert len(store) == attempt.steps
    assert store.by_expert.all()
    assert {store.instructions[i] for i in store.instruction[:, 0]} == {"put the eggplant in the bowl"}
    assert len(np.unique(store.instruction[:, 1:])) > 4, "other questions were asked along the way"
    held = store.entities[:, 0, ENTITY_COLUMNS.index("held")]
    assert held[0] == 0 and held.max() == 1
    start = QUESTION_COLUMNS.index("start_x")
    aims = store.questions[:, 0, start : start + 3]
    grasp = store.entities[:, 0, ENTITY_COLUMNS.index("grasp_x") :][:, :3]
    np.testing.assert_allclose(aims, grasp, atol=1e-6)


def test_still_pictures_are_stored_with_questions_and_without_actions(tmp_path: Path) -> None:
    factory = ClassroomFactory((Share("put_in"), Share("stack")), cameras=SMALL)
    sink = FrameStoreSink(tmp_path / "frames")
    collected = collect_stills(
        factory.studio, range(1_000_000, 1_000_006), (sink,), attempts_file=tmp_path / "attempts.jsonl", workers=1
    )
    store = FrameStore(tmp_path / "frames")
    assert (collected.stored, len(store)) == (6, 12)
    assert not store.by_expert.any()
    assert (store.instruction >= 0).sum() > 40
    again = collect_stills(
        factory.studio, range(1_000_000, 1_000_006), (sink,), attempts_file=tmp_path / "attempts.jsonl", workers=1
    )
    assert again.already_there == 6
