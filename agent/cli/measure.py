"""The figures of `aubergine bench`. Each is taken where nothing else disturbs it."""

import multiprocessing
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import partial
from hashlib import sha256
from statistics import median
from typing import TypeVar

import numpy as np
import psutil

from agent.cli import measure_loop, measure_serving
from agent.cli import stage as stages
from agent.cli.measure_eval import evaluation
from agent.cli.wrapped import Stopwatch
from agent.runtime import run_episode
from agent.types import CameraSpec, FloatArray, Observation, Step, Task

CAMERAS = (CameraSpec("front", 224, 224), CameraSpec("wrist", 84, 84))
"""The sizes that CALVIN renders."""
STEPS = 40
SUNK, DISPLACED = 0.003, 0.03
"""m; a thing that lies deeper in the table, or further from where it was put, has not settled."""
MEGABYTE = 1e6
Figures = dict[str, float | int | bool | str | None]
R = TypeVar("R")


class Clock:
    """Observer that notes when each step was over."""

    def __init__(self) -> None:
        self.times: list[float] = []

    def on_step(self, tick: int, before: Observation, step: Step) -> None:
        self.times.append(time.perf_counter())


class Digest:
    """Observer that hashes everything an episode shows."""

    def __init__(self) -> None:
        self._hash = sha256()

    def on_step(self, tick: int, before: Observation, step: Step) -> None:
        for seen in (before, step.observation):
            for name, image in sorted(seen.images.items()):
                self._hash.update(name.encode())
                self._hash.update(image.tobytes())
            self._hash.update(seen.state.tobytes())

    def hexdigest(self) -> str:
        return self._hash.hexdigest()


def measure(*, rounds: int, resets: int, safety: str | None, policy: str, say: Callable[[str], None]) -> Figures:
    """Return every figure by name; `say` is told what is being measured. safety: limits that worlds stand behind.

    policy: whose chunks are timed; what is served and what a loop waits for is the shipped one.
    """
    stages.safety_limits(safety)
    figures: Figures = {"cores": psutil.cpu_count(logical=False) or 1, "rounds": rounds}
    parts: tuple[tuple[str, Callable[[], Figures]], ...] = (
        ("control steps, ours and panda-gym's in turn", lambda: step_rates(rounds, safety)),
        ("what the safety filter takes", lambda: filter_cost(safety)),
        ("resets", reset_times),
        ("byte identity", lambda: identity(safety)),
        ("inverse kinematics", kinematics),
        (f"memory over {resets} resets", lambda: apart(memory, resets)),
        (f"whether {resets} random scenes settle", lambda: settling(resets)),
        (f"the latency of {policy}", lambda: latency(safety, policy)),
        ("the server's way there and back", measure_serving.round_trip),
        ("the shipped policy served to several at once", measure_serving.batching),
        ("the loop's jitter while a model thinks", measure_loop.jitter),
        ("the loop's pace with a slow model", measure_loop.real_time_factors),
        ("tasks done with a slow model", measure_loop.recovered),
        ("process start to first action", first_action),
        ("evaluation, serial and over processes", lambda: apart(partial(evaluation, safety=safety), 24)),
    )
    for title, part in parts:
        say(f"measuring {title} ...")
        figures.update(part())
    return figures


def bowl_task() -> Task:
    """Return the task that everything here is measured on, ended by nothing but its number of steps."""
    from sim.tasks import NAMED_TASKS

    return replace(NAMED_TASKS["eggplant_in_bowl"], max_steps=STEPS)


def step_rates(rounds: int, safety: str | None = None) -> Figures:
    """Return control steps a second with both cameras, ours and panda-gym's, measured in turn."""
    from policies.scripted import RandomPolicy

    world = stages.make_world(CAMERAS, safety=safety)
    policy, peer = RandomPolicy(world.embodiment), _peer_round()
    ours: list[float] = []
    theirs: list[float] = []
    for number in range(rounds):
        clock = Clock()
        run_episode(world, policy, bowl_task(), seed=number, execute=1, observers=(clock,))
        ours.append((len(clock.times) - 1) / (clock.times[-1] - clock.times[0]))
        if peer:
            theirs.append(peer())
    world.close()
    rate, peer_rate = median(ours), median(theirs) if theirs else None
    return {
        "control_steps_per_s": round(rate, 2),
        "panda_gym_steps_per_s": peer_rate and round(peer_rate, 2),
        "ratio_to_panda_gym": peer_rate and round(rate / peer_rate, 2),
    }


def _peer_round() -> Callable[[], float] | None:
    """Return a function that measures panda-gym once, or None when it is not installed.

    Same picture sizes, same software renderer, and 0.2 s of physics a step, in panda-gym's own time step.
    """
    try:
        from panda_gym.envs import PandaPickAndPlaceEnv
    except ImportError:
        return None
    from sim.quiet import silenced

    with silenced():
        env = PandaPickAndPlaceEnv(render_mode="rgb_array", renderer="Tiny")
    env.sim.n_substeps = round(0.2 / env.sim.timestep)
    generator = np.random.default_rng(0)

    def measure_once() -> float:
        env.reset(seed=0)
        began = time.perf_counter()
        for _ in range(STEPS // 2):
            env.step(generator.uniform(-1, 1, size=4).astype(np.float32))
            for camera in CAMERAS:
                env.sim.render(camera.width, camera.height)
        return (STEPS // 2) / (time.perf_counter() - began)

    return measure_once


def filter_cost(safety: str | None = None, episodes: int = 5) -> Figures:
    """Return what the safety filter takes of a step under random actions; nothing when it is off."""
    from policies.scripted import RandomPolicy
    from sim.guarded import GuardedTabletop, tabletop

    world = tabletop((), safety=safety)
    if not isinstance(world, GuardedTabletop):
        world.close()
        return {}
    permit, seconds = world.safety.permit, list[float]()

    def timed(action: FloatArray, state: FloatArray) -> FloatArray:
        began = time.perf_counter()
        permitted = permit(action, state)
        seconds.append(time.perf_counter() - began)
        return permitted

    # Shadowed on this one filter, so that what is timed is what every step calls.
    world.safety.permit = timed  # type: ignore[method-assign]
    for seed in range(episodes):
        run_episode(world, RandomPolicy(world.embodiment), bowl_task(), seed=seed, execute=1)
    world.close()
    p50, p95 = 1e3 * median(seconds), 1e3 * _quantile(seconds, 95)
    return {"safety_filter_ms_p50": round(p50, 3), "safety_filter_ms_p95": round(p95, 3)}


def reset_times(count: int = 30) -> Figures:
    """Return how long a new scene takes, its first pictures included."""
    from sim.world import TabletopWorld

    world, seconds = TabletopWorld(cameras=CAMERAS), []
    for seed in range(count):
        began = time.perf_counter()
        world.reset(bowl_task(), seed=seed)
        seconds.append(time.perf_counter() - began)
    world.close()
    return {"reset_ms": round(1e3 * median(seconds), 1), "reset_ms_p95": round(1e3 * _quantile(seconds, 95), 1)}


def digest(seed: int, *, safety: str | None = None) -> str:
    """Return a hash of every picture and state of one episode in a new world."""
    from policies.scripted import RandomPolicy

    world, watcher = stages.make_world(CAMERAS, safety=safety), Digest()
    run_episode(world, RandomPolicy(world.embodiment), bowl_task(), seed=seed, execute=1, observers=(watcher,))
    world.close()
    return watcher.hexdigest()


def identity(safety: str | None = None, seed: int = 5) -> Figures:
    """Say whether the same seed gives the same bytes after a rebuild, and in another process."""
    look = partial(digest, safety=safety)
    here, rebuilt, elsewhere = look(seed), look(seed), apart(look, seed)
    return {"identical_after_rebuild": here == rebuilt, "identical_in_other_process": here == elsewhere}


def kinematics(count: int = 1000) -> Figures:
    """Return the residual of the inverse kinematics over the workspace, from the resting posture."""
    from sim.commander import WORKSPACE_HIGH, WORKSPACE_LOW
    from sim.geometry import Pose, yaw_quaternion
    from sim.kinematics import REST, forward, inverse

    generator, residuals = np.random.default_rng(0), []
    for _ in range(count):
        x, y, z = (float(value) for value in generator.uniform(WORKSPACE_LOW, WORKSPACE_HIGH))
        target = Pose((x, y, z), yaw_quaternion(float(generator.uniform(-np.pi / 2, np.pi / 2))))
        reached = forward(inverse(target, REST).joints)
        residuals.append(float(np.linalg.norm(np.subtract(reached.position, target.position))))
    return {"ik_residual_mm_p95": round(1e3 * _quantile(residuals, 95), 4)}


def memory(resets: int) -> Figures:
    """Return the resident memory of this process with one world, and after many resets. Run it in a new process."""
    from sim.world import TabletopWorld

    process, world = psutil.Process(), TabletopWorld(cameras=CAMERAS)
    task = bowl_task()
    for seed in range(10):
        world.reset(task, seed=seed)
    early = process.memory_info().rss / MEGABYTE
    for seed in range(resets):
        world.reset(task, seed=seed)
    late = process.memory_info().rss / MEGABYTE
    world.close()
    return {"memory_mb": round(early, 1), "memory_mb_after_resets": round(late, 1), "resets": resets}


def settling(resets: int) -> Figures:
    """Return how many random scenes of every family stand still, where they were put, once they have been built."""
    from sim.goals import REST_SPEED
    from sim.tasks import FAMILIES
    from sim.world import TabletopWorld

    world, settled = TabletopWorld(cameras=(CameraSpec("front", 8, 8),)), 0
    families = list(FAMILIES)
    for seed in range(resets):
        world.reset(stages.sample(families[seed % len(families)], seed), seed=seed)
        state = world.state()
        settled += all(
            entity.speed < REST_SPEED
            and entity.low[2] > -SUNK
            and np.linalg.norm(np.subtract(entity.pose.position, world.scene[name].pose.position)) < DISPLACED
            for name, entity in state.entities.items()
        )
    world.close()
    return {"scenes_settled": settled, "scenes_reset": resets}


def latency(safety: str | None = None, policy: str = stages.DEFAULT_POLICY) -> Figures:
    """Return how long `policy` thinks about one chunk."""
    stage = stages.make_stage(policy, safety=safety)
    watch = Stopwatch(stage.policy)
    # The first look of all also warms caches up, which no later look pays.
    run_episode(stage.world, watch, bowl_task(), seed=0, execute=stage.execute)
    stage.world.close()
    seconds = watch.seconds[1:]
    return {
        "chunk_latency_ms_p50": round(1e3 * median(seconds), 1),
        "chunk_latency_ms_p95": round(1e3 * _quantile(seconds, 95), 1),
        "actions_per_look": stage.execute,
    }


def first_action() -> Figures:
    """Return the time from starting a process to the shipped policy's first action."""
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", "from agent.cli.measure import act_once; act_once()"], check=True)
    return {"start_to_first_action_s": round(time.perf_counter() - began, 2)}


def act_once() -> None:
    """Build everything, reset, act once."""
    stage = stages.make_stage()
    observation = stage.world.reset(bowl_task(), seed=0)
    stage.policy.reset(seed=0)
    stage.policy.act(observation)
    stage.world.close()


def apart(function: Callable[[int], R], argument: int) -> R:
    """Call `function(argument)` in a new process and return its result."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(function, argument).result()


def _quantile(values: list[float] | FloatArray, percent: float) -> float:
    return float(np.percentile(values, percent))
