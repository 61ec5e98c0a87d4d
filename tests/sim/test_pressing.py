"""The hand presses things hard and pushes them off the table; neither may break the simulation."""

from collections.abc import Iterator

import numpy as np
import pytest

from agent.types import FloatArray
from sim import arm as arms
from sim.arm import PandaArm
from sim.geometry import BodySpec, Box, Part, Pose
from sim.physics import Physics
from sim.tasks import NAMED_TASKS, sample_task
from sim.world import FLOOR_POSE, TabletopWorld

ANVIL = BodySpec(collision=(Part(Box((0.05, 0.12, 0.10))),), visual=(), mass=0.0)
HOLD = np.array([0, 0, 0, 0, 0, 0, 1], dtype=np.float32)
DOWN = np.array([0, 0, -0.05, 0, 0, 0, 0], dtype=np.float32)


@pytest.fixture
def physics() -> Iterator[Physics]:
    physics = Physics()
    yield physics
    physics.close()


@pytest.fixture(scope="module")
def world() -> Iterator[TabletopWorld]:
    world = TabletopWorld(cameras=())
    yield world
    world.close()


def pressing_force(physics: Physics, arm: PandaArm, ticks: int = 8) -> float:
    """Return with how many newtons the closed hand presses on something that does not give way."""
    anvil = physics.add_body(ANVIL, Pose((0.42, 0.0, 0.10)))
    for _ in range(ticks):
        arm.command(DOWN)
        arm.tick()
    contacts = physics._client.getContactPoints(bodyA=anvil, bodyB=arm.body)
    return float(sum(contact[9] for contact in contacts))


def test_the_hand_presses_no_harder_than_its_limits_say(physics: Physics, monkeypatch: pytest.MonkeyPatch) -> None:
    gentle = pressing_force(physics, PandaArm(physics))
    physics.reset()
    monkeypatch.setattr(arms, "PRESS_TORQUES", arms.ARM_TORQUES)
    hard = pressing_force(physics, PandaArm(physics))
    assert 5 < gentle < 80
    assert hard > 2 * gentle


def test_the_arm_comes_back_to_its_command_when_nothing_is_in_its_way_any_more(physics: Physics) -> None:
    arm = PandaArm(physics)
    pressing_force(physics, arm)
    for rise in (0.05,) * 6 + (0.0,) * 2:
        arm.command(np.array([0, 0, rise, 0, 0, 0, 1], dtype=np.float32))
        arm.tick()
    np.testing.assert_allclose(arm.tool_pose().position, arm.commanded_pose().position, atol=1e-3)


def press(world: TabletopWorld, seed: int, *, ticks: int = 48) -> float:
    """Go above the thing that the task names and push down on it with tremors; return the top speed of anything."""
    generator = np.random.default_rng([seed, 5])
    task = sample_task(("put_in", "put_on", "stack", "lift")[seed % 4], generator)
    world.reset(task, seed=seed)
    assert task.goal is not None
    fastest = 0.0
    for _ in range(ticks):
        state = world.state()
        way = np.array(state.entities[task.goal.subject].pose.position) - state.tool_position
        way[:2] += generator.normal(0, 0.012, 2)
        way[2] = way[2] + 0.12 if np.hypot(way[0], way[1]) > 0.03 else -0.05
        row: FloatArray = np.array([*way, *generator.normal(0, 0.1, 3), 0], dtype=np.float32)
        world.step(world.embodiment.action.clip(row))
        fastest = max([fastest, *(entity.speed for entity in world.state().entities.values())])
    return fastest


@pytest.mark.parametrize("seed", [500_016, 500_031])
def test_things_that_are_pressed_do_not_shoot_away(world: TabletopWorld, seed: int) -> None:
    """Both ended with "the simulation broke": the thing was squeezed out and fell beside the table."""
    assert press(world, seed) < 5.0


def test_what_is_pushed_off_the_table_lands_on_the_floor(world: TabletopWorld) -> None:
    world.reset(NAMED_TASKS["eggplant_in_bowl"], seed=3)
    world._physics.place(world._bodies["eggplant"], Pose((1.1, 0.0, 0.3)))
    for _ in range(15):
        step = world.step(HOLD)
    eggplant = world.state().entities["eggplant"]
    assert eggplant.speed < 0.1
    assert eggplant.low[2] == pytest.approx(FLOOR_POSE.position[2] + 0.25, abs=0.02)
    assert not step.status.satisfied
