"""Kinematics: the Jacobian against differences, the inverse against the forward, the SO-101 against its maker's."""

from pathlib import Path

import numpy as np
import pytest

from agent.errors import SpecError
from agent.robots.aim import Aim
from agent.robots.chain import Array, Chain, chain_from_urdf, frame_of, matrix_from_vector, vector_from_matrix
from agent.robots.so101 import URDF
from agent.robots.ur_arm import URConfig, ur_chain
from agent.types import Control

CHAINS = {"so101": chain_from_urdf(URDF, tip="tool"), "ur5e": ur_chain(URConfig())}
MAKERS_JOINTS = (
    ((0.0207909, -0.0230745, 0.0948817), (-np.pi, 0, np.pi / 2)),
    ((-0.0303992, -0.0182778, -0.0542), (-np.pi / 2, -np.pi / 2, 0)),
    ((-0.11257, -0.028, 0), (0, 0, np.pi / 2)),
    ((-0.1349, 0.0052, 0), (0, 0, -np.pi / 2)),
    ((0, -0.0611, 0.0181), (np.pi / 2, 0, np.pi)),
)
"""Origins in TheRobotStudio/SO-ARM100, Simulation/SO101/so101_new_calib.urdf; every joint turns about its own z."""
MAKERS_TOOL = ((-0.0079, -0.000218121, -0.0981274), (np.pi / 2, 0, np.pi / 2))


def makers_forward(angles: Array) -> Array:
    """The tool in the maker's base frame, by the maker's own chain."""
    frame = np.eye(4)
    for (xyz, rpy), angle in zip(MAKERS_JOINTS, angles, strict=True):
        turn = np.eye(4)
        turn[:3, :3] = matrix_from_vector(np.array([0, 0, angle]))
        frame = frame @ frame_of(xyz, rpy) @ turn
    return frame @ frame_of(*MAKERS_TOOL)


def random_joints(chain: Chain, generator: np.random.Generator) -> Array:
    return generator.uniform(np.maximum(chain.low, -2.5), np.minimum(chain.high, 2.5))


def test_the_so101_is_the_makers() -> None:
    """Ours is the maker's turned a quarter about z (its arm points along -y) and moved to the axis of shoulder_pan."""
    to_ours = frame_of((0, 0, 0), (0, 0, np.pi / 2)) @ frame_of((-0.0207909, 0.0230745, 0))
    # The maker's tool frame has z up when ours points forward; the same turn at every pose.
    between = (to_ours @ makers_forward(np.zeros(5)))[:3, :3].T @ CHAINS["so101"].forward(np.zeros(5))[:3, :3]
    generator = np.random.default_rng(0)
    for _ in range(50):
        angles = random_joints(CHAINS["so101"], generator)
        theirs, ours = to_ours @ makers_forward(angles), CHAINS["so101"].forward(angles)
        assert ours[:3, 3] == pytest.approx(theirs[:3, 3], abs=2e-6)
        assert ours[:3, :3] == pytest.approx(theirs[:3, :3] @ between, abs=1e-5)


def test_pointing_straight_down_is_no_rotation() -> None:
    down = CHAINS["so101"].forward(np.array([0.0, 0.0, 0.0, np.pi / 2, 0.0]))
    assert vector_from_matrix(down[:3, :3]) == pytest.approx(np.zeros(3), abs=1e-9)


@pytest.mark.parametrize("name", CHAINS)
def test_the_jacobian_is_the_derivative(name: str) -> None:
    chain, generator, little = CHAINS[name], np.random.default_rng(1), 1e-6
    for _ in range(5):
        angles = random_joints(chain, generator)
        _, jacobian = chain.forward_and_jacobian(angles)
        for column, step in enumerate(np.eye(len(angles)) * little):
            ahead, behind = chain.forward(angles + step), chain.forward(angles - step)
            linear = (ahead - behind)[:3, 3] / (2 * little)
            angular = vector_from_matrix(ahead[:3, :3] @ behind[:3, :3].T) / (2 * little)
            assert jacobian[:, column] == pytest.approx([*linear, *angular], abs=1e-7)


@pytest.mark.parametrize("name", CHAINS)
def test_the_inverse_finds_what_is_a_tick_away(name: str) -> None:
    chain, generator = CHAINS[name], np.random.default_rng(2)
    errors = []
    for _ in range(100):
        there = random_joints(chain, generator)
        start = np.clip(there + generator.uniform(-0.05, 0.05, len(there)), chain.low, chain.high)
        found = chain.inverse(chain.forward(there), start)
        assert ((found.joints >= chain.low) & (found.joints <= chain.high)).all()
        errors.append(found.position_error)
    assert np.quantile(errors, 0.95) < 2e-5


def test_five_joints_reach_a_place_and_turn_as_far_as_they_can() -> None:
    chain, start = CHAINS["so101"], np.array([0.1, -0.6, 0.7, 0.5, 0.0])
    target = chain.forward(start)
    target[:3, 3] += (0.0, 0.04, 0.0)
    found = chain.inverse(target, start)
    assert found.position_error < 2e-5
    assert 0.02 < found.rotation_error < 0.5, "the yaw must come along with the pan: there is no sixth joint"


def test_a_place_out_of_reach_is_approached() -> None:
    chain, start = CHAINS["so101"], np.array([0.0, 0.0, 0.0, 0.0, 0.0])
    target = chain.forward(start)
    target[:3, 3] += (1.0, 0.0, 0.0)
    found = chain.inverse(target, start)
    assert np.isfinite(found.joints).all()
    assert 0.5 < found.position_error < 1.0


@pytest.mark.parametrize(
    "turn", [(0, 0, 0), (1e-9, 0, 0), (np.pi, 0, 0), (0, -3.1, 0.3), (1.2, 2.0, -2.0), (0, 0, -np.pi)]
)
def test_rotation_vectors_there_and_back(turn: tuple[float, float, float]) -> None:
    matrix = matrix_from_vector(np.array(turn, dtype=float))
    assert matrix_from_vector(vector_from_matrix(matrix)) == pytest.approx(matrix, abs=1e-9)


def test_a_urdf_that_does_not_lead_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="no joint leads to the link 'hand'"):
        chain_from_urdf(URDF, tip="hand")
    sliding = URDF.read_text(encoding="utf-8").replace(
        'name="elbow_flex" type="revolute"', 'name="elbow_flex" type="prismatic"'
    )
    (tmp_path / "sliding.urdf").write_text(sliding, encoding="utf-8")
    with pytest.raises(SpecError, match="'elbow_flex' is prismatic"):
        chain_from_urdf(tmp_path / "sliding.urdf", tip="tool")


def test_the_executed_action_is_what_the_joints_make_of_it() -> None:
    """Moves between commanded poses add up to where the tool is told to be, however much was left undone."""
    chain, generator = CHAINS["so101"], np.random.default_rng(3)
    aim = Aim(chain, Control.EE_DELTA, longest_step=0.05)
    start = np.array([0.1, -0.6, 0.7, 0.5, 0.0])
    place = chain.forward(start)[:3, 3].copy()
    cut = 0
    for _ in range(30):
        action = generator.uniform([-0.05] * 3 + [-0.3] * 3 + [0], [0.05] * 3 + [0.3] * 3 + [1]).astype(np.float32)
        before = aim.joints if aim.joints is not None else start
        joints, executed = aim.at(action, start)
        place += executed[:3]
        cut += not np.allclose(executed[:3], action[:3], atol=1e-3)
        assert np.abs(joints - before).max() <= 0.05 + 1e-9
        assert chain.forward(joints)[:3, 3] == pytest.approx(place, abs=1e-5)
    assert cut > 0
