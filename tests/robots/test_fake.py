"""The fake robot keeps the driver's contract, and breaks as it is told to."""

import numpy as np
import pytest

from agent.errors import WorldFault
from agent.ports import RobotDriver
from agent.robots.fake import ACTION, STATE, FakeConfig, FakeRobot, Faults
from agent.types import FloatArray
from sim import commander
from tests.contract.driver_contract import DriverContract


class TestFakeRobot(DriverContract):
    def make_driver(self) -> RobotDriver:
        self.robot = FakeRobot()
        return self.robot

    def lose_peer(self) -> None:
        self.robot.cut()

    def make_unreachable(self) -> RobotDriver:
        return FakeRobot(FakeConfig(faults=Faults(unreachable=True)))


def connected(**faults: int) -> FakeRobot:
    robot = FakeRobot(FakeConfig(faults=Faults(**faults)))
    robot.connect()
    return robot


def row(*start: float, gripper: float = 1.0) -> FloatArray:
    return np.array([*start, *np.zeros(6 - len(start)), gripper], dtype=np.float32)


def test_policies_of_the_simulated_arm_fit_it() -> None:
    assert (ACTION.names, ACTION.units, ACTION.low, ACTION.high) == (
        commander.ACTION.names,
        commander.ACTION.units,
        commander.ACTION.low,
        commander.ACTION.high,
    )
    assert (STATE.names, STATE.units) == (commander.STATE.names, commander.STATE.units)


def test_the_tool_goes_where_it_is_told_and_the_picture_shows_it() -> None:
    robot = connected()
    before = robot.read()
    sent = robot.send(row(0.05, -0.03, gripper=0.0))
    after = robot.read()
    np.testing.assert_allclose(sent, row(0.05, -0.03, gripper=0.0), atol=1e-7)
    np.testing.assert_allclose(after.state[:7] - before.state[:7], [0.05, -0.03, 0, 0, 0, 0, -1.0], atol=1e-6)
    assert not np.array_equal(before.images["front"], after.images["front"])


def test_what_is_sent_ends_at_the_bounds_of_the_state() -> None:
    robot = connected()
    sent = [robot.send(row(0.05)) for _ in range(20)]
    assert sent[-1][0] == 0.0
    assert sum(float(each[0]) for each in sent) == pytest.approx(1.0 - 0.42, abs=1e-6)


def test_a_frozen_robot_repeats_itself_and_a_frozen_camera_only_its_pictures() -> None:
    robot = connected(frozen_at=1)
    assert robot.read() is robot.read()
    robot = connected(frozen_camera_at=1)
    first = robot.read()
    robot.send(row(0.05))
    second = robot.read()
    assert second.images is first.images
    assert second.state[0] > first.state[0]


@pytest.mark.parametrize("fault", ["lost_at", "refuses_at"])
def test_it_fails_at_the_reading_it_was_told(fault: str) -> None:
    robot = connected(**{fault: 2})
    for _ in range(2):
        robot.send(row(0.0))
        robot.read()
    with pytest.raises(WorldFault):
        robot.send(row(0.0))
