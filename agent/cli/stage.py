"""Builds worlds and policies by name. Everything concrete is imported here, when it is asked for."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from agent.errors import SpecError, unknown_name
from agent.ports import Policy, World
from agent.serving.address import is_address
from agent.types import CameraSpec, Embodiment, FloatArray, ImageArray, Task

if TYPE_CHECKING:
    from agent.evaluation.gym_spec import GymWorldSpec
    from agent.evaluation.gym_world import GymWorld
    from agent.safety.config import SafetyConfig
    from agent.safety.filter import SafetyFilter
    from agent.serving.client import RemotePolicy
    from sim.world import TabletopWorld

DEFAULT_POLICY = "vla"
POLICIES = {
    "vla": "the shipped vision-language-action policy (default)",
    "expert": "the privileged scripted teacher: knows where everything is",
    "random": "legal actions at random",
    "hold": "stays where it is",
    "pi0:DIR": "a π0 checkpoint of transformers",
    "openvla:DIR": "an OpenVLA checkpoint",
}
SCRIPTED = ("expert", "random", "hold")
FORCED = "force:"
"""Before a checkpoint's name: load it whatever its golden actions say."""
SCRIPTED_EXECUTE = 1

PEER_SIDE = 224
FILM_CAMERA = "front"
FILM_SIZE = 480


@dataclass(frozen=True)
class Stage:
    """A world, a policy that fits it, and how to film it.

    execute: actions per look that this policy was made for.  picture: RGB uint8 (H, W, 3) of now.
    safety: the filter that the world stands behind, if any.  project: points (N, 3) in the base frame -> (N, 3), pixel
    and depth in that picture; None when the camera is not known.
    """

    world: World
    policy: Policy
    policy_name: str
    execute: int
    picture: Callable[[], ImageArray]
    safety: "SafetyFilter | None" = None
    project: Callable[[FloatArray], FloatArray] | None = None


def make_stage(policy: str = DEFAULT_POLICY, *, safety: str | None = None) -> Stage:
    """Build the tabletop world with the cameras of the policy called `policy`: a name, a checkpoint folder, a published
    model (`pi0:DIR`, `openvla:DIR`), or the address of a policy server.

    safety: a YAML file for the filter between the two, "off" for none, None for the usual one.
    Raises SpecError naming the policies that exist.
    """
    if policy not in SCRIPTED:
        return stage_around(*learned(policy), name=policy, safety=safety)
    world = tabletop(None)
    safe, safety_filter = _guarded(world, safety)
    made = _scripted(policy, world)
    return Stage(
        safe,
        made,
        policy,
        SCRIPTED_EXECUTE,
        lambda: _film(world),
        safety_filter,
        lambda points: _project(world, points),
    )


def stage_around(made: Policy, execute: int, *, name: str, safety: str | None = None) -> Stage:
    """Build the tabletop world round a policy that is loaded already; otherwise as `make_stage`."""
    world = tabletop(made.embodiment.cameras)
    safe, safety_filter = _guarded(world, safety)
    return Stage(safe, made, name, execute, lambda: _film(world), safety_filter, lambda points: _project(world, points))


def make_policy(policy: str) -> tuple[Policy, int]:
    """Build the policy alone, as it is served, and how many actions of a chunk it was made to carry out.

    Raises SpecError for the expert, which looks into the simulated world, and naming the policies that exist.
    """
    if policy == "expert":
        raise SpecError("the expert looks into the simulated world, not at pictures; it cannot be served")
    if policy in SCRIPTED:
        from sim.world import tabletop_embodiment

        return _bodied(policy, tabletop_embodiment()), SCRIPTED_EXECUTE
    return learned(policy)


def make_pair(policy: str, *, safety: str | None = None) -> tuple[World, Policy]:
    """Build world and policy alone; picklable by name, for worker processes."""
    stage = make_stage(policy, safety=safety)
    return stage.world, stage.policy


def make_wrapped_stage(policy: str, spec: "GymWorldSpec", *, safety: str | None = None) -> Stage:
    """Build a wrapped Gymnasium environment and a policy for it; raise SpecError naming the policies that know none.

    safety: as for `wrapped`.
    """
    if policy == "expert":
        raise SpecError("the expert knows the tabletop only; for a wrapped environment there are: random, hold, DIR")
    world = unguarded_wrapped(spec)
    safe, safety_filter = _guarded_wrapped(world, safety)
    if policy in SCRIPTED:
        made, execute = _bodied(policy, world.embodiment), SCRIPTED_EXECUTE
    else:
        made, execute = learned(policy)
    return Stage(safe, made, policy, execute, world.picture, safety_filter)


def make_wrapped_pair(policy: str, spec: "GymWorldSpec", *, safety: str | None = None) -> tuple[World, Policy]:
    """As `make_pair`, in a wrapped Gymnasium environment."""
    stage = make_wrapped_stage(policy, spec, safety=safety)
    return stage.world, stage.policy


def make_world(cameras: tuple[CameraSpec, ...] | None, *, safety: str | None = None) -> World:
    """Build the tabletop behind its filter, without a policy; picklable by name, for worker processes."""
    return guarded(tabletop(cameras), safety=safety)


def guarded(world: "TabletopWorld", *, safety: str | None = None) -> World:
    """Put the table-top behind the limits that --safety names."""
    return _guarded(world, safety)[0]


def safety_limits(safety: str | None) -> "SafetyConfig | None":
    """Read the limits that --safety names; None when they are off. Raise SpecError naming what is wrong in the file."""
    from sim.guarded import safety_limits as limits_of

    return limits_of(safety)


def wrapped_limits(safety: str | None) -> "SafetyConfig | None":
    """As `safety_limits`, for a wrapped Gymnasium environment: the usual limits of a body that nobody has described are
    its own bounds."""
    from agent.safety.config import SafetyConfig

    return SafetyConfig() if safety is None else safety_limits(safety)


def check_task(task: Task, seed: int) -> None:
    """Raise SpecError when no scene shows this task's things, or nothing judges its goal."""
    import numpy as np

    from sim.scene import sample_scene
    from sim.tasks import check_goal

    if task.goal is not None:
        check_goal(task.goal)
    sample_scene(task.scene or task, np.random.default_rng(seed))


def cores() -> int:
    """Return how many processes this machine runs at once, at most 8."""
    return min(8, len(os.sched_getaffinity(0)))


def task_for(instruction: str, *, max_steps: int | None = None) -> Task:
    """Return the task that the words ask for; raise SpecError when no scene can hold what they name."""
    from sim.tasks import task_from_instruction

    return task_from_instruction(instruction, max_steps=max_steps)


def catalogue() -> dict[str, list[str]]:
    """Return what exists, by kind: policies, families, tasks, objects, receptacles, suites."""
    from agent.evaluation.suite import suite_names
    from policies.shipped import pretrained_names
    from sim.objects import KINDS, ReceptacleKind
    from sim.tasks import FAMILIES, NAMED_TASKS

    return {
        "policies": list(dict.fromkeys([*POLICIES, *pretrained_names()])),
        "families": list(FAMILIES),
        "tasks": list(NAMED_TASKS),
        "objects": [name for name, kind in KINDS.items() if not isinstance(kind, ReceptacleKind)],
        "receptacles": [name for name, kind in KINDS.items() if isinstance(kind, ReceptacleKind)],
        "suites": suite_names(),
    }


def sample(name: str, seed: int | tuple[int, ...]) -> Task:
    """Draw a task of the family called `name` from `seed`, or return the named task; raise SpecError naming both.

    "chain" draws one task in the midst of a chain.
    """
    import numpy as np

    from sim.chains import sample_moment
    from sim.tasks import FAMILIES, NAMED_TASKS, sample_task

    if name in NAMED_TASKS:
        return NAMED_TASKS[name]
    if name == "chain":
        return sample_moment(np.random.default_rng(seed))
    if name not in FAMILIES:
        raise unknown_name("family or task", name, ("chain", *FAMILIES, *NAMED_TASKS))
    return sample_task(name, np.random.default_rng(seed))


def task_mix(name: str) -> tuple[tuple[str, float], ...]:
    """Return (name, weight) pairs for a family, a named task, or "all" families alike; raise SpecError naming them."""
    from sim.tasks import FAMILIES, NAMED_TASKS

    if name == "all":
        return tuple((family, 1.0) for family in FAMILIES)
    if name not in FAMILIES and name not in NAMED_TASKS:
        raise unknown_name("family or task", name, ("all", *FAMILIES, *NAMED_TASKS))
    return ((name, 1.0),)


def target_kind(task: Task) -> str | None:
    """Return the kind of thing that the task's target is; None when it has no target."""
    from sim.objects import parse_name

    return parse_name(task.goal.target).kind if task.goal and task.goal.target else None


def family_of(task: Task) -> str:
    """Return the evaluation row that a task belongs to; "free" when nothing judges it."""
    from sim.tasks import FAMILY_OF_RELATION

    return FAMILY_OF_RELATION[task.goal.relation] if task.goal else "free"


def tabletop(cameras: tuple[CameraSpec, ...] | None, *, odd: bool = False) -> "TabletopWorld":
    """Build the table-top alone; odd: with things that no catalogue has, for training."""
    from sim.curios import with_oddities
    from sim.world import DEFAULT_CAMERAS, TabletopWorld

    return TabletopWorld(cameras or DEFAULT_CAMERAS, restage=with_oddities if odd else None)


def wrapped(spec: "GymWorldSpec", *, safety: str | None = None) -> World:
    """Build a wrapped Gymnasium environment behind its filter; picklable by name, for worker processes.

    safety: a YAML file, "off", None for the embodiment's own bounds alone. Zones and workspace need a tool position in
    the environment's state; raises SpecError where there is none.
    """
    return _guarded_wrapped(unguarded_wrapped(spec), safety)[0]


def unguarded_wrapped(spec: "GymWorldSpec") -> "GymWorld":
    from agent.evaluation.gym_world import GymWorld

    return GymWorld(spec)


def forced(policy: str) -> str:
    """Return the name under which `learned` does not check golden actions; only checkpoints have any."""
    from policies.shipped import is_trained

    return FORCED + policy if is_trained(policy) else policy


def learned(policy: str) -> tuple[Policy, int]:
    """Return the checkpoint's, the published or the remote policy and how many actions it carries out per look."""
    if is_address(policy):
        remote = _remote(policy)
        return remote, remote.execute
    from policies.adapters import is_published, load_published
    from policies.shipped import is_trained, pretrained_names

    if is_published(policy) and not policy.startswith(FORCED):
        from sim.world import tabletop_embodiment

        published = load_published(policy, tabletop_embodiment())
        return published, published.execute
    name = policy.removeprefix(FORCED)
    if not is_trained(name):
        if "/" in name:
            raise SpecError(f"there is no checkpoint folder {name}")
        raise unknown_name("policy", name, dict.fromkeys([*POLICIES, *pretrained_names()]))
    from policies.checkpoint import load_policy

    model = load_policy(name, force=policy != name)
    return model, model.execute


def _remote(address: str) -> "RemotePolicy":
    """A server that says nothing of its body is shown this world, with pictures of openpi's usual size."""
    from agent.serving.client import RemotePolicy
    from sim.world import tabletop_embodiment

    cameras = (CameraSpec("front", PEER_SIDE, PEER_SIDE), CameraSpec("wrist", PEER_SIDE, PEER_SIDE))
    return RemotePolicy(address, body=tabletop_embodiment(cameras))


def _scripted(name: str, world: "TabletopWorld") -> Policy:
    if name == "expert":
        from sim.expert import ScriptedExpert

        return ScriptedExpert(world)
    return _bodied(name, world.embodiment)


def _bodied(name: str, body: Embodiment) -> Policy:
    from policies.scripted import HoldPolicy, RandomPolicy

    return RandomPolicy(body) if name == "random" else HoldPolicy(body)


def _guarded(world: "TabletopWorld", safety: str | None) -> "tuple[World, SafetyFilter | None]":
    """Put the world behind the filter that the file describes."""
    from sim.guarded import GuardedTabletop

    limits = safety_limits(safety)
    if limits is None:
        return world, None
    guarded = GuardedTabletop(world, limits)
    return guarded, guarded.safety


def _guarded_wrapped(world: "GymWorld", safety: str | None) -> "tuple[World, SafetyFilter | None]":
    from agent.safety.body import ToolBody
    from agent.safety.filter import SafetyFilter
    from agent.safety.world import SafeWorld

    limits, body = wrapped_limits(safety), world.embodiment
    if limits is None:
        return world, None
    told = {"x", "y", "z"} <= set(body.state.names) and {"dx", "dy", "dz"} <= set(body.action.names)
    made = SafetyFilter(limits, body, ToolBody(body) if told else None)
    return SafeWorld(world, made), made


def _film(world: "TabletopWorld") -> ImageArray:
    return world.render(FILM_CAMERA, FILM_SIZE, FILM_SIZE).rgb


def _project(world: "TabletopWorld", points: FloatArray) -> FloatArray:
    """Where points in the base frame lie in the film's picture."""
    import numpy as np

    return world.view(FILM_CAMERA).pixel_of(points.astype(np.float64), (FILM_SIZE, FILM_SIZE)).astype(np.float32)
