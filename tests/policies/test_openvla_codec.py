"""OpenVLA's ids and statistics, against slow twins written from its published formulas."""

import json
from pathlib import Path

import numpy as np
import pytest

from agent.errors import SpecError
from policies.codec import CodecConfig, make_codec
from policies.openvla_codec import tokens_of, vocabulary_ids
from policies.stats import Statistics, load_statistics, measure, save_statistics

VOCABULARY = 32_000


def slow_ids(action: np.ndarray) -> list[int]:
    """id = vocabulary - d, where d is the number of the 256 edges at or below the clipped value."""
    edges = np.linspace(-1, 1, 256)
    return [VOCABULARY - sum(1 for edge in edges if edge <= min(max(value, -1.0), 1.0)) for value in action]


def slow_values(ids: list[int]) -> list[float]:
    """The centre of bin d - 1, d = vocabulary - id, clipped to the 255 centres."""
    edges = np.linspace(-1, 1, 256)
    centres = (edges[:-1] + edges[1:]) / 2
    return [float(centres[min(max(VOCABULARY - number - 1, 0), 254)]) for number in ids]


def test_ids_and_values_are_openvlas() -> None:
    codec = make_codec(CodecConfig(kind="openvla", chunk=1))
    rng = np.random.default_rng(0)
    actions = rng.uniform(-1.3, 1.3, (300, 1, 7)).astype(np.float32)
    actions[0], actions[1], actions[2] = 1.0, -1.0, 0.0
    actions[3, 0] = np.linspace(-1, 1, 256, dtype=np.float32)[:7]
    ids = vocabulary_ids(codec.encode(actions), vocabulary=VOCABULARY)
    assert ids.tolist() == [slow_ids(row) for row in actions[:, 0]]
    decoded = codec.decode(tokens_of(ids, vocabulary=VOCABULARY))
    np.testing.assert_allclose(decoded[:, 0], [slow_values(row) for row in ids.tolist()], atol=1e-7)


def test_all_256_ids_decode_and_no_other() -> None:
    codec = make_codec(CodecConfig(kind="openvla", chunk=1, action_dim=1))
    ids = np.arange(VOCABULARY - 256, VOCABULARY)[:, None]
    decoded = codec.decode(tokens_of(ids))
    np.testing.assert_allclose(decoded[:, 0, 0], slow_values(ids[:, 0].tolist()), atol=1e-7)
    assert vocabulary_ids(tokens_of(ids)).tolist() == ids.tolist()
    for beyond in (VOCABULARY, VOCABULARY - 257):
        with pytest.raises(SpecError, match=r"\[31744, 31999\]"):
            tokens_of(np.array([[beyond]]))


def test_statistics_files_mean_the_same_to_both(tmp_path: Path) -> None:
    """What OpenVLA's predict_action and its loader compute from the file is what we compute."""
    rng = np.random.default_rng(1)
    actions = rng.normal(0, 0.02, (500, 7)).astype(np.float32)
    actions[:, 6] = rng.integers(0, 2, 500)
    mask = (True,) * 6 + (False,)
    save_statistics(tmp_path / "dataset_statistics.json", Statistics("bridge", {"action": measure(actions, mask=mask)}))
    ours = load_statistics(tmp_path / "dataset_statistics.json", dataset="bridge")
    theirs = json.loads((tmp_path / "dataset_statistics.json").read_text())["bridge"]["action"]
    assert set(theirs) == {"mean", "std", "min", "max", "q01", "q99", "mask"}
    low, high, scaled = (np.array(theirs[name]) for name in ("q01", "q99", "mask"))
    normal = np.where(scaled, np.clip(2 * (actions - low) / (high - low + 1e-8) - 1, -1, 1), actions)
    np.testing.assert_allclose(ours.normalize("action", actions), normal, atol=1e-5)
    back = np.where(scaled, 0.5 * (normal + 1) * (high - low) + low, normal)
    np.testing.assert_allclose(ours.denormalize("action", normal.astype(np.float32)), back, atol=1e-6)


def test_an_unknown_key_names_those_that_exist(tmp_path: Path) -> None:
    path = tmp_path / "dataset_statistics.json"
    vector = {name: [0.0, 1.0] for name in ("mean", "std", "min", "max", "q01", "q99")}
    path.write_text(json.dumps({"bridge_orig": {"action": vector}, "fractal": {"action": vector}}))
    with pytest.raises(SpecError, match="did you mean 'bridge_orig'\\? There are: bridge_orig, fractal"):
        load_statistics(path, dataset="bridge")
    with pytest.raises(SpecError, match="name one of: bridge_orig, fractal"):
        load_statistics(path)
