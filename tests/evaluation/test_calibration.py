"""Confidence against success: figures by hand and by a slow twin, a policy that knows itself, and one that boasts."""

import itertools
import math
from pathlib import Path

import numpy as np
import pytest

from agent.cli.wrapped import Rated
from agent.doubles import FixedPolicy, Gambler, PointSeer, PointWorld
from agent.evaluation.calibration import calibrate, calibration
from agent.evaluation.calibration_section import NONE_GIVEN
from agent.evaluation.play import BoothJob, PoolPlayer, SerialPlayer, Served, play_one
from agent.evaluation.records import load_run
from agent.evaluation.report import page
from agent.evaluation.run import Played, Report
from agent.evaluation.session import evaluate
from agent.evaluation.store import RunStore
from agent.evaluation.suite import Trial
from agent.ports import Policy, World
from agent.types import ActionChunk, Outcome
from tests.evaluation import point
from tests.evaluation.point import CONDITIONS, make_world, trials
from tests.evaluation.runs import line, write_run


def rated(policy: Policy, count: int, *, world: World | None = None) -> list[tuple[float | None, bool]]:
    table = world or make_world()
    episodes = [play_one(table, policy, trial, execute=2)[0] for trial in trials(count)]
    return [(episode.confidence, episode.outcome is Outcome.SUCCESS) for episode in episodes]


def test_the_figures_are_those_computed_by_hand() -> None:
    found = calibrate([(0.1, False), (0.2, True), (0.85, True), (0.95, True), (None, True)], bins=2)
    assert [(each.episodes, each.successes) for each in found.bins] == [(2, 1), (2, 2)]
    assert [each.confidence for each in found.bins] == pytest.approx([0.15, 0.9])
    assert found.ece == pytest.approx((2 * 0.35 + 2 * 0.1) / 4)
    assert found.brier == pytest.approx((0.01 + 0.64 + 0.0225 + 0.0025) / 4)
    assert (found.base_brier, found.silent, found.episodes) == (pytest.approx(0.75 * 0.25), 1, 4)


@pytest.mark.parametrize("seed", range(5))
def test_bins_agree_with_a_slow_twin(seed: int) -> None:
    generator = np.random.default_rng(seed)
    sure = np.round(generator.uniform(size=200), 2)
    good = generator.uniform(size=200) < sure**2
    found = calibrate(zip(sure.tolist(), good.tolist(), strict=True))
    edges = [number / 10 for number in range(11)]
    wanted, error = [], 0.0
    for low, high in itertools.pairwise(edges):
        inside = [i for i in range(200) if low <= sure[i] < high or (high == 1.0 and sure[i] == 1.0)]
        if inside:
            gap = abs(np.mean([good[i] for i in inside]) - np.mean([sure[i] for i in inside]))
            error += gap * len(inside) / 200
            wanted.append((low, len(inside)))
    assert [(each.low, each.episodes) for each in found.bins] == wanted
    assert found.ece == pytest.approx(error)
    assert found.brier == pytest.approx(float(np.mean((good - sure) ** 2)))


def test_a_policy_that_knows_itself_is_calibrated_and_one_that_boasts_is_not() -> None:
    body = make_world().embodiment
    honest, boaster = (calibrate(rated(Gambler(body, boast=boast), 150), bins=5) for boast in (0.0, 0.4))
    # By chance alone five bins of thirty differ by some 0.07 from the diagonal.
    assert honest.ece < 0.15 < 0.2 < boaster.ece
    assert honest.brier < honest.base_brier
    assert boaster.brier > honest.brier


def test_a_wrapper_lends_a_silent_policy_a_confidence() -> None:
    body = make_world().embodiment
    assert [sure for sure, _ in rated(PointSeer(body), 2)] == [None, None]
    lent = Rated(PointSeer(body), lambda look, chunk: 0.9 if look.time == 0.0 else 0.5)
    (episode, _) = play_one(make_world(), lent, trials(1)[0], execute=2)
    looks = math.ceil(episode.steps / 2)
    assert episode.confidence == pytest.approx((0.9 + 0.5 * (looks - 1)) / looks)


@pytest.mark.parametrize("sure", [1.2, -0.1, float("nan")])
def test_a_confidence_that_is_no_probability_is_the_policys_fault(sure: float) -> None:
    policy = Rated(FixedPolicy(make_world().embodiment, point.still()), lambda look, chunk: sure)
    episode, _ = play_one(PointWorld(cameras=point.CAMERAS), policy, trials(1)[0], execute=1)
    assert episode.outcome is Outcome.FAILURE
    assert "confidence must be a number from 0 to 1" in episode.detail


def test_a_chain_weighs_its_links_by_their_steps() -> None:
    first, second = (trial.task for trial in trials(2))
    sure = {first.instruction: 0.2, second.instruction: 0.8}
    policy = Rated(PointSeer(make_world().embodiment), lambda look, chunk: sure[look.instruction])
    assert first.instruction != second.instruction
    world = Continuing(cameras=point.CAMERAS)
    alone, _ = play_one(world, policy, Trial("one", first, 10), execute=1)
    both, _ = play_one(world, policy, Trial("two", first, 10, then=(second,)), execute=1)
    rest = both.steps - alone.steps
    assert rest > 0
    assert both.confidence == pytest.approx((0.2 * alone.steps + 0.8 * rest) / both.steps)


class Continuing(PointWorld):
    """The dot goes on to another square without a reset."""

    def assign(self, task):  # type: ignore[no-untyped-def]
        self._task, self._tick, self._ticks_satisfied, self._reached = task, 0, 0, False
        return self._observe()


class Sure(PointSeer):
    """A batch policy that is the surer the nearer it stands."""

    def _act(self, observation):  # type: ignore[no-untyped-def]
        return ActionChunk(super()._act(observation).actions, confidence=float(1 - observation.state[2]))


def make_sure() -> tuple[World, Policy]:
    world = make_world()
    return world, Sure(world.embodiment)


def test_confidence_goes_the_whole_way_from_a_served_policy_to_the_page(tmp_path: Path) -> None:
    dealt = trials(4)
    job = BoothJob(make_sure, tuple(dealt), execute=2)
    with SerialPlayer(job) as player:
        serial = {ended.index: ended.episode.confidence for ended in player.play(range(4))}
    assert all(sure is not None and 0 < sure < 1 for sure in serial.values())
    with RunStore(tmp_path / "run.db") as store:
        pool = PoolPlayer(job, workers=2, served=Served(make_world, Sure(make_world().embodiment)))
        played = list(evaluate(dealt, CONDITIONS, store, pool))
    with RunStore(tmp_path / "run.db") as store:
        again = list(evaluate(dealt, CONDITIONS, store, SerialPlayer(job)))
    assert {dealt.index(each.trial): each.episode.confidence for each in again} == serial
    assert not any(each.fresh for each in again)
    report = Report("points", "sure", 10, 2, tuple(played), True)
    report.write(tmp_path)
    mapping = report.as_mapping()["calibration"]
    assert isinstance(mapping, dict) and mapping["episodes"] == 4
    run = load_run(tmp_path)
    assert calibration(run.records).brier == pytest.approx(mapping["brier"], abs=1e-4)
    text = page(run)
    assert "n = 4" in text and f"ECE {mapping['ece']:.3f}" in text and "success by confidence" in text


def test_the_page_of_a_policy_without_confidence_says_so(tmp_path: Path) -> None:
    silent = load_run(write_run(tmp_path / "silent", [line("cube", seed) for seed in range(3)]))
    assert NONE_GIVEN in page(silent)
    mixed = [line("cube", 0, confidence=0.7), line("cube", 1), line("cube", 2, "error", confidence=0.9)]
    text = page(load_run(write_run(tmp_path / "mixed", mixed)))
    assert "n = 1; 1 episodes without confidence are left out" in text
    assert NONE_GIVEN not in text


def test_a_run_without_any_episode_that_counts_has_no_figures() -> None:
    found = calibrate([])
    assert (found.bins, found.as_mapping()) == ((), None)
    assert math.isnan(found.ece)
    report = Report("points", "sure", 0, 1, (Played(trials(1)[0], _error()),), True)
    assert report.as_mapping()["calibration"] is None


def _error():  # type: ignore[no-untyped-def]
    from agent.evaluation.play import lost

    return lost(0, trials(1)[0], "gone").episode
