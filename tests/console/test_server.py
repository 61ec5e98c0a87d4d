"""Who may open the page, and what it is sent."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from http.client import HTTPConnection
from pathlib import Path

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus

from agent.console.server import ConsoleServer
from agent.errors import SpecError
from tests.console.table import desk_at


def serve(folder: Path, use: Callable[[ConsoleServer], Awaitable[None]]) -> None:
    async def run() -> None:
        with desk_at(folder) as (desk, _):
            async with ConsoleServer(desk, ("front",), title="a table", port=0) as server:
                await use(server)

    asyncio.run(run())


def fetch(port: int, path: str, host: str | None = None) -> tuple[int, str]:
    connection = HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", path, headers={"Host": host} if host else {})
    answer = connection.getresponse()
    return answer.status, answer.read().decode()


async def state_after(socket: ClientConnection, met: Callable[[dict[str, object]], bool]) -> dict[str, object]:
    async with asyncio.timeout(20):
        while True:
            message = await socket.recv()
            if isinstance(message, str):
                told: dict[str, object] = json.loads(message)
                if met(told):
                    return told


def test_the_page_and_nothing_else_is_served(tmp_path: Path) -> None:
    async def use(server: ConsoleServer) -> None:
        status, page = await asyncio.to_thread(fetch, server.port, "/")
        assert status == 200 and 'id="stop"' in page
        assert (await asyncio.to_thread(fetch, server.port, "/../server.py"))[0] == 404
        assert (await asyncio.to_thread(fetch, server.port, "/", "elsewhere.example:80"))[0] == 403

    serve(tmp_path, use)


def test_only_its_own_page_may_talk_to_the_robot(tmp_path: Path) -> None:
    async def use(server: ConsoleServer) -> None:
        address = f"ws://127.0.0.1:{server.port}/socket"
        for origin in ("http://elsewhere.example", None):
            with pytest.raises(InvalidStatus) as refused:
                await connect(address, origin=origin)  # type: ignore[arg-type]
            assert refused.value.response.status_code == 403

    serve(tmp_path, use)


def test_words_go_in_and_states_and_pictures_come_out(tmp_path: Path) -> None:
    async def use(server: ConsoleServer) -> None:
        origin = f"http://127.0.0.1:{server.port}"
        async with connect(f"ws://127.0.0.1:{server.port}/socket", origin=origin) as socket:  # type: ignore[arg-type]
            first = await state_after(socket, lambda told: "title" in told)
            assert (first["title"], first["cameras"], first["phase"]) == ("a table", ["front"], "idle")
            async with asyncio.timeout(20):
                frame = await socket.recv()
            assert isinstance(frame, bytes) and frame[0] == 0 and frame[1:3] == b"\xff\xd8"
            await socket.send(json.dumps({"do": "say", "text": "put the red cube in the red bowl"}))
            done = await state_after(
                socket,
                lambda told: told.get("phase") == "idle" and len(told["entries"]) > 1,  # type: ignore[arg-type]
            )
            assert done["plan"] == [{"text": "place red cube in red bowl", "state": "done"}]

    serve(tmp_path, use)


@pytest.mark.parametrize(
    ("order", "answer"),
    [
        ("{", "no JSON"),
        ("[" * 5000, "no JSON"),
        ('{"do": "dance"}', "can say, stop and forget"),
        ('{"do": "say", "text": 3}', "can say, stop and forget"),
        ('{"do": "forget", "number": 999}', "no memory '999'"),
    ],
)
def test_nonsense_is_answered_with_a_sentence(tmp_path: Path, order: str, answer: str) -> None:
    async def use(server: ConsoleServer) -> None:
        origin = f"http://127.0.0.1:{server.port}"
        async with connect(f"ws://127.0.0.1:{server.port}/socket", origin=origin) as socket:  # type: ignore[arg-type]
            await socket.send(order)
            told = await state_after(socket, lambda told: "problem" in told)
            assert answer in str(told["problem"])

    serve(tmp_path, use)


def test_a_taken_port_is_one_sentence(tmp_path: Path) -> None:
    async def use(server: ConsoleServer) -> None:
        other = ConsoleServer(server._desk, ("front",), port=server.port)
        with pytest.raises(SpecError, match="another program listens there"):
            await other.__aenter__()

    serve(tmp_path, use)
