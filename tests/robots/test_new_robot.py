"""The driver that docs/new_robot.md shows runs as it stands there, against a server of lines of text."""

import re
import socketserver
import threading
from pathlib import Path

import numpy as np

from agent.ports import RobotDriver
from tests.contract.driver_contract import DriverContract

PAGE = Path(__file__).resolve().parents[2] / "docs" / "new_robot.md"
CODE = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL)[0]


def shown() -> type:
    names: dict[str, object] = {}
    exec(compile(CODE, str(PAGE), "exec"), names)
    made = names["LineArm"]
    assert isinstance(made, type)
    return made


class Peer(socketserver.ThreadingTCPServer):
    """The arm at the other end: keeps what it is told, in degrees and per cent."""

    allow_reuse_address, daemon_threads = True, True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.values, self.stops, self.silent = "5.0 -10.0 100.0", 0, False
        self.thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02})
        self.thread.start()

    def end(self) -> None:
        self.shutdown()
        self.server_close()
        self.thread.join()


class Answer(socketserver.StreamRequestHandler):
    server: Peer

    def handle(self) -> None:
        for line in self.rfile:
            if self.server.silent:
                continue
            word, _, rest = line.decode().strip().partition(" ")
            if word == ">":
                self.server.values = rest
            self.server.stops += word == "!"
            self.wfile.write((self.server.values if word == "?" else "ok").encode() + b"\n")


class TestLineArm(DriverContract):
    def make_driver(self) -> RobotDriver:
        self.peer = Peer()
        self.peers = [*getattr(self, "peers", []), self.peer]
        driver: RobotDriver = shown()(self.peer.server_address[1])
        return driver

    def lose_peer(self) -> None:
        self.peer.silent = True

    def make_unreachable(self) -> RobotDriver:
        peer = Peer()
        peer.end()
        driver: RobotDriver = shown()(peer.server_address[1])
        return driver

    def close_peers(self) -> None:
        for peer in getattr(self, "peers", []):
            peer.end()

    def test_units_are_converted_both_ways(self, driver: RobotDriver) -> None:
        driver.connect()
        np.testing.assert_allclose(driver.read().state, [np.deg2rad(5), np.deg2rad(-10), 1.0], atol=1e-6)
        action = np.array([0.5, -0.25, 0.5], dtype=np.float32)
        driver.send(action)
        np.testing.assert_allclose(driver.read().state, action, atol=1e-5)
        driver.stop()
        assert self.peer.stops == 1


def test_the_driver_is_at_most_sixty_lines() -> None:
    assert len(CODE.splitlines()) <= 60
