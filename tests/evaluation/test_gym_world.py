"""Gymnasium environments as Worlds: one made up for every shape of observation, and panda-gym."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces
from numpy.typing import NDArray

from agent.errors import SpecError
from agent.evaluation.attempt import attempt
from agent.evaluation.gym_spec import GymAction, GymCamera, GymWorldSpec
from agent.evaluation.gym_world import GymWorld
from agent.evaluation.suite import load_suite, prepare
from agent.ports import World
from agent.types import Outcome, Task
from policies.scripted import RandomPolicy
from tests.contract.world_contract import WorldContract

TASK = Task("line", "walk to the right end", None, 30)


class Line(gymnasium.Env[dict[str, NDArray[Any]], NDArray[np.float32]]):
    """A dot on a line from -1 to 1; done at the right end."""

    metadata: dict[str, Any] = {"render_modes": ["rgb_array"], "render_fps": 10}  # noqa: RUF012 - as in the base class

    def __init__(self, *, render_mode: str | None = None) -> None:
        self.render_mode = render_mode
        picture = spaces.Box(0, 255, (10, 20, 3), np.uint8)
        self.observation_space = spaces.Dict({"place": spaces.Box(-1, 1, (1,), np.float32), "eye": picture})
        self.action_space = spaces.Box(-1, 1, (1,), np.float32)
        self.place = 0.0

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        self.place = float(self.np_random.uniform(-1, 0))
        return self._seen(), {}

    def step(self, action: NDArray[np.float32]) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        assert self.action_space.contains(action)
        self.place = float(np.clip(self.place + 0.2 * action[0], -1, 1))
        done = self.place > 0.9
        return self._seen(), 0.0, done, False, {"is_success": done}

    def render(self) -> NDArray[np.uint8]:
        return np.asarray(self._seen()["eye"])

    def _seen(self) -> dict[str, NDArray[Any]]:
        eye = np.zeros((10, 20, 3), dtype=np.uint8)
        eye[:, int((self.place + 1) * 9.5)] = 255
        return {"place": np.array([self.place], dtype=np.float32), "eye": eye}


SPEC = GymWorldSpec(
    env="Line-v0",
    cameras=(GymCamera("front", "eye", 10, 20), GymCamera("side", "render", 8, 8)),
    rate_hz=10,
    options={"render_mode": "rgb_array"},
    state=("place",),
    action=(GymAction("dx", "m", 0.1),),
)


@pytest.fixture(autouse=True)
def line() -> Iterator[None]:
    gymnasium.register("Line-v0", entry_point=Line, max_episode_steps=50)
    yield
    del gymnasium.registry["Line-v0"]


class TestLine(WorldContract):
    def make_world(self) -> World:
        return GymWorld(SPEC)

    def make_task(self) -> Task:
        return TASK


def test_units_are_converted_at_the_border() -> None:
    world = GymWorld(SPEC)
    spec = world.embodiment.action
    assert (spec.names, spec.units) == (("dx",), ("m",))
    assert (spec.low[0], spec.high[0]) == pytest.approx((-0.1, 0.1))
    start = world.reset(TASK, seed=1).state[0]
    moved = world.step(np.array([0.05], dtype=np.float32)).observation.state[0]
    assert moved - start == pytest.approx(0.2 * 0.5)


def test_success_is_what_the_environment_says_and_then_nothing_moves() -> None:
    world = GymWorld(replace(SPEC, hold=2))
    world.reset(TASK, seed=1)
    right = np.array([0.1], dtype=np.float32)
    steps = [world.step(right) for _ in range(14)]
    first = next(index for index, step in enumerate(steps) if step.status.satisfied)
    assert not steps[first].status.held and steps[first + 1].status.held
    assert np.array_equal(steps[first].observation.state, steps[-1].observation.state)


def test_a_camera_may_be_the_environments_own_picture_at_any_size() -> None:
    images = GymWorld(SPEC).reset(TASK, seed=2).images
    assert images["front"].shape == (10, 20, 3) and images["side"].shape == (8, 8, 3)
    assert images["front"].max() == 255


@pytest.mark.parametrize(
    ("spec", "sentence"),
    [
        (replace(SPEC, env="Lime-v0"), "no Gymnasium environment 'Lime-v0'; did you mean 'Line-v0'"),
        (replace(SPEC, module="no_such_module"), "the module 'no_such_module' that registers Line-v0 is missing"),
        (replace(SPEC, state=("plaice",)), "no part of the observation 'plaice'; did you mean 'place'"),
        (replace(SPEC, action=(GymAction("a"), GymAction("b"))), "takes 1 action values; the file names 2"),
        (replace(SPEC, options={"size": 3}), "cannot be made with these options"),
    ],
)
def test_what_does_not_fit_is_one_sentence(spec: GymWorldSpec, sentence: str) -> None:
    with pytest.raises(SpecError, match=sentence):
        GymWorld(spec)


def test_a_camera_without_a_picture_is_refused() -> None:
    world = GymWorld(replace(SPEC, cameras=(GymCamera("front", "place"),)))
    with pytest.raises(SpecError, match="camera 'front' of Line-v0 gives float32"):
        world.reset(TASK, seed=0)


def test_panda_gym_runs_from_its_suite_file() -> None:
    pytest.importorskip("panda_gym")
    spec = load_suite("panda_gym").world
    assert spec is not None
    small = GymWorld(replace(spec, options={**spec.options, "render_width": 32, "render_height": 32}))
    suite, trials = prepare("panda_gym", episodes=1, seed=3, sample=no_family, check=no_check)
    assert suite.world == spec
    trial = replace(trials[0], task=replace(trials[0].task, max_steps=6))
    policy = RandomPolicy(small.embodiment)
    episode = attempt(small, policy, trial, execute=1)
    assert (episode.outcome, episode.steps) == (Outcome.TIMEOUT, 6)
    one, other, again = [small.reset(trial.task, seed=seed).images["front"] for seed in (4, 5, 4)]
    assert np.array_equal(one, again) and not np.array_equal(one, other)
    assert one.std() > 5
    small.close()


def no_family(name: str, seed: int) -> Task:
    raise AssertionError(name)


def no_check(task: Task, seed: int) -> None:
    raise AssertionError(task)
