"""The doubles are products: they keep the contracts that the real parts keep."""

import numpy as np

from agent.doubles import FixedPolicy, PointSeer, PointTeacher, PointWorld, point_task
from agent.ports import Policy, World
from agent.types import Task
from tests.contract.batch_contract import BatchPolicyContract
from tests.contract.policy_contract import PolicyContract
from tests.contract.world_contract import WorldContract


class TestPointWorld(WorldContract):
    def make_world(self) -> World:
        return PointWorld()

    def make_task(self) -> Task:
        return point_task(0)


class TestPointTeacher(PolicyContract):
    def make_pair(self) -> tuple[World, Policy]:
        world = PointWorld()
        return world, PointTeacher(world)

    def make_task(self) -> Task:
        return point_task(0)


class TestPointSeer(BatchPolicyContract):
    def make_pair(self) -> tuple[World, Policy]:
        world = PointWorld()
        return world, PointSeer(world.embodiment)

    def make_task(self) -> Task:
        return point_task(0)


class TestFixedPolicy(PolicyContract):
    def make_pair(self) -> tuple[World, Policy]:
        world = PointWorld()
        rows = world.embodiment.action.clip(np.full((2, 7), 0.01, dtype=np.float32))
        return world, FixedPolicy(world.embodiment, rows)

    def make_task(self) -> Task:
        return point_task(0, max_steps=6)
