"""The arm: commands, limits, smooth motion, grasps, and rebuilding the same thing twice."""

import subprocess
import sys
from collections.abc import Iterator

import numpy as np
import pytest

from agent.types import FloatArray
from sim.arm import STEPS_PER_TICK, URDF, PandaArm
from sim.commander import ACTION, HOME_POSITION, STATE, WORKSPACE_HIGH, WORKSPACE_LOW, pose_change
from sim.geometry import BodySpec, Box, Part, Pose, untransform, vector_from_quaternion
from sim.physics import TIME_STEP, Physics

TABLE = BodySpec(collision=(Part(Box((0.4, 0.5, 0.02)), Pose((0.5, 0.0, -0.02))),), visual=(), mass=0)
CUBE = BodySpec(collision=(Part(Box((0.02, 0.02, 0.02))),), visual=(Part(Box((0.02, 0.02, 0.02))),), mass=0.1)
OPEN, CLOSED = 1.0, 0.0


@pytest.fixture
def physics() -> Iterator[Physics]:
    world = Physics()
    yield world
    world.close()


def act(arm: PandaArm, *values: float, ticks: int = 1) -> FloatArray:
    """Command the same row for some ticks; return the last executed one."""
    for _ in range(ticks):
        executed = arm.command(np.array(values, dtype=np.float32))
        arm.tick()
    return executed


def test_home_points_straight_down_with_zero_rotation(physics: Physics) -> None:
    arm = PandaArm(physics)
    state = arm.state()
    assert state.shape == (14,) and state.dtype == np.float32
    assert STATE.problem(state) is None
    assert np.allclose(state[:7], [*HOME_POSITION, 0, 0, 0, 1], atol=1e-4)


def test_reset_takes_position_and_yaw_and_refuses_what_is_out_of_reach(physics: Physics) -> None:
    arm = PandaArm(physics)
    arm.reset((0.5, -0.2, 0.2), yaw=0.6)
    assert np.allclose(arm.state()[:6], [0.5, -0.2, 0.2, 0, 0, 0.6], atol=1e-3)
    with pytest.raises(ValueError, match="cannot reach"):
        arm.reset((1.5, 0.0, 0.2))


def test_executed_actions_add_up_to_the_commanded_pose(physics: Physics) -> None:
    arm = PandaArm(physics)
    rng = np.random.default_rng(3)
    for _ in range(30):
        action = (rng.uniform(ACTION.low_array, ACTION.high_array) * 0.3).astype(np.float32)
        before = arm.commanded_pose()
        executed = arm.command(action)
        assert np.allclose(executed, pose_change(before, arm.commanded_pose(), float(action[6])))
        assert np.allclose(executed, action, atol=1e-6)


def test_rotation_is_in_the_base_frame(physics: Physics) -> None:
    arm = PandaArm(physics)
    act(arm, 0, 0, 0, 0, 0, 0.35, OPEN, ticks=3)
    before = arm.commanded_pose().quaternion
    act(arm, 0, 0, 0, 0.2, 0, 0, OPEN)
    turned = pose_change(Pose((0, 0, 0), before), arm.commanded_pose(), OPEN)[3:6]
    assert np.allclose(turned, [0.2, 0, 0], atol=1e-6)
    assert np.linalg.norm(vector_from_quaternion(before)) == pytest.approx(1.05, abs=1e-4)


def test_executed_reports_the_workspace_limit(physics: Physics) -> None:
    arm = PandaArm(physics)
    for _ in range(12):
        executed = arm.command(np.array([0, 0, -0.05, 0, 0, 0, 1], dtype=np.float32))
    assert arm.commanded_pose().position[2] == pytest.approx(WORKSPACE_LOW[2])
    assert np.allclose(executed, [0, 0, 0, 0, 0, 0, 1])


def test_random_commands_stay_legal_and_inside_the_workspace(physics: Physics) -> None:
    arm = PandaArm(physics)
    rng = np.random.default_rng(4)
    for _ in range(150):
        executed = arm.command(rng.uniform(ACTION.low_array, ACTION.high_array).astype(np.float32))
        position = np.array(arm.commanded_pose().position)
        assert np.all(position >= WORKSPACE_LOW - 1e-9) and np.all(position <= WORKSPACE_HIGH + 1e-9)
        assert np.all(np.isfinite(executed))


def test_no_motion_asked_for_is_no_joint_moved(physics: Physics) -> None:
    """To hold is the answer to a motion that cannot be made safe, so the spare degree of freedom must not drift."""
    arm = PandaArm(physics)
    rng = np.random.default_rng(5)
    for _ in range(20):
        arm.command(rng.uniform(ACTION.low_array, ACTION.high_array).astype(np.float32))
        before, pose = arm._commander.joints, arm.commanded_pose()
        executed = arm.command(np.array([0, 0, 0, 0, 0, 0, CLOSED], dtype=np.float32))
        np.testing.assert_array_equal(arm._commander.joints, before)
        assert arm.commanded_pose() == pose
        np.testing.assert_allclose(executed, [0, 0, 0, 0, 0, 0, CLOSED], atol=1e-7)


@pytest.mark.parametrize("wrong", [[0.0] * 6, [np.nan] + [0.0] * 6, [0.06] + [0.0] * 6])
def test_illegal_actions_raise_and_move_nothing(physics: Physics, wrong: list[float]) -> None:
    arm = PandaArm(physics)
    before = arm.commanded_pose()
    with pytest.raises(ValueError, match="not legal"):
        arm.command(np.array(wrong, dtype=np.float32))
    assert arm.commanded_pose() == before


@pytest.mark.parametrize("direction", [(0.05, 0, 0), (0, 0.05, 0), (0, -0.05, 0), (0, 0, -0.05), (0.03, 0.03, -0.025)])
def test_the_tool_is_at_its_command_after_one_tick(physics: Physics, direction: tuple[float, float, float]) -> None:
    arm = PandaArm(physics)
    act(arm, *direction, 0, 0, 0, OPEN)
    assert np.linalg.norm(np.subtract(arm.tool_pose().position, arm.commanded_pose().position)) < 0.004


def test_motion_has_no_jump_in_speed_and_no_overshoot(physics: Physics, monkeypatch: pytest.MonkeyPatch) -> None:
    arm = PandaArm(physics)
    heights = [arm.tool_pose().position[2]]
    step = physics.step

    def recording_step(count: int = 1) -> None:
        step(count)
        heights.append(arm.tool_pose().position[2])

    monkeypatch.setattr(physics, "step", recording_step)
    act(arm, 0, 0, -0.05, 0, 0, 0, OPEN, ticks=3)
    act(arm, 0, 0, 0, 0, 0, 0, OPEN, ticks=1)
    assert len(heights) == 4 * STEPS_PER_TICK + 1
    speed = np.diff(heights) / TIME_STEP
    assert np.abs(np.diff(speed)).max() / TIME_STEP < 12.0, "m/s2; a minimum-jerk move of 5 cm in 0.2 s peaks at 7.2"
    assert min(heights) > HOME_POSITION[2] - 0.15 - 0.002
    assert speed.max() < 0.02, "it never rises"


def test_gripper_opens_and_closes_in_two_ticks(physics: Physics) -> None:
    arm = PandaArm(physics)
    act(arm, 0, 0, 0, 0, 0, 0, CLOSED)
    assert 0.3 < arm.gripper_opening() < 0.7
    act(arm, 0, 0, 0, 0, 0, 0, CLOSED)
    assert arm.gripper_opening() < 0.02
    act(arm, 0, 0, 0, 0, 0, 0, 0.5)
    assert arm.gripper_opening() == pytest.approx(0.5, abs=0.02)
    act(arm, 0, 0, 0, 0, 0, 0, OPEN)
    assert arm.gripper_opening() > 0.98


@pytest.mark.parametrize("off_centre", [0.0, 0.012])
def test_a_cube_is_lifted_held_turned_and_released(physics: Physics, off_centre: float) -> None:
    physics.add_body(TABLE, Pose())
    cube = physics.add_body(CUBE, Pose((0.5, 0.05 + off_centre, 0.02)))
    arm = PandaArm(physics)
    arm.reset((0.5, 0.05, 0.06))
    act(arm, 0, 0, -0.045, 0, 0, 0, OPEN)
    assert not arm.touching(cube)
    act(arm, 0, 0, 0, 0, 0, 0, CLOSED, ticks=3)
    assert arm.holding(cube) and arm.touching(cube)
    held_at = untransform(arm.tool_pose(), np.array(physics.pose(cube).position))
    act(arm, 0, 0, 0.05, 0, 0, 0, CLOSED, ticks=3)
    assert physics.pose(cube).position[2] > 0.165
    act(arm, 0, 0, 0, 0, 0, 0, CLOSED, ticks=15)
    assert np.linalg.norm(untransform(arm.tool_pose(), np.array(physics.pose(cube).position)) - held_at) < 0.003
    act(arm, 0.05, -0.05, 0, 0.1, 0, 0.3, CLOSED, ticks=3)
    assert arm.holding(cube)
    assert np.linalg.norm(untransform(arm.tool_pose(), np.array(physics.pose(cube).position)) - held_at) < 0.003
    act(arm, 0, 0, 0, 0, 0, 0, OPEN, ticks=3)
    assert not arm.touching(cube)
    assert physics.pose(cube).position[2] < 0.05, "nothing sticks to an open gripper"


def test_two_rebuilds_are_identical(physics: Physics) -> None:
    def run() -> tuple[FloatArray, Pose]:
        physics.reset()
        physics.add_body(TABLE, Pose())
        cube = physics.add_body(CUBE, Pose((0.5, 0.0, 0.02)))
        arm = PandaArm(physics)
        act(arm, 0.04, 0, -0.05, 0, 0, 0.1, OPEN, ticks=2)
        act(arm, 0.0, 0, -0.05, 0, 0, -0.1, OPEN, ticks=4)
        act(arm, 0, 0, 0, 0, 0, 0, CLOSED, ticks=3)
        act(arm, 0, 0.02, 0.05, 0, 0, 0, CLOSED, ticks=2)
        return arm.state(), physics.pose(cube)

    first, second = run(), run()
    assert first[0].tobytes() == second[0].tobytes()
    assert first[1] == second[1]


def test_the_engine_prints_nothing() -> None:
    code = "print('before'); from sim.physics import Physics; Physics().close(); print('after')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("before\nafter\n", "")


def test_the_arm_is_light_enough_to_draw() -> None:
    visual = [path for path in URDF.parent.glob("*.obj") if not path.name.endswith("_hull.obj")]
    triangles = sum(line.startswith("f ") for path in visual for line in path.read_text().splitlines())
    assert 1500 < triangles < 4000
