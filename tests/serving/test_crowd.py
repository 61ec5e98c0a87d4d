"""Sixty-four clients at once, most of them rude; the honest ones are served, and nothing stays behind."""

import gc
import socket
import struct
import threading
import time
from contextlib import suppress
from dataclasses import replace

import numpy as np
import psutil
import pytest
from websockets.sync.client import connect

from agent.serving import rest
from agent.serving.background import LOCAL, Ports
from agent.serving.codec import pack, unpack
from tests.serving.bodies import LIBERO_BODY, Noting, Together, fixed, libero_request, own_request, served
from tests.serving.honest import PATIENCE_S, honest_answer, settled

UPGRADE = (
    b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
HUGE_FRAME_HEAD = b"\x82\xff" + struct.pack(">Q", 1_000_000) + b"\0\0\0\0"


def opened(port: int, first: bytes) -> socket.socket:
    peer = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S)
    peer.sendall(first)
    return peer


def rude_sockets(ports: Ports) -> list[socket.socket]:
    """Fifty connections: silent, half a handshake, half a frame, half closed, never reading, half a POST."""
    rude = [opened(ports.websocket, b"") for _ in range(8)]
    rude += [opened(ports.websocket, UPGRADE[:40]) for _ in range(8)]
    rude += [opened(ports.websocket, UPGRADE + HUGE_FRAME_HEAD + b"x" * 1000) for _ in range(10)]
    for _ in range(8):
        half_closed = opened(ports.websocket, UPGRADE)
        half_closed.shutdown(socket.SHUT_WR)
        rude.append(half_closed)
    rude += [opened(ports.websocket, UPGRADE) for _ in range(8)]
    rude += [opened(ports.rest or 0, b"POST /act HTTP/1.1\r\nContent-Length: 100\r\n\r\n{") for _ in range(8)]
    return rude


def honest_talk(ports: Ports, rounds: int, value: float, failures: list[str]) -> None:
    request = {**own_request(), "state": [value] + [0.0] * 7}
    with connect(ports.url, compression=None, proxy=None) as connection:
        connection.recv(timeout=PATIENCE_S)
        for _ in range(rounds):
            connection.send(pack(request))
            answer = unpack(connection.recv(timeout=PATIENCE_S))  # type: ignore[arg-type]
            if not isinstance(answer, dict) or abs(answer["actions"][0, 0] - value / 100) > 1e-6:
                failures.append(f"client {value} got {answer}")


def crowd(ports: Ports, count: int, rounds: int) -> None:
    """Let `count` honest clients talk at the same time; fail when one of them is not served, or with another's."""
    failures: list[str] = []
    threads = [
        threading.Thread(target=honest_talk, args=(ports, rounds, number / count, failures)) for number in range(count)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_S)
    assert not any(thread.is_alive() for thread in threads)
    assert failures == []


def test_sixty_four_honest_clients_each_get_their_own() -> None:
    policy = Together(LIBERO_BODY)
    with served(policy) as ports:
        crowd(ports, 64, 4)
    assert sum(policy.batches) == 64 * 4
    assert max(policy.batches) > 1


def test_fourteen_honest_clients_among_fifty_rude_ones() -> None:
    me = psutil.Process()
    with served(Together(LIBERO_BODY)) as ports:
        honest_answer_to(ports)
        files, threads = me.num_fds(), me.num_threads()
        rude = rude_sockets(ports)
        crowd(ports, 14, 5)
        for peer in rude:
            peer.close()
        settled(me, files, threads)
        assert me.num_fds() <= files + 1
        assert me.num_threads() <= threads
        crowd(ports, 2, 1)


def honest_answer_to(ports: Ports) -> None:
    failures: list[str] = []
    honest_talk(ports, 1, 0.5, failures)
    assert failures == []


def test_who_keeps_silent_is_put_out_without_leaving() -> None:
    """The rude keep their sockets open; the server closes its side by itself."""
    with served(Together(LIBERO_BODY), replace(LOCAL, idle_s=0.3, handshake_s=0.3)) as ports:
        rude = [opened(ports.websocket, b""), opened(ports.websocket, UPGRADE[:40]), opened(ports.websocket, UPGRADE)]
        rude.append(opened(ports.websocket, UPGRADE + HUGE_FRAME_HEAD + b"x" * 1000))
        for peer in rude:
            peer.settimeout(PATIENCE_S)
            # Either an orderly end or a reset; a time-out of this socket fails the test.
            with suppress(ConnectionResetError):
                while peer.recv(4096):
                    pass
            peer.close()


@pytest.mark.parametrize("kind", ["handshake", "request", "rest"])
def test_who_trickles_is_put_out_however_steadily(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A byte now and then does not wind the clock up again: the whole has its time."""
    monkeypatch.setattr(rest, "READ_S", 0.4)
    with served(Together(LIBERO_BODY), replace(LOCAL, idle_s=0.4, handshake_s=0.4)) as ports:
        port = ports.rest if kind == "rest" else ports.websocket
        first = {"handshake": UPGRADE[:20], "request": UPGRADE + HUGE_FRAME_HEAD, "rest": b"POST /act HTTP/1.1\r\n"}
        with opened(port or 0, first[kind]) as peer:
            until = time.monotonic() + PATIENCE_S
            with pytest.raises((ConnectionResetError, BrokenPipeError)):
                while time.monotonic() < until:
                    peer.sendall(b"x")
                    time.sleep(0.02)
        honest_answer_to(ports)


def test_a_client_that_never_reads_is_put_out_and_the_rest_served() -> None:
    config = replace(LOCAL, send_s=0.3)
    long = Noting(LIBERO_BODY, rows=np.zeros((1000, 7), dtype=np.float32))
    with served(long, config) as ports, socket.socket() as peer:
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        peer.settimeout(PATIENCE_S)
        peer.connect(("127.0.0.1", ports.websocket))
        peer.sendall(UPGRADE)
        request = pack(libero_request(size=4))
        frame = b"\x82\xfe" + struct.pack(">H", len(request)) + b"\0\0\0\0" + request
        with pytest.raises((ConnectionResetError, BrokenPipeError)):
            # Answers pile up until the server's patience with a full socket ends.
            for _ in range(20_000):
                peer.sendall(frame)
        honest_answer(ports, rows=1000)


def test_memory_does_not_grow_with_the_clients_that_came() -> None:
    me = psutil.Process()
    with served(fixed()) as ports:
        for _ in range(40):
            honest_answer(ports)
        gc.collect()
        early = me.memory_info().rss
        for _ in range(200):
            honest_answer(ports)
        gc.collect()
        assert me.memory_info().rss - early < 10e6


def test_nothing_stays_when_the_server_closes() -> None:
    me = psutil.Process()
    with served(fixed()) as ports:
        honest_answer(ports)
    files, threads = me.num_fds(), me.num_threads()
    for _ in range(3):
        with served(fixed()) as ports:
            honest_answer(ports)
    settled(me, files, threads)
    # Fewer is no fault: a thread of an earlier test may have ended meanwhile.
    assert me.num_fds() <= files
    assert me.num_threads() <= threads
