"""The table of heads, on toys that take seconds."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from policies.codec import CodecConfig
from policies.heads import measure
from policies.heads.base import Head
from policies.heads.cached import Cached, ToyConfig, reach, write_cached


class Always(Head):
    """Says one chunk whatever it is given."""

    def __init__(self, chunk: torch.Tensor) -> None:
        super().__init__()
        self.chunk = chunk

    def loss(self, prefix, actions, weights, *, generator=None):  # type: ignore[no-untyped-def]
        raise NotImplementedError

    def sample(self, prefix: torch.Tensor, *, generator: torch.Generator | None = None) -> torch.Tensor:
        return self.chunk.expand(len(prefix), -1, -1)


def test_errors_count_labelled_rows_and_free_columns_alone() -> None:
    chunk = torch.zeros(1, 2, 7)
    chunks = np.zeros((3, 2, 7), dtype=np.float32)
    chunks[:, 0, 0], chunks[:, 1, 0] = 0.6, 0.2
    chunks[:, :, 5] = 9.0  # held
    chunks[0, 0, 6] = 1.0
    weights = np.ones((3, 2), dtype=np.float32)
    weights[1:, 1] = 0
    data = Cached(np.zeros((3, 1, 4), dtype=np.float16), chunks, weights)
    codec = CodecConfig(chunk=2, held=(5,))
    assert measure.errors(Always(chunk), data, codec, 0) == pytest.approx(((3 * 0.6 + 0.2) / 4 / 5, 0.6 / 5, 1 / 4))


def test_a_table_of_heads_from_a_folder(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(measure, "LOOKS", 5)
    data = reach(ToyConfig(count=300, tokens=2, width=16))
    write_cached(tmp_path / "data", data)
    line = [str(tmp_path / "data"), "--out", str(tmp_path / "out"), "--steps", "60", "--route-steps", "2", "--batch"]
    line += ["32", "--layers", "1", "--threads", "1", "--learning-rate", "0.005", "--json", "--heads"]
    assert measure.main([*line, "regression", "flow-1", "flow-4"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["samples"] == 300 and [row["head"] for row in told["heads"]] == ["regression", "flow-1", "flow-4"]
    for row in told["heads"]:
        assert row["left"] + row["right"] + row["neither"] == pytest.approx(1)
        assert 0 < row["p50_ms"] <= row["p95_ms"]
        assert 0 < row["error"] < 0.6
    rates = [row["samples_per_second"] is None for row in told["heads"]]
    assert rates == [False, False, True], "heads that only draw differently are trained once"
    assert measure.main([*line, "regression", "flow-1", "flow-4"]) == 0
    again = json.loads(capsys.readouterr().out)
    assert [row["error"] for row in again["heads"]] == [row["error"] for row in told["heads"]]


def test_what_does_not_fit_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert measure.main([str(tmp_path / "nothing"), "--out", str(tmp_path)]) == 2
    assert "does not hold prefixes, chunks, weights" in capsys.readouterr().err
    assert measure.main(["toy", "--out", str(tmp_path), "--heads", "flows-4"]) == 2
    assert "did you mean 'flow-4'" in capsys.readouterr().err


def test_contenders_name_what_they_do() -> None:
    for name, config in measure.CONTENDERS.items():
        kind, _, steps = name.partition("-")
        assert (config.kind, config.steps) == (kind, int(steps or 0))
        assert replace(config, kind="tokens", steps=0) == measure.CONTENDERS["tokens"]
