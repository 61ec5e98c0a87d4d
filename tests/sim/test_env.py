"""The Gymnasium environments: the checker is content, vectors work, and what is wrong is refused."""

import subprocess
import sys
import warnings
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

import sim  # noqa: F401 - registers the ids
from agent.errors import SpecError
from agent.types import (
    CameraSpec,
    Control,
    Embodiment,
    FloatArray,
    ImageArray,
    Observation,
    Status,
    Step,
    Task,
    VectorSpec,
)
from sim.env import TRAINING_SEEDS, TabletopEnv
from sim.instruction_space import CHARACTERS
from sim.registration import env_ids, register_environments
from sim.tasks import NAMED_TASKS, sample_task

ACTION = VectorSpec(("dx", "gripper"), ("m", "1"), (-0.05, 0.0), (0.05, 1.0))
STATE = VectorSpec(("x", "gripper"), ("m", "1"), (0.0, 0.0), (1.0, 1.0))
BODY = Embodiment(
    "double", (CameraSpec("front", 8, 8), CameraSpec("wrist", 4, 6)), STATE, ACTION, Control.EE_DELTA, 5.0
)


class Photo:
    def __init__(self, rgb: ImageArray) -> None:
        self.rgb = rgb


class DoubleWorld:
    """A World without physics: x grows by dx, and the goal holds when x reaches 0.6."""

    embodiment = BODY

    def __init__(self) -> None:
        self.seeds: list[int] = []
        self.closed = 0

    def reset(self, task: Task, *, seed: int) -> Observation:
        self.seeds.append(seed)
        self._task, self._x, self._rng = task, 0.5, np.random.default_rng(seed)
        return self._observe()

    def step(self, action: FloatArray) -> Step:
        self._x += float(action[0])
        done = self._x >= 0.6
        return Step(self._observe(), action, Status(satisfied=done, held=done, wrong_object="egg" if done else None))

    def render(self, camera: str, height: int, width: int) -> Photo:
        assert camera == "front"
        return Photo(np.full((height, width, 3), 7, dtype=np.uint8))

    def close(self) -> None:
        self.closed += 1

    def _observe(self) -> Observation:
        images = {c.name: self._rng.integers(0, 256, (c.height, c.width, 3), np.uint8) for c in BODY.cameras}
        # A joint may pass its limit by a hair; the space must hold what is seen all the same.
        return Observation(images, np.array([self._x, 1.0001], np.float32), self._task.instruction, 0.0)


def double(task: str = "put_in", **settings: Any) -> TabletopEnv:
    return TabletopEnv(task, world_factory=DoubleWorld, **settings)


@pytest.mark.parametrize("env_id", env_ids())
def test_the_checker_has_nothing_to_say(env_id: str) -> None:
    env = gymnasium.make(env_id, render_mode="rgb_array")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_env(env.unwrapped)


def test_a_named_task_is_the_same_scene_as_everywhere_else() -> None:
    from sim.world import TabletopWorld

    env = gymnasium.make("aubergine/EggplantInBowl-v0")
    observation, info = env.reset(seed=7)
    world = TabletopWorld()
    reference = world.reset(NAMED_TASKS["eggplant_in_bowl"], seed=7)
    assert observation["instruction"] == "put the eggplant in the bowl"
    assert info["seed"] == 7
    for camera in ("front", "wrist"):
        assert np.array_equal(observation[camera], reference.images[camera])
    env.close()
    world.close()


@pytest.mark.parametrize("mode", ["sync", "async"])
def test_vectors_agree_with_single_environments(mode: str) -> None:
    envs = gymnasium.make_vec("aubergine/PutOn-v0", 2, mode, world_factory=DoubleWorld)
    observations, infos = envs.reset(seed=[11, 12])
    actions = np.tile(np.array([0.05, 1.0], np.float32), (2, 1))
    stepped, rewards, terminated, _, _ = envs.step(actions)
    for index, seed in enumerate((11, 12)):
        env = double("put_on")
        alone, info = env.reset(seed=seed)
        assert observations["instruction"][index] == alone["instruction"]
        assert np.array_equal(observations["front"][index], alone["front"])
        assert infos["seed"][index] == info["seed"]
        after, *_ = env.step(actions[index])
        assert stepped["instruction"][index] == after["instruction"]
        assert np.array_equal(stepped["wrist"][index], after["wrist"])
    assert observations["instruction"][0] != observations["instruction"][1]
    assert isinstance(observations["instruction"], tuple)
    assert observations in envs.observation_space
    assert rewards.tolist() == [0.0, 0.0]
    assert not terminated.any()
    envs.close()


def test_async_vectors_hand_out_the_new_instruction_after_an_episode() -> None:
    """What was handed out before stays as it was, also without copies of the pictures."""
    envs = gymnasium.make_vec("aubergine/PutOn-v0", 1, "async", world_factory=DoubleWorld)
    first = envs.reset(seed=1)[0]["instruction"]
    forward = np.array([[0.05, 1.0]], np.float32)
    texts = [envs.step(forward)[0]["instruction"] for _ in range(4)]
    assert first == texts[0]
    assert texts[-1] != first
    assert all(text[0].strip() for text in texts)
    envs.close()
    uncopied = gymnasium.make_vec(
        "aubergine/PutOn-v0", 2, "async", world_factory=DoubleWorld, vector_kwargs={"copy": False}
    )
    live = uncopied.reset(seed=1)[0]["instruction"]
    assert (len(live), live[0], next(iter(live)), live[0:1]) == (2, first[0], first[0], first)
    uncopied.close()


def test_async_vectors_of_real_worlds() -> None:
    envs = gymnasium.make_vec("aubergine/Lift-v0", 2, "async")
    observations, _ = envs.reset(seed=3)
    again, _ = envs.reset(seed=3)
    assert observations["front"].shape == (2, 128, 128, 3)
    assert np.array_equal(observations["front"], again["front"])
    envs.close()


def test_reward_and_end_come_with_the_held_goal() -> None:
    env = double()
    env.reset(seed=0)
    forward = np.array([0.05, 0.0], np.float32)
    observation, reward, terminated, truncated, info = env.step(forward)
    assert (reward, terminated, truncated, info["success"], info["wrong_object"]) == (0.0, False, False, False, "")
    assert observation in env.observation_space
    _, reward, terminated, truncated, info = env.step(forward + np.array([1e-6, 0], np.float32))
    assert (reward, terminated, truncated, info["success"], info["wrong_object"]) == (1.0, True, False, True, "egg")


def test_it_stops_after_the_tasks_own_steps() -> None:
    env = double("push")
    env.reset(seed=0)
    still = np.zeros(2, np.float32)
    ends = [env.step(still)[3] for _ in range(70)]
    assert ends == [False] * 69 + [True]


def test_the_instruction_can_be_given() -> None:
    env = double("lift")
    observation, info = env.reset(seed=1, options={"instruction": "Could you push the egg left?"})
    assert observation["instruction"] == "Could you push the egg left?"
    assert info["task"] == "push"
    assert observation in env.observation_space
    for wrong, message in (
        ({"instruction": ""}, "the instruction is empty"),
        ({"instruction": "put the unicorn in the bowl"}, "no object 'unicorn'"),
        ({"instruction": "nimm die Aubergine, möglichst bald"}, "printable ASCII"),
        ({"instruction": "x" * 300}, "at most 256 characters"),
        ({"instrukshun": "dance"}, "no reset option 'instrukshun'; did you mean 'instruction'"),
    ):
        with pytest.raises(SpecError, match=message):
            env.reset(options=wrong)


def test_scenes_without_a_seed_are_training_scenes() -> None:
    env = double()
    seeds = [env.reset(seed=5)[1]["seed"], *(env.reset()[1]["seed"] for _ in range(20))]
    assert seeds[0] == 5
    assert all(TRAINING_SEEDS[0] <= seed < TRAINING_SEEDS[1] for seed in seeds[1:])
    assert len(set(seeds)) == 21


def test_a_crowded_table_is_drawn_again() -> None:
    class Crowded(DoubleWorld):
        tries = 0

        def reset(self, task: Task, *, seed: int) -> Observation:
            Crowded.tries += 1
            if Crowded.tries < 3:
                raise SpecError("no room on the table")
            return super().reset(task, seed=seed)

    env = TabletopEnv("stack", world_factory=Crowded)
    env.reset(seed=0)
    assert Crowded.tries == 3
    Crowded.tries = -10
    with pytest.raises(SpecError, match="no room"):
        env.reset(seed=0)


@pytest.mark.parametrize("action", [[0.06, 0.0], [np.nan, 0.0], [0.0]])
def test_illegal_actions_never_reach_the_world(action: list[float]) -> None:
    env = double()
    env.reset(seed=0)
    with pytest.raises(ValueError, match="this action is not legal"):
        env.step(np.array(action, np.float32))


def test_step_before_reset_and_unknown_names_are_refused() -> None:
    with pytest.raises(gymnasium.error.ResetNeeded):
        double().step(np.zeros(2, np.float32))
    with pytest.raises(SpecError, match="no task 'putin'; did you mean 'put_in'"):
        double("putin")
    with pytest.raises(SpecError, match="no render mode 'human'"):
        double(render_mode="human")


def test_rendering() -> None:
    assert double().render() is None
    env = double(render_mode="rgb_array", render_size=(20, 30))
    env.reset(seed=0)
    picture = env.render()
    assert picture is not None
    assert (picture.shape, picture.dtype, int(picture[0, 0, 0])) == ((20, 30, 3), np.uint8, 7)


def test_every_instruction_fits_the_text_space() -> None:
    space = double().observation_space["instruction"]  # type: ignore[index]
    rng = np.random.default_rng(0)
    for family in ("put_beside", "move_to_region", "take_out"):
        for phrasing in ("seen", "held_out"):
            for _ in range(100):
                assert space.contains(sample_task(family, rng, phrasing=phrasing).instruction)
    assert list(CHARACTERS) == sorted(CHARACTERS)


def test_registering_twice_changes_nothing() -> None:
    before = dict(gymnasium.registry)
    register_environments()
    assert gymnasium.registry == before
    assert len(env_ids()) == 14


@pytest.mark.parametrize("module", ["sim", "sim.grammar", "sim.tasks", "sim.chains", "sim.env"])
def test_no_engine_is_loaded_before_a_world_is_made(module: str) -> None:
    code = f"import sys, {module}; sys.exit(any(name in sys.modules for name in ('pybullet', 'torch')))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
