"""Where the hand will be, against a world in which the actions are really taken."""

import numpy as np
import pytest

from imagination.hands import HAND_FEATURES, Motion
from imagination.stills import ARM, FIRST_THING, look, small_world
from sim.geometry import yaw_of
from sim.tasks import sample_task

AWAY = np.array([[0.02, 0.03, 0.01, 0, 0, 0.1, 1.0]] * 8, dtype=np.float32)


def test_the_hand_comes_to_where_it_is_said_to_come() -> None:
    world = small_world()
    world.reset(sample_task("put_in", np.random.default_rng(500_000)), seed=500_000)
    motion = Motion(AWAY, look(world).hand)
    for action in AWAY:
        world.step(action)
    pose, said = world.arm.tool_pose(), motion.hands
    still = look(world)
    world.close()
    assert said is not None and said.shape == (8, HAND_FEATURES)
    u, v, height, cosine, sine, opening = said[-1]
    assert height / 10 == pytest.approx(pose.position[2], abs=0.01) and opening == 1
    assert np.arctan2(sine, cosine) == pytest.approx(yaw_of(pose.quaternion), abs=0.05)
    row, column = int(64 * v), int(64 * u)
    near = still.who[row - 3 : row + 4, column - 3 : column + 4]
    assert (near == ARM).any() and not (near >= FIRST_THING).any()


def test_the_hand_stays_in_the_workspace_and_is_unknown_where_it_begins_unknown() -> None:
    hand = np.array([0.5, 0.0, 0.3, np.pi, 0, 0, 1], dtype=np.float32)
    down = np.tile(np.array([0, 0, -0.05, 0, 0, 0, 0], dtype=np.float32), (8, 1))
    said = Motion(down, hand).hands
    assert (
        said is not None
        and said[-1, 2] == pytest.approx(0.08, abs=1e-5)
        and said[-2, 2] == pytest.approx(0.08, abs=1e-5)
    )
    assert Motion(down).hands is None
