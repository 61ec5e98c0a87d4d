"""A tabletop world that differs from training, made by wrapping: the setting, noisy sensors, late commands."""

from collections import deque
from collections.abc import Callable

import numpy as np
from scipy.ndimage import gaussian_filter

from agent.ports import ContinuingWorld
from agent.types import Embodiment, FloatArray, ImageArray, Observation, Step, Task
from sim.perturb import LATENCY, NOISE, NoiseGrade, Perturbation, draw_setting, stream
from sim.world import TabletopWorld


def perturbed(
    world: TabletopWorld,
    perturbation: Perturbation,
    *,
    guard: Callable[[ContinuingWorld], ContinuingWorld] | None = None,
) -> ContinuingWorld:
    """Return `world` as `perturbation` changes it; the world itself when nothing is changed.

    guard: put round the arm itself, inside noisy sensors and late commands, as a robot's own limits are.
    Layout and wording are part of the task: see `sim.perturb.perturb_task`.
    """
    wrapped: ContinuingWorld = world
    if set(perturbation.moved) - {"noise", "latency", "layout", "wording"}:
        wrapped = ResetWorld(world, perturbation)
    if guard is not None:
        wrapped = guard(wrapped)
    if perturbation.noise:
        wrapped = NoisySensors(wrapped, NOISE[perturbation.noise - 1])
    if perturbation.latency:
        wrapped = LateCommands(wrapped, ticks=LATENCY[perturbation.latency - 1])
    return wrapped


class _Wrapped:
    """Passes everything on."""

    def __init__(self, world: ContinuingWorld) -> None:
        self._inner = world

    @property
    def embodiment(self) -> Embodiment:
        return self._inner.embodiment

    def reset(self, task: Task, *, seed: int) -> Observation:
        return self._inner.reset(task, seed=seed)

    def assign(self, task: Task) -> Observation:
        return self._inner.assign(task)

    def step(self, action: FloatArray) -> Step:
        return self._inner.step(action)

    def close(self) -> None:
        self._inner.close()


class ResetWorld(_Wrapped):
    """Builds every scene in a setting drawn from its seed."""

    def __init__(self, world: TabletopWorld, perturbation: Perturbation) -> None:
        super().__init__(world)
        self._table, self._perturbation = world, perturbation

    def reset(self, task: Task, *, seed: int) -> Observation:
        return self._table.reset(task, seed=seed, setting=draw_setting(self._perturbation, seed=seed))


class NoisySensors(_Wrapped):
    """Adds blur and noise to the pictures and noise to the state, within the state's legal range."""

    def __init__(self, world: ContinuingWorld, grade: NoiseGrade) -> None:
        super().__init__(world)
        self._grade = grade
        self._rng = np.random.default_rng(0)
        spread = {"m": grade.position, "rad": grade.angle, "1": grade.gripper}
        self._spread = np.array([spread.get(unit, 0.0) for unit in world.embodiment.state.units])

    def reset(self, task: Task, *, seed: int) -> Observation:
        self._rng = stream("noise", seed)
        return self._disturbed(super().reset(task, seed=seed))

    def assign(self, task: Task) -> Observation:
        return self._disturbed(super().assign(task))

    def step(self, action: FloatArray) -> Step:
        step = super().step(action)
        return Step(self._disturbed(step.observation), step.executed, step.status)

    def _disturbed(self, seen: Observation) -> Observation:
        images = {name: self._picture(image) for name, image in seen.images.items()}
        noisy = (seen.state + self._spread * self._rng.normal(size=len(seen.state))).astype(np.float32)
        return Observation(images, self.embodiment.state.clip(noisy), seen.instruction, seen.time)

    def _picture(self, image: ImageArray) -> ImageArray:
        radius = self._grade.blur * len(image)
        values = image.astype(np.float32)
        if radius:
            values = gaussian_filter(values, sigma=(radius, radius, 0))
        values = values + self._grade.pixel * self._rng.standard_normal(image.shape, dtype=np.float32)
        return np.asarray(np.clip(np.rint(values), 0, 255), dtype=np.uint8)


class LateCommands(_Wrapped):
    """Carries out every command `ticks` ticks after it was given; before the first arrives, the arm holds still.

    `executed` is what was carried out at that tick, not what was asked for then.
    """

    def __init__(self, world: ContinuingWorld, *, ticks: int) -> None:
        super().__init__(world)
        self._ticks = ticks
        self._queue: deque[FloatArray] = deque()

    def reset(self, task: Task, *, seed: int) -> Observation:
        seen = super().reset(task, seed=seed)
        action, names = self.embodiment.action, self.embodiment.state.names
        still = np.zeros(len(action), dtype=np.float32)
        still[action.names.index("gripper")] = seen.state[names.index("gripper")]
        self._queue = deque([action.clip(still)] * self._ticks)
        return seen

    def step(self, action: FloatArray) -> Step:
        self._queue.append(np.array(action, dtype=np.float32))
        return super().step(self._queue.popleft())
