"""What is wrong with a request, for every driver: named, refused before anything is connected, nothing moved."""

import json
import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from agent.cli.program import main
from agent.cli.rig import build_rig
from agent.doubles import FixedPolicy
from agent.errors import SpecError
from agent.ports import World
from agent.robots.fake import FakeRobot
from agent.robots.world import RobotWorld
from agent.runtime import run_episode
from agent.types import CameraSpec, Control, Embodiment, Task
from tests.robots.so101_bench import write_calibration

TASK = Task("drive", "wave", None, 3)
URDF = Path(__file__).resolve().parents[2] / "agent" / "robots" / "assets" / "so101.urdf"
VENDORS = {"so101": "scservo_sdk", "ur": "rtde_control", "rosbridge": "roslibpy", "franka": "franky"}


@pytest.fixture
def nobody() -> Iterator[int]:
    """A port of this machine that nobody listens at."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = int(server.getsockname()[1])
    yield port


def robot_file(folder: Path, driver: str, settings: str) -> str:
    path = folder / f"{driver}.yaml"
    path.write_text(f"driver: {driver}\nsettings: {{{settings}}}\n", encoding="utf-8")
    return str(path)


@pytest.mark.parametrize(
    ("driver", "settings", "sentence"),
    [
        ("so101", "port: /dev/ttyNOBODY, calibration: CALIBRATION", "there is no port /dev/ttyNOBODY"),
        ("ur", "host: 127.8.7.4", "no UR controller answers at 127.8.7.4"),
        ("rosbridge", f"port: PORT, urdf: {URDF}, tip: tool", "nobody answers as rosbridge at 127.0.0.1:"),
        ("franka", "address: 127.0.0.251, realtime: false", "nothing answers as a Franka at 127.0.0.251:1337"),
    ],
)
@pytest.mark.parametrize("command", ["check-robot", "drive"])
def test_a_wrong_address_is_one_sentence(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    nobody: int,
    driver: str,
    settings: str,
    sentence: str,
    command: str,
) -> None:
    pytest.importorskip(VENDORS[driver], reason=f"the extra '{driver}' is not installed")
    settings = settings.replace("PORT", str(nobody)).replace("CALIBRATION", str(write_calibration(tmp_path)))
    path = robot_file(tmp_path, driver, settings)
    words = (
        ["check-robot", path] if command == "check-robot" else ["drive", "wave", "--robot", path, "--policy", "hold"]
    )
    out = [] if command == "check-robot" else ["--out", str(tmp_path / "out")]
    assert main([*words, *out, "--json"]) == 1
    answer = json.loads(capsys.readouterr().out)
    said = answer["problems"][0] if command == "check-robot" else answer["detail"]
    assert sentence in said and "\n" not in said


@pytest.mark.parametrize(
    ("driver", "settings", "sentence"),
    [
        ("fake", "rate: 5", "no key 'rate'; did you mean 'rate_hz'"),
        ("fake", "cameras: [{name: front, height: 96, width: wide}]", "width"),
        ("so101", "calibration: nowhere.json", "nowhere.json"),
        ("ur", "model: ur99", "no UR model 'ur99'"),
        ("rosbridge", "urdf: nowhere.urdf", "cannot read the URDF nowhere.urdf"),
        ("rosbridge", f"urdf: {URDF}, tip: hand", "no joint leads to the link 'hand'"),
        ("franka", "address: 10.0.0.2, speed: 2.0", "speed is a share"),
        (
            "franka",
            "address: 10.0.0.2, cameras: [{name: front, height: 9, width: 9}]",
            "camera 'front' names no device",
        ),
    ],
)
def test_settings_that_are_no_robot_are_refused(tmp_path: Path, driver: str, settings: str, sentence: str) -> None:
    if driver in VENDORS:
        pytest.importorskip(VENDORS[driver], reason=f"the extra '{driver}' is not installed")
    with pytest.raises(SpecError, match=sentence):
        build_rig(robot_file(tmp_path, driver, settings))


def changed(body: Embodiment, what: str) -> Embodiment:
    degrees = tuple("deg" if unit == "rad" else unit for unit in body.action.units)
    match what:
        case "units":
            return replace(body, action=replace(body.action, units=degrees))
        case "frame":
            return replace(body, state=replace(body.state, names=("x_in_camera", *body.state.names[1:])))
        case "control":
            return replace(body, control=Control.JOINT_POSITION)
        case "rate":
            return replace(body, rate_hz=20.0)
        case "camera size":
            return replace(body, cameras=(CameraSpec("front", 224, 224),))
        case _:
            return replace(body, cameras=(CameraSpec("side", 128, 128),))


@pytest.mark.parametrize(
    ("what", "sentence"),
    [
        ("units", "the policy's action has drx in deg; this world's is in rad"),
        ("frame", "the policy's state is x_in_camera"),
        ("control", "speaks joint_position actions; this world takes ee_delta"),
        ("rate", "acts at 20 Hz; this world runs at 5 Hz"),
        ("camera size", "camera 'front' at 224 x 224 pixels; this world gives 128 x 128"),
        ("camera", "needs camera 'side'; this world has: front, wrist"),
    ],
)
def test_a_policy_for_another_body_is_refused_before_connecting(what: str, sentence: str) -> None:
    robot = Untouched()
    world: World = RobotWorld(robot)
    policy = FixedPolicy(changed(world.embodiment, what), np.zeros((1, 7), dtype=np.float32))
    with pytest.raises(SpecError, match=sentence):
        run_episode(world, policy, TASK, seed=0, execute=1)
    assert not robot.touched


class Untouched(FakeRobot):
    touched = False

    def connect(self) -> None:
        self.touched = True
        super().connect()


def test_a_port_that_somebody_else_uses_is_said_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A rosbridge port behind which something else sits; the serial line's turn is in test_so101.py."""
    pytest.importorskip("roslibpy", reason="the extra 'ros' is not installed")
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.MonkeyPatch.context() as patch:
        patch.setattr("agent.robots.ros_link.OPEN_SECONDS", 0.3)
        settings = f"port: {silent.getsockname()[1]}, urdf: {URDF}, tip: tool"
        assert main(["check-robot", robot_file(tmp_path, "rosbridge", settings), "--json"]) == 1
    assert "does not speak rosbridge" in json.loads(capsys.readouterr().out)["problems"][0]
