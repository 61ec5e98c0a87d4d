"""Several askers, one policy."""

import asyncio
import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future

import numpy as np
import pytest

from agent.errors import PolicyFault, Refusal
from agent.serving.batching import Answer, Batcher, _Job, _parts
from agent.types import ActionChunk, Embodiment, FloatArray, Observation
from tests.serving.bodies import LIBERO_BODY, STEP, Noting, Together, fixed


def look(value: float = 0.0, words: str = "go") -> Observation:
    return Observation({}, np.full(8, value, np.float32), words, 0.0)


def asked(policy: Noting, *looks: Observation) -> list[Answer | BaseException]:
    async def ask() -> list[Answer | BaseException]:
        batcher = Batcher(policy)
        answers = await asyncio.gather(*(batcher.act(each) for each in looks), return_exceptions=True)
        await batcher.close()
        return answers

    return asyncio.run(ask())


def test_who_waits_together_is_answered_together_each_with_its_own() -> None:
    policy = Together(LIBERO_BODY)
    answers = asked(policy, *(look(value) for value in (1, 2, 3)))
    assert policy.batches == [3]
    assert [answer.actions[0, 0] for answer in answers] == pytest.approx([0.01, 0.02, 0.03])


def test_together_gives_what_one_by_one_gives() -> None:
    looks = [look(value) for value in (0.5, 1.5, 2.5)]
    together = asked(Together(LIBERO_BODY), *looks)
    alone = [asked(Together(LIBERO_BODY), each)[0] for each in looks]
    for one, other in zip(together, alone, strict=True):
        np.testing.assert_array_equal(one.actions, other.actions)


def test_a_bad_observation_costs_its_sender_only() -> None:
    good, bad, other = asked(Together(LIBERO_BODY), look(1), look(2, "break"), look(3))
    assert isinstance(good, Answer)
    assert isinstance(other, Answer)
    assert isinstance(bad, PolicyFault)
    assert "RuntimeError" in str(bad)
    assert "tensor" not in str(bad)


def test_a_policy_without_act_batch_answers_in_turn() -> None:
    policy = Noting(LIBERO_BODY)
    answers = asked(policy, look(1), look(2))
    assert [seen.state[0] for seen in policy.seen] == [1, 2]
    assert [answer.together for answer in answers] == [1, 1]


def test_a_seed_resets_before_its_look_and_is_answered_alone() -> None:
    policy = Together(LIBERO_BODY)

    async def ask() -> None:
        batcher = Batcher(policy)
        await asyncio.gather(batcher.act(look(1)), batcher.act(look(2), seed=7), batcher.act(look(3)))
        await batcher.close()

    asyncio.run(ask())
    assert policy.seeds == [7]
    assert sorted(policy.batches) == [1, 1, 1]


def test_a_refusal_comes_through() -> None:
    (answer,) = asked(fixed(refusal="no such cup"), look())
    assert isinstance(answer, Refusal)
    assert str(answer) == "no such cup"


@pytest.mark.parametrize("rows", [STEP * 9, STEP[:0], np.full((1, 7), np.nan, np.float32), np.zeros((1, 3))])
def test_illegal_actions_leave_nobody(rows: FloatArray) -> None:
    (answer,) = asked(Noting(LIBERO_BODY, rows=rows), look())
    assert isinstance(answer, PolicyFault)


class Miscounting(Together):
    def act_batch(self, observations: Sequence[Observation]) -> list[ActionChunk]:
        return super().act_batch(observations)[:1]


def test_a_batch_with_an_answer_too_few_is_answered_one_by_one() -> None:
    answers = asked(Miscounting(LIBERO_BODY), look(1), look(2))
    assert [answer.actions[0, 0] for answer in answers] == pytest.approx([0.01, 0.02])


class Slow(Together):
    """40 ms a batch, however large, as a matrix multiplication that is bound by its weights."""

    def act_batch(self, observations: Sequence[Observation]) -> list[ActionChunk]:
        time.sleep(0.04)
        return super().act_batch(observations)


class Meeting(Together):
    """Every call waits until another one is under way: alone it would wait for ever."""

    def __init__(self, embodiment: Embodiment) -> None:
        super().__init__(embodiment)
        self._both = threading.Barrier(2, timeout=20)

    def act_batch(self, observations: Sequence[Observation]) -> list[ActionChunk]:
        self._both.wait()
        return super().act_batch(observations)


def test_lanes_answer_parts_of_a_batch_side_by_side() -> None:
    policy, before = Meeting(LIBERO_BODY), threading.active_count()

    async def ask() -> list[Answer]:
        batcher = Batcher(policy, lanes=2)
        answers = await asyncio.gather(*(batcher.act(look(value / 8)) for value in range(8)))
        await batcher.close()
        return answers

    answers = asyncio.run(ask())
    assert [answer.actions[0, 0] for answer in answers] == pytest.approx([value / 800 for value in range(8)])
    assert policy.batches == [4, 4]
    assert {answer.together for answer in answers} == {8}
    assert threading.active_count() == before


def test_a_bad_observation_costs_its_lane_only_a_second_look() -> None:
    policy = Together(LIBERO_BODY)

    async def ask() -> list[Answer | BaseException]:
        batcher = Batcher(policy, lanes=2)
        looks = [look(value / 8, "break" if value == 6 else "go") for value in range(8)]
        answers = await asyncio.gather(*(batcher.act(each) for each in looks), return_exceptions=True)
        await batcher.close()
        return answers

    answers = asyncio.run(ask())
    assert [isinstance(answer, Answer) for answer in answers] == [number != 6 for number in range(8)]
    assert sorted(policy.batches) == [1, 1, 1, 1, 4, 4]


@pytest.mark.parametrize(("count", "lanes", "sizes"), [(1, 2, [1]), (7, 2, [7]), (9, 2, [4, 5]), (16, 3, [5, 5, 6])])
def test_how_a_batch_is_dealt(count: int, lanes: int, sizes: list[int]) -> None:
    jobs = [_Job(look(), None, Future()) for _ in range(count)]  # type: ignore[arg-type]
    parts = _parts(jobs, lanes)
    assert [len(part) for part in parts] == sizes
    assert [job for part in parts for job in part] == jobs


def test_eight_askers_share_most_of_the_time_and_leave_no_thread() -> None:
    policy, before = Slow(LIBERO_BODY), threading.active_count()

    async def asker(batcher: Batcher, value: float) -> None:
        for _ in range(5):
            answer = await batcher.act(look(value))
            assert answer.actions[0, 0] == pytest.approx(value / 100)

    async def ask() -> None:
        batcher = Batcher(policy)
        await asyncio.gather(*(asker(batcher, value / 4) for value in range(8)))
        await batcher.close()

    asyncio.run(ask())
    # 40 looks: alone they would be 40 calls.
    assert sum(policy.batches) == 40
    assert len(policy.batches) <= 40 // 3
    assert threading.active_count() == before
