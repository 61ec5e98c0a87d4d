"""What every World must do. A test class inherits from `WorldContract` and says how its world and task are made."""

import json
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import asdict

import numpy as np
import pytest

from agent.ports import World
from agent.types import FloatArray, Observation, Task


def same_observation(one: Observation, other: Observation) -> bool:
    """Say whether two observations agree to the last bit."""
    return (
        one.images.keys() == other.images.keys()
        and all(np.array_equal(one.images[name], other.images[name]) for name in one.images)
        and one.state.tobytes() == other.state.tobytes()
        and (one.instruction, one.time) == (other.instruction, other.time)
    )


class WorldContract(ABC):
    """Inherit, and give `make_world` and `make_task`."""

    @abstractmethod
    def make_world(self) -> World: ...

    @abstractmethod
    def make_task(self) -> Task: ...

    @pytest.fixture
    def world(self) -> Iterator[World]:
        world = self.make_world()
        yield world
        world.close()

    def test_observations_are_what_the_embodiment_says(self, world: World) -> None:
        task = self.make_task()
        self.check_observation(world, world.reset(task, seed=3), task)
        for action in legal_actions(world, count=3):
            self.check_observation(world, world.step(action).observation, task)

    def check_observation(self, world: World, seen: Observation, task: Task) -> None:
        assert list(seen.images) == [camera.name for camera in world.embodiment.cameras]
        for camera in world.embodiment.cameras:
            image = seen.images[camera.name]
            assert image.shape == (camera.height, camera.width, 3)
            assert image.dtype == np.uint8
        assert seen.state.dtype == np.float32
        assert world.embodiment.state.problem(seen.state) is None
        assert seen.instruction == task.instruction

    def test_time_begins_at_zero_and_advances_by_one_control_period(self, world: World) -> None:
        times = [world.reset(self.make_task(), seed=0).time]
        times += [world.step(action).observation.time for action in legal_actions(world, count=3)]
        assert times == pytest.approx([tick / world.embodiment.rate_hz for tick in range(4)])

    def test_equal_seeds_give_byte_identical_episodes(self, world: World) -> None:
        assert_same_course(course(world, self.make_task(), seed=11), course(world, self.make_task(), seed=11))

    def test_an_episode_leaves_nothing_behind_for_the_next(self, world: World) -> None:
        fresh = self.make_world()
        try:
            expected = course(fresh, self.make_task(), seed=11)
        finally:
            fresh.close()
        course(world, self.make_task(), seed=12)
        assert_same_course(course(world, self.make_task(), seed=11), expected)

    def test_different_seeds_give_different_scenes(self, world: World) -> None:
        one, other = (world.reset(self.make_task(), seed=seed) for seed in (1, 2))
        assert not same_observation(one, other)

    def test_the_world_tells_what_was_really_commanded(self, world: World) -> None:
        world.reset(self.make_task(), seed=4)
        for action in legal_actions(world, count=3):
            executed = world.step(action).executed
            assert executed.dtype == np.float32
            assert world.embodiment.action.problem(executed) is None

    def test_an_observation_does_not_change_afterwards(self, world: World) -> None:
        seen = world.reset(self.make_task(), seed=5)
        kept = {name: image.copy() for name, image in seen.images.items()}, seen.state.copy()
        for action in legal_actions(world, count=2):
            world.step(action)
        assert all(np.array_equal(seen.images[name], image) for name, image in kept[0].items())
        assert np.array_equal(seen.state, kept[1])

    def test_an_action_is_not_changed_by_carrying_it_out(self, world: World) -> None:
        world.reset(self.make_task(), seed=6)
        action = world.embodiment.action.high_array.copy()
        world.step(action)
        assert np.array_equal(action, world.embodiment.action.high_array)

    def test_a_status_holds_plain_values_that_can_be_written_down(self, world: World) -> None:
        world.reset(self.make_task(), seed=8)
        for action in legal_actions(world, count=3):
            json.dumps(asdict(world.step(action).status))

    def test_nothing_is_held_before_anything_was_done(self, world: World) -> None:
        world.reset(self.make_task(), seed=7)
        status = world.step(still(world)).status
        assert not status.held
        assert status.wrong_object is None

    def test_closing_twice_is_allowed(self) -> None:
        world = self.make_world()
        world.reset(self.make_task(), seed=0)
        world.close()
        world.close()


def still(world: World) -> FloatArray:
    """Return the action nearest to doing nothing."""
    return world.embodiment.action.clip(np.zeros(len(world.embodiment.action), dtype=np.float32))


def legal_actions(world: World, *, count: int) -> list[FloatArray]:
    """Return `count` legal actions, always the same ones."""
    spec, generator = world.embodiment.action, np.random.default_rng(0)
    return [generator.uniform(spec.low_array, spec.high_array).astype(np.float32) for _ in range(count)]


def course(world: World, task: Task, *, seed: int) -> list[Observation]:
    """Return what is seen in a short episode."""
    return [world.reset(task, seed=seed), *(world.step(a).observation for a in legal_actions(world, count=4))]


def assert_same_course(one: list[Observation], other: list[Observation]) -> None:
    assert [same_observation(a, b) for a, b in zip(one, other, strict=True)] == [True] * len(one)
