"""The SO-101's driver through the vendor's library against an emulated bus."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from agent.errors import SpecError, WorldFault
from agent.robots.so101 import SO101, SO101Config
from agent.robots.so101_calibration import MOTORS
from agent.types import Control, FloatArray
from tests.contract.driver_contract import DriverContract
from tests.emulators.feetech import SYNC_READ, SYNC_WRITE
from tests.emulators.servo_body import ServoBody
from tests.robots.so101_bench import HOMING, HURRIED_S, PATIENT_S, RANGES, STANDING, Bench

pytest.importorskip("scservo_sdk", reason="the vendor's library is not installed: pip install 'aubergine[so101]'")


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path)
    yield bench
    bench.close()


class SO101Contract(DriverContract):
    orders = 5
    control = Control.EE_DELTA

    @pytest.fixture(autouse=True)
    def _bench(self, bench: Bench) -> None:
        self.bench = bench

    def make_driver(self) -> SO101:
        return self.bench.driver(control=self.control, answer_s=HURRIED_S if self.hurried else PATIENT_S)

    def make_unreachable(self) -> SO101:
        return SO101(SO101Config(port="/dev/ttyNOTHING", calibration=self.bench.calibration))

    def close_peers(self) -> None:
        self.bench.close()


class TestUnplugged(SO101Contract):
    def lose_peer(self) -> None:
        self.bench.buses[-1].unplug()


class TestPowerLost(SO101Contract):
    control = Control.JOINT_POSITION

    def lose_peer(self) -> None:
        self.bench.buses[-1].power_off()


def still(driver: SO101) -> FloatArray:
    action = np.zeros(7, dtype=np.float32)
    action[6] = driver.read().state[6]
    return action


def test_the_state_is_where_the_emulated_arm_stands(bench: Bench) -> None:
    driver = bench.driver()
    driver.connect()
    state = dict(zip(driver.embodiment.state.names, driver.read().state, strict=True))
    driver.disconnect()
    joints = [state[name] for name in MOTORS[:5]]
    assert joints == pytest.approx(STANDING, abs=0.002)
    assert state["gripper"] == pytest.approx(0.25, abs=0.002)


def test_connecting_and_reading_move_nothing(bench: Bench) -> None:
    bus = bench.bus()
    before = [servo.turned for servo in bus.servos.values()]
    driver = bench.driver(bus)
    driver.connect()
    driver.read()
    assert not any(servo.torque for servo in bus.servos.values())
    assert SYNC_WRITE not in bus.instructions
    assert [servo.turned for servo in bus.servos.values()] == before
    driver.disconnect()


def test_an_old_goal_is_forgotten_before_the_torque_comes_on(bench: Bench) -> None:
    bus = bench.bus()
    for servo in bus.servos.values():
        servo.put(42, 1000, 2)
    before = [servo.turned for servo in bus.servos.values()]
    driver = bench.driver(bus)
    driver.connect()
    driver.send(still(driver))
    bench.wait(0.1)
    driver.read()
    assert all(servo.torque for servo in bus.servos.values())
    assert [servo.turned for servo in bus.servos.values()] == pytest.approx(before, abs=3)
    driver.disconnect()


def test_the_tool_goes_where_it_is_sent(bench: Bench) -> None:
    driver = bench.driver()
    driver.connect()
    before, total = driver.read().state, np.zeros(3)
    for _ in range(5):
        sent = driver.send(np.array([0.01, -0.008, 0.006, 0, 0, 0, 1.0], dtype=np.float32))
        total += sent[:3]
        bench.wait(0.1)
    bench.wait(0.3)
    after = driver.read().state
    driver.disconnect()
    assert total == pytest.approx([0.05, -0.04, 0.03], abs=1e-3)
    assert after[:3] - before[:3] == pytest.approx(total, abs=0.002)
    assert after[6] == pytest.approx(1.0, abs=0.01)


def test_a_joint_far_away_is_approached_at_the_speed_that_was_set(bench: Bench) -> None:
    driver = bench.driver(control=Control.JOINT_POSITION, max_speed=0.5)
    driver.connect()
    measured = driver.read().state[7:]
    target = driver.embodiment.action.clip(np.array([*(measured + 1.0), 0.0], dtype=np.float32))
    sent = driver.send(target)
    driver.disconnect()
    assert np.abs(sent[:5] - measured).max() == pytest.approx(0.1, abs=2e-3)


def test_joints_stay_inside_the_calibrated_range(bench: Bench) -> None:
    bus = bench.bus()
    driver = bench.driver(bus, control=Control.JOINT_POSITION, max_speed=20.0)
    driver.connect()
    driver.send(driver.embodiment.action.high_array.copy())
    driver.disconnect()
    for servo, (low, high) in zip(list(bus.servos.values())[:5], RANGES, strict=False):
        assert low <= servo.get(42, 2) < high, "the margin keeps the goal off the end"


def test_stop_holds_the_arm_where_it_is(bench: Bench) -> None:
    bus = bench.bus()
    driver = bench.driver(bus, control=Control.JOINT_POSITION, max_speed=1.0, rate_hz=1.0)
    driver.connect()
    action = np.array([*driver.read().state[7:], 0.25], dtype=np.float32)
    action[0] += 0.9
    driver.send(action)
    bench.wait(0.2)
    driver.stop()
    stopped = driver.read().state[7]
    bench.wait(0.3)
    assert driver.read().state[7] == pytest.approx(stopped, abs=0.01)
    assert stopped < action[0] - 0.3
    driver.disconnect()


def test_a_held_arm_carries_its_weight_and_a_relaxed_one_sinks(bench: Bench) -> None:
    bus = bench.bus()
    driver = bench.driver(bus)
    driver.connect()
    driver.send(still(driver))
    held = driver.read().state[:3]
    bench.wait(1.0)
    assert driver.read().state[:3] == pytest.approx(held, abs=0.002)
    driver.disconnect()
    bench.wait(1.0)
    driver.connect()
    assert driver.read().state[2] < held[2] - 0.02
    driver.disconnect()


def test_what_is_read_is_where_the_body_stands(bench: Bench) -> None:
    bus = bench.bus()
    driver = bench.driver(bus, control=Control.JOINT_POSITION)
    driver.connect()
    action = np.array([*driver.read().state[7:], 0.8], dtype=np.float32)
    action[:5] += 0.1
    driver.send(action)
    bench.wait(0.5)
    seen = driver.read().state
    assert isinstance(bus.body, ServoBody)
    assert seen[7:] == pytest.approx(bus.body.arm.measure()[0][:5], abs=0.002)
    assert seen[7:] == pytest.approx(action[:5], abs=0.005)
    driver.disconnect()


@pytest.mark.parametrize("relax", [True, False])
def test_the_torque_goes_off_when_disconnecting(bench: Bench, relax: bool) -> None:
    bus = bench.bus()
    driver = bench.driver(bus, relax=relax)
    driver.connect()
    driver.send(still(driver))
    driver.disconnect()
    assert [servo.torque for servo in bus.servos.values()] == [not relax] * 6


def test_one_packet_asks_all_servos(bench: Bench) -> None:
    bus = bench.bus()
    driver = bench.driver(bus)
    driver.connect()
    bus.instructions.clear()
    driver.read()
    assert bus.instructions == [SYNC_READ]
    driver.disconnect()


def test_motors_with_another_calibration_are_refused(bench: Bench) -> None:
    driver = bench.driver(bench.bus(calibrated=False))
    with pytest.raises(WorldFault, match=r"shoulder_pan holds Homing_Offset 0, the calibration file says -120"):
        driver.connect()


def test_the_calibration_is_written_when_asked_and_survives_a_power_cut(bench: Bench) -> None:
    bus = bench.bus(calibrated=False)
    driver = bench.driver(bus, write_calibration=True)
    driver.connect()
    driver.disconnect()
    bus.power_cycle()
    assert [servo.offset for servo in bus.servos.values()] == list(HOMING)
    assert [(servo.get(9, 2), servo.get(11, 2)) for servo in bus.servos.values()] == list(RANGES)
    assert all(servo.memory[55] == 1 for servo in bus.servos.values()), "EPROM is locked again"
    again = bench.driver(bus)
    again.connect()
    again.disconnect()


def test_eprom_is_not_written_again_when_it_is_right(bench: Bench) -> None:
    bus = bench.bus()
    for _ in range(2):
        for servo in bus.servos.values():
            servo.writes.clear()
        driver = bench.driver(bus)
        driver.connect()
        driver.disconnect()
    assert [address for servo in bus.servos.values() for address, _ in servo.writes if address < 40] == []


def test_a_servo_that_pushes_too_long_is_named(bench: Bench) -> None:
    bus = bench.bus()
    driver = bench.driver(bus, control=Control.JOINT_POSITION)
    driver.connect()
    elbow = bus.servos[3]
    elbow.blocked_at = (elbow.turned - 1, elbow.turned + 1)
    action = np.array([*driver.read().state[7:], 0.25], dtype=np.float32)
    action[2] += 0.19
    driver.send(action)
    with pytest.raises(WorldFault, match="elbow_flex reports overload"):
        for _ in range(20):
            bench.wait(0.05)
            driver.read()
    driver.stop()
    driver.disconnect()


@pytest.mark.parametrize("volts", [3.5, 15.0])
def test_a_wrong_voltage_is_named(bench: Bench, volts: float) -> None:
    bus = bench.bus()
    driver = bench.driver(bus)
    driver.connect()
    bus.servos[2].volts = volts
    with pytest.raises(WorldFault, match=rf"shoulder_lift reports voltage .*{volts:.1f} V"):
        driver.read()
    driver.disconnect()


def test_one_servo_with_its_cable_out_is_named(bench: Bench) -> None:
    bus = bench.bus()
    bus.servos[4].silent = True
    with pytest.raises(WorldFault, match=r"wrist_flex \(id 4\) on .* does not answer, the other motors do"):
        bench.driver(bus).connect()
    bus.servos[4].silent = False
    driver = bench.driver(bus)
    driver.connect()
    bus.servos[5].silent = True
    with pytest.raises(WorldFault, match=r"wrist_roll \(id 5\)"):
        driver.read()
    driver.disconnect()


def test_another_servo_model_is_refused(bench: Bench) -> None:
    bus = bench.bus()
    bus.servos[6].put(3, 2825, 2)
    with pytest.raises(WorldFault, match="gripper is model 2825"):
        bench.driver(bus).connect()


def test_noise_on_the_line_is_asked_again(bench: Bench) -> None:
    bus = bench.bus()
    driver = bench.driver(bus)
    driver.connect()
    bus.garble = 2
    driver.read()
    bus.garble = 100
    with pytest.raises(WorldFault, match="garbled"):
        driver.read()
    bus.garble = 0
    driver.disconnect()


def test_answers_left_over_from_noise_are_not_taken_for_new_ones(bench: Bench) -> None:
    bus = bench.bus()
    driver = bench.driver(bus)
    driver.connect()
    bus.garble = 2
    driver.read()
    bus.servos[1].turned += 300
    moved = driver.read().state[7]
    assert moved == pytest.approx(STANDING[0] + 300 * 2 * np.pi / 4095, abs=0.002)
    driver.disconnect()


def test_a_late_answer_is_not_taken_for_the_next_ones(bench: Bench) -> None:
    """The answer to a ping arrives after its time, when the library already waits for something longer."""
    bus = bench.bus()
    bus.late = 0.25
    driver = bench.driver(bus, answer_s=0.1)
    driver.connect()
    for _ in range(3):
        bus.late = 0.25
        assert driver.read().state[7] == pytest.approx(STANDING[0], abs=0.002)
    driver.disconnect()


def test_an_answer_that_is_too_short_is_asked_again(bench: Bench) -> None:
    bus = bench.bus()
    driver = bench.driver(bus)
    driver.connect()
    bus.shorten = 1
    assert driver.read().state[7] == pytest.approx(STANDING[0], abs=0.002)
    driver.disconnect()


def test_a_busy_port_is_refused(bench: Bench) -> None:
    bus = bench.bus()
    first, second = bench.driver(bus), bench.driver(bus)
    first.connect()
    with pytest.raises(WorldFault, match="in use by another program"):
        second.connect()
    first.read()
    first.disconnect()
    second.connect()
    second.disconnect()


def test_no_power_is_said_plainly(bench: Bench) -> None:
    bus = bench.bus()
    bus.power_off()
    with pytest.raises(WorldFault, match="is the arm's power on"):
        bench.driver(bus, answer_s=0.0).connect()


def test_nonsense_settings_are_refused() -> None:
    with pytest.raises(SpecError, match="max_speed"):
        SO101Config(max_speed=0.0)
    with pytest.raises(SpecError, match="answer_s must not be below 0"):
        SO101Config(answer_s=-1.0)


def test_the_patience_with_an_answer_is_the_one_that_was_set(bench: Bench) -> None:
    """A bus that answers after a tenth of a second is lost to the vendor's own 35 ms, but not to a patient driver."""
    first, second = bench.bus(), bench.bus()
    first.always_late = second.always_late = 0.12
    with pytest.raises(WorldFault, match="no motor answers"):
        bench.driver(first, answer_s=0.0).connect()
    patient = bench.driver(second, answer_s=2.0)
    patient._bus.open()
    assert patient._bus.ping(1) == 777
    patient._bus.close()
