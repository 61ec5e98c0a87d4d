"""`aubergine serve` and policies named by address, as a user types them."""

import json
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from agent.cli import main, stage
from agent.doubles import FixedPolicy, PointTeacher, PointWorld
from agent.serving.client import RemotePolicy
from tests.serving.bodies import served

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def running() -> Iterator[tuple[subprocess.Popen[str], dict[str, str]]]:
    """`aubergine serve --policy hold` on free ports, and what it printed."""
    words = ["serve", "--policy", "hold", "--port", "0", "--rest-port", "0", "--json"]
    process = subprocess.Popen(
        [sys.executable, "-m", "agent.cli", *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT
    )
    assert process.stdout is not None
    yield process, json.loads(process.stdout.readline())
    if process.poll() is None:
        process.kill()
    process.communicate()


def test_a_served_policy_answers_and_stops_when_told(running: tuple[subprocess.Popen[str], dict[str, str]]) -> None:
    process, said = running
    assert (said["policy"], said["embodiment"]) == ("hold", "panda_tabletop")
    assert said["rest"].endswith("/act")
    remote = RemotePolicy(said["url"])
    assert remote.embodiment.name == "panda_tabletop"
    assert remote.execute == 1
    remote.close()
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (0, "", "")


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["--policy", "expert"], "the expert looks into the simulated world"),
        (["--policy", "hold", "--host", "0.0.0.0"], "0.0.0.0 is reached from other machines; add --token-file"),
        (["--policy", "hold", "--token-file", "/nowhere/token"], "cannot read the token file"),
        (["--policy", "hodl"], "did you mean 'hold'"),
    ],
)
def test_wrong_requests_exit_2_in_one_sentence(
    words: list[str], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["serve", *words]) == 2
    said = capsys.readouterr()
    assert complaint in said.err
    assert said.err.count("\n") == 1


def test_a_busy_port_exits_2_in_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    world = PointWorld()
    policy = FixedPolicy(world.embodiment, np.zeros((1, 7), np.float32))
    monkeypatch.setattr(stage, "make_policy", lambda name: (policy, 1))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert main(["serve", "--policy", "hold", "--port", port]) == 2
    assert capsys.readouterr().err == (
        f"aubergine: cannot listen on 127.0.0.1, port {port}: another program listens there; choose another port\n"
    )


def test_a_port_out_of_range_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(["serve", "--port", "70000"])
    assert left.value.code == 2
    assert "at most 65535" in capsys.readouterr().err


def test_an_address_is_a_policy_of_the_evaluation(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`--policy ws://...` gives the row that the policy behind it gives."""
    world = PointWorld()
    monkeypatch.setattr(stage, "tabletop", lambda cameras: world)
    monkeypatch.setattr(stage, "sample", _points)
    monkeypatch.setattr(stage, "check_task", lambda task, seed: None)
    suite = tmp_path / "points.yaml"
    suite.write_text("max_steps: 40\ntasks:\n  - {family: points}\n", encoding="utf-8")
    with served(PointTeacher(world)) as ports:
        words = ["--episodes", "3", "--workers", "1", "--safety", "off", "--out", str(tmp_path / "out"), "--json"]
        assert main(["eval", "--suite", str(suite), "--policy", ports.url, *words]) == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["policy"], report["execute"]) == (ports.url, 2)
    assert report["overall"]["successes"] == 3


def test_nobody_at_the_address_exits_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "put the eggplant in the bowl", "--policy", "ws://127.0.0.1:1"]) == 2
    assert "no policy server answers at ws://127.0.0.1:1" in capsys.readouterr().err


def _points(name: str, seed: int) -> object:
    from agent.doubles import point_task

    return point_task(seed)
