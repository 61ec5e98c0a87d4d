"""The table-top world, the teacher, the trivial policies and the shipped policy keep the contracts."""

from dataclasses import replace

from agent.cli import stage
from agent.ports import Policy, World
from agent.types import CameraSpec, Task
from policies.scripted import HoldPolicy, RandomPolicy
from sim.expert import ScriptedExpert
from sim.tasks import NAMED_TASKS
from sim.world import TabletopWorld
from tests.contract.policy_contract import PolicyContract
from tests.contract.world_contract import WorldContract

SMALL = (CameraSpec("front", 48, 64), CameraSpec("wrist", 32, 32))


def eggplant_in_bowl(max_steps: int) -> Task:
    return replace(NAMED_TASKS["eggplant_in_bowl"], max_steps=max_steps)


class TestTabletopWorld(WorldContract):
    def make_world(self) -> World:
        return TabletopWorld(cameras=SMALL)

    def make_task(self) -> Task:
        return eggplant_in_bowl(40)


class TestScriptedExpert(PolicyContract):
    def make_pair(self) -> tuple[World, Policy]:
        world = TabletopWorld(cameras=SMALL)
        return world, ScriptedExpert(world)

    def make_task(self) -> Task:
        return eggplant_in_bowl(40)


class TestRandomPolicy(PolicyContract):
    def make_pair(self) -> tuple[World, Policy]:
        world = TabletopWorld(cameras=SMALL)
        return world, RandomPolicy(world.embodiment)

    def make_task(self) -> Task:
        return eggplant_in_bowl(5)


class TestHoldPolicy(PolicyContract):
    def make_pair(self) -> tuple[World, Policy]:
        world = TabletopWorld(cameras=SMALL)
        return world, HoldPolicy(world.embodiment)

    def make_task(self) -> Task:
        return eggplant_in_bowl(5)


class TestShippedPolicy(PolicyContract):
    def make_pair(self) -> tuple[World, Policy]:
        return stage.make_pair("vla")

    def make_task(self) -> Task:
        return eggplant_in_bowl(6)
