"""The world as a Gymnasium environment. `import sim` registers one id for every family and every named task."""

from collections.abc import Callable
from typing import Any, Protocol, cast

import gymnasium
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from agent.errors import SpecError, unknown_name
from agent.ports import World
from agent.types import Embodiment, FloatArray, ImageArray, Observation, Status, Task
from sim.casting import SceneSplit
from sim.instruction_space import LONGEST_INSTRUCTION, InstructionSpace
from sim.tasks import FAMILIES, NAMED_TASKS, Phrasing, sample_task, task_from_instruction

MOST_DRAWS = 5
TRAINING_SEEDS = (1_000_000, 2**31)
"""Scenes drawn without a seed come from here, so that learning in the environment never sees a reported scene."""

Value = NDArray[np.generic] | str
Info = dict[str, Any]


class RenderedPicture(Protocol):
    """What a render gives: rgb is uint8 (H, W, 3)."""

    @property
    def rgb(self) -> ImageArray: ...


class RenderableWorld(World, Protocol):
    """A world that can also be looked at from one of its cameras at any size."""

    def render(self, camera: str, height: int, width: int) -> RenderedPicture: ...


def tabletop_world(safety: str | None = None) -> RenderableWorld:
    """Return the simulated table behind its safety filter; the physics engine is loaded here and not before.

    safety: a YAML file with other limits, "off" for none.
    """
    from sim.guarded import tabletop

    return tabletop(safety=safety)


class TabletopEnv(gymnasium.Env[dict[str, Value], FloatArray]):
    """One family of tasks, or one named task, as an environment.

    Observation: one uint8 (H, W, 3) box for every camera ("front", "wrist"), "state" float32 (S,) and "instruction",
    at most 256 characters of printable ASCII. The state is moved to the nearest legal value of its spec.
    Action: float32 (A,) in physical units with the embodiment's bounds; what is out of bounds raises ValueError.
    Reward: 1.0 at the step on which the goal has held for three ticks, which also terminates the episode, else 0.0.
    Truncation: at the task's own max_steps.
    Info: task, success (held), satisfied, reached, grasped, lifted, wrong_object ("" for none), seed.
    """

    metadata: dict[str, Any] = {"render_modes": ["rgb_array"], "render_fps": 5}  # noqa: RUF012 - as in the base class

    def __init__(
        self,
        task: str,
        *,
        render_mode: str | None = None,
        split: SceneSplit = "seen",
        phrasing: Phrasing = "seen",
        render_size: tuple[int, int] = (256, 256),
        safety: str | None = None,
        world_factory: Callable[[], RenderableWorld] | None = None,
    ) -> None:
        """task: a family ("put_in") or a named task ("eggplant_in_bowl"); a named task keeps its own instruction.

        render_size: height and width of `render`'s picture.  safety: a YAML file with limits that actions are held to,
        "off" for none, None for the usual ones (configs/sim/tabletop.yaml).  world_factory: builds another world than
        the table-top; it is used as it is.  Raises SpecError for an unknown task or render mode.
        """
        if task not in FAMILIES and task not in NAMED_TASKS:
            raise unknown_name("task", task, (*FAMILIES, *NAMED_TASKS))
        if render_mode not in (None, "rgb_array"):
            raise unknown_name("render mode", str(render_mode), ("rgb_array",))
        self.render_mode = render_mode
        self._name, self._split, self._phrasing, self._render_size = task, split, phrasing, render_size
        self._world = tabletop_world(safety) if world_factory is None else world_factory()
        self._task: Task | None = None
        self._tick = 0
        self._seed = 0
        self.observation_space = cast(spaces.Space[dict[str, Value]], _observation_space(self._world.embodiment))
        self._instructions = InstructionSpace()
        action = self._world.embodiment.action
        self.action_space = spaces.Box(action.low_array, action.high_array, dtype=np.float32)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[dict[str, Value], Info]:
        """Build a new scene; with `seed` it is the scene that every other part of the project builds from that seed.

        options: {"instruction": text} sets what is asked for, otherwise the family draws it.
        Raises SpecError for an unknown option, an empty instruction, or one that cannot be written in the Text space.
        """
        super().reset(seed=seed)
        self._seed = int(self.np_random.integers(*TRAINING_SEEDS)) if seed is None else seed
        self._tick = 0
        observation = self._build(options or {})
        return self._seen(observation), self._info(Status())

    def step(self, action: FloatArray) -> tuple[dict[str, Value], float, bool, bool, Info]:
        """Carry out one action (A,) for 1 / rate_hz seconds."""
        if self._task is None:
            raise gymnasium.error.ResetNeeded("call reset() before step()")
        row = np.asarray(action, dtype=np.float32)
        problem = self._world.embodiment.action.problem(row)
        if problem:
            raise ValueError(f"this action is not legal: {problem}")
        step = self._world.step(row)
        self._tick += 1
        held = bool(step.status.held)
        truncated = not held and self._tick >= self._task.max_steps
        return self._seen(step.observation), float(held), held, truncated, self._info(step.status)

    def render(self) -> ImageArray | None:
        """Return the front camera's picture, uint8 (H, W, 3), or None without a render mode."""
        if self.render_mode is None:
            return None
        camera = self._world.embodiment.cameras[0].name
        return np.array(self._world.render(camera, *self._render_size).rgb, dtype=np.uint8)

    def close(self) -> None:
        """Free the world; closing twice is allowed."""
        self._world.close()

    def _build(self, options: dict[str, Any]) -> Observation:
        """Build the scene; a drawn task whose things find no room on the table is drawn again."""
        spare_draws = 0 if options or self._name in NAMED_TASKS else MOST_DRAWS - 1
        for _ in range(spare_draws):
            self._task = self._choose_task(options)
            try:
                return self._world.reset(self._task, seed=self._seed)
            except SpecError:
                continue
        self._task = self._choose_task(options)
        return self._world.reset(self._task, seed=self._seed)

    def _choose_task(self, options: dict[str, Any]) -> Task:
        for key in options:
            if key != "instruction":
                raise unknown_name("reset option", key, ("instruction",))
        if "instruction" in options:
            task = task_from_instruction(options["instruction"])
            if not self._instructions.contains(task.instruction):
                raise SpecError(
                    f"an instruction has at most {LONGEST_INSTRUCTION} characters, printable ASCII on one line"
                )
            return task
        if self._name in NAMED_TASKS:
            return NAMED_TASKS[self._name]
        return sample_task(self._name, self.np_random, split=self._split, phrasing=self._phrasing)

    def _seen(self, observation: Observation) -> dict[str, Value]:
        """The observation as a member of the space; every array is new, as callers keep them."""
        state = self._world.embodiment.state.clip(observation.state)
        seen: dict[str, Value] = {name: image.copy() for name, image in observation.images.items()}
        return {**seen, "state": state, "instruction": observation.instruction}

    def _info(self, status: Status) -> Info:
        assert self._task is not None
        return {
            "task": self._task.name,
            "seed": self._seed,
            "success": bool(status.held),
            "satisfied": bool(status.satisfied),
            "reached": bool(status.reached),
            "grasped": bool(status.grasped),
            "lifted": bool(status.lifted),
            "wrong_object": status.wrong_object or "",
        }


def _observation_space(body: Embodiment) -> spaces.Dict:
    parts: dict[str, spaces.Space[Any]] = {
        camera.name: spaces.Box(0, 255, (camera.height, camera.width, 3), np.uint8) for camera in body.cameras
    }
    parts["state"] = spaces.Box(body.state.low_array, body.state.high_array, dtype=np.float32)
    return spaces.Dict({**parts, "instruction": InstructionSpace()})
