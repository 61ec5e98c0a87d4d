"""The figures of `aubergine bench` about the control loop: its jitter, and what a slow model costs it."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from agent.cli import stage as stages
from agent.ports import Policy, RobotDriver, World
from agent.robots.ahead import Ahead, ThreadThinker, quick_to_switch
from agent.robots.eye import EyeSettings
from agent.robots.fake import FakeConfig, FakeRobot
from agent.robots.pace import Hours, Paced, Slow, TimedThinker
from agent.robots.world import RobotWorld
from agent.runtime import run_episode
from agent.types import ActionChunk, Embodiment, FloatArray, Observation, Outcome, Reading, Task
from agent.wrapping import PolicyWrapper

Figures = dict[str, float | int | bool | str | None]
LATENCIES = (0.05, 0.1, 0.3)
"""What is added to the model's own thinking [s]."""
WORDS = "put the eggplant in the bowl"
LIMIT_TICKS = 60
"""As many as `aubergine drive` gives a task: 12 s at 5 Hz."""
LIMITS = (6, 12)
"""Seconds within which a task counts: hardly more than it takes, and what `aubergine drive` gives it."""


class Made(Protocol):
    """What is used of `agent.cli.stage.Stage`."""

    @property
    def world(self) -> World: ...

    @property
    def policy(self) -> Policy: ...

    @property
    def execute(self) -> int: ...


class Stamped:
    """A driver that notes when it was sent something: `at`, by the monotonic clock [s]."""

    def __init__(self, inner: RobotDriver) -> None:
        self._inner = inner
        self.at: list[float] = []

    @property
    def embodiment(self) -> Embodiment:
        return self._inner.embodiment

    def connect(self) -> None:
        self._inner.connect()

    def read(self) -> Reading:
        return self._inner.read()

    def send(self, action: FloatArray) -> FloatArray:
        self.at.append(time.monotonic())
        return self._inner.send(action)

    def stop(self) -> None:
        self._inner.stop()

    def disconnect(self) -> None:
        self._inner.disconnect()


class Midway(PolicyWrapper):
    """Shows every look as one in the middle of an episode: nothing that the fake robot's pictures lack is refused."""

    def act(self, observation: Observation) -> ActionChunk:
        return self._inner.act(replace(observation, time=observation.time + 1.0))


class Busy(PolicyWrapper):
    """A Policy that thinks again and again until `seconds` are over: a big model's work, not only its delay."""

    def __init__(self, inner: Policy, seconds: float) -> None:
        super().__init__(inner)
        self._seconds = seconds
        self.thought = 0.0

    def act(self, observation: Observation) -> ActionChunk:
        began = time.monotonic()
        chunk = self._inner.act(observation)
        while time.monotonic() - began < self._seconds:
            chunk = self._inner.act(observation)
        self.thought += time.monotonic() - began
        return chunk


def fake_loop(policy: Policy, *, ticks: int, execute: int) -> list[float]:
    """Let `policy` drive the fake robot at its own rate for so many ticks; return when each command was sent [s]."""
    body = policy.embodiment
    cameras = tuple(EyeSettings(camera.name, camera.height, camera.width) for camera in body.cameras)
    driver = Stamped(FakeRobot(FakeConfig(cameras=cameras, rate_hz=body.rate_hz)))
    world = RobotWorld(driver)
    run_episode(world, policy, Task("loop", WORDS, None, ticks), seed=0, execute=execute)
    world.close()
    return driver.at


def jitter(policy: str = stages.DEFAULT_POLICY, *, ticks: int = 200) -> Figures:
    """Return by how much the time between two commands misses the tick, while the model works without a pause.

    The fake robot, in real time; the model thinks in another thread for one tick and a half per look.
    """
    model = Midway(stages.learned(policy)[0])
    period = 1 / model.embodiment.rate_hz
    busy = Busy(model, 1.5 * period)
    ahead = Ahead(ThreadThinker(busy), every=1)
    with quick_to_switch():
        sent = np.array(fake_loop(ahead, ticks=ticks, execute=Ahead.execute))
    ahead.close()
    missed = np.abs(np.diff(sent) - period)
    return {
        "loop_jitter_ms_p50": round(1e3 * float(np.percentile(missed, 50)), 2),
        "loop_jitter_ms_p99": round(1e3 * float(np.percentile(missed, 99)), 2),
        "loop_jitter_ms_max": round(1e3 * float(missed.max()), 2),
        "loop_jitter_ticks": ticks,
        "loop_thinking_share": round(busy.thought / float(sent[-1] - sent[0]), 2),
    }


def real_time_factors(policy: str = stages.DEFAULT_POLICY, *, ticks: int = 24) -> Figures:
    """Return how much of its rate the loop keeps with a model slowed down, waiting for it and thinking ahead.

    The fake robot, in real time; 1 is every tick in time. The wait for the first look of all is not counted.
    """
    learned, execute = stages.learned(policy)
    model = Midway(learned)
    figures: Figures = {}
    for latency in LATENCIES:
        for name in ("waiting", "ahead"):
            slow = Slow(model, latency)
            ahead = Ahead(ThreadThinker(slow), every=execute)
            chosen, rows = (slow, execute) if name == "waiting" else (ahead, Ahead.execute)
            with quick_to_switch():
                sent = fake_loop(chosen, ticks=ticks, execute=rows)
            ahead.close()
            factor = (len(sent) - 1) / model.embodiment.rate_hz / (sent[-1] - sent[0])
            figures[f"loop_real_time_factor_{_ms(latency)}_{name}"] = round(factor, 3)
    return figures


@dataclass(frozen=True)
class Try:
    """One episode: done, after how many ticks and seconds of the robot's time."""

    done: bool
    ticks: int
    seconds: float

    def within(self, seconds: float) -> bool:
        return self.done and self.seconds < seconds + 1e-6


def attempts(make: Callable[[], Made], task: Task, *, latency: float, ahead: bool, seeds: range) -> list[Try]:
    """Let the policy try `task` once a seed with `latency` seconds added to every look, in simulated time.

    Waiting, the arm stands still while the model thinks; ahead, it carries out what was planned before.
    """
    made, tries = make(), []
    for seed in seeds:
        hours = Hours()
        world = Paced(made.world, clock=hours.clock, sleep=hours.sleep)
        slow: Policy = Slow(made.policy, latency, sleep=hours.sleep)
        thinker = TimedThinker(made.policy, latency=latency, clock=hours.clock, sleep=hours.sleep)
        policy, execute = (Ahead(thinker, every=made.execute), 1) if ahead else (slow, made.execute)
        episode = run_episode(world, policy, task, seed=seed, execute=execute)
        tries.append(Try(episode.outcome is Outcome.SUCCESS, episode.steps, hours.now))
    made.world.close()
    return tries


def recovered(
    make: Callable[[], Made] = stages.make_stage,
    *,
    task: Task | None = None,
    limits: tuple[int, ...] = LIMITS,
    episodes: int = 10,
    first: int = 0,
) -> Figures:
    """Return how often the task is done in time with a slow model, in both ways, for each of the `limits` [s].

    The first look is not counted in. recovered: of the successes that waiting loses against no latency, the share that
    thinking ahead brings back, negative when it loses more; None where nothing was lost.
    """
    asked = task or stages.task_for(WORDS, max_steps=LIMIT_TICKS)
    seeds = range(first, first + episodes)
    prompt = attempts(make, asked, latency=0.0, ahead=False, seeds=seeds)
    figures: Figures = {"loop_episodes": episodes}
    for latency in LATENCIES:
        waiting = attempts(make, asked, latency=latency, ahead=False, seeds=seeds)
        ahead = attempts(make, asked, latency=latency, ahead=True, seeds=seeds)
        for limit in limits:
            at_best = sum(each.within(limit) for each in prompt)
            waited, thought = (sum(each.within(limit + latency) for each in tries) for tries in (waiting, ahead))
            where = f"in_{limit}s_{_ms(latency)}"
            figures[f"loop_done_in_{limit}s_0ms"] = at_best
            figures[f"loop_done_{where}_waiting"], figures[f"loop_done_{where}_ahead"] = waited, thought
            lost = at_best - waited
            figures[f"loop_recovered_{where}"] = round((thought - waited) / lost, 2) if lost > 0 else None
    return figures


def _ms(latency: float) -> str:
    return f"{1e3 * latency:.0f}ms"
