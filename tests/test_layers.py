"""Who may import what, read from the source itself; the finer contracts are import-linter's (`make check`)."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = ("agent", "sim", "policies", "dialogue", "imagination")
SOURCES = [path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*.py"))]
TORCH = {"torch", "torchvision", "transformers", "open_clip", "timm", "peft", "safetensors", "diffusers"}
LEARNING = ("policies/", "imagination/", "dialogue/tiny/")


def imported(source: str) -> Iterator[str]:
    """Yield the top-level name of every module that `source` imports, anywhere in it."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module.split(".")[0]


def importers(names: set[str]) -> set[str]:
    return {str(path.relative_to(ROOT)) for path in SOURCES if names & set(imported(path.read_text(encoding="utf-8")))}


def test_the_search_sees_imports_inside_functions() -> None:
    assert set(imported("def f():\n    import torch.nn as nn\n    from pybullet_data import x\n")) == {
        "torch",
        "pybullet_data",
    }


def test_only_the_physics_wrapper_imports_pybullet() -> None:
    assert importers({"pybullet", "pybullet_utils", "pybullet_data"}) == {"sim/physics.py"}


def test_torch_and_its_libraries_stay_where_things_are_learnt() -> None:
    assert {path for path in importers(TORCH) if not path.startswith(LEARNING)} == set()


def test_there_is_one_loop() -> None:
    """Everything that moves a world goes through `run_episode`; only Gymnasium brings a loop of its caller's."""
    calls = {str(p.relative_to(ROOT)): p.read_text(encoding="utf-8").count("world.step(") for p in SOURCES}
    assert {path: count for path, count in calls.items() if count} == {
        "agent/runtime.py": 1,
        "sim/env.py": 1,
    }


@pytest.mark.parametrize("module", ["agent.runtime", "agent.settings", "agent.cli"])
def test_starting_up_needs_no_engine(module: str) -> None:
    """The vocabulary and `aubergine --help` load neither torch nor PyBullet."""
    code = f"import sys, {module}; print([m for m in ('torch', 'pybullet', 'pandas', 'scipy') if m in sys.modules])"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert result.stdout.strip() == "[]"
