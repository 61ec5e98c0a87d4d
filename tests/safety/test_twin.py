"""The filter against its slow twin: what it sends must be the same, whatever is asked for."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from agent.safety.config import SafetyConfig
from agent.safety.filter import SafetyFilter
from agent.settings import load_settings
from agent.types import FloatArray
from sim.body_model import PandaBody
from sim.commander import ACTION
from sim.geometry import Pose
from sim.guarded import SAFETY
from sim.kinematics import HIGH, LOW, REST, forward, inverse, tool_matrix_and_jacobian
from sim.world import tabletop_embodiment
from tests.safety import plain
from tests.safety.adversarial import MARGIN, TABLE, draw_zones

SHIPPED = load_settings(SAFETY, SafetyConfig)
BODY = tabletop_embodiment(())
TICKS = 40


def state_at(joints: FloatArray, opening: float) -> FloatArray:
    return np.array([*forward(joints).position, 0, 0, 0, opening, *joints], dtype=np.float32)


def drawn_limits(rng: np.random.Generator) -> SafetyConfig:
    """The shipped limits among zones that are clear of the resting arm and of what it may hold."""
    while True:
        zones = draw_zones(rng, np.array(forward(REST).position))
        limits = SafetyConfig(limits=SHIPPED.limits, keep_out=replace(zones, planes=(*zones.planes, TABLE)))
        safety = SafetyFilter(limits, BODY, PandaBody())
        safety.begin(state_at(REST, 0.0))
        if safety.clearance(state_at(REST, 0.0)) > 2 * MARGIN:
            return limits


def noise(rng: np.random.Generator) -> Iterator[FloatArray]:
    while True:
        yield rng.uniform(ACTION.low_array, ACTION.high_array).astype(np.float32)


def corners(rng: np.random.Generator) -> Iterator[FloatArray]:
    """The same corner of the bounds for eight ticks: into joint limits, out of reach and through zones."""
    while True:
        yield from [np.where(rng.random(7) < 0.5, ACTION.low_array, ACTION.high_array)] * 8


@pytest.mark.parametrize("kind", ["random", "noise", "corners"])
def test_it_sends_what_its_slow_twin_sends(kind: str) -> None:
    """A body that goes nearly where it is told, now and then somewhere else, as one that has met something."""
    changed = 0
    for seed in range(20):
        rng = np.random.default_rng([seed, 11])
        limits = SHIPPED if kind == "random" else drawn_limits(rng)
        fast = SafetyFilter(limits, BODY, PandaBody())
        slow = plain.PlainFilter(limits, BODY, plain.PlainBody())
        state = state_at(REST, 1.0)
        fast.begin(state)
        slow.begin(state)
        actions = corners(rng) if kind == "corners" else noise(rng)
        for tick in range(TICKS):
            asked = next(actions)
            sent, wanted = fast.permit(asked, state), slow.permit(asked, state)
            np.testing.assert_allclose(sent, wanted, atol=1e-6, err_msg=f"{kind}, seed {seed}, tick {tick}")
            changed += bool(np.abs(sent - asked).max() > 1e-6)
            fast.accept(sent)
            slow.accept(sent)
            astray = rng.normal(scale=0.02 if tick % 10 == 9 else 0.001, size=7)
            state = state_at(fast._body._joints + astray, float(sent[6]))
        assert fast.journal.counts == slow.journal.counts
    assert changed > (20 if kind == "random" else 200)


def test_the_inverse_is_its_slow_twins_to_the_last_digits() -> None:
    rng, reached = np.random.default_rng(3), 0
    for _ in range(150):
        start = rng.uniform(LOW, HIGH)
        pose = forward(np.clip(start + rng.normal(scale=0.15, size=7), LOW, HIGH))
        target = Pose((pose.position[0] + float(rng.random() < 0.1), *pose.position[1:]), pose.quaternion)
        found, (joints, converged) = inverse(target, start), plain.inverse(target, start)
        assert found.converged == converged
        reached += converged
        if converged:
            np.testing.assert_allclose(found.joints, joints, atol=1e-8)
    assert 75 < reached < 150


def test_the_jacobian_is_its_slow_twins() -> None:
    for joints in np.random.default_rng(5).uniform(LOW, HIGH, size=(100, 7)):
        for fast, slow in zip(tool_matrix_and_jacobian(joints), plain.tool_and_jacobian(joints), strict=True):
            np.testing.assert_allclose(fast, slow, atol=1e-12)


def test_the_balls_are_where_the_slow_twin_places_them() -> None:
    postures = np.random.default_rng(6).uniform(LOW, HIGH, size=(30, 7))
    fast, slow = PandaBody().motion(postures), plain.PlainBody().motion(postures)
    assert fast.centres.shape == (30, len(fast.links), 3)
    np.testing.assert_allclose(fast.tool, slow.tool, atol=1e-12)
    np.testing.assert_allclose(fast.centres, slow.centres, atol=1e-12)
