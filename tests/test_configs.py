"""Every file in configs/ loads as what it configures."""

import importlib
from pathlib import Path

import pytest

from agent.cli.train import kind_of
from agent.cli.training import Plan
from agent.cli.training_head import HeadPlan
from agent.cli.training_lora import LoraPlan
from agent.evaluation.suite import Suite, prepare
from agent.robots.registry import DRIVERS, RobotConfig
from agent.safety.config import SafetyConfig
from agent.settings import from_mapping, load_settings, save_settings
from agent.types import Outcome
from dialogue.tiny.plan import ChatPlan
from imagination.plan import ImaginePlan
from sim.tasks import check_goal

CONFIGS = Path(__file__).resolve().parents[1] / "configs"
TRAINED = {"policy": Plan, "imagine": ImaginePlan, "chat": ChatPlan, "head": HeadPlan, "lora": LoraPlan}
KINDS = {"eval": Suite, "sim": SafetyConfig, "robot": RobotConfig}
FILES = sorted(CONFIGS.rglob("*.yaml"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(CONFIGS)))
def test_every_config_loads_and_saves_unchanged(path: Path, tmp_path: Path) -> None:
    folder = path.relative_to(CONFIGS).parts[0]
    kind = TRAINED[kind_of(path)] if folder == "train" else KINDS[folder]
    loaded = load_settings(path, kind)
    save_settings(tmp_path / "saved.yaml", loaded)
    assert load_settings(tmp_path / "saved.yaml", kind) == loaded


def test_there_is_nothing_else_among_the_configs() -> None:
    assert FILES
    assert sorted(path for path in CONFIGS.rglob("*") if path.is_file()) == FILES


def test_every_driver_has_a_file_of_its_own_and_its_settings_load_without_the_vendor_s_library() -> None:
    files = {path.stem: load_settings(path, RobotConfig) for path in (CONFIGS / "robot").glob("*.yaml")}
    assert {name: config.driver for name, config in files.items()} == {name: name for name in DRIVERS}
    for name, entry in DRIVERS.items():
        settings = getattr(importlib.import_module(entry.module), entry.config)
        assert isinstance(from_mapping(settings, files[name].settings, where=name), settings)


@pytest.mark.parametrize("path", sorted((CONFIGS / "eval").glob("*.yaml")), ids=lambda path: path.stem)
def test_the_world_can_judge_every_task_of_a_suite(path: Path) -> None:
    from agent.cli.stage import check_task, sample

    suite, trials = prepare(str(path), episodes=60, seed=0, sample=sample, check=check_task)
    assert len(trials) == 60
    judged = suite.world is not None or all((t.task.goal is None) == (t.expects is Outcome.REFUSED) for t in trials)
    assert judged
    for trial in trials:
        for task in trial.then:
            assert task.goal is not None
            check_goal(task.goal)
