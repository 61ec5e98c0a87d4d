"""An honest client, and waiting for a server to tidy up."""

import time

import psutil
from websockets.sync.client import connect

from agent.serving.background import Ports
from agent.serving.codec import pack, unpack
from tests.serving.bodies import libero_request

PATIENCE_S = 60
"""Long enough for a machine that is busy with other things."""


def honest_answer(ports: Ports, *, rows: int = 2) -> None:
    """Ask as an honest client does; fail unless it is served."""
    with connect(ports.url, compression=None, proxy=None) as connection:
        connection.recv(timeout=PATIENCE_S)
        connection.send(pack(libero_request()))
        answer = unpack(connection.recv(timeout=PATIENCE_S))  # type: ignore[arg-type]
    assert isinstance(answer, dict) and answer["actions"].shape == (rows, 7)


def settled(me: psutil.Process, files: int, threads: int) -> None:
    """Give the server up to PATIENCE_S to notice that everyone has gone."""
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until and (me.num_fds() > files or me.num_threads() > threads):
        time.sleep(0.05)
