"""Builds worlds and policies by name. Everything concrete is imported here, when it is asked for."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from agent.errors import SpecError, unknown_name
from agent.ports import Policy, World
from agent.types import CameraSpec, ImageArray, Task

if TYPE_CHECKING:
    from sim.world import TabletopWorld

DEFAULT_POLICY = "vla"
POLICIES = {
    "vla": "the shipped vision-language-action policy (default)",
    "expert": "the privileged scripted teacher: knows where everything is",
    "random": "legal actions at random",
    "hold": "stays where it is",
}
DEFAULT_EXECUTE = 2
"""Actions carried out per look, unless the policy's checkpoint or the request says otherwise."""

FILM_CAMERA = "front"
FILM_SIZE = 480


@dataclass(frozen=True)
class Stage:
    """A world, a policy that fits it, and how to film it.

    execute: actions per look that this policy was made for.  picture: RGB uint8 (FILM_SIZE, FILM_SIZE, 3) of now.
    """

    world: World
    policy: Policy
    policy_name: str
    execute: int
    picture: Callable[[], ImageArray]


def make_stage(policy: str = DEFAULT_POLICY) -> Stage:
    """Build the tabletop world with the cameras of the policy called `policy`, or of the checkpoint folder there.

    Raises SpecError naming the policies that exist.
    """
    if policy in ("expert", "random", "hold"):
        world = _tabletop(None)
        return Stage(world, _scripted(policy, world), policy, 1, lambda: _film(world))
    if policy != DEFAULT_POLICY and not Path(policy).is_dir():
        if "/" in policy:
            raise SpecError(f"there is no checkpoint folder {policy}")
        raise unknown_name("policy", policy, POLICIES)
    from policies.checkpoint import load_policy

    learned = load_policy(policy)
    world = _tabletop(learned.embodiment.cameras)
    execute = int(getattr(learned, "execute", DEFAULT_EXECUTE))
    return Stage(world, learned, policy, execute, lambda: _film(world))


def make_pair(policy: str) -> tuple[World, Policy]:
    """Build world and policy alone; picklable by name, for worker processes."""
    stage = make_stage(policy)
    return stage.world, stage.policy


def sample(family: str, seed: int) -> Task:
    """Draw a task of `family` from `seed`; raise SpecError naming the families."""
    import numpy as np

    from sim.tasks import sample_task

    return sample_task(family, np.random.default_rng(seed))


def _tabletop(cameras: tuple[CameraSpec, ...] | None) -> "TabletopWorld":
    from sim.world import TabletopWorld

    return TabletopWorld() if cameras is None else TabletopWorld(cameras=cameras)


def _scripted(name: str, world: "TabletopWorld") -> Policy:
    if name == "expert":
        from sim.expert import ScriptedExpert

        return ScriptedExpert(world)
    from policies.scripted import HoldPolicy, RandomPolicy

    return RandomPolicy(world.embodiment) if name == "random" else HoldPolicy(world.embodiment)


def _film(world: "TabletopWorld") -> ImageArray:
    return world.render(FILM_CAMERA, FILM_SIZE, FILM_SIZE).rgb
