"""What the policy says of itself is what it computed."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from agent.ports import Explains
from agent.types import Embodiment
from policies.checkpoint import load_policy
from policies.explain import planned_path
from policies.scripted import HoldPolicy
from tests.policies.toy import TOY, observation, scene


def test_an_explanation_repeats_what_was_decided(trained: Path) -> None:
    policy = load_policy(str(trained))
    policy.reset(seed=0)
    assert isinstance(policy, Explains)
    assert policy.explain() is None
    seen = observation(scene(np.random.default_rng(5))[0], "blue")
    actions = policy.act(seen).actions
    explained = policy.explain()
    assert explained is not None
    with torch.inference_mode():
        thought = policy.backbone(policy._inputs(seen, None))
        written = policy.decoder.generate_slowly(thought.tokens)
    assert [heat.label for heat in explained.heat] == ["subject", "target"]
    assert all(heat.heat.shape == (8, 8) and heat.heat.sum() == pytest.approx(1, abs=1e-4) for heat in explained.heat)
    place = thought.described.regions.places[0, int(thought.chosen[0, 0])].numpy()
    row, column = np.unravel_index(int(explained.heat[0].heat.argmax()), (8, 8))
    assert np.abs((np.array([column, row]) + 0.5) / 4 - 1 - place).max() < 0.26
    assert explained.probabilities.shape[0] == len(actions)
    slow = written.log_probabilities.exp().numpy().reshape(explained.probabilities.shape)
    np.testing.assert_allclose(explained.probabilities, slow, atol=1e-4)
    np.testing.assert_allclose(np.diff(explained.path, axis=0), actions[:, :3], atol=1e-6)
    np.testing.assert_allclose(explained.path[0], seen.state[:3], atol=1e-6)
    np.testing.assert_array_equal(explained.opening[1:], actions[:, -1])
    policy.reset(seed=0)
    assert policy.explain() is None


def test_a_body_without_a_position_has_no_path() -> None:
    blind: Embodiment = replace(TOY, state=replace(TOY.state, names=("a", "b", "c", "gripper")))
    path, opening = planned_path(np.zeros(4, np.float32), np.zeros((2, 5), np.float32), blind)
    assert path.shape == (0, 3) and opening.shape == (0,)


def test_a_policy_without_thoughts_does_not_explain() -> None:
    assert not isinstance(HoldPolicy(TOY), Explains)
