"""Perturbations: none at level 0 to the last bit, deterministic, graded, independent, never impossible."""

import hashlib
from dataclasses import replace

import numpy as np
import pytest

from agent.errors import SpecError
from agent.ports import ContinuingWorld, World
from agent.runtime import run_episode
from agent.types import ActionChunk, CameraSpec, Embodiment, FloatArray, Observation, Outcome, Step, Task
from sim.camera import FRONT
from sim.commander import HOME_POSITION
from sim.expert import ScriptedExpert
from sim.grammar import understand
from sim.perturb import (
    AXES,
    LATENCY,
    LEVELS,
    MASS,
    Perturbation,
    at_level,
    draw_setting,
    perturb_task,
)
from sim.perturbed import LateCommands, perturbed
from sim.setting import START_HIGH, START_LOW, Setting
from sim.tasks import FAMILIES, NAMED_TASKS, sample_task
from sim.world import TabletopWorld
from tests.contract.world_contract import WorldContract, same_observation

SMALL = (CameraSpec("front", 48, 48), CameraSpec("wrist", 32, 32))
TINY = (CameraSpec("front", 8, 8), CameraSpec("wrist", 8, 8))
TASK = NAMED_TASKS["eggplant_in_bowl"]
SEEN_IN_PICTURES = ("camera", "light", "texture", "noise", "start")

BEFORE = {
    "put_in": ("b9d75ef76a22c910", "dcbec9783197381e"),
    "put_on": ("cd6262d34bfdd180", "350664e13708ae88"),
    "stack": ("acba49365fe3e1b5", "2481c4ae99c2851d"),
    "put_beside": ("730923d441847bae", "d8a9531b541ba478"),
    "push": ("b6c8a153a71ced38", "b4f03ff8f247a5f0"),
    "lift": ("682b8ab48c04dffa", "7180481e1d7b3206"),
    "drawer": ("b1681f1a8838296e", "7711fcb5fd2a6c71"),
    "take_out": ("9d2c2878121d38a7", "2605178190fa37dd"),
    "move_to_region": ("10d63668887e2156", "87427de0ee6bd717"),
}
"""Family -> hashes of the first observation and of the fourth; they change when the physics or the pictures do."""


@pytest.fixture(scope="module")
def world() -> TabletopWorld:
    return TabletopWorld(SMALL)


def digest(observation: Observation) -> str:
    parts = [*(observation.images[name].tobytes() for name in sorted(observation.images)), observation.state.tobytes()]
    return hashlib.sha256(b"".join(parts)).hexdigest()[:16]


def first_and_fourth(world: World, task: Task) -> tuple[str, str]:
    rng, spec = np.random.default_rng(7), world.embodiment.action
    first = last = world.reset(task, seed=7)
    for _ in range(3):
        last = world.step(rng.uniform(spec.low, spec.high).astype(np.float32)).observation
    return digest(first), digest(last)


@pytest.mark.parametrize("family", FAMILIES)
def test_level_0_is_the_world_as_it_was_to_the_last_bit(world: TabletopWorld, family: str) -> None:
    task = sample_task(family, np.random.default_rng(7))
    perturbed(world, Perturbation(camera=5, texture=5, mass=5)).reset(task, seed=7)
    assert (
        first_and_fourth(perturbed(world, Perturbation()), perturb_task(task, Perturbation(), seed=7)) == BEFORE[family]
    )


def test_nothing_moved_is_the_world_itself(world: TabletopWorld) -> None:
    assert perturbed(world, Perturbation()) is world
    assert draw_setting(Perturbation(), seed=3) == Setting()


@pytest.mark.parametrize("axis", SEEN_IN_PICTURES)
def test_what_is_seen_depends_on_axis_level_and_seed_alone(world: TabletopWorld, axis: str) -> None:
    plain = world.reset(TASK, seed=5)
    seen = [perturbed(world, at_level(axis, level)).reset(TASK, seed=5) for level in range(1, LEVELS + 1)]
    assert len({digest(each) for each in (plain, *seen)}) == LEVELS + 1
    again = perturbed(TabletopWorld(SMALL), at_level(axis, 3)).reset(TASK, seed=5)
    assert same_observation(again, seen[2])
    other = draw_setting(at_level(axis, 3), seed=6)
    assert axis == "noise" or other != draw_setting(at_level(axis, 3), seed=5)


def test_an_axis_is_drawn_the_same_whatever_else_is_moved() -> None:
    both = draw_setting(Perturbation(camera=4, light=2, texture=5, start=3), seed=9)
    assert both.front == draw_setting(at_level("camera", 4), seed=9).front
    assert both.light == draw_setting(at_level("light", 2), seed=9).light
    assert both.table == draw_setting(at_level("texture", 5), seed=9).table
    assert both.start_offset == draw_setting(at_level("start", 3), seed=9).start_offset


def test_higher_levels_are_further_away() -> None:
    for seed in range(20):
        settings = [draw_setting(at_level("camera", level), seed=seed) for level in range(1, LEVELS + 1)]
        turned = [angle_between(setting.front.eye, FRONT.eye) for setting in settings]
        assert turned == sorted(turned)
        assert turned[-1] == pytest.approx(26, abs=0.1)
        offsets = [np.linalg.norm(draw_setting(at_level("start", n), seed=seed).start_offset) for n in range(1, 6)]
        assert offsets == sorted(offsets)


def angle_between(eye: tuple[float, float, float], other: tuple[float, float, float]) -> float:
    a, b = np.subtract(eye, FRONT.target), np.subtract(other, FRONT.target)
    return float(np.degrees(np.arccos(a @ b / np.linalg.norm(a) / np.linalg.norm(b))))


def test_the_front_camera_keeps_seeing_where_things_stand() -> None:
    corners = np.array([(x, y, 0.0) for x in (0.37, 0.66) for y in (-0.25, 0.25)])
    for seed in range(50):
        view = draw_setting(at_level("camera", LEVELS), seed=seed).front
        u, v, depth = view.pixel_of(corners, (100, 100)).T
        assert np.all(depth > 0)
        assert np.all((u >= -0.5) & (u <= 100.5) & (v >= -0.5) & (v <= 100.5)), seed


def test_the_arm_starts_above_everything_and_where_it_can_reach(world: TabletopWorld) -> None:
    low = high = np.array(HOME_POSITION)
    for seed in range(12):
        setting = draw_setting(at_level("start", LEVELS), seed=seed)
        position = setting.start_position(np.array(HOME_POSITION))
        assert np.all(np.array(position) >= START_LOW) and np.all(np.array(position) <= START_HIGH)
        state = perturbed(world, at_level("start", LEVELS)).reset(TASK, seed=seed).state
        low, high = np.minimum(low, state[:3]), np.maximum(high, state[:3])
    assert np.all(high - low > 0.15)


def test_mass_and_friction_reach_the_objects_and_nothing_else(world: TabletopWorld) -> None:
    world.reset(TASK, seed=1)
    eggplant, bowl = world.scene["eggplant"], world.scene["bowl"]
    factors = {draw_setting(at_level("mass", 3), seed=seed).mass for seed in range(20)}
    assert factors == {MASS[2], 1 / MASS[2]}
    slippery = Setting(mass=2.0, friction=0.5)
    assert slippery.weighed(eggplant).mass == 2 * eggplant.body.mass
    assert slippery.weighed(eggplant).lateral_friction == 0.5 * eggplant.body.lateral_friction
    assert slippery.weighed(bowl) == bowl.body


def test_more_stands_on_the_table_with_every_level_of_layout() -> None:
    counts = []
    for level in range(LEVELS + 1):
        task = perturb_task(TASK, at_level("layout", level), seed=3)
        counts.append(len(task.entities) + task.distractors[0])
        assert task.goal == TASK.goal and task.instruction == TASK.instruction
    assert counts == [2, 3, 4, 5, 6, 7]


@pytest.mark.parametrize("level", [1, 2, 3])
def test_other_words_mean_the_same(level: int) -> None:
    for seed in range(20):
        said = perturb_task(TASK, at_level("wording", level), seed=seed).instruction
        assert understand(said) == TASK.goal, said


def test_late_commands_are_the_same_commands_later(world: TabletopWorld) -> None:
    """The slow twin: the same actions after as many ticks of holding still."""
    rng, spec = np.random.default_rng(1), world.embodiment.action
    actions = [rng.uniform(spec.low, spec.high).astype(np.float32) for _ in range(5)]
    late = LateCommands(world, ticks=2)
    late.reset(TASK, seed=4)
    seen = [late.step(action) for action in [*actions, actions[0], actions[0]]]
    first = world.reset(TASK, seed=4)
    still = np.zeros(7, dtype=np.float32)
    still[6] = first.state[6]
    expected = [world.step(action) for action in [still, still, *actions]]
    for one, other in zip(seen, expected, strict=True):
        assert np.array_equal(one.executed, other.executed)
        assert same_observation(one.observation, other.observation)


@pytest.mark.parametrize("axis", ["layout", "start", "mass", "friction"])
def test_the_expert_still_succeeds_at_the_hardest_level(axis: str) -> None:
    world = TabletopWorld(TINY)
    for seed in (500_000, 500_001):
        hardest = at_level(axis, LEVELS)
        task = perturb_task(TASK, hardest, seed=seed)
        episode = run_episode(perturbed(world, hardest), ScriptedExpert(world), task, seed=seed, execute=1)
        assert episode.outcome is Outcome.SUCCESS, episode.detail


def test_the_hardest_latency_still_leaves_time() -> None:
    """What the expert did without latency, sent blindly, succeeds with it: the task stays possible."""
    world = TabletopWorld(TINY)
    kept = Kept()
    assert run_episode(world, ScriptedExpert(world), TASK, seed=5, execute=1, observers=[kept]).outcome == "success"
    late = perturbed(world, at_level("latency", LEVELS))
    episode = run_episode(late, Replay(kept.rows, world.embodiment), TASK, seed=5, execute=1)
    assert episode.outcome is Outcome.SUCCESS
    assert episode.steps == len(kept.rows) + LATENCY[-1]


class Kept:
    """Observer that keeps what was executed."""

    def __init__(self) -> None:
        self.rows: list[FloatArray] = []

    def on_step(self, tick: int, before: Observation, step: Step) -> None:
        self.rows.append(step.executed)


class Replay:
    """A policy that repeats actions, the last one for ever."""

    def __init__(self, rows: list[FloatArray], embodiment: Embodiment) -> None:
        self.rows, self.embodiment, self.tick = rows, embodiment, 0

    def reset(self, *, seed: int) -> None:
        self.tick = 0

    def act(self, observation: Observation) -> ActionChunk:
        self.tick += 1
        return ActionChunk(self.rows[min(self.tick, len(self.rows)) - 1][None])


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: Perturbation(camera=6), "camera must be a level from 0 to 5, not 6"),
        (lambda: Perturbation(light=-1), "light must be a level from 0 to 5, not -1"),
        (lambda: at_level("camrea", 1), "no axis 'camrea'; did you mean 'camera'"),
    ],
)
def test_a_wrong_level_or_axis_is_one_sentence(make: object, sentence: str) -> None:
    assert callable(make)
    with pytest.raises(SpecError, match=sentence):
        make()


def test_names_say_what_is_moved() -> None:
    assert Perturbation(camera=3, latency=1).name == "camera 3 + latency 1"
    assert Perturbation().name == "none"
    assert set(AXES) == set(Perturbation.__dataclass_fields__)


class TestEverythingAtOnce(WorldContract):
    """A world perturbed along every axis is a world like any other."""

    def make_world(self) -> World:
        everything = Perturbation(camera=3, light=4, texture=5, noise=3, start=4, mass=2, friction=4, latency=2)
        world: ContinuingWorld = perturbed(TabletopWorld(TINY), everything)
        return world

    def make_task(self) -> Task:
        return replace(TASK, max_steps=40)
