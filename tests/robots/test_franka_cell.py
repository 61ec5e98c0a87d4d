"""A whole task in the emulated cell: command line, safety filter, driver, libfranka, wire, physics, judge."""

import json
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("franky", reason="the extra 'franka' is not installed")
pytest.importorskip("franky_sim", reason="the extra 'cell' is not installed")

from agent.cli.program import main
from agent.types import CameraSpec
from sim.arm import FINGER_FORCE, PandaArm
from sim.cell.client import EmulatedCell
from sim.cell.mirror import CAPACITY, Mirror
from sim.physics import Physics
from sim.tasks import task_from_instruction
from sim.world import TabletopWorld

TASK = task_from_instruction("put the eggplant in the bowl")


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1])
def test_the_eggplant_goes_into_the_bowl_over_the_wire(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], seed: int
) -> None:
    words = ["drive", TASK.instruction, "--robot", "configs/robot/franka.yaml", "--policy", "expert", "--json"]
    code = main([*words, "--seed", str(seed), "--max-steps", "80", "--out", str(tmp_path)])
    answer = json.loads(capsys.readouterr().out)
    assert (code, answer["outcome"]) == (0, "success"), answer


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_shipped_policy_puts_the_eggplant_into_the_bowl_over_the_wire(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Cameras, policy, safety filter, driver, libfranka, wire, physics: two of three scenes have to succeed."""
    answers = []
    for seed in range(3):
        words = ["drive", TASK.instruction, "--robot", "configs/robot/franka.yaml", "--json", "--max-steps", "80"]
        main([*words, "--seed", str(seed), "--out", str(tmp_path / str(seed))])
        answers.append(json.loads(capsys.readouterr().out))
    assert sum(answer["outcome"] == "success" for answer in answers) >= 2, answers
    assert not [answer for answer in answers if answer["outcome"] == "error"], answers


@pytest.mark.slow
def test_check_robot_reads_the_cell_and_moves_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["check-robot", "configs/robot/franka.yaml", "--json"])
    answer = json.loads(capsys.readouterr().out)
    assert answer["robot"] == "franka"
    assert set(answer["cameras"]) == {"front", "wrist"}
    assert answer["state"]["gripper"] == pytest.approx(1.0, abs=0.02)
    assert code == 0, answer["problems"]


def test_the_cell_s_pictures_are_those_of_the_world_it_mirrors() -> None:
    """The cameras' process draws a copy in the controller's posture; drawn in the world itself they look the same."""
    camera = CameraSpec("front", 96, 96)
    twin, copy = TabletopWorld(cameras=()), TabletopWorld(cameras=())
    try:
        for world in (twin, copy):
            world.reset(TASK, seed=3)
        for _ in range(4):
            twin.step(np.array([0.04, 0.02, -0.04, 0.0, 0.0, 0.2, 0.3], dtype=np.float32))
        for name in ("front", "wrist"):
            before = copy.render(name, camera.height, camera.width).rgb
            wanted = twin.render(name, camera.height, camera.width).rgb
            assert np.mean(before != wanted) > 0.01
        copy.assume(twin.posture())
        for name in ("front", "wrist"):
            shown = copy.render(name, camera.height, camera.width).rgb.astype(int)
            wanted = twin.render(name, camera.height, camera.width).rgb.astype(int)
            assert np.mean(np.abs(shown - wanted) > 8) < 2e-3
    finally:
        twin.close()
        copy.close()


def test_a_mirror_shows_what_was_written_last() -> None:
    mirror = Mirror()
    assert len(mirror.read()) == 0
    for count in (3, 5, 2):
        mirror.write(np.arange(count, dtype=np.float64))
        assert mirror.read().tolist() == list(range(count))
    with pytest.raises(ValueError, match="does not fit"):
        mirror.write(np.zeros(CAPACITY + 1))


def test_an_arm_that_follows_stands_where_it_is_led() -> None:
    """Led along the curve of its own control tick, the arm ends where a tick of its own would end."""
    physics = Physics()
    arm = PandaArm(physics)
    start, _ = arm.joints()
    goal = start + np.array([0.1, -0.05, 0.05, 0.1, 0.0, -0.1, 0.2])
    last = start
    for step in range(1, 25):
        share = step / 24
        target = start + (goal - start) * share**3 * (10 - 15 * share + 6 * share**2)
        arm.follow(target, (target - last) * 120, opening=0.5, finger_speed=0.05, force=FINGER_FORCE)
        last = target
    for _ in range(30):
        arm.follow(goal, np.zeros(7), opening=0.5, finger_speed=0.05, force=FINGER_FORCE)
    joints, speeds = arm.joints()
    assert joints == pytest.approx(goal, abs=2e-3)
    assert speeds == pytest.approx(np.zeros(7), abs=1e-2)
    assert arm.gripper_opening() == pytest.approx(0.5, abs=0.02)
    physics.close()


def test_a_cell_that_was_never_started_closes() -> None:
    cell = EmulatedCell(TASK, seed=0)
    cell.close()
    cell.close()
