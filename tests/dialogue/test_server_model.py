"""A server that answers, and every way in which one may not: always one sentence, always in time."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal

import pytest

from agent.errors import SpecError
from dialogue.language_model import Limits, Message, ModelFault, open_language_model
from dialogue.server_model import ServerModel

Manner = Literal["good", "silent", "drip", "html", "shape", "error", "empty", "huge", "number", "no models"]


def answer(content: object) -> dict[str, object]:
    message = {"role": "assistant", "content": content}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    return {"id": "1", "object": "chat.completion", "created": 0, "model": "m", "choices": [choice]}


@contextmanager
def server(manner: Manner) -> Iterator[tuple[str, list[dict[str, object]]]]:
    """Yield the address of a server of this manner, and what it was asked."""
    asked: list[dict[str, object]] = []
    over = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            pass

        def do_GET(self) -> None:
            names = (
                [] if manner == "no models" else [{"id": "small", "object": "model", "created": 0, "owned_by": "me"}]
            )
            self._send(json.dumps({"object": "list", "data": names}))

        def do_POST(self) -> None:
            asked.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            match manner:
                case "silent":
                    over.wait(20)
                case "drip":
                    self.send_response(200)
                    self.send_header("Content-Length", "100000")
                    self.end_headers()
                    while not over.wait(0.05):
                        self.wfile.write(b" ")
                case "html":
                    self._send("<html>welcome</html>", kind="text/html")
                case "shape":
                    self._send('{"choices": "none"}')
                case "error":
                    self._send('{"error": {"message": "overloaded"}}', status=503)
                case "empty":
                    self._send(json.dumps(answer("  ")))
                case "number":
                    self._send(json.dumps(answer(7)))
                case "huge":
                    self._send(json.dumps(answer("pick " * 20_000)))
                case _:
                    self._send(json.dumps(answer(" pick red cube\n")))

        def _send(self, text: str, *, status: int = 200, kind: str = "application/json") -> None:
            body = text.encode()
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    http.daemon_threads = True
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{http.server_port}/v1", asked
    finally:
        over.set()
        http.shutdown()
        http.server_close()


def ask(address: str, seconds: float = 5.0) -> str:
    messages = [Message("system", "red cube"), Message("user", "pick it")]
    return ServerModel(address).reply(messages, limits=Limits(seconds=seconds, tokens=50)).text


def test_a_good_server_is_asked_in_its_own_words() -> None:
    with server("good") as (address, asked):
        assert ask(address) == "pick red cube"
        assert ask(address + "#big") == "pick red cube"
    assert [request["model"] for request in asked] == ["small", "big"]
    assert asked[0]["messages"] == [{"role": "system", "content": "red cube"}, {"role": "user", "content": "pick it"}]
    assert asked[0]["max_tokens"] == 50


@pytest.mark.parametrize("manner", ["silent", "drip"])
def test_a_slow_server_is_given_up_in_time(manner: Manner) -> None:
    with server(manner) as (address, _):
        began = time.monotonic()
        with pytest.raises(ModelFault, match=r"did not answer within 0\.5 s"):
            ask(address, seconds=0.5)
        assert time.monotonic() - began < 3.0


@pytest.mark.parametrize("manner", ["html", "shape", "error", "empty", "number", "huge", "no models"])
def test_nonsense_is_one_sentence(manner: Manner) -> None:
    with server(manner) as (address, _), pytest.raises(ModelFault) as caught:
        ask(address)
    assert address in str(caught.value) and "\n" not in str(caught.value)


def test_no_server_is_told() -> None:
    with pytest.raises(ModelFault, match="is the server running"):
        ask("http://127.0.0.1:9/v1")


def test_what_is_no_model_is_told() -> None:
    with pytest.raises(SpecError, match=r"there are: smollm2"):
        open_language_model("no/such/folder")
