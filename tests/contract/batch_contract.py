"""What every BatchPolicy must do besides what a Policy must: a look is answered alike whoever stands beside it."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from agent.ports import BatchPolicy, Policy, World
from agent.types import FloatArray, Observation
from tests.contract.policy_contract import PolicyContract

LOOKS = 7


class BatchPolicyContract(PolicyContract):
    """Inherit, and give `make_pair` and `make_task` as for a PolicyContract."""

    @pytest.fixture
    def looks(self, pair: tuple[World, Policy]) -> list[Observation]:
        world, _ = pair
        return [world.reset(self.make_task(), seed=seed) for seed in range(LOOKS)]

    def test_it_is_seen_to_be_one(self, pair: tuple[World, Policy]) -> None:
        assert isinstance(pair[1], BatchPolicy)

    def test_no_look_depends_on_its_neighbours_to_the_last_bit(
        self, pair: tuple[World, Policy], looks: list[Observation]
    ) -> None:
        policy = pair[1]
        assert isinstance(policy, BatchPolicy)
        alone = [actions(policy, [look])[0] for look in looks]
        assert len({one.tobytes() for one in alone}) > 1, "these looks cannot tell a mixed-up batch from a right one"
        for size in range(2, LOOKS + 1):
            for start in range(LOOKS - size + 1):
                beside = actions(policy, looks[start : start + size])
                for one, other in zip(alone[start:], beside, strict=False):
                    np.testing.assert_array_equal(one, other)
        for one, other in zip(reversed(alone), actions(policy, looks[::-1]), strict=True):
            np.testing.assert_array_equal(one, other)

    def test_a_batch_acts_as_act_does(self, pair: tuple[World, Policy], looks: list[Observation]) -> None:
        policy = pair[1]
        assert isinstance(policy, BatchPolicy)
        for look, together in zip(looks, actions(policy, looks), strict=True):
            policy.reset(seed=0)
            np.testing.assert_allclose(together, policy.act(look).actions, rtol=0, atol=1e-5)

    def test_several_threads_may_ask_at_once(self, pair: tuple[World, Policy], looks: list[Observation]) -> None:
        policy = pair[1]
        assert isinstance(policy, BatchPolicy)
        alone = actions(policy, looks)
        parts = [looks[:4], looks[3:], looks[::-1]] * 2
        with ThreadPoolExecutor(3) as threads:
            answers = list(threads.map(lambda part: actions(policy, part), parts))
        for answer, expected in zip(answers, [alone[:4], alone[3:], alone[::-1]] * 2, strict=True):
            for one, other in zip(answer, expected, strict=True):
                np.testing.assert_array_equal(one, other)

    def test_nothing_asked_is_nothing_answered(self, pair: tuple[World, Policy]) -> None:
        policy = pair[1]
        assert isinstance(policy, BatchPolicy)
        assert policy.act_batch([]) == []


def actions(policy: BatchPolicy, looks: list[Observation]) -> list[FloatArray]:
    return [chunk.actions for chunk in policy.act_batch(looks)]
