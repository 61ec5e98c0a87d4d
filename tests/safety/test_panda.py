"""The filter before the simulated Panda: its model against the engine's geometry, and attempts to get past it."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from agent.doubles import FixedPolicy
from agent.evaluation.attempt import attempt
from agent.evaluation.suite import Trial
from agent.ports import World
from agent.runtime import run_episode
from agent.safety.config import SafetyConfig
from agent.safety.filter import SafetyFilter
from agent.safety.world import SafeWorld
from agent.settings import load_settings
from agent.types import FloatArray, Observation, Outcome, Step, Task
from sim import commander
from sim.body_model import PandaBody
from sim.expert import ScriptedExpert
from sim.guarded import SAFETY
from sim.kinematics import HIGH, LOW, REST, forward, link_frames, tool_matrix_and_jacobian
from sim.objects import OBJECTS
from sim.perturb import Perturbation
from sim.tasks import FAMILIES, NAMED_TASKS, sample_task
from sim.world import TabletopWorld
from tests.contract.world_contract import WorldContract
from tests.safety import adversarial

CONFIG = load_settings(SAFETY, SafetyConfig)


def guarded(world: TabletopWorld) -> SafeWorld:
    return SafeWorld(world, SafetyFilter(CONFIG, world.embodiment, PandaBody()))


@pytest.fixture(scope="module")
def world() -> Iterator[TabletopWorld]:
    world = TabletopWorld(cameras=())
    yield world
    world.close()


class TestSafeTabletop(WorldContract):
    def make_world(self) -> World:
        return guarded(TabletopWorld(cameras=()))

    def make_task(self) -> Task:
        return NAMED_TASKS["eggplant_in_bowl"]


def postures(count: int) -> FloatArray:
    return np.random.default_rng(0).uniform(LOW, HIGH, size=(count, 7))


def test_the_frames_of_many_postures_are_those_of_one_after_the_other() -> None:
    joints = postures(20)
    motion = PandaBody().motion(joints)
    for row, tool, frames in zip(joints, motion.tool, link_frames(joints), strict=True):
        matrix, _ = tool_matrix_and_jacobian(row)
        np.testing.assert_allclose(tool, matrix[:3, 3], atol=1e-12)
        np.testing.assert_allclose(frames[7, :3, 3] + 0.105 * frames[7, :3, 2], matrix[:3, 3], atol=1e-12)


def test_the_balls_cover_every_moving_link_as_the_engine_has_it(world: TabletopWorld) -> None:
    """Rays from outside hit the arm's collision shapes only inside a ball, whatever the posture and the opening."""
    world.reset(NAMED_TASKS["eggplant_in_bowl"], seed=0)
    client, robot, body = world._physics._client, world.arm.body, PandaBody()
    for entity in world._bodies.values():
        world._physics.remove(entity)
    generator, hits, worst = np.random.default_rng(1), 0, -np.inf
    for number, joints in enumerate(postures(12)):
        opening = (0.0, 0.04, 0.02)[number % 3]
        world._physics.set_joints(robot, world.arm._all, np.array([*joints, opening, opening]))
        client.performCollisionDetection()
        motion = body.motion(joints[None])
        aims = motion.centres[0][generator.integers(len(motion.radii), size=400)]
        starts = aims + 0.5 * _directions(generator, 400)
        for hit in client.rayTestBatch(starts.tolist(), aims.tolist()):
            if hit[0] == robot and hit[1] > -1:
                hits += 1
                gap = np.linalg.norm(motion.centres[0] - np.array(hit[3]), axis=1) - motion.radii
                worst = max(worst, float(gap.min()))
    assert hits > 1000
    assert worst <= 0.0


def _directions(generator: np.random.Generator, count: int) -> FloatArray:
    vectors = generator.normal(size=(count, 3))
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def test_what_the_model_predicts_is_what_the_arm_does(world: TabletopWorld) -> None:
    observation = world.reset(NAMED_TASKS["eggplant_in_bowl"], seed=3)
    body, generator = PandaBody(), np.random.default_rng(5)
    body.begin(observation.state)
    for _ in range(15):
        action = generator.uniform((-0.03, -0.03, 0.0, -0.1, -0.1, -0.1, 1), (0.03, 0.03, 0.01, 0.1, 0.1, 0.1, 1))
        predicted = body.predict(observation.state, action.astype(np.float32))
        step = world.step(action.astype(np.float32))
        body.accept(step.executed)
        observation = step.observation
        np.testing.assert_allclose(predicted.joints[-1], observation.state[7:], atol=0.004)
        np.testing.assert_allclose(predicted.tool[-1], observation.state[:3], atol=0.002)


def test_a_plan_that_was_changed_on_its_way_is_followed_as_executed() -> None:
    body = PandaBody()
    state = np.array([*np.zeros(6), 1.0, *REST], dtype=np.float32)
    body.begin(state)
    body.predict(state, np.array([0.05, 0, 0, 0, 0, 0, 1], dtype=np.float32))
    body.accept(np.array([0.0, 0.02, 0, 0, 0, 0, 1], dtype=np.float32))
    tool = body.predict(state, np.zeros(7, dtype=np.float32)).tool[-1]
    np.testing.assert_allclose(tool - forward(state[7:].astype(float)).position, (0, 0.02, 0), atol=1e-4)


def test_the_workspace_of_the_file_is_the_arms_own() -> None:
    assert CONFIG.workspace is not None
    np.testing.assert_array_equal(CONFIG.workspace.low, commander.WORKSPACE_LOW)
    np.testing.assert_array_equal(CONFIG.workspace.high, commander.WORKSPACE_HIGH)


def test_the_held_ball_holds_every_object_wherever_it_is_held(world: TabletopWorld) -> None:
    """An object touches both fingers, which close within 3 cm of the tool point; none is longer than its box."""
    longest = 0.0
    for name in OBJECTS:
        task = Task("look", f"lift the {name}", None, 1, entities=(name,), distractors=(0, 0))
        world.reset(task, seed=0)
        for entity in world.scene.entities:
            low, high = world.state().entities[entity.name].low, world.state().entities[entity.name].high
            longest = max(longest, float(np.linalg.norm(high - low)))
    assert longest + 0.03 <= CONFIG.keep_out.held_radius
    assert longest + 0.03 <= adversarial.HELD_RADIUS


@pytest.mark.parametrize("family", FAMILIES)
def test_the_expert_is_not_disturbed(world: TabletopWorld, family: str) -> None:
    task = sample_task(family, np.random.default_rng(11))
    courses = []
    for each in (world, guarded(world)):
        episode = run_episode(each, ScriptedExpert(world), task, seed=11, execute=1)
        courses.append((episode.outcome, episode.steps))
    assert courses[0] == courses[1]
    assert courses[0][0] is Outcome.SUCCESS


class Listening(SafetyFilter):
    """Notes what the filter is shown."""

    def __init__(self, world: TabletopWorld) -> None:
        super().__init__(CONFIG, world.embodiment, PandaBody())
        self.shown: list[FloatArray] = []

    def permit(self, action: FloatArray, state: FloatArray) -> FloatArray:
        self.shown.append(state)
        return super().permit(action, state)


def test_a_perturbed_table_stands_behind_the_same_filter_next_to_the_arm() -> None:
    """Inside the sensors' noise: the filter sees the joints as they are."""
    world = TabletopWorld(cameras=())
    safety, task = Listening(world), replace(NAMED_TASKS["eggplant_in_bowl"], max_steps=3)
    still = world.embodiment.action.clip(np.array([[0, 0, 0, 0, 0, 0, 1]], dtype=np.float32))
    seen: list[FloatArray] = []

    class Watcher:
        def on_step(self, tick: int, before: Observation, step: Step) -> None:
            seen.append(before.state)

    trial = Trial("row", task, 3, perturbation=Perturbation(noise=5, start=1))
    attempt(SafeWorld(world, safety), FixedPolicy(world.embodiment, still), trial, execute=1, observers=(Watcher(),))
    world.close()
    assert len(safety.shown) == 3
    assert np.ptp([state[7:] for state in safety.shown], axis=0).max() < 1e-3
    assert np.ptp([state[7:] for state in seen], axis=0).max() > 1e-3


def test_a_chain_goes_on_behind_the_filter(world: TabletopWorld) -> None:
    safe, task = guarded(world), NAMED_TASKS["eggplant_in_bowl"]
    before = safe.reset(task, seed=3)
    again = safe.assign(replace(task, instruction="and again"))
    assert again.instruction == "and again"
    np.testing.assert_array_equal(before.state, again.state)


@pytest.mark.parametrize("seed", [*range(1060, 1067), 37, 39, 625])
def test_random_and_aimed_actions_breach_no_zone(world: TabletopWorld, seed: int) -> None:
    """The last three once did: a hold let the elbow drift, a wrist turned 2 rad in a tick, a forearm hit the table."""
    course = adversarial.run_one(world, seed)
    assert course.looks > 0
    assert course.breaches == []


def test_the_same_actions_without_the_filter_do_breach(world: TabletopWorld) -> None:
    """Otherwise the test above would show nothing."""
    courses = [adversarial.run_one(world, seed, guarded=False) for seed in (1, 2, 5)]
    assert all(course.breaches for course in courses)


def test_a_ghost_on_the_arm_is_seen(world: TabletopWorld) -> None:
    world.reset(NAMED_TASKS["eggplant_in_bowl"], seed=0)
    x, y, z = world.state().tool_position
    inside = adversarial.BoxZone("inside", (x - 0.1, y - 0.1, z), (x + 0.1, y + 0.1, z + 0.1))
    course = adversarial.Course(0, "none")
    adversarial.Ghosts(world, adversarial.KeepOut(boxes=(inside,))).look(course)
    assert course.nearest < -0.02


def test_a_measurement_goes_on_where_it_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file, ran = tmp_path / "courses.jsonl", list[int]()

    def run_one(world: TabletopWorld, seed: int, *, guarded: bool) -> adversarial.Course:
        ran.append(seed)
        return adversarial.Course(seed, "noise", looks=3, held=1, nearest=0.01 * seed, seconds=[0.001])

    monkeypatch.setattr(adversarial, "run_one", run_one)
    first = list(adversarial.played(range(3, 5), guarded=True, file=file))
    with file.open("a") as half:
        half.write('{"seed": 5, "att')
    again = list(adversarial.played(range(3, 6), guarded=True, file=file))
    assert ran == [3, 4, 5]
    assert again[:2] == first
    figures = adversarial.summary(again)
    assert (figures["episodes"], figures["looks"], figures["nearest_mm"]) == (3, 9, 30.0)
    assert figures["filter_ms_p95"] == 1.0
    assert figures["breach_rate_clopper_pearson_95"] == [0.0, pytest.approx(1 - 0.025 ** (1 / 3), abs=1e-6)]


def test_the_filter_takes_little_time_under_attack(world: TabletopWorld) -> None:
    """A millisecond on a quiet machine; this one may be busy."""
    seconds = [second for seed in (500_001, 500_002, 500_003) for second in adversarial.run_one(world, seed).seconds]
    assert np.median(seconds) < 0.004
