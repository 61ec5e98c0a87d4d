"""Puts a policy, its world and a way of playing together for an evaluation: the same for `eval` and for `train`."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from agent.cli import identities
from agent.cli import stage as stages
from agent.evaluation.identity import Conditions, installed_versions
from agent.evaluation.limit import ACT_LIMIT_S
from agent.evaluation.play import BoothJob, MakePair, Player, PoolPlayer, SerialPlayer, Served, Witness
from agent.evaluation.store import RunStore
from agent.evaluation.suite import Trial
from agent.ports import BatchPolicy, World
from agent.types import Embodiment

if TYPE_CHECKING:
    from agent.evaluation.gym_spec import GymWorldSpec

DATABASE = "run.db"


@dataclass(frozen=True)
class Entrant:
    """A policy about to be measured.

    make_stage, make_pair: build it with a world of its own; make_stage takes the policy that is loaded already, where
    that needs no world beside it.  served: given when it needs none and can answer many.
    """

    conditions: Conditions
    make_stage: Callable[[], stages.Stage]
    make_pair: MakePair
    served: Served | None


@dataclass(frozen=True)
class Manner:
    """How episodes are played, none of which moves what comes of them.

    limit_s: longest wait for one answer of the policy; None: for ever.  isolate: every process has its own policy, so
    that one that hangs in native code can be killed with it.  make_witness: see BoothJob.
    """

    limit_s: float | None = ACT_LIMIT_S
    isolate: bool = False
    make_witness: Callable[[Embodiment], Witness] | None = None


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
        else:
            # Loading a policy takes seconds; whoever films with it later takes this one.
            make_stage = partial(stages.stage_around, stage.policy, stage.execute, name=policy, safety=safety)
        served = Served(make_world, stage.policy)
    conditions = Conditions(
        policy=identities.policy_identity(policy, stage.policy),
        execute=execute or stage.execute,
        embodiment=body,
        world=identities.world_identity(world, safety=safety),
        packages=installed_versions([] if world is None else ["gymnasium", *filter(None, [world.module])]),
    )
    return Entrant(conditions, make_stage, make_pair, served)


def make_player(
    entrant: Entrant,
    trials: Sequence[Trial],
    *,
    workers: int | None,
    ray: str | None = None,
    manner: Manner = Manner(),
) -> Player:
    """Return what plays: in this process with one worker, in several with more, on a Ray cluster when it is named.

    workers: None: as many as keep every core busy, here or there.
    """
    job = BoothJob(entrant.make_pair, tuple(trials), entrant.conditions.execute, manner.limit_s, manner.make_witness)
    if ray is not None:
        from agent.evaluation.ray_player import RayPlayer

        return RayPlayer(job, address=ray, workers=workers)
    served = None if manner.isolate else entrant.served
    cores = stages.cores() if served is None else served_workers(stages.cores())
    count = min(workers or cores, len(trials))
    if count == 1 and not manner.isolate:
        return SerialPlayer(job)
    return PoolPlayer(job, workers=count, served=served)


def served_workers(cores: int) -> int:
    """Return how many worlds keep `cores` cores busy around one policy: two more, as some always wait for it.

    Played out on paper with the measured costs of a look (docs/scaling.md), two cores gain 2.05 with three worlds, 2.25
    with four, 2.29 with five.
    """
    return cores + 2


def open_store(folder: Path) -> RunStore:
    """Open or make the run database in `folder`."""
    return RunStore(folder / DATABASE)
