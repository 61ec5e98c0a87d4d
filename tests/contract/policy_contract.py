"""What every Policy must do. A test class inherits from `PolicyContract` and says how its policy and world are made."""

from abc import ABC, abstractmethod
from collections.abc import Iterator

import numpy as np
import pytest

from agent.ports import Policy, World
from agent.runtime import legal_rows, run_episode
from agent.types import Outcome, Task


class PolicyContract(ABC):
    """Inherit, and give `make_pair` and `make_task`."""

    @abstractmethod
    def make_pair(self) -> tuple[World, Policy]:
        """Return a new world and a new policy that fits it."""

    @abstractmethod
    def make_task(self) -> Task: ...

    @pytest.fixture
    def pair(self) -> Iterator[tuple[World, Policy]]:
        world, policy = self.make_pair()
        yield world, policy
        world.close()

    def test_the_policy_fits_its_world(self, pair: tuple[World, Policy]) -> None:
        world, policy = pair
        assert policy.embodiment.mismatch(world.embodiment) is None

    def test_actions_are_legal_float32_rows(self, pair: tuple[World, Policy]) -> None:
        world, policy = pair
        observation = world.reset(self.make_task(), seed=1)
        policy.reset(seed=1)
        chunk = policy.act(observation)
        assert chunk.actions.dtype == np.float32
        assert len(legal_rows(chunk, policy.embodiment)) >= 1

    def test_equal_seeds_give_equal_actions(self, pair: tuple[World, Policy]) -> None:
        world, policy = pair
        observation = world.reset(self.make_task(), seed=2)
        chunks = []
        for _ in range(2):
            policy.reset(seed=9)
            chunks.append([policy.act(observation).actions.copy() for _ in range(2)])
        for one, other in zip(*chunks, strict=True):
            np.testing.assert_array_equal(one, other)

    def test_reset_forgets_the_past_episode(self, pair: tuple[World, Policy]) -> None:
        world, policy = pair
        start = world.reset(self.make_task(), seed=3)
        policy.reset(seed=5)
        first = policy.act(start).actions.copy()
        for row in legal_rows(policy.act(start), policy.embodiment):
            policy.act(world.step(row).observation)
        again = world.reset(self.make_task(), seed=3)
        policy.reset(seed=5)
        np.testing.assert_array_equal(policy.act(again).actions, first)

    def test_looking_does_not_change_the_observation(self, pair: tuple[World, Policy]) -> None:
        world, policy = pair
        observation = world.reset(self.make_task(), seed=4)
        images = {name: image.copy() for name, image in observation.images.items()}
        state = observation.state.copy()
        policy.reset(seed=4)
        policy.act(observation)
        assert all(np.array_equal(observation.images[name], image) for name, image in images.items())
        np.testing.assert_array_equal(observation.state, state)

    def test_an_episode_runs_to_an_end(self, pair: tuple[World, Policy]) -> None:
        world, policy = pair
        episode = run_episode(world, policy, self.make_task(), seed=5, execute=2)
        assert episode.outcome in (Outcome.SUCCESS, Outcome.TIMEOUT)
        assert 1 <= episode.steps <= self.make_task().max_steps
