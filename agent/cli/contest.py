"""Puts a policy, its world and a way of playing together for an evaluation: the same for `eval` and for `train`."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from agent.cli import stage as stages
from agent.evaluation.identity import Conditions, installed_versions
from agent.evaluation.play import BoothJob, MakePair, Player, PoolPlayer, SerialPlayer, Served
from agent.evaluation.store import RunStore
from agent.evaluation.suite import Trial
from agent.ports import BatchPolicy

DATABASE = "run.db"


@dataclass(frozen=True)
class Entrant:
    """A policy about to be measured. served: given when it needs no world beside it and can answer many."""

    conditions: Conditions
    make_pair: MakePair
    served: Served | None


def enter(policy: str, *, execute: int | None = None) -> Entrant:
    """Load the policy called `policy`; execute: actions carried out per look, None: as it was made for."""
    stage = stages.make_stage(policy)
    stage.world.close()
    body = stage.world.embodiment
    served = None
    if isinstance(stage.policy, BatchPolicy):
        served = Served(partial(stages.tabletop, body.cameras), stage.policy)
    conditions = Conditions(
        policy=stages.policy_identity(policy),
        execute=execute or stage.execute,
        embodiment=body,
        world=stages.world_identity(),
        packages=installed_versions(),
    )
    return Entrant(conditions, partial(stages.make_pair, policy), served)


def make_player(entrant: Entrant, trials: Sequence[Trial], *, workers: int | None, ray: str | None = None) -> Player:
    """Return what plays: in this process with one worker, in several with more, on a Ray cluster when it is named.

    workers: None: one for every core here, or there.
    """
    job = BoothJob(entrant.make_pair, tuple(trials), entrant.conditions.execute)
    if ray is not None:
        from agent.evaluation.ray_player import RayPlayer

        return RayPlayer(job, address=ray, workers=workers)
    workers = min(workers or stages.cores(), len(trials))
    if workers == 1:
        return SerialPlayer(job)
    return PoolPlayer(job, workers=workers, served=entrant.served)


def open_store(folder: Path) -> RunStore:
    """Open or make the run database in `folder`."""
    return RunStore(folder / DATABASE)
