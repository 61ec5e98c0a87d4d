"""The table-top world, the teacher, the trivial policies and the shipped policy keep the contracts."""

from dataclasses import replace

import numpy as np
import torch

from agent.cli import stage
from agent.ports import Policy, World
from agent.types import CameraSpec, Embodiment, Task
from policies.model import Trained, VLAModel, fitted, tiny_model
from policies.scripted import HoldPolicy, RandomPolicy
from policies.stats import Statistics, measure
from policies.text import make_text_encoder
from policies.vla import VLAPolicy
from sim.expert import ScriptedExpert
from sim.tasks import NAMED_TASKS
from sim.world import TabletopWorld
from tests.contract.batch_contract import BatchPolicyContract
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


class TestTinyVLA(BatchPolicyContract):
    """An untrained model of the smallest size: every part of the shipped one, none of its skill."""

    def make_pair(self) -> tuple[World, Policy]:
        world = TabletopWorld(cameras=SMALL)
        return world, tiny_vla(world.embodiment)

    def make_task(self) -> Task:
        return eggplant_in_bowl(6)


def tiny_vla(body: Embodiment) -> VLAPolicy:
    torch.manual_seed(0)
    spread = {
        name: np.random.default_rng(0).uniform(spec.low_array, spec.high_array, size=(200, len(spec)))
        for name, spec in (("action", body.action), ("state", body.state))
    }
    mask = tuple(name != "gripper" for name in body.action.names)
    statistics = Statistics(
        "tiny",
        {
            "action": measure(spread["action"].astype(np.float32), mask=mask),
            "state": measure(spread["state"].astype(np.float32)),
        },
    )
    text_dim = make_text_encoder(tiny_model().text_encoder).dim
    config = fitted(tiny_model(), body, text_dim=text_dim, held=())
    return VLAPolicy(Trained("tiny", config, VLAModel(config, body).eval(), statistics, body, execute=2))


class TestShippedPolicy(PolicyContract):
    def make_pair(self) -> tuple[World, Policy]:
        return stage.make_pair("vla")

    def make_task(self) -> Task:
        return eggplant_in_bowl(6)
