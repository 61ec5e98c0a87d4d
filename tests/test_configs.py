"""Every file in configs/ loads as what it configures."""

from pathlib import Path

import pytest

from agent.cli.training import Plan
from agent.evaluation.suite import Suite, deal
from agent.robots.registry import RobotConfig
from agent.safety.config import SafetyConfig
from agent.settings import load_settings, save_settings
from agent.types import Task

CONFIGS = Path(__file__).resolve().parents[1] / "configs"
KINDS = {"eval": Suite, "train": Plan, "sim": SafetyConfig, "robot": RobotConfig}
FILES = sorted(CONFIGS.rglob("*.yaml"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(CONFIGS)))
def test_every_config_loads_and_saves_unchanged(path: Path, tmp_path: Path) -> None:
    kind = KINDS[path.relative_to(CONFIGS).parts[0]]
    loaded = load_settings(path, kind)
    save_settings(tmp_path / "saved.yaml", loaded)
    assert load_settings(tmp_path / "saved.yaml", kind) == loaded


def test_there_is_nothing_else_among_the_configs() -> None:
    assert FILES
    assert sorted(path for path in CONFIGS.rglob("*") if path.is_file()) == FILES


@pytest.mark.parametrize("path", sorted((CONFIGS / "eval").glob("*.yaml")), ids=lambda path: path.stem)
def test_the_world_can_judge_every_task_of_a_suite(path: Path) -> None:
    from agent.cli.stage import sample
    from sim.tasks import check_goal

    suite = load_settings(path, Suite)
    trials = deal(suite, episodes=len(suite.tasks), seed=0, sample=sample)
    for trial in trials:
        assert isinstance(trial.task, Task)
        assert trial.task.goal is not None
        check_goal(trial.task.goal)
