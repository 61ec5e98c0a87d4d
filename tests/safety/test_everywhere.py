"""Every World stands behind the filter unless it is told to be off: collecting, learning environments, wrapped ones."""

from collections.abc import Iterator
from pathlib import Path

import gymnasium
import numpy as np
import pytest

from agent.cli import identities, main
from agent.cli import stage as stages
from agent.cli.classroom import ClassroomFactory, Share
from agent.cli.measure import digest, filter_cost
from agent.errors import PolicyFault, SpecError
from agent.evaluation.gym_world import GymWorld
from agent.safety.config import SafetyConfig
from agent.safety.world import SafeWorld
from agent.types import CameraSpec
from sim.env import TabletopEnv
from sim.guarded import GuardedTabletop, safety_limits
from sim.world import TabletopWorld
from tests.evaluation.test_gym_world import SPEC, TASK, Line

SMALL = (CameraSpec("front", 8, 8), CameraSpec("wrist", 8, 8))
STILL = "workspace:\n  low: [0.25, -0.40, 0.008]\n  high: [0.75, 0.40, 0.50]\nlimits: {tool_speed: 0.01}\n"
"""The tool may move by two millimetres a tick."""
FORWARD = np.array([0.05, 0, 0, 0, 0, 0, 1], dtype=np.float32)


@pytest.fixture
def still(tmp_path: Path) -> str:
    file = tmp_path / "still.yaml"
    file.write_text(STILL, encoding="utf-8")
    return str(file)


@pytest.fixture
def line() -> Iterator[None]:
    gymnasium.register("Line-v0", entry_point=Line, max_episode_steps=50)
    yield
    del gymnasium.registry["Line-v0"]


def test_the_teacher_shows_what_the_filter_lets_through(still: str) -> None:
    shares = (Share("eggplant_in_bowl"),)
    usual = ClassroomFactory(shares, cameras=SMALL)().world
    strict = ClassroomFactory(shares, cameras=SMALL, safety=still)().world
    off = ClassroomFactory(shares, cameras=SMALL, safety="off")().world
    assert isinstance(usual, SafeWorld) and usual.safety.config == safety_limits(None)
    assert isinstance(off, TabletopWorld)
    strict.reset(stages.sample("eggplant_in_bowl", 0), seed=0)
    assert float(np.linalg.norm(strict.step(FORWARD).executed[:3])) == pytest.approx(0.002, rel=0.01)
    for world in (usual, strict, off):
        world.close()


@pytest.mark.parametrize("command", [["collect", "--episodes", "1"], ["bench", "--rounds", "1"]])
def test_a_wrong_safety_file_ends_the_command_before_anything_runs(
    command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "wrong.yaml"
    file.write_text("limits: {tool_sped: 1}\n", encoding="utf-8")
    assert main([*command, "--out", str(tmp_path / "out"), "--safety", str(file)]) == 2
    assert "tool_speed" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_the_learning_environment_stands_behind_the_filter(still: str) -> None:
    ways = {}
    for safety in (None, still, "off"):
        env = gymnasium.make("aubergine/EggplantInBowl-v0", safety=safety, render_mode="rgb_array")
        inner = env.unwrapped
        assert isinstance(inner, TabletopEnv)
        assert isinstance(inner._world, TabletopWorld if safety == "off" else GuardedTabletop)
        before, _ = env.reset(seed=5)
        after = env.step(FORWARD)[0]
        ways[safety] = float(np.linalg.norm(after["state"][:3] - before["state"][:3]))
        picture = env.render()
        assert isinstance(picture, np.ndarray) and picture.shape == (256, 256, 3)
        env.close()
    assert ways[still] < 0.004 < ways["off"]
    assert ways[None] == ways["off"]


@pytest.mark.usefixtures("line")
def test_a_wrapped_environment_is_held_to_its_own_bounds(still: str) -> None:
    usual, off = stages.make_wrapped_stage("hold", SPEC), stages.make_wrapped_stage("hold", SPEC, safety="off")
    assert isinstance(usual.world, SafeWorld) and usual.safety is not None
    assert usual.safety.config == SafetyConfig()
    assert isinstance(off.world, GymWorld) and off.safety is None
    usual.world.reset(TASK, seed=0)
    assert usual.world.step(np.array([3.0], dtype=np.float32)).executed == pytest.approx(0.1)
    assert usual.safety.journal.counts == {"bounds": 1}
    with pytest.raises(PolicyFault, match="not finite"):
        usual.world.step(np.array([np.nan], dtype=np.float32))
    with pytest.raises(SpecError, match="body model"):
        stages.make_wrapped_stage("hold", SPEC, safety=still)
    worlds = {identities.world_identity(SPEC), identities.world_identity(SPEC, safety="off")}
    assert len(worlds) == 2


def test_the_bench_runs_behind_the_filter_and_says_what_it_takes() -> None:
    figures = filter_cost(episodes=1)
    assert set(figures) == {"safety_filter_ms_p50", "safety_filter_ms_p95"}
    assert filter_cost("off", episodes=1) == {}
    assert digest(3) == digest(3)
