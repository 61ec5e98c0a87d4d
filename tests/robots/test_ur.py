"""The UR driver through ur_rtde against an emulated controller, which runs in a process of its own."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from agent.errors import SpecError, WorldFault
from agent.robots.chain import chain_from_dh
from agent.robots.ur import UR
from agent.robots.ur_arm import DH, JOINTS, URConfig
from agent.types import Control, FloatArray
from tests.contract.driver_contract import DriverContract

pytest.importorskip("rtde_control", reason="ur_rtde is not installed: pip install 'aubergine[ur]'")

slow = pytest.mark.slow
"""What asks how soon, or measures speed, needs a machine with nothing else to do."""
CALM_S, HURRIED_S = 5.0, 0.8
"""Patience with a controller that has to share its processor, and that which still notices its loss within a second."""
ROOT = Path(__file__).resolve().parents[2]


class Controller:
    """The emulator's process."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.emulators.ur"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )
        self.host = str(self._line()["host"])

    def _line(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        answer: dict[str, Any] = json.loads(self.process.stdout.readline())
        return answer

    def ask(self, order: str = "state") -> dict[str, Any]:
        """Send an order; return the emulated controller's true state."""
        assert self.process.stdin is not None
        self.process.stdin.write(order + "\n")
        self.process.stdin.flush()
        return self._line()

    def freeze(self) -> None:
        os.kill(self.process.pid, signal.SIGSTOP)

    def close(self) -> None:
        self.process.kill()
        self.process.communicate()


def settings(host: str, **more: Any) -> URConfig:
    """Patience for an emulator that shares its processor, on either side; a real controller is heard in time."""
    return URConfig(host=host, **{"silence_s": CALM_S, "watchdog_hz": 0.2, **more})


def faults_with(driver: UR, words: str) -> None:
    """The driver says so, as soon as the news has reached it."""
    with pytest.raises(WorldFault, match=words):
        for _ in range(1000):
            driver.read()
            time.sleep(0.01)


def reaches(driver: UR, tool: FloatArray, *, within: float) -> bool:
    """Say whether the tool comes to `tool` (3,) [m]."""
    deadline = time.monotonic() + 20
    while np.abs(driver.read().state[:3] - tool).max() > within:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


@pytest.fixture
def controller() -> Iterator[Controller]:
    controller = Controller()
    yield controller
    controller.close()


def joints_of(driver: UR) -> FloatArray:
    return driver.read().state[7:]


class TestContract(DriverContract):
    orders = 2
    shared: Controller | None = None

    def make_driver(self) -> UR:
        kind = type(self)
        if kind.shared is None:
            kind.shared = Controller()
        return UR(settings(kind.shared.host, silence_s=HURRIED_S if self.hurried else CALM_S))

    def lose_peer(self) -> None:
        kind = type(self)
        assert kind.shared is not None
        kind.shared.close()
        kind.shared = None

    def make_unreachable(self) -> UR:
        return UR(URConfig(host="127.8.7.6"))

    @classmethod
    def teardown_class(cls) -> None:
        if cls.shared is not None:
            cls.shared.close()
            cls.shared = None


def test_the_kinematics_are_the_makers() -> None:
    """At zero a UR5e lies along -x: a2 + a3 away, d4 + d6 to the side, d1 - d5 up."""
    chain = chain_from_dh(DH["ur5e"], JOINTS, np.eye(4), np.eye(4))
    assert chain.forward(np.zeros(6))[:3, 3] == pytest.approx([-0.8172, -0.2329, 0.0628], abs=1e-9)


def test_connecting_and_reading_move_nothing(controller: Controller) -> None:
    before = controller.ask()["q"]
    driver = UR(settings(controller.host))
    driver.connect()
    driver.read()
    after = controller.ask()
    assert after["q"] == pytest.approx(before, abs=1e-4), "its weight is carried"
    assert after["log"] == []
    driver.disconnect()
    assert not controller.ask()["running"], "the program is ended"


def test_the_tool_goes_where_it_is_sent(controller: Controller) -> None:
    driver = UR(settings(controller.host))
    driver.connect()
    before, total = driver.read().state, np.zeros(3)
    for _ in range(5):
        total += driver.send(np.array([0.01, 0.015, -0.01, 0, 0, 0.02, 1], dtype=np.float32))[:3]
    assert reaches(driver, before[:3] + total, within=1e-3)
    after = driver.read().state
    state = controller.ask()
    driver.disconnect()
    assert total == pytest.approx([0.05, 0.075, -0.05], abs=1e-4)
    assert after[7:] == pytest.approx(state["q"], abs=1e-3)
    assert state["safety"] == 1, "a jump would have tripped the protective stop"


@slow
def test_a_far_target_is_walked_to_at_the_speed_that_was_set(controller: Controller) -> None:
    driver = UR(settings(controller.host, control=Control.JOINT_POSITION, rate_hz=1.0, max_speed=0.5))
    driver.connect()
    target = np.array([*joints_of(driver), 1.0], dtype=np.float32)
    target[0] += 2.0
    sent = driver.send(target)
    assert sent[0] == pytest.approx(0.5, abs=1e-3), "one action goes no further than a second's way"
    speeds = []
    for _ in range(10):
        time.sleep(0.05)
        speeds.append(abs(controller.ask()["qd"][0]))
    assert 0.3 < max(speeds) < 0.65
    driver.stop()
    stopped = joints_of(driver)
    time.sleep(0.2)
    assert joints_of(driver) == pytest.approx(stopped, abs=0.01)
    assert stopped[0] < 0.45
    driver.disconnect()


@slow
def test_after_a_stop_the_arm_goes_on_from_where_it_stands(controller: Controller) -> None:
    driver = UR(settings(controller.host))
    driver.connect()
    driver.send(np.array([0.05, 0, 0, 0, 0, 0, 1], dtype=np.float32))
    driver.stop()
    time.sleep(0.3)
    stood = driver.read().state
    driver.send(np.zeros(7, dtype=np.float32))
    time.sleep(0.3)
    assert driver.read().state[:3] == pytest.approx(stood[:3], abs=2e-3)
    driver.disconnect()


@pytest.mark.parametrize(
    ("order", "says"),
    [("protective_stop", "protective stop"), ("emergency_stop", "emergency stop"), ("power_off", "ended")],
)
def test_a_stopped_arm_is_said_plainly_and_recovered_by_connecting(
    controller: Controller, order: str, says: str
) -> None:
    driver = UR(settings(controller.host))
    driver.connect()
    driver.send(np.zeros(7, dtype=np.float32))
    controller.ask(order)
    faults_with(driver, says)
    with pytest.raises(WorldFault, match=says):
        driver.send(np.zeros(7, dtype=np.float32))
    driver.stop()
    driver.disconnect()
    with pytest.raises(WorldFault, match=r"PROTECTIVE_STOP|EMERGENCY_STOP|POWER_OFF"):
        driver.connect()


def test_an_arm_that_is_pushed_off_its_path_stops(controller: Controller) -> None:
    driver = UR(settings(controller.host))
    driver.connect()
    stood = driver.read().state[7:]
    driver.send(np.zeros(7, dtype=np.float32))
    controller.ask("shove 0.3")
    faults_with(driver, "protective stop")
    assert controller.ask()["q"][0] == pytest.approx(stood[0] + 0.3, abs=0.1), "it stays where it was pushed to"
    driver.disconnect()


def test_a_refused_motion_is_told_by_its_cause_when_the_cause_is_heard_later(controller: Controller) -> None:
    driver = UR(settings(controller.host))
    driver.connect()
    assert driver._stream is not None
    driver._stream.fault = "the controller took no motion"
    news = threading.Timer(0.2, controller.ask, ["protective_stop"])
    news.start()
    with pytest.raises(WorldFault, match="protective stop"):
        driver.read()
    news.join()
    driver.disconnect()


def test_a_refused_motion_without_a_cause_is_told_as_it_is(controller: Controller) -> None:
    driver = UR(settings(controller.host, silence_s=HURRIED_S))
    driver.connect()
    assert driver._stream is not None
    driver._stream.fault = "the controller took no motion"
    with pytest.raises(WorldFault, match="took no motion"):
        driver.read()
    driver.disconnect()


@slow
def test_the_controller_stops_by_itself_when_this_process_hangs(controller: Controller) -> None:
    code = (
        "import os, signal, sys, numpy as np\n"
        "from agent.robots.ur import UR\nfrom agent.robots.ur_arm import URConfig\n"
        "from agent.types import Control\n"
        f"driver = UR(URConfig(host='{controller.host}', control=Control.JOINT_POSITION, rate_hz=0.5))\n"
        "driver.connect()\n"
        "target = np.array([*driver.read().state[7:], 1], dtype=np.float32); target[0] += 1.0\n"
        "driver.send(target)\n"
        "print('sent', flush=True)\n"
        "import time; time.sleep(0.2)\n"
        "os.kill(os.getpid(), signal.SIGSTOP)\n"
    )
    child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert child.stdout is not None
    assert child.stdout.readline() == "sent\n"
    deadline = time.monotonic() + 3
    while not controller.ask()["watchdog_fired"] and time.monotonic() < deadline:
        time.sleep(0.05)
    state = controller.ask()
    child.kill()
    child.communicate()
    assert state["watchdog_fired"] and not state["running"]
    assert np.abs(controller.ask()["qd"]).max() < 0.01
    assert 0.0 < state["q"][0] < 0.5


@slow
def test_a_frozen_controller_is_noticed_and_left(controller: Controller) -> None:
    driver = UR(settings(controller.host, silence_s=HURRIED_S))
    driver.connect()
    driver.send(np.zeros(7, dtype=np.float32))
    controller.freeze()
    began = time.monotonic()
    with pytest.raises(WorldFault, match="does not answer any more"):
        while time.monotonic() < began + 3:
            driver.read()
    assert time.monotonic() - began < 1.0
    began = time.monotonic()
    driver.stop()
    driver.disconnect()
    assert time.monotonic() - began < 3.0, "the library waits for its own time-outs"


@slow
def test_a_driver_that_is_forgotten_takes_nobody_down() -> None:
    """The library's destructor ends the process when its controller died meanwhile; ours never lets it run then."""
    code = (
        "import gc, sys, time, numpy as np\n"
        "from tests.robots.test_ur import Controller\n"
        "from agent.errors import WorldFault\n"
        "from agent.robots.ur import UR\n"
        "from agent.robots.ur_arm import URConfig\n"
        "for _ in range(3):\n"
        "    controller = Controller()\n"
        "    driver = UR(URConfig(host=controller.host))\n"
        "    driver.connect()\n"
        "    driver.send(np.zeros(7, dtype=np.float32))\n"
        "    controller.close()\n"
        "    time.sleep(0.2)\n"
        "    del driver\n"
        "    gc.collect()\n"
        "print('still here')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, timeout=120)
    assert done.stdout.endswith("still here\n")
    assert done.returncode == 0


def test_a_peer_that_accepts_and_is_silent_is_not_waited_for() -> None:
    with socket.create_server(("127.8.7.5", 29999)), pytest.raises(WorldFault, match="no UR controller answers"):
        UR(URConfig(host="127.8.7.5")).connect()


def test_local_control_and_another_tool_are_refused(controller: Controller) -> None:
    controller.ask("tcp 0.05")
    with pytest.raises(WorldFault, match=r"its tool is 50 mm and 0° from where model 'ur5e'"):
        UR(settings(controller.host)).connect()
    controller.ask("local_control")
    with pytest.raises(WorldFault, match="remote control"):
        UR(settings(controller.host)).connect()


@pytest.mark.parametrize("opens_at", [False, True])
def test_the_gripper_is_one_output_and_one_means_open(controller: Controller, opens_at: bool) -> None:
    driver = UR(settings(controller.host, gripper_output=2, gripper_opens_at=opens_at))
    driver.connect()
    for wanted, sent in ((0.8, 1.0), (0.2, 0.0), (1.0, 1.0)):
        action = np.array([0, 0, 0, 0, 0, 0, wanted], dtype=np.float32)
        assert driver.send(action)[6] == sent
        deadline = time.monotonic() + 20
        while driver.read().state[6] != sent and time.monotonic() < deadline:
            time.sleep(0.01)
        assert driver.read().state[6] == sent
        assert bool(controller.ask()["outputs"] >> 2 & 1) == (opens_at if sent else not opens_at)
    driver.disconnect()


def test_settings_that_name_no_robot_are_refused() -> None:
    with pytest.raises(SpecError, match=r"no UR model 'ur5'; did you mean 'ur5e'"):
        URConfig(model="ur5")
    with pytest.raises(SpecError, match="max_speed"):
        URConfig(max_speed=0)
    with pytest.raises(SpecError, match="from 0 to 7"):
        URConfig(gripper_output=8)


def test_no_thread_of_ours_stays(controller: Controller) -> None:
    before = set(threading.enumerate())
    driver = UR(settings(controller.host))
    driver.connect()
    (ours,) = set(threading.enumerate()) - before
    driver.disconnect()
    assert not ours.is_alive()
