import json
from pathlib import Path

import numpy as np
import pytest

from agent.errors import SpecError
from policies.stats import Statistics, load_statistics, measure, save_statistics


def some_statistics() -> Statistics:
    rng = np.random.default_rng(0)
    values = rng.normal(0.2, 0.5, (2000, 4)).astype(np.float32)
    values[:, 2] = 0.25
    values[:, 3] = rng.integers(0, 2, 2000)
    return Statistics("toy", {"action": measure(values, mask=(True, True, True, False))}, 2000, 10)


def test_normalize_and_denormalize_are_inverse_inside_the_quantiles() -> None:
    statistics = some_statistics()
    vector = statistics.vector("action")
    rng = np.random.default_rng(1)
    values = rng.uniform(vector.q01, vector.q99, (50, 4)).astype(np.float32)
    values[:, 3] = rng.integers(0, 2, 50)
    unit = statistics.normalize("action", values)
    assert np.abs(unit[:, :2]).max() <= 1
    assert unit[:, 0] == pytest.approx(
        2 * (values[:, 0] - vector.q01[0]) / (vector.q99[0] - vector.q01[0]) - 1, abs=1e-5
    )
    assert statistics.denormalize("action", unit) == pytest.approx(values, abs=1e-5)


def test_a_constant_dimension_is_zero_and_comes_back() -> None:
    statistics = some_statistics()
    assert statistics.vector("action").degenerate.tolist() == [False, False, True, False]
    unit = statistics.normalize("action", np.array([[0.2, 0.2, 0.2503, 1.0]], dtype=np.float32))
    assert unit[0, 2] == 0
    assert statistics.denormalize("action", unit)[0, 2] == pytest.approx(0.25)


def test_a_rare_movement_is_not_mistaken_for_none() -> None:
    values = np.zeros((1000, 1), dtype=np.float32)
    values[:3] = 0.3
    assert not measure(values).degenerate.any()


def test_the_file_has_openvlas_fields_and_reads_back(tmp_path: Path) -> None:
    path = tmp_path / "dataset_statistics.json"
    save_statistics(path, some_statistics())
    entry = json.loads(path.read_text())["toy"]
    assert set(entry["action"]) == {"mean", "std", "min", "max", "q01", "q99", "mask"}
    assert entry["num_transitions"] == 2000
    assert load_statistics(path) == some_statistics()


def test_missing_keys_are_named(tmp_path: Path) -> None:
    path = tmp_path / "dataset_statistics.json"
    save_statistics(path, some_statistics())
    with pytest.raises(SpecError, match="There are: toy"):
        load_statistics(path, dataset="bridge")
    with pytest.raises(SpecError, match="There are: action"):
        some_statistics().normalize("state", np.zeros((1, 4), dtype=np.float32))
    path.write_text(json.dumps({"toy": {"action": {"mean": [0.0]}}}))
    with pytest.raises(SpecError, match="lacks std"):
        load_statistics(path)
