"""Statistics: against numpy on the same numbers, in parts and whole."""

import numpy as np

from agent.recording.statistics import defined, merge, picture_stats, vector_stats

GENERATOR = np.random.default_rng(0)


def test_vector_stats_leave_undefined_values_out() -> None:
    values = GENERATOR.normal(size=(50, 3))
    values[10:, 1] = np.nan
    values[:, 2] = np.nan
    stats = vector_stats(values)
    np.testing.assert_allclose(stats["q01"][:2], [np.quantile(values[:, 0], 0.01), np.quantile(values[:10, 1], 0.01)])
    np.testing.assert_allclose(stats["std"][1], values[:10, 1].std())
    assert np.isnan(stats["mean"][2]) and not defined(stats)
    assert defined(vector_stats(values[:, :2]))
    assert stats["count"].tolist() == [50]


def test_picture_stats_equal_the_slow_way() -> None:
    pictures = GENERATOR.integers(30, 200, size=(7, 8, 6, 3), dtype=np.uint8)
    stats = picture_stats(pictures)
    flat = pictures.reshape(-1, 3) / 255.0
    for name, slow in {
        "min": flat.min(axis=0),
        "max": flat.max(axis=0),
        "mean": flat.mean(axis=0),
        "std": flat.std(axis=0),
        "q50": np.quantile(flat, 0.5, axis=0, method="inverted_cdf"),
        "q99": np.quantile(flat, 0.99, axis=0, method="inverted_cdf"),
    }.items():
        assert stats[name].shape == (3, 1, 1)
        np.testing.assert_allclose(stats[name].ravel(), slow, atol=1e-9, err_msg=name)


def test_merging_parts_equals_the_whole() -> None:
    values = GENERATOR.normal(size=(60, 4))
    merged, whole = merge([vector_stats(values[:7]), vector_stats(values[7:])]), vector_stats(values)
    for name in ("min", "max", "mean", "std", "count"):
        np.testing.assert_allclose(merged[name], whole[name], err_msg=name)
