"""Where demonstrations come from: the table-top world, the scripted teacher, and who disturbs it."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from agent.cli import stage as stages
from agent.errors import SpecError
from agent.recording.collect import Classroom
from agent.recording.demonstrate import Disturber, Drift, Learner, NoisyTeacher
from agent.recording.stills import Studio
from agent.types import CameraSpec, Task

DRAWS = 200
"""Tasks of a family that are drawn before giving up on finding one with the wanted target."""


@dataclass(frozen=True)
class Share:
    """task: a family or a named task.  weight: how often it is practised, relative to the others.

    target: only tasks whose target is of this kind ("bowl"); None: all of the family.
    """

    task: str
    weight: float = 1.0
    target: str | None = None


@dataclass(frozen=True)
class ClassroomFactory:
    """Builds a classroom in a worker process.

    mix: what is practised, and how often.  cameras: what is recorded; None: the world's own.
    safety: limits that the world stands behind, as --safety names them.  odd: some things are none of the catalogue's,
    see `sim.curios`, and instructions are put in words that only training hears, see `sim.practice`.
    learner: a checkpoint folder that is rolled in with `learner_share` of the roll-in segments (DAgger); None: nobody.
    """

    mix: tuple[Share, ...]
    cameras: tuple[CameraSpec, ...] | None = None
    learner: Path | None = None
    learner_share: float = 0.7
    safety: str | None = None
    odd: bool = False

    def __call__(self) -> Classroom:
        from sim.expert import ScriptedExpert
        from sim.onlooker import Onlooker

        # A learner reads the task's own words, which know of no oddities.
        world = stages.tabletop(self.cameras, odd=self.odd and self.learner is None)
        guarded, body = stages.guarded(world, safety=self.safety), world.embodiment
        rest = 1.0 if self.learner is None else 1.0 - self.learner_share
        disturbers: list[tuple[float, Disturber]] = [
            (rest / 2, NoisyTeacher(body.action)),
            (rest / 2, Drift(body.action)),
        ]
        if self.learner is not None:
            policy, execute = stages.learned(str(self.learner))
            disturbers.append((self.learner_share, Learner(policy, execute=execute)))
        teacher = ScriptedExpert(world)
        return Classroom(
            world=guarded,
            teacher=teacher,
            task_for=self.task_for,
            disturbers=disturbers,
            family_of=stages.family_of,
            look=Onlooker(world, teacher, rewords=self.odd),
        )

    def studio(self) -> Studio:
        """Build a studio for still pictures of the same tasks' scenes."""
        from sim.expert import ScriptedExpert
        from sim.onlooker import Onlooker
        from sim.stills import Photographer

        world = stages.tabletop(self.cameras, odd=self.odd)
        photographer = Photographer(world, Onlooker(world, ScriptedExpert(world), rewords=self.odd))
        return Studio(world.embodiment, photographer, self.task_for)

    def task_for(self, seed: int) -> Task:
        """Draw the task of one episode from its seed."""
        weights = np.array([share.weight for share in self.mix])
        choice = np.random.default_rng([seed, 2]).choice(len(self.mix), p=weights / weights.sum())
        share = self.mix[int(choice)]
        for draw in range(DRAWS):
            task = stages.sample(share.task, (seed, draw))
            if share.target is None or stages.target_kind(task) == share.target:
                return task
        raise SpecError(f"none of {DRAWS} tasks of '{share.task}' has the target '{share.target}'")
