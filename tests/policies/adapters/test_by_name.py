"""`pi0:DIR` and `openvla:DIR` on the command line."""

import json
from pathlib import Path

import pytest

from agent.cli import main
from agent.cli.identities import policy_identity
from agent.cli.stage import learned
from policies.adapters import is_published
from tests.policies.adapters.peers import write_openvla


def test_run_takes_a_published_model(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_openvla(tmp_path / "model")
    words = ["run", "put the apple in the bowl", "--policy", f"openvla:{tmp_path / 'model'}", "--max-steps", "2"]
    assert main([*words, "--out", str(tmp_path / "run"), "--json"]) == 1
    answer = json.loads(capsys.readouterr().out)
    assert (answer["outcome"], answer["steps"]) == ("timeout", 2)
    words[3] += "@kitchen"
    assert main([*words, "--out", str(tmp_path / "none")]) == 2
    assert "There are: bridge_orig" in capsys.readouterr().err


def test_its_identity_is_its_files_and_its_key_not_its_place(tmp_path: Path) -> None:
    write_openvla(tmp_path / "one", keys=("a", "b"))
    write_openvla(tmp_path / "two", keys=("a", "b"))
    policy, _ = learned(f"openvla:{tmp_path / 'one'}@a")
    names = [f"openvla:{tmp_path / 'one'}@a", f"openvla:{tmp_path / 'two'}@a", f"openvla:{tmp_path / 'one'}@b"]
    one, two, other = (policy_identity(name, policy) for name in names)
    assert one == two != other
    (tmp_path / "two" / "aubergine.yaml").write_text("cameras: [front]\nrotation: vector\nexecute: 1\n")
    assert policy_identity(names[1], policy) != one


def test_addresses_and_folders_are_not_taken_for_published_models() -> None:
    assert [is_published(name) for name in ("pi0:x", "ws://host:8000", "vla", "runs/a", "runs/a:b")] == [True] + [
        False
    ] * 4
