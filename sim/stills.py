"""Still pictures: a scene as it begins, and again with the hand somewhere near one of its things."""

import numpy as np

from agent.notes import MOST_QUESTIONS, SceneNote
from agent.types import Observation, Task
from sim.onlooker import Onlooker
from sim.world import TabletopWorld

NEAR = (0.05, 0.05)
"""m; standard deviation of where the hand is, in x and y, around a thing's middle ..."""
ABOVE = (0.0, 0.16)
"""... and how far the tool is above that thing's top at least and at most [m]."""
POSE_TRIES = 5
REACH_LOW, REACH_HIGH = np.array([0.32, -0.32, 0.02]), np.array([0.68, 0.32, 0.44])


class Photographer:
    """Takes pictures of scenes without acting in them: ten times cheaper than episodes, and every scene is another."""

    def __init__(self, world: TabletopWorld, onlooker: Onlooker) -> None:
        self._world, self._onlooker = world, onlooker

    def __call__(self, task: Task, *, seed: int, poses: int = 1) -> list[tuple[Observation, SceneNote]]:
        """Return the first picture of the scene and `poses` more with the hand elsewhere, each with what is true."""
        rng = np.random.default_rng([seed, 4])
        first = self._world.reset(task, seed=seed)
        self._onlooker.begin(rng)
        taken = [(first, self._onlooker.note(rng, MOST_QUESTIONS - 1))]
        for _ in range(poses):
            self._pose(rng)
            taken.append((self._world.assign(task), self._onlooker.note(rng, MOST_QUESTIONS - 1)))
        return taken

    def _pose(self, rng: np.random.Generator) -> None:
        """Put the arm where it could be in the middle of something; nothing is simulated, so it may touch things."""
        entities = list(self._world.state().entities.values())
        for _ in range(POSE_TRIES):
            near = entities[int(rng.integers(len(entities)))]
            middle, top = (near.low + near.high) / 2, near.high[2]
            spot = np.array([*(middle[:2] + rng.normal(0.0, NEAR)), top + rng.uniform(*ABOVE)])
            x, y, z = np.clip(spot, REACH_LOW, REACH_HIGH)
            try:
                self._world.arm.reset((float(x), float(y), float(z)), yaw=float(rng.uniform(-1.5, 1.5)))
            except ValueError:  # out of reach at this yaw
                continue
            return
