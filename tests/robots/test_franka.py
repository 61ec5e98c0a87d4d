"""The Franka driver by libfranka itself, over its real wire protocol, against the emulated cell."""

import time
from collections.abc import Iterator

import numpy as np
import pytest

from agent.errors import WorldFault
from agent.types import FloatArray
from tests.contract.driver_contract import DriverContract

pytest.importorskip("franky", reason="the extra 'franka' is not installed")
pytest.importorskip("franky_sim", reason="the extra 'cell' is not installed")

from agent.robots.franka import FrankaDriver
from agent.robots.franka_link import FrankaSettings
from sim.cell.client import EmulatedCell
from sim.commander import PandaCommander
from tests.robots.franka_bench import Cells, driver_for

pytestmark = pytest.mark.slow
NOBODY = "127.0.0.250"
STILL = np.array([0, 0, 0, 0, 0, 0, 1], dtype=np.float32)


CELLS = Cells()


@pytest.fixture(scope="module", autouse=True)
def _no_cell_stays() -> Iterator[None]:
    yield
    CELLS.discard()


@pytest.fixture
def cell() -> EmulatedCell:
    return CELLS.get()


@pytest.fixture
def driver(cell: EmulatedCell) -> Iterator[FrankaDriver]:
    """A connected driver that a busy machine does not make nervous."""
    driver = driver_for(cell, patience_s=5.0)
    driver.connect()
    yield driver
    driver.disconnect()


class TestContract(DriverContract):
    orders = 4

    def make_driver(self) -> FrankaDriver:
        return driver_for(CELLS.get(), patience_s=0.8)

    def make_unreachable(self) -> FrankaDriver:
        settings = FrankaSettings(NOBODY, realtime=False)
        return FrankaDriver(settings, commander=PandaCommander())

    def lose_peer(self) -> None:
        CELLS.get().kill()
        self._lost = True

    def close_peers(self) -> None:
        if getattr(self, "_lost", False):
            CELLS.discard()


def wait_for(driver: FrankaDriver, seconds: float) -> None:
    """Let so much of the robot's time pass; under load it runs slower than the wall's."""
    until, deadline = driver.robot_time() + seconds, time.monotonic() + 100 * seconds + 20
    while driver.robot_time() < until:
        assert time.monotonic() < deadline
        time.sleep(0.005)


def drive(driver: FrankaDriver, *rows: FloatArray) -> None:
    for row in rows:
        driver.send(row)
        wait_for(driver, 0.2)


def test_the_state_is_the_body_s_own(cell: EmulatedCell, driver: FrankaDriver) -> None:
    """What came over the wire through our kinematics is what the physics engine says, tool frame and all."""
    wait_for(driver, 0.5)
    assert driver.read().state == pytest.approx(cell.state(), abs=2e-3)


def test_the_robot_s_own_model_puts_its_flange_where_ours_does(driver: FrankaDriver, cell: EmulatedCell) -> None:
    import franky

    driver.disconnect()
    state = franky.Robot(cell.address, realtime_config=franky.RealtimeConfig.Ignore).state
    tip = state.O_T_EE.matrix
    tool = PandaCommander().tool_vector(np.array(state.q))
    # The maker's end effector lies 103.4 mm from the flange, our tool 105 mm, both on the same axis.
    assert tool[:3] == pytest.approx(tip[:3, 3] + 0.0016 * tip[:3, 2], abs=1e-4)


def test_deltas_move_the_tool_by_as_much_as_they_say(driver: FrankaDriver) -> None:
    before = driver.read().state
    drive(driver, *[np.array([0.01, -0.02, 0.01, 0, 0, 0.1, 1], dtype=np.float32)] * 3, STILL, STILL)
    moved = driver.read().state - before
    assert moved[:3] == pytest.approx([0.03, -0.06, 0.03], abs=2e-3)
    assert moved[5] == pytest.approx(0.3, abs=0.01)
    drive(driver, *[np.array([-0.01, 0.02, -0.01, 0, 0, -0.1, 1], dtype=np.float32)] * 3)


def test_a_target_outside_the_workspace_is_cut_and_said_so(driver: FrankaDriver) -> None:
    up = np.array([0, 0, 0.05, 0, 0, 0, 1], dtype=np.float32)
    sent = [driver.send(up) for _ in range(12)]
    assert sent[0][2] == pytest.approx(0.05, abs=1e-4)
    assert sent[-1][2] == pytest.approx(0.0, abs=1e-4)
    driver.stop()


def test_the_gripper_closes_and_opens(driver: FrankaDriver) -> None:
    closed = STILL.copy()
    closed[6] = 0.0
    drive(driver, *[closed] * 6)
    assert driver.read().state[6] == pytest.approx(0.0, abs=0.05)
    drive(driver, *[STILL] * 6)
    assert driver.read().state[6] == pytest.approx(1.0, abs=0.05)


def test_a_new_order_to_the_hand_breaks_off_the_old_one(driver: FrankaDriver) -> None:
    closed = STILL.copy()
    closed[6] = 0.0
    drive(driver, closed, STILL, closed, STILL, *[STILL] * 6)
    assert driver.read().state[6] == pytest.approx(1.0, abs=0.05)


def test_stop_brakes_within_a_tenth_of_a_second_of_the_robot_s_time(driver: FrankaDriver, cell: EmulatedCell) -> None:
    drive(driver, STILL, np.array([0, 0.05, 0, 0, 0, 0, 1], dtype=np.float32))
    driver.send(np.array([0, -0.05, 0, 0, 0, 0, 1], dtype=np.float32))
    wait_for(driver, 0.05)
    driver.stop()
    wait_for(driver, 0.2)
    one = np.array(cell.state())
    wait_for(driver, 0.2)
    assert np.array(cell.state()) == pytest.approx(one, abs=1e-3)


@pytest.mark.parametrize(
    ("fault", "flag"), [("reflex", "joint_reflex"), ("silent_client", "communication_constraints_violation")]
)
def test_a_reflex_stops_the_robot_in_one_sentence_and_recovery_is_explicit(
    driver: FrankaDriver, cell: EmulatedCell, fault: str, flag: str
) -> None:
    drive(driver, np.array([0.02, 0, 0, 0, 0, 0, 1], dtype=np.float32))
    cell.order_fault(fault)
    sentence = first_fault(driver)
    assert flag in sentence and "\n" not in sentence
    for _ in range(2):
        with pytest.raises(WorldFault, match=r"(?i)reflex"):
            driver.send(STILL)
    driver.disconnect()
    with pytest.raises(WorldFault, match=r"(?i)reflex.*recover"):
        driver.connect()
    driver.recover()
    drive(driver, STILL)
    driver.read()


def test_a_refused_motion_is_one_sentence(driver: FrankaDriver, cell: EmulatedCell) -> None:
    cell.order_fault("user_stop")
    try:
        sentence = first_fault(driver)
        assert "UserStopped" in sentence or "safety function" in sentence
        assert "\n" not in sentence
        with pytest.raises(WorldFault, match="UserStopped"):
            driver.recover()
    finally:
        cell.order_fault("none")
    driver.recover()
    drive(driver, STILL)


@pytest.mark.parametrize("moving", [False, True])
def test_a_frozen_controller_is_noticed_within_a_second(cell: EmulatedCell, moving: bool) -> None:
    driver = driver_for(cell)
    driver.connect()
    if moving:
        driver.send(np.array([0, 0.02, 0, 0, 0, 0, 1], dtype=np.float32))
    cell.freeze()
    began = time.monotonic()
    try:
        sentence = first_fault(driver)
        assert time.monotonic() - began < 1.0
        assert "has not answered" in sentence
        driver.stop()
        driver.disconnect()
        assert time.monotonic() - began < 4.0
    finally:
        cell.thaw()
    driver.recover()
    driver.read()
    driver.disconnect()


def test_frozen_cameras_are_a_fault_that_names_them(driver: FrankaDriver, cell: EmulatedCell) -> None:
    cell.freeze(cameras=True)
    try:
        with pytest.raises(WorldFault, match="cameras did not answer within 1 s"):
            driver.read()
    finally:
        cell.thaw(cameras=True)
    time.sleep(0.1)
    driver.read()


def first_fault(driver: FrankaDriver) -> str:
    """Send and look until something is wrong; return the sentence."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            driver.send(STILL)
            driver.robot_time()
        except WorldFault as fault:
            return str(fault)
        time.sleep(0.02)
    pytest.fail("nothing was noticed")
