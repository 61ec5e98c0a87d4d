"""What every RobotDriver must do. A test class inherits from `DriverContract` and says how driver and peer are made.

The peer is whatever the driver talks to: an emulator on loopback, an emulated bus, or nothing for the fake robot. What
a passing driver has not shown: anything about real motors, real time, or a real cable.
"""

import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator

import numpy as np
import psutil
import pytest

from agent.errors import AubergineError, WorldFault
from agent.ports import RobotDriver
from agent.types import Control, FloatArray, Reading

CALLS = ("connect", "read", "send", "stop", "disconnect")
PATIENCE_S = 20.0
"""What a busy machine may take where the time itself is not the question."""
TIMED = pytest.mark.parametrize("timed", [False, pytest.param(True, marks=pytest.mark.slow)], ids=["at all", "in time"])
"""Whether it happens is asked always; how soon, only among the slow tests, on a machine that has nothing else to do."""


class DriverContract(ABC):
    """Inherit, and give `make_driver` and `lose_peer`; override the rest where the robot differs."""

    notice_s = 1.0
    """A lost peer is noticed within this time [s], and stop and disconnect take no longer."""
    orders = 10
    """How many random orders of calls are tried."""

    hurried = False
    """Whether this test asks how soon something is noticed; drivers are given their own patience then, else more."""

    @pytest.fixture(autouse=True)
    def _hurry(self, request: pytest.FixtureRequest) -> None:
        called = getattr(request.node, "callspec", None)
        self.hurried = called is not None and bool(called.params.get("timed"))

    @abstractmethod
    def make_driver(self) -> RobotDriver:
        """Return a new driver that is not connected; its peer is there. Called more than once in some tests."""

    @abstractmethod
    def lose_peer(self) -> None:
        """Make the peer of the last driver vanish without a word, as a cut cable or a dead controller would."""

    def make_unreachable(self) -> RobotDriver:
        """Return a driver whose peer never was there; skipped where a robot cannot be unreachable."""
        pytest.skip("this driver has no peer to miss")

    def close_peers(self) -> None:  # noqa: B027 - most drivers have none to end
        """End every peer that `make_driver` started; called after each test."""

    def hold_action(self, driver: RobotDriver, reading: Reading) -> FloatArray:
        """Return the action (A,) that changes nothing: no delta, or the measured joints; the gripper as it is."""
        spec, state = driver.embodiment.action, driver.embodiment.state
        measured = dict(zip(state.names, reading.state, strict=True))
        deltas = driver.embodiment.control is Control.EE_DELTA
        kept = ("gripper", "gripper.pos") if deltas else spec.names
        values = [measured.get(name, 0.0) if name in kept else 0.0 for name in spec.names]
        return spec.clip(np.array(values, dtype=np.float32))

    @pytest.fixture
    def driver(self) -> Iterator[RobotDriver]:
        driver = self.make_driver()
        yield driver
        driver.disconnect()
        self.close_peers()

    def test_the_embodiment_can_be_read_while_disconnected(self, driver: RobotDriver) -> None:
        body = driver.embodiment
        assert body.name
        assert len(body.state) > 0 and len(body.action) > 0
        assert body.rate_hz > 0
        driver.connect()
        assert driver.embodiment == body, "connecting must not change what was promised"

    def test_a_reading_is_what_the_embodiment_says(self, driver: RobotDriver) -> None:
        driver.connect()
        reading = driver.read()
        assert list(reading.images) == [camera.name for camera in driver.embodiment.cameras]
        for camera in driver.embodiment.cameras:
            image = reading.images[camera.name]
            assert image.shape == (camera.height, camera.width, 3)
            assert image.dtype == np.uint8
        assert reading.state.dtype == np.float32
        assert driver.embodiment.state.problem(reading.state) is None

    def test_readings_carry_the_monotonic_clock(self, driver: RobotDriver) -> None:
        driver.connect()
        driver.read()
        first, second = driver.read().time, driver.read().time
        assert first <= second <= time.monotonic()
        assert time.monotonic() - first < PATIENCE_S

    def test_a_reading_does_not_change_afterwards(self, driver: RobotDriver) -> None:
        driver.connect()
        reading = driver.read()
        images, state = {name: image.copy() for name, image in reading.images.items()}, reading.state.copy()
        driver.send(self.hold_action(driver, reading))
        driver.read()
        assert all(np.array_equal(reading.images[name], image) for name, image in images.items())
        assert np.array_equal(reading.state, state)

    def test_send_returns_what_was_really_sent(self, driver: RobotDriver) -> None:
        driver.connect()
        action = self.hold_action(driver, driver.read())
        kept = action.copy()
        sent = driver.send(action)
        assert sent.dtype == np.float32
        assert driver.embodiment.action.problem(sent) is None
        assert np.array_equal(action, kept), "the caller's action was changed"

    @pytest.mark.slow
    def test_send_does_not_wait_for_the_motion_to_end(self, driver: RobotDriver) -> None:
        driver.connect()
        action = self.hold_action(driver, driver.read())
        began = time.monotonic()
        driver.send(action)
        assert time.monotonic() - began < 1.0 / driver.embodiment.rate_hz

    @pytest.mark.parametrize("wrong", ["nan", "too short", "out of bounds"])
    def test_an_illegal_action_is_refused(self, driver: RobotDriver, wrong: str) -> None:
        driver.connect()
        action = self.hold_action(driver, driver.read())
        if wrong == "nan":
            action[0] = np.nan
        elif wrong == "too short":
            action = action[:-1]
        else:
            action[0] = 2 * abs(driver.embodiment.action.high[0]) + 1
        with pytest.raises((AubergineError, ValueError)):
            driver.send(action)

    def test_reading_and_sending_need_a_connection(self, driver: RobotDriver) -> None:
        action = driver.embodiment.action.clip(np.zeros(len(driver.embodiment.action), dtype=np.float32))
        with pytest.raises(WorldFault):
            driver.read()
        with pytest.raises(WorldFault):
            driver.send(action)

    def test_connecting_and_disconnecting_twice_is_allowed(self, driver: RobotDriver) -> None:
        driver.connect()
        driver.connect()
        driver.read()
        driver.disconnect()
        driver.disconnect()
        with pytest.raises(WorldFault):
            driver.read()

    def test_it_connects_again_after_disconnecting(self, driver: RobotDriver) -> None:
        for _ in range(2):
            driver.connect()
            driver.read()
            driver.disconnect()

    def test_stop_never_raises(self, driver: RobotDriver) -> None:
        driver.stop()
        driver.connect()
        driver.stop()
        driver.stop()
        driver.read()
        driver.disconnect()
        driver.stop()

    def test_calls_may_come_in_any_order(self, driver: RobotDriver) -> None:
        """Only WorldFault may be raised, never by stop or disconnect, and the driver still works afterwards."""
        generator = np.random.default_rng(0)
        held = driver.embodiment.action.clip(np.zeros(len(driver.embodiment.action), dtype=np.float32))
        for _ in range(self.orders):
            for name in generator.choice(CALLS, size=6):
                held = self._call(driver, str(name), held)
        driver.disconnect()
        driver.connect()
        driver.read()

    def _call(self, driver: RobotDriver, name: str, held: FloatArray) -> FloatArray:
        """Make one call; return the newest harmless action."""
        try:
            match name:
                case "read":
                    return self.hold_action(driver, driver.read())
                case "send":
                    driver.send(held if driver.embodiment.control is Control.EE_DELTA else self._measured(driver))
                case _:
                    getattr(driver, name)()
        except WorldFault:
            assert name not in ("stop", "disconnect")
        return held

    def _measured(self, driver: RobotDriver) -> FloatArray:
        """Absolute actions: zeros would be a long way off for some arms, so ask where it stands."""
        return self.hold_action(driver, driver.read())

    @TIMED
    def test_a_lost_peer_is_noticed(self, driver: RobotDriver, timed: bool) -> None:
        within = self.notice_s if timed else PATIENCE_S
        driver.connect()
        action = self.hold_action(driver, driver.read())
        self.lose_peer()
        began = time.monotonic()
        fault = self._first_fault(driver, action, give_up=began + 5 * within)
        waited = time.monotonic() - began
        assert fault is not None, "reading and sending went on as if nothing had happened"
        assert waited <= within, f"noticed after {waited:.2f} s"
        assert str(fault) and "\n" not in str(fault), "one sentence for a person"

    @TIMED
    def test_stop_and_disconnect_survive_a_lost_peer(self, driver: RobotDriver, timed: bool) -> None:
        driver.connect()
        driver.read()
        self.lose_peer()
        began = time.monotonic()
        driver.stop()
        driver.disconnect()
        assert time.monotonic() - began <= (2 * self.notice_s if timed else PATIENCE_S)

    def _first_fault(self, driver: RobotDriver, action: FloatArray, *, give_up: float) -> WorldFault | None:
        while time.monotonic() < give_up:
            try:
                driver.read()
                driver.send(action)
            except WorldFault as fault:
                return fault
            time.sleep(0.01)
        return None

    def test_an_unreachable_robot_is_one_sentence(self) -> None:
        driver = self.make_unreachable()
        began = time.monotonic()
        with pytest.raises(WorldFault) as caught:
            driver.connect()
        assert time.monotonic() - began < PATIENCE_S
        assert "\n" not in str(caught.value)
        driver.stop()
        driver.disconnect()
        self.close_peers()

    def test_nothing_stays_behind(self, driver: RobotDriver) -> None:
        """No thread and no file handle after disconnecting; a first round pays for what libraries keep for good."""
        self._round(driver)
        threads, handles = threading.active_count(), psutil.Process().num_fds()
        for _ in range(3):
            self._round(driver)
        assert settled(threading.active_count, threads), "threads stayed"
        assert settled(psutil.Process().num_fds, handles), "file handles stayed"

    def _round(self, driver: RobotDriver) -> None:
        driver.connect()
        driver.send(self.hold_action(driver, driver.read()))
        driver.stop()
        driver.disconnect()


def settled(measure: Callable[[], int], expected: int, *, seconds: float = PATIENCE_S) -> bool:
    """Say whether `measure()` comes down to `expected` within that time."""
    deadline = time.monotonic() + seconds
    while measure() > expected:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True
