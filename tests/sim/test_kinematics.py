"""The arm's geometry against the physics engine, finite differences and random poses over the workspace."""

import numpy as np
import pytest

from sim import kinematics
from sim.arm import PandaArm
from sim.commander import WORKSPACE_HIGH, WORKSPACE_LOW, clamp_position
from sim.geometry import Pose, multiply, quaternion_from_vector, rotation_matrix, vector_from_quaternion
from sim.kinematics import _FRAMES, _TOOL, HIGH, LOW, REST, forward, inverse, link_frames, tool_matrix_and_jacobian
from sim.physics import Physics


def random_pose(rng: np.random.Generator) -> Pose:
    """A pose in the workspace, yaw in +-90 degrees, tilted by up to 15 degrees, within the arm's reach."""
    tilt, heading = rng.uniform(0, np.radians(15)), rng.uniform(0, 2 * np.pi)
    lean = quaternion_from_vector((tilt * np.cos(heading), tilt * np.sin(heading), 0.0))
    turn = quaternion_from_vector((0.0, 0.0, rng.uniform(-np.pi / 2, np.pi / 2)))
    x, y, z, w = multiply(lean, turn).tolist()
    return Pose(clamp_position(rng.uniform(WORKSPACE_LOW, WORKSPACE_HIGH), (x, y, z, w)), (x, y, z, w))


def test_forward_kinematics_agrees_with_the_engine() -> None:
    physics = Physics()
    arm = PandaArm(physics)
    joints = list(range(7))
    rng = np.random.default_rng(0)
    for _ in range(20):
        angles = rng.uniform(LOW, HIGH)
        physics.set_joints(arm.body, joints, angles)
        slow, fast = arm.tool_pose(), forward(angles)
        assert np.allclose(slow.position, fast.position, atol=2e-6)
        assert np.allclose(rotation_matrix(slow.quaternion), rotation_matrix(fast.quaternion), atol=2e-6)
    physics.close()


def test_jacobian_agrees_with_finite_differences() -> None:
    rng = np.random.default_rng(1)
    step = 1e-6
    for _ in range(10):
        joints = rng.uniform(LOW, HIGH)
        tool, jacobian = tool_matrix_and_jacobian(joints)
        for index in range(7):
            moved = joints.copy()
            moved[index] += step
            after, _ = tool_matrix_and_jacobian(moved)
            spin = after[:3, :3] @ tool[:3, :3].T
            angular = np.array([spin[2, 1] - spin[1, 2], spin[0, 2] - spin[2, 0], spin[1, 0] - spin[0, 1]]) / 2
            numeric = np.concatenate([after[:3, 3] - tool[:3, 3], angular]) / step
            assert np.allclose(jacobian[:, index], numeric, atol=1e-5)


def test_numbers_one_by_one_give_what_matrices_give() -> None:
    rng = np.random.default_rng(4)
    for joints in rng.uniform(LOW, HIGH, size=(50, 7)):
        chain, frame = [], np.eye(4)
        for fixed, angle in zip(_FRAMES, joints, strict=True):
            turn = np.eye(4)
            turn[:2, :2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
            frame = frame @ fixed @ turn
            chain.append(frame)
        slow_tool = frame @ _TOOL
        slow_jacobian = [[*np.cross(each[:3, 2], slow_tool[:3, 3] - each[:3, 3]), *each[:3, 2]] for each in chain]
        tool, jacobian = tool_matrix_and_jacobian(joints)
        np.testing.assert_allclose(tool, slow_tool, atol=1e-12)
        np.testing.assert_allclose(jacobian, np.transpose(slow_jacobian), atol=1e-12)
        np.testing.assert_allclose(link_frames(joints[None])[0, :7], chain, atol=1e-12)


def test_a_pose_that_gets_no_nearer_is_given_up_early(monkeypatch: pytest.MonkeyPatch) -> None:
    looks = []
    fast = kinematics.tool_matrix_and_jacobian
    monkeypatch.setattr(kinematics, "tool_matrix_and_jacobian", lambda joints: looks.append(1) or fast(joints))
    assert not inverse(Pose((1.2, 0.0, 0.3)), REST).converged
    assert len(looks) < 25


def test_inverse_reaches_random_poses_of_the_workspace() -> None:
    rng = np.random.default_rng(2)
    position_errors, converged = [], []
    for _ in range(400):
        target = random_pose(rng)
        solution = inverse(target, REST, iterations=60)
        reached = forward(solution.joints)
        position_errors.append(float(np.linalg.norm(np.subtract(reached.position, target.position))))
        converged.append(solution.converged)
        assert np.all(solution.joints >= LOW) and np.all(solution.joints <= HIGH)
        if solution.converged:
            inverted = (-target.quaternion[0], -target.quaternion[1], -target.quaternion[2], target.quaternion[3])
            turn = vector_from_quaternion(multiply(reached.quaternion, inverted))
            assert np.linalg.norm(turn) < 1e-3
    assert np.percentile(position_errors, 95) <= 1e-3
    assert np.mean(converged) >= 0.99


def test_inverse_says_so_when_a_pose_is_out_of_reach() -> None:
    solution = inverse(Pose((1.2, 0.0, 0.3)), REST)
    assert not solution.converged
    assert solution.position_error > 0.2


@pytest.mark.parametrize("position", [(0.75, 0.40, 0.008), (0.75, -0.40, 0.50), (0.90, 0.0, -0.3)])
def test_clamped_positions_lie_in_the_box_and_can_be_reached(position: tuple[float, float, float]) -> None:
    clamped = np.array(clamp_position(np.array(position), (0.0, 0.0, 0.0, 1.0)))
    assert np.all(clamped >= WORKSPACE_LOW) and np.all(clamped <= WORKSPACE_HIGH)
    x, y, z = clamped.tolist()
    assert inverse(Pose((x, y, z)), REST, iterations=60).converged


def test_a_tilted_hand_stays_higher_above_the_table() -> None:
    x, y, z, w = quaternion_from_vector((np.radians(15), 0.0, 0.0)).tolist()
    level = clamp_position(np.array([0.5, 0.0, 0.0]), (0.0, 0.0, 0.0, 1.0))
    tilted = clamp_position(np.array([0.5, 0.0, 0.0]), (x, y, z, w))
    assert level[2] == pytest.approx(0.008)
    assert tilted[2] > level[2] + 0.01
