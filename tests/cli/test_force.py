"""A checkpoint whose golden actions no longer come out: refused with both versions, and --force."""

import json
import shutil
from pathlib import Path

import pytest

from agent.cli import main, stage
from agent.cli.identities import policy_identity
from agent.errors import SpecError
from policies.shipped import PRETRAINED


@pytest.fixture
def aged(tmp_path: Path) -> Path:
    """The shipped policy, as if it had been saved by a library that computed something else."""
    folder = tmp_path / "aged"
    shutil.copytree(PRETRAINED / "vla", folder)
    golden = json.loads((folder / "golden.json").read_text())
    golden["actions"] = [[-value for value in row] for row in golden["actions"]]
    golden["versions"] = {"torch": "1.0.0", "transformers": "4.0.0", "numpy": "1.0.0"}
    (folder / "golden.json").write_text(json.dumps(golden))
    return folder


def test_it_is_refused_with_both_versions_and_force_overrides(
    aged: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["run", "put the eggplant in the bowl", "--policy", str(aged), "--max-steps", "2"]
    assert main([*words, "--out", str(tmp_path / "none")]) == 2
    said = capsys.readouterr().err
    assert "made with numpy 1.0.0, torch 1.0.0, transformers 4.0.0; here torch 2." in said
    assert "load with force to use it anyway" in said
    assert not (tmp_path / "none").exists()
    assert main([*words, "--out", str(tmp_path / "run"), "--force", "--json"]) == 1
    answer = json.loads(capsys.readouterr().out)
    assert (answer["steps"], answer["policy"]) == (2, f"force:{aged}")


def test_worker_processes_build_it_by_name_and_its_identity_is_its_weights(aged: Path) -> None:
    world, policy = stage.make_pair(stage.forced(str(aged)))
    world.close()
    assert policy_identity(stage.forced(str(aged)), policy) == policy_identity("vla", policy)
    with pytest.raises(SpecError, match="load with force"):
        stage.make_pair(str(aged))


def test_force_changes_nothing_for_what_has_no_golden_actions() -> None:
    names = ["expert", "hold", "ws://host:8000", "pi0:somewhere", "nobody"]
    assert [stage.forced(name) for name in names] == names
    with pytest.raises(SpecError, match="no policy 'nobody'"):
        stage.learned(stage.forced("nobody"))
