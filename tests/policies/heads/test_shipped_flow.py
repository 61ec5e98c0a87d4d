"""The flow head that ships acts on the backbone of the shipped policy, and finishes what it is told."""

import json
from pathlib import Path

import pytest
from safetensors.torch import load_file

from agent.cli import main
from policies.shipped import PRETRAINED


def test_the_shipped_flow_head_does_what_it_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["eval", "--suite", "families", "--policy", "flow", "--episodes", "9", "--seed", "500000", "--workers", "1"]
    assert main([*words, "--json", "--out", str(tmp_path)]) == 0
    assert json.loads((tmp_path / "results.json").read_text())["overall"]["successes"] >= 7


def test_it_is_another_head_on_the_same_backbone() -> None:
    assert json.loads((PRETRAINED / "flow" / "config.json").read_text())["model"]["head"]["kind"] == "flow"
    flow, vla = (load_file(PRETRAINED / name / "model.safetensors") for name in ("flow", "vla"))
    shared = [name for name in vla if name.startswith("backbone.")]
    assert len(shared) > 50
    assert all(flow[name].equal(vla[name]) for name in shared)
