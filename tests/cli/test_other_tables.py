"""The policy that was taught further does on other tables what the shipped one does on one."""

import json
from pathlib import Path

import pytest

from agent.cli import main

SUITE = "tasks:\n  - {family: put_in, name: other tables, perturb: {texture: 4}}\n"


def test_other_tables_ask_for_the_policy_that_knows_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    suite = tmp_path / "tables.yaml"
    suite.write_text(SUITE)
    done = {}
    for policy in ("vla", "anywhere"):
        words = ["eval", "--suite", str(suite), "--policy", policy, "--episodes", "4", "--seed", "500010", "--json"]
        assert main([*words, "--workers", "1", "--out", str(tmp_path / policy)]) == 0
        done[policy] = json.loads((tmp_path / policy / "results.json").read_text())["overall"]["successes"]
    assert done["anywhere"] >= 3 > done["vla"] + 1
