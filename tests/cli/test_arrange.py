"""Arrangements carried out for real: the shipped layout diffuser, the expert, physics, and the verdict of geometry."""

import json
from pathlib import Path

import pytest

from agent.cli.program import main


@pytest.mark.slow
@pytest.mark.parametrize(
    ("text", "seed"),
    [("arrange the cubes in a circle", "500000"), ("sort the things by colour", "500001"), ("set the table", "500002")],
)
def test_an_arrangement_is_carried_out(
    text: str, seed: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", text, "--seed", seed, "--out", str(tmp_path), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["outcome"] == "success" and said["moves"] >= 2
    assert (tmp_path / "episode.mp4").stat().st_size > 1000
