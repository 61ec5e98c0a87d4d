"""Puts a policy, its world and a way of playing together for an evaluation: the same for `eval` and for `train`."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from agent.cli import identities
from agent.cli import stage as stages
from agent.evaluation.identity import Conditions, installed_versions
from agent.evaluation.play import BoothJob, MakePair, Player, PoolPlayer, SerialPlayer, Served
from agent.evaluation.store import RunStore
from agent.evaluation.suite import Trial
from agent.ports import BatchPolicy, World

if TYPE_CHECKING:
    from agent.evaluation.gym_spec import GymWorldSpec

DATABASE = "run.db"


@dataclass(frozen=True)
class Entrant:
    """A policy about to be measured.

    make_stage, make_pair: build it with a world of its own.  served: given when it needs no world beside it and can
    answer many.
    """

    conditions: Conditions
    make_stage: Callable[[], stages.Stage]
    make_pair: MakePair
    served: Served | None


def enter(
    policy: str, *, execute: int | None = None, world: "GymWorldSpec | None" = None, safety: str | None = None
) -> Entrant:
    """Load the policy called `policy`.

    execute: actions carried out per look, None: as it was made for.
    world: a Gymnasium environment instead of the tabletop.  safety: a YAML file for the filter that the world stands
    behind, "off" for none, None for the usual one.
    Raises SpecError as the stage does.
    """
    make_stage: Callable[[], stages.Stage] = partial(stages.make_stage, policy, safety=safety)
    make_pair: MakePair = partial(stages.make_pair, policy, safety=safety)
    if world is not None:
        make_stage = partial(stages.make_wrapped_stage, policy, world, safety=safety)
        make_pair = partial(stages.make_wrapped_pair, policy, world, safety=safety)
    stage = make_stage()
    stage.world.close()
    body = stage.world.embodiment
    served = None
    if isinstance(stage.policy, BatchPolicy):
        make_world: Callable[[], World] = partial(stages.make_world, body.cameras, safety=safety)
        if world is not None:
            make_world = partial(stages.wrapped, world, safety=safety)
        served = Served(make_world, stage.policy)
    conditions = Conditions(
        policy=identities.policy_identity(policy, stage.policy),
        execute=execute or stage.execute,
        embodiment=body,
        world=identities.world_identity(world, safety=safety),
        packages=installed_versions([] if world is None else ["gymnasium", *filter(None, [world.module])]),
    )
    return Entrant(conditions, make_stage, make_pair, served)


def make_player(entrant: Entrant, trials: Sequence[Trial], *, workers: int | None, ray: str | None = None) -> Player:
    """Return what plays: in this process with one worker, in several with more, on a Ray cluster when it is named.

    workers: None: as many as keep every core busy, here or there.
    """
    job = BoothJob(entrant.make_pair, tuple(trials), entrant.conditions.execute)
    if ray is not None:
        from agent.evaluation.ray_player import RayPlayer

        return RayPlayer(job, address=ray, workers=workers)
    cores = stages.cores() if entrant.served is None else served_workers(stages.cores())
    count = min(workers or cores, len(trials))
    if count == 1:
        return SerialPlayer(job)
    return PoolPlayer(job, workers=count, served=entrant.served)


def served_workers(cores: int) -> int:
    """Return how many worlds keep `cores` cores busy around one policy: one more, as some always wait for it."""
    return cores + 1


def open_store(folder: Path) -> RunStore:
    """Open or make the run database in `folder`."""
    return RunStore(folder / DATABASE)
