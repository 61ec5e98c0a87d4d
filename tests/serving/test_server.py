"""The websocket server as a client sees it, spoken to with the bare library."""

import hmac
import socket
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from agent.errors import SpecError
from agent.serving.background import LOCAL, Ports
from agent.serving.codec import pack, unpack
from agent.serving.gate import admits, check_reach, is_loopback, read_token
from agent.serving.limits import Limits
from agent.types import ActionChunk, Embodiment, Observation
from tests.serving.bodies import (
    DROID_BODY,
    LIBERO_BODY,
    STEP,
    Noting,
    droid_request,
    fixed,
    libero_request,
    own_request,
    served,
)

TOKEN = "correct-horse-battery"


@contextmanager
def client(ports: Ports, **headers: str) -> Iterator[ClientConnection]:
    with connect(ports.url, compression=None, proxy=None, additional_headers=headers, max_size=None) as connection:
        yield connection


def asked(connection: ClientConnection, request: object) -> dict[str, object]:
    connection.send(pack(request))
    reply = connection.recv(timeout=20)
    assert isinstance(reply, bytes), reply
    answer = unpack(reply)
    assert isinstance(answer, dict)
    return answer


def refused(connection: ClientConnection, frame: bytes | str) -> tuple[str, int]:
    """Return the text that the server sends and the code it closes with."""
    connection.send(frame)
    text = connection.recv(timeout=20)
    assert isinstance(text, str)
    with pytest.raises(ConnectionClosed) as closed:
        connection.recv(timeout=20)
    assert closed.value.rcvd is not None
    return text, closed.value.rcvd.code


def test_metadata_comes_first_and_says_body_units_and_rhythm() -> None:
    with served(fixed()) as ports, client(ports) as connection:
        card = unpack(connection.recv(timeout=20))
    assert isinstance(card, dict)
    assert (card["server"], card["policy"], card["execute"]) == ("aubergine", "tested", 2)
    assert card["layouts"] == ["aubergine", "libero", "droid"]
    body = card["embodiment"]
    assert body["action"]["units"] == ["m", "m", "m", "rad", "rad", "rad", "1"]
    assert body["rate_hz"] == 20.0


def test_every_layout_is_answered_in_its_own_units() -> None:
    with served(fixed()) as ports, client(ports) as connection:
        connection.recv()
        libero = asked(connection, libero_request(size=224))
        own = asked(connection, own_request())
    np.testing.assert_allclose(own["actions"], STEP)
    np.testing.assert_allclose(
        libero["actions"], np.array([[0.2, -0.4, 0.6, 0.2, -0.4, 0.6, -1], [0, 0, 1, 0, 0, 0, 1]])
    )
    assert libero["actions"].dtype == np.float32
    assert set(own["server_timing"]) == {"infer_ms", "batch", "prev_total_ms"}
    assert "prev_total_ms" not in libero["server_timing"]
    rows = np.full((3, 8), 0.25, dtype=np.float32)
    with served(Noting(DROID_BODY, rows=rows)) as ports, client(ports) as connection:
        connection.recv()
        droid = asked(connection, droid_request())
    np.testing.assert_allclose(droid["actions"], [[0.25] * 7 + [0.75]] * 3)


@pytest.mark.parametrize(
    ("frame", "complaint"),
    [
        ("hello", "this was text"),
        (b"\xc1", "0xc1"),
        (pack([1, 2]), "a request is a map"),
        (pack({"prompt": "x"}), "no state"),
        (pack({**libero_request(), "prompt": ""}), "instruction is empty"),
        (pack({**own_request(), "seed": -1}), "'seed'"),
        (pack({**own_request(), "embodiment": "widowx"}), "was made for 'libero'"),
    ],
)
def test_an_error_is_one_sentence_and_close_1011(frame: bytes | str, complaint: str) -> None:
    with served(fixed()) as ports, client(ports) as connection:
        connection.recv()
        text, code = refused(connection, frame)
    assert text.startswith("SpecError: ")
    assert complaint in text
    assert code == 1011
    assert "Traceback" not in text


class Broken(Noting):
    def act(self, observation: Observation) -> ActionChunk:
        raise ZeroDivisionError("secret path /home/someone")


class Thinking(Noting):
    """Takes 0.4 s; `begun` is set when it starts."""

    def __init__(self, embodiment: Embodiment) -> None:
        super().__init__(embodiment)
        self.begun = threading.Event()

    def act(self, observation: Observation) -> ActionChunk:
        self.begun.set()
        time.sleep(0.4)
        return super().act(observation)


def test_a_policy_that_breaks_tells_no_secrets_and_the_server_goes_on() -> None:
    with served(Broken(LIBERO_BODY)) as ports:
        for _ in range(2):
            with client(ports) as connection:
                connection.recv()
                text, code = refused(connection, pack(own_request()))
                assert text == "PolicyFault: the policy broke (ZeroDivisionError); the server's log says more"
                assert code == 1011


def test_a_policy_that_takes_too_long_is_given_up() -> None:
    with served(Thinking(LIBERO_BODY), replace(LOCAL, answer_s=0.1)) as ports, client(ports) as connection:
        connection.recv()
        assert "longer than 0.1 s" in refused(connection, pack(own_request()))[0]


def test_what_is_under_way_is_answered_when_the_server_closes() -> None:
    with ExitStack() as later:
        policy = Thinking(LIBERO_BODY)
        with served(policy) as ports:
            connection = later.enter_context(client(ports))
            connection.recv()
            connection.send(pack(own_request()))
            assert policy.begun.wait(20)
        assert isinstance(connection.recv(timeout=20), bytes)
        with pytest.raises(ConnectionClosed) as closed:
            connection.recv(timeout=20)
    assert closed.value.rcvd is not None and closed.value.rcvd.code == 1001


def test_a_client_that_says_nothing_is_dropped() -> None:
    with served(fixed(), replace(LOCAL, idle_s=0.2)) as ports, client(ports) as connection:
        connection.recv()
        with pytest.raises(ConnectionClosed):
            connection.recv(timeout=20)


def test_a_message_beyond_the_limit_is_not_read() -> None:
    small = replace(LOCAL, limits=Limits(message_bytes=10_000))
    with served(fixed(), small) as ports, client(ports) as connection:
        connection.recv()
        connection.send(pack(libero_request(size=224)))
        with pytest.raises(ConnectionClosed) as closed:
            connection.recv(timeout=20)
        assert closed.value.rcvd is not None and closed.value.rcvd.code == 1009


def test_health_needs_no_token_everything_else_does() -> None:
    with served(fixed(), replace(LOCAL, token=TOKEN)) as ports:
        with urllib.request.urlopen(f"http://127.0.0.1:{ports.websocket}/healthz", timeout=20) as response:
            assert (response.status, response.read()) == (200, b"OK\n")
        for header in ({}, {"Authorization": "Api-Key wrong-horse-battery"}, {"Authorization": f"Basic {TOKEN}"}):
            with pytest.raises(InvalidStatus) as turned_away, client(ports, **header):
                pass
            assert turned_away.value.response.status_code == 401
        for scheme in ("Api-Key", "Bearer"):
            with client(ports, Authorization=f"{scheme} {TOKEN}") as connection:
                assert isinstance(connection.recv(timeout=20), bytes)


def test_a_page_in_a_browser_may_not_connect() -> None:
    with (
        served(fixed()) as ports,
        pytest.raises(InvalidStatus) as turned_away,
        client(ports, Origin="https://example.com"),
    ):
        pass
    assert turned_away.value.response.status_code == 403


def test_one_client_too_many_is_turned_away_and_room_is_made_again() -> None:
    with served(fixed(), replace(LOCAL, max_clients=2)) as ports:
        with client(ports) as first, client(ports) as second:
            first.recv(), second.recv()
            with pytest.raises(InvalidStatus) as turned_away, client(ports):
                pass
            assert turned_away.value.response.status_code == 503
            assert "actions" in asked(first, own_request())
        with client(ports) as third:
            third.recv()
            assert "actions" in asked(third, own_request())


def test_a_busy_port_is_one_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        for config in (replace(LOCAL, port=port), replace(LOCAL, rest_port=port)):
            with pytest.raises(SpecError, match=f"cannot listen on 127.0.0.1, port {port}: another program"):
                served(fixed(), config).__enter__()


def test_only_this_machine_without_a_token(tmp_path: Path) -> None:
    assert all(map(is_loopback, ("127.0.0.1", "127.0.0.9", "::1", "localhost")))
    assert not any(map(is_loopback, ("0.0.0.0", "::", "192.168.0.4", "robot.local", "")))
    for host in ("0.0.0.0", "::", ""):
        with pytest.raises(SpecError, match="token"):
            check_reach(host, None)
        check_reach(host, TOKEN)
    file = tmp_path / "token"
    file.write_text(f"{TOKEN}\n")
    assert read_token(file) == TOKEN
    for text in ("short", "two words that are long enough", "ä" * 20):
        file.write_text(text, encoding="utf-8")
        with pytest.raises(SpecError):
            read_token(file)
    with pytest.raises(SpecError, match="cannot read"):
        read_token(tmp_path / "none")


def test_the_gate() -> None:
    assert admits(None, None)
    assert admits(TOKEN, f"api-key {TOKEN}")
    for header in (None, "", TOKEN, f"Api-Key {TOKEN}x", f"Api-Key {TOKEN[:-1]}", "Api-Key", "Api-Key \udcff"):
        assert not admits(TOKEN, header)


def test_the_token_is_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """By hmac.compare_digest, on digests of one length: neither the first wrong letter nor the length shows."""
    compared: list[tuple[bytes, bytes]] = []
    compare = hmac.compare_digest
    monkeypatch.setattr(hmac, "compare_digest", lambda one, other: compared.append((one, other)) or compare(one, other))
    for header in (f"Api-Key {TOKEN}", "Api-Key x", f"Api-Key {TOKEN[:-1]}!", f"Basic {TOKEN}", None):
        admits(TOKEN, header)
    assert len(compared) == 5
    assert {len(one) for pair in compared for one in pair} == {32}
