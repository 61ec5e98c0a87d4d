"""The package that LeRobot discovers, against stand-ins for its base classes (the real ones need its whole stack)."""

import importlib
import shutil
import subprocess
import sys
import tomllib
import types
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from agent.robots.so101_calibration import MOTORS
from tests.robots.so101_bench import PATIENT_S, STANDING, Bench

pytest.importorskip("scservo_sdk", reason="the vendor's library is not installed: pip install 'aubergine[so101]'")

FOLDER = Path(__file__).resolve().parents[2] / "lerobot_robot_aubergine"


@dataclass(kw_only=True)
class RobotConfig:
    """As lerobot.robots.config.RobotConfig, without draccus."""

    id: str | None = None
    calibration_dir: Path | None = None
    registry = {}  # noqa: RUF012 - not a field: what draccus keeps

    @classmethod
    def register_subclass(cls, name: str) -> Callable[[type], type]:
        def register(kind: type) -> type:
            cls.registry[name] = kind
            return kind

        return register


class Robot:
    """As lerobot.robots.robot.Robot, whose constructor finds the calibration file."""

    def __init__(self, config: RobotConfig) -> None:
        assert config.calibration_dir is not None
        self.calibration_fpath = config.calibration_dir / f"{config.id}.json"


@pytest.fixture
def package(monkeypatch: pytest.MonkeyPatch) -> Iterator[types.ModuleType]:
    modules = {name: types.ModuleType(name) for name in ("lerobot", "lerobot.robots")}
    modules["lerobot.robots.config"] = types.ModuleType("lerobot.robots.config")
    modules["lerobot.robots.robot"] = types.ModuleType("lerobot.robots.robot")
    modules["lerobot.robots.config"].RobotConfig = RobotConfig  # type: ignore[attr-defined]
    modules["lerobot.robots.robot"].Robot = Robot  # type: ignore[attr-defined]
    for name, module in modules.items():
        monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.syspath_prepend(str(FOLDER))
    yield importlib.import_module("lerobot_robot_aubergine")
    for name in [name for name in sys.modules if name.startswith("lerobot_robot_aubergine")]:
        del sys.modules[name]


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path)
    yield bench
    bench.close()


def make_robot(package: types.ModuleType, bench: Bench, **settings: object) -> Any:
    config = package.AubergineSO101Config(
        id="follower", calibration_dir=bench.calibration.parent, port=bench.bus().port, answer_s=PATIENT_S, **settings
    )
    # LeRobot's factory takes the class that is named as the configuration without "Config" in the same package.
    return getattr(package, type(config).__name__.removesuffix("Config"))(config)


def test_the_name_is_the_one_lerobot_looks_for() -> None:
    project = tomllib.loads((FOLDER / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["name"].startswith("lerobot_robot_"), "the prefix is compared letter by letter"
    assert (FOLDER / project["name"] / "__init__.py").is_file(), "it is imported by the distribution's name"


@pytest.mark.slow
def test_lerobot_s_own_rule_finds_the_installed_package_and_loads_no_driver(tmp_path: Path) -> None:
    """Installed by pip into an empty place; then what lerobot.utils.import_utils.register_third_party_plugins does.

    Pip builds it apart, as it does for everybody: this environment's own setuptools may be too old for it.
    """
    copy = shutil.copytree(FOLDER, tmp_path / "source")
    install = [sys.executable, "-m", "pip", "install", "--no-deps", "--quiet"]
    subprocess.run([*install, "--target", str(tmp_path / "site"), str(copy)], check=True, capture_output=True)
    stub = tmp_path / "stub" / "lerobot" / "robots"
    stub.mkdir(parents=True)
    (stub.parent / "__init__.py").touch()
    (stub / "__init__.py").touch()
    (stub / "config.py").write_text(
        "class RobotConfig:\n    known = {}\n    @classmethod\n    def register_subclass(cls, name):\n"
        "        return lambda kind: cls.known.setdefault(name, kind)\n"
    )
    code = (
        "import importlib, importlib.metadata, sys\n"
        "for each in importlib.metadata.distributions():\n"
        "    name = each.metadata['Name']\n"
        "    if name and name.startswith(('lerobot_robot_', 'lerobot_camera_', 'lerobot_teleoperator_')):\n"
        "        importlib.import_module(name)\n"
        "from lerobot.robots.config import RobotConfig\n"
        "kind = RobotConfig.known['aubergine_so101']\n"
        "package = sys.modules[kind.__module__.rpartition('.')[0]]\n"
        "print(kind.__name__, [m for m in sys.modules if m.startswith(('agent', 'scservo', 'serial', 'numpy'))])\n"
        "assert package.__name__ == 'lerobot_robot_aubergine'\n"
    )
    path = f"{tmp_path / 'site'}:{tmp_path / 'stub'}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env={"PYTHONPATH": path})
    assert done.stdout.strip() == "AubergineSO101Config []", done.stderr


def test_importing_registers_and_loads_no_driver(package: types.ModuleType) -> None:
    assert RobotConfig.registry["aubergine_so101"] is package.AubergineSO101Config
    assert "lerobot_robot_aubergine.aubergine" not in sys.modules


def test_the_project_itself_never_imports_lerobot() -> None:
    foreign = "('lerobot', 'scservo', 'serial')"
    code = f"import sys, agent.robots.so101; print([m for m in sys.modules if m.startswith({foreign})])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=FOLDER.parent)
    assert done.stdout.strip() == "[]"


def test_features_are_there_before_connecting(package: types.ModuleType, bench: Bench) -> None:
    robot = make_robot(package, bench)
    assert list(robot.action_features) == [f"{name}.pos" for name in MOTORS]
    assert robot.observation_features == robot.action_features
    assert not robot.is_connected
    with pytest.raises(RuntimeError, match="not connected"):
        robot.get_observation()


def test_observations_and_actions_speak_degrees_and_percent(package: types.ModuleType, bench: Bench) -> None:
    robot = make_robot(package, bench)
    robot.connect()
    seen = robot.get_observation()
    degrees = [angle * 57.29578 for angle in STANDING]
    assert [seen[f"{name}.pos"] for name in MOTORS] == pytest.approx([*degrees, 25.0], abs=0.2)
    wanted = {**seen, "wrist_roll.pos": seen["wrist_roll.pos"] + 1.5, "elbow_flex.pos": 500.0, "gripper.pos": 80.0}
    sent = robot.send_action(wanted)
    assert sent["gripper.pos"] == pytest.approx(80.0, abs=0.01)
    assert sent["elbow_flex.pos"] == pytest.approx(seen["elbow_flex.pos"] + 2.0 / 30 * 57.29578, abs=0.1)
    assert set(sent) == set(robot.action_features)
    robot.disconnect()
    assert not robot.is_connected


def test_a_missing_calibration_says_how_to_make_one(package: types.ModuleType, bench: Bench) -> None:
    bench.calibration.unlink()
    with pytest.raises(RuntimeError, match="lerobot-calibrate"):
        make_robot(package, bench).connect()
