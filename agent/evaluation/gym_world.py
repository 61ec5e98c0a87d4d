"""Any registered Gymnasium environment that shows pictures, as a World.

What differs between environments stands in a `GymWorldSpec`; units are converted here and nowhere else. The
environment judges itself: a task's goal is not looked at, its instruction is what the policy is told.
"""

import importlib
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from PIL import Image

from agent.errors import SpecError, WorldFault, unknown_name
from agent.evaluation.gym_spec import GymCamera, GymWorldSpec
from agent.types import (
    CameraSpec,
    Embodiment,
    FloatArray,
    ImageArray,
    Observation,
    Status,
    Step,
    Task,
    VectorSpec,
)
from sim.quiet import silenced

UNBOUNDED = 1e6
"""Stands for an infinite bound of an environment's space."""


class GymWorld:
    """A World round `gymnasium.make(spec.env)`. Raises SpecError when environment and spec do not fit."""

    def __init__(self, spec: GymWorldSpec) -> None:
        self._spec = spec
        self._env = _made(spec)
        self._scales = np.array([entry.scale for entry in spec.action] or [1.0])
        self._embodiment = Embodiment(
            name=spec.env,
            cameras=tuple(CameraSpec(camera.name, camera.height, camera.width) for camera in spec.cameras),
            state=_state_spec(self._env.observation_space, spec),
            action=_action_spec(self._env.action_space, spec),
            control=spec.control,
            rate_hz=spec.rate_hz,
        )
        self._instruction = ""
        self._seen: Any = None
        self._tick, self._done_for, self._over = 0, 0, False

    @property
    def embodiment(self) -> Embodiment:
        return self._embodiment

    def reset(self, task: Task, *, seed: int) -> Observation:
        if self._spec.rebuild:
            self._env.close()
            self._env = _made(self._spec)
        self._seen, _ = self._env.reset(seed=seed)
        self._instruction, self._tick, self._done_for, self._over = task.instruction, 0, 0, False
        return self._observe()

    def step(self, action: FloatArray) -> Step:
        """Carry out one action; once the environment has ended its episode, nothing moves any more."""
        self._tick += 1
        if not self._over:
            self._seen, _, terminated, truncated, info = self._env.step(self._native(action))
            self._over = bool(terminated or truncated)
            done = bool(info.get(self._spec.success, False)) if self._spec.success else False
            self._done_for = self._done_for + 1 if done else 0
        elif self._done_for:
            self._done_for += 1
        status = Status(satisfied=self._done_for > 0, held=self._done_for >= self._spec.hold)
        return Step(self._observe(), np.array(action, dtype=np.float32), status)

    def close(self) -> None:
        self._env.close()

    def _native(self, action: FloatArray) -> FloatArray:
        """Return the environment's own action for one in physical units."""
        space = self._env.action_space
        assert isinstance(space, spaces.Box)
        own = np.asarray(action, dtype=np.float64) / self._scales
        return np.asarray(np.clip(own, space.low, space.high), dtype=np.float32)

    def _observe(self) -> Observation:
        images = {camera.name: self._picture(camera) for camera in self._spec.cameras}
        parts = [self._seen[key] for key in self._spec.state] if self._spec.state else [self._seen]
        values = np.zeros(0)
        if len(self._embodiment.state):
            values = np.concatenate([np.asarray(part, dtype=np.float64).ravel() for part in parts])
        if not np.isfinite(values).all():
            raise WorldFault(f"the environment {self._spec.env} gave a state that is not finite")
        state = self._embodiment.state.clip(values.astype(np.float32))
        return Observation(images, state, self._instruction, self._tick / self._spec.rate_hz)

    def _picture(self, camera: GymCamera) -> ImageArray:
        if camera.source == "render":
            raw: Any = self._env.render()
        else:
            raw = self._seen[camera.source] if camera.source else self._seen
        picture = np.asarray(raw)
        if picture.ndim != 3 or picture.shape[2] < 3 or picture.dtype != np.uint8:
            raise SpecError(f"camera '{camera.name}' of {self._spec.env} gives {picture.dtype} {picture.shape}, no RGB")
        picture = np.ascontiguousarray(picture[:, :, :3])
        if picture.shape[:2] != (camera.height, camera.width):
            resized = Image.fromarray(picture).resize((camera.width, camera.height), Image.Resampling.BILINEAR)
            picture = np.asarray(resized)
        return np.array(picture, dtype=np.uint8)


def _made(spec: GymWorldSpec) -> "gymnasium.Env[Any, Any]":
    if spec.module:
        try:
            # Simulators announce themselves on standard output, which would spoil --json.
            with silenced():
                importlib.import_module(spec.module)
        except ImportError as error:
            raise SpecError(f"the module '{spec.module}' that registers {spec.env} is missing: {error}") from error
    if spec.env not in gymnasium.registry:
        raise unknown_name("Gymnasium environment", spec.env, gymnasium.registry)
    try:
        with silenced():
            return gymnasium.make(spec.env, **spec.options)  # type: ignore[arg-type]
    except (TypeError, ValueError, gymnasium.error.Error) as error:
        raise SpecError(f"{spec.env} cannot be made with these options: {error}") from error


def _action_spec(space: "spaces.Space[Any]", spec: GymWorldSpec) -> VectorSpec:
    if not isinstance(space, spaces.Box) or len(space.shape) != 1:
        raise SpecError(f"{spec.env} takes actions from {space}; only vectors of numbers can be wrapped")
    low, high = _bounds(space)
    if not spec.action:
        names = tuple(f"action_{index}" for index in range(len(low)))
        return VectorSpec(names, ("1",) * len(low), tuple(low.tolist()), tuple(high.tolist()))
    if len(spec.action) != len(low):
        raise SpecError(f"{spec.env} takes {len(low)} action values; the file names {len(spec.action)}")
    scales = np.array([entry.scale for entry in spec.action])
    ends = np.stack([low * scales, high * scales])
    return VectorSpec(
        names=tuple(entry.name for entry in spec.action),
        units=tuple(entry.unit for entry in spec.action),
        low=tuple(ends.min(axis=0).tolist()),
        high=tuple(ends.max(axis=0).tolist()),
    )


def _state_spec(space: "spaces.Space[Any]", spec: GymWorldSpec) -> VectorSpec:
    """The state's bounds are the observation space's; a picture alone leaves no state."""
    parts: list[tuple[str, spaces.Space[Any]]] = []
    if isinstance(space, spaces.Dict):
        for key in spec.state:
            if key not in space.spaces:
                raise unknown_name("part of the observation", key, space.spaces)
            parts.append((key, space[key]))
    elif spec.state:
        raise SpecError(f"the observation of {spec.env} has no parts; leave 'state' empty")
    elif len(space.shape or ()) == 1:
        parts.append(("state", space))
    names, lows, highs = list[str](), list[float](), list[float]()
    for key, part in parts:
        if not isinstance(part, spaces.Box):
            raise SpecError(f"'{key}' of {spec.env} is {part}; a state is made of numbers")
        low, high = _bounds(part)
        names += [f"{key}_{index}" for index in range(len(low))]
        lows += low.tolist()
        highs += high.tolist()
    return VectorSpec(tuple(names), ("1",) * len(names), tuple(lows), tuple(highs))


def _bounds(space: spaces.Box) -> tuple[FloatArray, FloatArray]:
    low, high = (np.clip(end, -UNBOUNDED, UNBOUNDED).astype(np.float32).ravel() for end in (space.low, space.high))
    return low, high
