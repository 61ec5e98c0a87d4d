"""Thinking ahead: in threads, in time that tests turn by hand, and both against each other."""

import threading
import time

import numpy as np
import pytest

from agent.doubles import PointSeer, PointWorld, point_task
from agent.errors import SpecError
from agent.robots.ahead import Ahead, ThreadThinker
from agent.robots.fake import ACTION, FakeRobot
from agent.robots.pace import Hours, Paced, TimedThinker
from agent.runtime import run_episode
from agent.types import ActionChunk, Control, Embodiment, FloatArray, Observation, Outcome, VectorSpec

BODY = FakeRobot().embodiment
NOTHING = Observation({}, np.zeros(14, dtype=np.float32), "wave", 0.0)
TICK = 0.2


class Numbered:
    """Row r of the chunk for look n: dx = n centimetres, dy = r millimetres; closed from look `closes_at` on."""

    embodiment: Embodiment = BODY

    def __init__(self, rows: int = 4, *, closes_at: int = 10**9) -> None:
        self.looks, self._rows, self._closes_at = 0, rows, closes_at

    def reset(self, *, seed: int) -> None:
        self.looks = 0

    def act(self, observation: Observation) -> ActionChunk:
        self.looks += 1
        rows = np.zeros((self._rows, 7), dtype=np.float32)
        rows[:, 0], rows[:, 1] = min(0.01 * self.looks, 0.04), 0.001 * np.arange(self._rows)
        rows[:, 6] = 1.0 if self.looks < self._closes_at else 0.0
        return ActionChunk(rows)


def ahead_by(latency: float, policy: Numbered, *, every: int = 2) -> tuple[Ahead, Hours]:
    hours = Hours()
    thinker = TimedThinker(policy, latency=latency, clock=hours.clock, sleep=hours.sleep)
    ahead = Ahead(thinker, every=every)
    ahead.reset(seed=0)
    return ahead, hours


def rows_of(ahead: Ahead, hours: Hours, ticks: int) -> FloatArray:
    rows = []
    for _ in range(ticks):
        rows.append(ahead.act(NOTHING).actions[0])
        hours.now += TICK
    return np.array(rows)


def test_without_latency_every_second_row_is_a_new_look_as_in_the_plain_loop() -> None:
    """With chunks as long as what is carried out nothing overlaps, and the rows are the plain loop's to the bit."""
    policy = Numbered(rows=2)
    ahead, hours = ahead_by(0.0, policy)
    rows = rows_of(ahead, hours, 6)
    plain = Numbered(rows=2)
    assert np.array_equal(rows, np.concatenate([plain.act(NOTHING).actions for _ in range(3)]))
    assert policy.looks == 3


@pytest.mark.parametrize(("latency", "past"), [(0.05, 1), (0.15, 1), (0.3, 2), (0.5, 3)])
def test_the_new_rows_lead_to_where_their_chunk_wanted_to_be(latency: float, past: int) -> None:
    """The look of tick 2 arrives `past` ticks later. Whatever was moved meanwhile, its chunk ends where it should."""
    ahead, hours = ahead_by(latency, Numbered())
    rows = rows_of(ahead, hours, 2 + past)
    assert rows[:2, :2] == pytest.approx(np.array([[0.01, 0.0], [0.01, 0.001]]))
    moved = rows[2:, :2].sum(axis=0)
    hours.now += 1e-6
    row = ahead.act(NOTHING).actions[0]
    plan = ahead._plan
    assert plan is not None
    whole = np.array([4 * 0.02, 0.001 * (0 + 1 + 2 + 3)])
    assert moved + row[:2] + plan[:, :2].sum(axis=0) == pytest.approx(whole, abs=1e-6)
    owed = min(past, 2) * 0.02 - moved[0]
    assert row[0] == pytest.approx(0.02 + owed, abs=1e-6), "what is owed is made good at once"


class Absolute(Numbered):
    """Joint targets: the whole row is the look's number in tenths."""

    def __init__(self) -> None:
        super().__init__()
        names = ("a", "gripper")
        spec = VectorSpec(names, ("rad", "1"), (-5.0, 0.0), (5.0, 1.0))
        self.embodiment = Embodiment("two", (), spec, spec, Control.JOINT_POSITION, 5.0)

    def act(self, observation: Observation) -> ActionChunk:
        self.looks += 1
        return ActionChunk(np.tile(np.array([0.1 * self.looks, 1.0], dtype=np.float32), (4, 1)))


def test_absolute_rows_take_over_little_by_little_and_are_repeated_when_there_are_none() -> None:
    ahead, hours = ahead_by(0.1, Absolute())
    rows = rows_of(ahead, hours, 4)
    assert rows[:, 0] == pytest.approx([0.1, 0.1, 0.1, 0.15]), "of the old chunk one row was left: half of each"
    ahead, hours = ahead_by(2.0, Absolute())
    rows = rows_of(ahead, hours, 8)
    assert rows[:, 0] == pytest.approx(0.1)
    assert ahead.held == 4


def test_what_exceeds_a_tick_is_left_to_the_next_one() -> None:
    ahead, _ = ahead_by(0.0, Numbered())
    rows = np.zeros((3, 7), dtype=np.float32)
    rows[:, 0], owed = 0.04, np.array([0.03, 0, 0, 0, 0, 0, 0], dtype=np.float32)
    led = ahead._led_over(rows, owed)
    assert led[:, 0] == pytest.approx([0.05, 0.05, 0.05]), "twelve centimetres and three owed"
    assert ACTION.problem(led[0]) is None


@pytest.mark.parametrize("latency", [0.1, 0.3, 0.5])
def test_the_gripper_is_switched_only_by_a_look_that_was_taken_standing(latency: float) -> None:
    policy = Numbered(closes_at=3)
    ahead, hours = ahead_by(latency, policy)
    rows = rows_of(ahead, hours, 24)
    closing = int(np.argmax(rows[:, 6] < 0.5))
    assert closing > 0
    thinking = int(np.ceil(latency / TICK))
    assert (rows[closing - thinking : closing, :6] == 0).all(), "it stood while that look was thought about"
    assert np.isin(rows[:, 6], (0.0, 1.0)).all(), "and is never half of each"
    assert (rows[closing:, 6] == 0).all()
    assert ahead.held == (rows[:, :6] == 0).all(axis=1).sum()


def test_the_first_look_is_waited_for_and_no_later_one() -> None:
    ahead, hours = ahead_by(0.3, Numbered())
    ahead.act(NOTHING)
    assert hours.now == pytest.approx(0.3)
    for _ in range(10):
        before = hours.now
        ahead.act(NOTHING)
        assert hours.now == before
        hours.now += TICK


def test_an_empty_plan_holds_and_what_was_thought_meanwhile_is_not_lost() -> None:
    """Two seconds of thinking against 0.8 s of rows: the arm stands, then goes on where it stands."""
    ahead, hours = ahead_by(2.0, Numbered())
    rows = rows_of(ahead, hours, 40)
    held = (rows[:, :6] == 0).all(axis=1)
    assert held[4:10].all() and not held.all()
    assert ahead.held == held.sum()
    assert rows[held][:3, 6] == pytest.approx(1.0), "the gripper stays as it was"
    assert (~held[12:]).any(), "it goes on later"


def test_threads_do_what_the_same_latency_in_simulated_time_does() -> None:
    """The thinking thread's rows are those of its twin without threads, which answers after as many ticks."""
    twin, hours = ahead_by(1.5 * TICK, Numbered())
    expected = rows_of(twin, hours, 12)
    policy = Gated(Numbered())
    thinker = ThreadThinker(policy)
    ahead = Ahead(thinker, every=2)
    ahead.reset(seed=0)
    policy.let_pass.set()
    rows, asked = [ahead.act(NOTHING).actions[0]], -1
    policy.let_pass.clear()
    for tick in range(1, 12):
        if asked >= 0 and tick == asked + 2:
            policy.let_pass.set()
            assert policy.passed.wait(20)
            while not thinker._thought.done():  # type: ignore[union-attr]
                time.sleep(0.001)
            policy.let_pass.clear()
            policy.passed.clear()
            asked = -1
        rows.append(ahead.act(NOTHING).actions[0])
        if asked < 0 and thinker._thought is not None:
            asked = tick
    policy.let_pass.set()
    ahead.close()
    assert np.array(rows) == pytest.approx(expected)


class Gated:
    """A policy whose every look waits until it is let pass."""

    embodiment: Embodiment = BODY

    def __init__(self, inner: Numbered) -> None:
        self._inner = inner
        self.let_pass, self.passed = threading.Event(), threading.Event()

    def reset(self, *, seed: int) -> None:
        self._inner.reset(seed=seed)

    def act(self, observation: Observation) -> ActionChunk:
        assert self.let_pass.wait(20)
        self.passed.set()
        return self._inner.act(observation)


def test_a_task_is_done_by_a_policy_that_thinks_ahead() -> None:
    """The seer of the dot, a tick or two behind, brings it home as it does without delay; n = 10 each."""
    for latency in (0.1, 0.3):
        done = 0
        for seed in range(10):
            hours = Hours()
            world = Paced(PointWorld(), clock=hours.clock, sleep=hours.sleep)
            seer = PointSeer(world.embodiment, rows=4)
            thinker = TimedThinker(seer, latency=latency, clock=hours.clock, sleep=hours.sleep)
            episode = run_episode(world, Ahead(thinker, every=2), point_task(seed), seed=seed, execute=1)
            assert hours.now == pytest.approx(latency + episode.steps * 0.2)
            done += episode.outcome is Outcome.SUCCESS
        assert done >= 9


def test_nonsense_is_refused() -> None:
    with pytest.raises(SpecError, match="every must be at least 1"):
        ahead_by(0.0, Numbered(), every=0)
