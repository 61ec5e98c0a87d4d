"""The rosbridge driver through the real roslibpy against a small peer that speaks rosbridge's protocol."""

import http.server
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from agent.errors import SpecError, WorldFault
from agent.robots.eye import EyeSettings
from agent.robots.rosbridge import Rosbridge, RosbridgeConfig, RosGripper
from agent.types import Control
from tests.contract.driver_contract import DriverContract
from tests.emulators.rosbridge import ARM, COMMANDS, GRIPPER, STANDING, RosbridgePeer

pytest.importorskip("roslibpy", reason="roslibpy is not installed: pip install 'aubergine[ros]'")

URDF = Path(__file__).resolve().parents[2] / "agent" / "robots" / "assets" / "so101.urdf"
CAMERA = EyeSettings("front", 24, 24, device="ros:/camera/image_raw/compressed", patience_s=10)
CALM_S = 5.0
"""Patience with a peer that shares its processor with others, where the time itself is not the question."""


def driver_for(peer: RosbridgePeer | int, **more: Any) -> Rosbridge:
    port = peer if isinstance(peer, int) else peer.port
    gripper = RosGripper("gripper", closed=0.0, opened=1.7)
    given: dict[str, Any] = {"silence_s": CALM_S, "gripper": gripper} | more
    return Rosbridge(RosbridgeConfig(port=port, urdf=URDF, tip="tool", **given))


@pytest.fixture
def peer() -> Iterator[RosbridgePeer]:
    peer = RosbridgePeer()
    yield peer
    peer.close()


def becomes(true: Callable[[], bool], *, seconds: float = 20.0) -> bool:
    until = time.monotonic() + seconds
    while not true():
        if time.monotonic() > until:
            return False
        time.sleep(0.01)
    return True


class RosbridgeContract(DriverContract):
    control = Control.EE_DELTA
    orders = 5

    def make_driver(self) -> Rosbridge:
        self.peer = RosbridgePeer()
        self.peers = [*getattr(self, "peers", []), self.peer]
        silence_s = 0.6 if self.hurried else CALM_S
        return driver_for(self.peer, control=self.control, cameras=(CAMERA,), silence_s=silence_s)

    def make_unreachable(self) -> Rosbridge:
        with socket.create_server(("127.0.0.1", 0)) as nobody:
            port = int(nobody.getsockname()[1])
        return driver_for(port)

    def close_peers(self) -> None:
        for peer in getattr(self, "peers", []):
            peer.close()


class TestSilent(RosbridgeContract):
    def lose_peer(self) -> None:
        self.peer.silent = True


class TestCut(RosbridgeContract):
    control = Control.JOINT_POSITION

    def lose_peer(self) -> None:
        self.peer.cut()


def test_the_state_is_by_name_and_not_by_place(peer: RosbridgePeer) -> None:
    driver = driver_for(peer)
    driver.connect()
    state = dict(zip(driver.embodiment.state.names, driver.read().state, strict=True))
    driver.disconnect()
    assert [state[name] for name in ARM] == pytest.approx(STANDING, abs=1e-6)
    assert state["gripper"] == pytest.approx(0.425 / 1.7)


def test_connecting_and_reading_move_nothing(peer: RosbridgePeer) -> None:
    driver = driver_for(peer)
    driver.connect()
    driver.read()
    driver.disconnect()
    assert becomes(lambda: peer.clients == 0)
    assert peer.commands() == []
    assert peer.ops() == [
        ("subscribe", "/joint_states"),
        ("call_service", "/controller_manager/list_controllers"),
        ("unsubscribe", "/joint_states"),
    ]


def test_the_tool_goes_where_it_is_sent(peer: RosbridgePeer) -> None:
    driver = driver_for(peer, max_speed=2.0)
    driver.connect()
    before, total = driver.read().state, np.zeros(3)
    for _ in range(4):
        total += driver.send(np.array([0.01, -0.008, 0.006, 0, 0, 0, 0.5], dtype=np.float32))[:3]
    assert total == pytest.approx([0.04, -0.032, 0.024], abs=1e-3)
    assert becomes(lambda: bool(np.abs(driver.read().state[:3] - before[:3] - total).max() < 2e-3))
    assert driver.read().state[6] == pytest.approx(0.5, abs=0.01)
    driver.disconnect()
    assert becomes(lambda: ("unadvertise", COMMANDS) in peer.ops())
    assert ("advertise", COMMANDS) in peer.ops()
    assert [each["type"] for each in peer.heard if each["op"] == "advertise" and each["topic"] == GRIPPER] == [
        "std_msgs/msg/Float64MultiArray"
    ]
    sent = peer.commands()[0]
    assert sent["joint_names"] == list(ARM)
    assert sent["points"][0]["time_from_start"] == {"sec": 0, "nanosec": 200_000_000}
    assert sent["header"]["stamp"] == {"sec": 0, "nanosec": 0}


def test_a_far_target_is_walked_to_at_the_speed_that_was_set(peer: RosbridgePeer) -> None:
    driver = driver_for(peer, control=Control.JOINT_POSITION, max_speed=0.5)
    driver.connect()
    target = np.array([*(np.array(STANDING) + 0.5), 0.25], dtype=np.float32)
    sent = driver.send(target)
    driver.disconnect()
    assert np.abs(sent[:5] - STANDING).max() == pytest.approx(0.1, abs=1e-4)


def test_stop_holds_the_arm_where_it_is_and_is_said_once(peer: RosbridgePeer) -> None:
    driver = driver_for(peer, control=Control.JOINT_POSITION, max_speed=1.0, rate_hz=0.2)
    driver.connect()
    target = np.array([*STANDING, 0.25], dtype=np.float32)
    target[0] += 1.5
    driver.send(target)
    assert becomes(lambda: bool(driver.read().state[7] > STANDING[0] + 0.05))
    driver.stop()
    driver.stop()
    assert becomes(lambda: len(peer.commands()) == 2)
    held = peer.commands()[-1]["points"][0]["positions"]
    assert STANDING[0] + 0.04 < held[0] < target[0] - 0.1
    assert held[1:] == pytest.approx(STANDING[1:], abs=1e-3)
    driver.disconnect()
    assert len(peer.commands()) == 2, "nothing is said to an arm that stands"


def test_a_controller_that_is_not_active_is_refused_and_noticed(peer: RosbridgePeer) -> None:
    peer.states["joint_trajectory_controller"] = "inactive"
    with pytest.raises(WorldFault, match="'joint_trajectory_controller' is inactive, not active"):
        driver_for(peer).connect()
    with pytest.raises(WorldFault, match="no controller 'arm'; there are: joint_state_broadcaster, joint_traj"):
        driver_for(peer, controller="arm").connect()
    peer.states["joint_trajectory_controller"] = "active"
    driver = driver_for(peer)
    driver.connect()
    still = np.array([0, 0, 0, 0, 0, 0, 0.25], dtype=np.float32)
    driver.send(still)
    peer.states["joint_trajectory_controller"] = "inactive"
    with pytest.raises(WorldFault, match="is inactive, not active"):
        for _ in range(500):
            driver.send(still)
            time.sleep(0.01)
    peer.states["joint_trajectory_controller"] = "active"
    with pytest.raises(WorldFault, match="is inactive, not active"):
        driver.read()
    driver.disconnect()
    driver.connect()
    driver.send(still)
    driver.disconnect()


def test_without_a_manager_nobody_is_asked(peer: RosbridgePeer) -> None:
    peer.broken_service = True
    with pytest.raises(WorldFault, match=r"list_controllers failed: Service .* does not exist"):
        driver_for(peer).connect()
    driver = driver_for(peer, manager="")
    driver.connect()
    driver.disconnect()


def test_joint_states_that_do_not_come_or_lack_a_joint_are_named(
    peer: RosbridgePeer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agent.robots.rosbridge.FIRST_STATE_SECONDS", 0.5)
    peer.hide = ("elbow_flex", "gripper")
    with pytest.raises(WorldFault, match="/joint_states lacks elbow_flex, gripper"):
        driver_for(peer).connect()
    peer.mute = True
    with pytest.raises(WorldFault, match="nothing comes on /joint_states"):
        driver_for(peer).connect()


def test_a_number_that_is_none_stops_the_arm(peer: RosbridgePeer) -> None:
    driver = driver_for(peer)
    driver.connect()
    peer.joints["wrist_flex"] = float("nan")
    with pytest.raises(WorldFault, match="hold what is no number"):
        for _ in range(500):
            driver.read()
            time.sleep(0.01)
    driver.disconnect()


def test_it_never_connects_again_by_itself(peer: RosbridgePeer) -> None:
    """What was said to an arm that was lost is not said again when it comes back."""
    driver = driver_for(peer)
    driver.connect()
    driver.send(np.array([0.01, 0, 0, 0, 0, 0, 0.25], dtype=np.float32))
    assert becomes(lambda: len(peer.commands()) == 1)
    peer.cut()
    assert becomes(lambda: peer.clients == 0)
    driver.stop()
    time.sleep(1.5)
    assert peer.clients == 0, "the library would have been back after a second"
    assert len(peer.commands()) == 1
    with pytest.raises(WorldFault, match="the connection is gone"):
        driver.read()
    driver.disconnect()
    driver.connect()
    driver.read()
    driver.disconnect()


def test_something_else_at_that_port_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agent.robots.ros_link.OPEN_SECONDS", 0.5)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), http.server.SimpleHTTPRequestHandler)
    server.RequestHandlerClass.log_message = lambda *_: None  # type: ignore[method-assign]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    with pytest.raises(WorldFault, match="does not speak rosbridge"):
        driver_for(server.server_address[1]).connect()
    server.shutdown()
    server.server_close()
    thread.join()


def test_pictures_come_from_a_topic_and_a_frozen_one_is_named(peer: RosbridgePeer) -> None:
    still = EyeSettings("front", 24, 24, device=CAMERA.device, rate_hz=30, patience_s=10, still_s=1.0)
    driver = driver_for(peer, cameras=(still,))
    driver.connect()
    picture = driver.read().images["front"]
    assert (picture[12, 4].tolist(), picture[12, 20].tolist()) == ([255, 0, 0], [0, 0, 255])
    peer.picture = (URDF.parents[3] / "docs" / "eggplant_in_bowl.png").read_bytes()
    with pytest.raises(WorldFault, match="camera 'front' has shown the same picture for"):
        for _ in range(1000):
            driver.read()
            time.sleep(0.01)
    peer.picture = b"no picture at all"
    with pytest.raises(WorldFault, match="neither JPEG nor PNG"):
        for _ in range(1000):
            try:
                driver.read()
            except WorldFault as fault:
                if "same picture" not in str(fault):
                    raise
            time.sleep(0.01)
    driver.disconnect()


def test_settings_that_name_no_robot_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="port must be from 1 to 65535"):
        RosbridgeConfig(port=0)
    with pytest.raises(SpecError, match="closed and opened are the same"):
        RosGripper("gripper", closed=1.0, opened=1.0)
    with pytest.raises(SpecError, match="cannot read the URDF"):
        Rosbridge(RosbridgeConfig(urdf=tmp_path / "none.urdf"))
    (tmp_path / "bad.urdf").write_text("<robot>")
    with pytest.raises(SpecError, match="is no URDF"):
        Rosbridge(RosbridgeConfig(urdf=tmp_path / "bad.urdf"))
    with pytest.raises(SpecError, match="no joint leads to the link 'tool0'"):
        Rosbridge(RosbridgeConfig(urdf=URDF))
    with pytest.raises(SpecError, match="leaves shoulder_pan no way to move"):
        Rosbridge(RosbridgeConfig(urdf=URDF, tip="tool", margin=3.0))
