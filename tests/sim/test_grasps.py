"""Two free-standing fingers that close where a kind's grasp says hold the object when the table is taken away."""

import numpy as np
import pytest

from sim.geometry import BodySpec, Box, JointType, LinkSpec, Part, Pose, yaw_quaternion
from sim.objects import OBJECTS
from sim.physics import Physics

TABLE = BodySpec((Part(Box((0.5, 0.6, 0.05))),), (), 0.0)
OPENING, FORCE = 0.080, 8.0
SIZES = [(name, scale) for name, kind in OBJECTS.items() for scale in kind.size_range]


def finger(sign: float) -> LinkSpec:
    pad = (Part(Box((0.009, 0.004, 0.009)), Pose((0.0, sign * 0.004, 0.0))),)
    origin = Pose((0.0, sign * OPENING / 2, 0.0))
    return LinkSpec("finger", JointType.PRISMATIC, (0.0, -sign, 0.0), 0.0, OPENING / 2, 0.2, origin, pad, (), 0.0)


GRIPPER = BodySpec((), (), 0.0, 1.0, 0.01, 0.0005, (finger(1.0), finger(-1.0)))


@pytest.fixture(scope="module")
def physics() -> Physics:
    return Physics()


@pytest.mark.parametrize(("name", "scale"), SIZES)
def test_the_grasp_holds(physics: Physics, name: str, scale: float) -> None:
    kind = OBJECTS[name]
    grasp = kind.grasp(scale)
    physics.reset()
    table = physics.add_body(TABLE, Pose((0.5, 0.0, -0.05)))
    body = physics.add_body(kind.body(next(iter(kind.colours)), scale), Pose((0.5, 0.0, kind.rest_height(scale))))
    physics.step(10)
    yaw = (grasp.yaws or (0.3,))[0]
    x, y, z = grasp.offset
    at = (0.5 + x, y, kind.rest_height(scale) + z)
    hand = physics.add_body(GRIPPER, Pose(at, yaw_quaternion(yaw - np.pi / 2)))
    for step in range(60):
        physics.drive_joints(hand, [0, 1], np.full(2, OPENING / 2 * (step + 1) / 60), [FORCE, FORCE])
        physics.step()
    opening = OPENING - float(physics.joint_positions(hand, [0, 1]).sum())
    before = physics.pose(body).position[2]
    physics.remove(table)
    physics.step(60)
    assert abs(physics.pose(body).position[2] - before) < 0.010
    assert opening == pytest.approx(grasp.width, abs=0.005)
