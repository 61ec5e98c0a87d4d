"""Serves the page and its websocket, to this machine only.

The page gets text frames with everything it shows, each one whole, and binary frames with one JPEG, its camera's
number before it. Whoever reads slowly misses states and pictures, never the latest. It sends
{"do": "say", "text": ...}, {"do": "stop"} or {"do": "forget", "number": ...}; anything else is answered with a
sentence.
"""

import asyncio
import errno
import io
import json
import logging
from collections.abc import Sequence
from dataclasses import asdict
from http import HTTPStatus
from pathlib import Path

from PIL import Image
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from agent.console.desk import Desk
from agent.errors import AubergineError, SpecError
from agent.types import ImageArray

ASSETS = Path(__file__).resolve().parent / "assets"
HOST, DEFAULT_PORT = "127.0.0.1", 8010
SOCKET = "/socket"
PAGES = {
    "/": ("index.html", "text/html; charset=utf-8"),
    "/console.css": ("console.css", "text/css; charset=utf-8"),
    "/console.js": ("console.js", "text/javascript; charset=utf-8"),
}
POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; img-src blob: data:; connect-src 'self'"
MESSAGE_BYTES = 16_384
MOST_CLIENTS = 8
JPEG_QUALITY = 82
_WIRE_LOG = logging.getLogger("agent.console.wire")
_WIRE_LOG.setLevel(logging.CRITICAL)


class ConsoleServer:
    """Serves one desk; use `async with` inside an event loop. port: 0 takes a free one.

    cameras: names in the order of their numbers. Raises SpecError in one sentence when the port cannot be had.
    """

    def __init__(self, desk: Desk, cameras: Sequence[str], *, title: str = "", port: int = DEFAULT_PORT) -> None:
        self._desk, self._cameras, self._title, self._wanted = desk, tuple(cameras), title, port
        self._socket: Server | None = None
        self._changed: set[asyncio.Event] = set()

    async def __aenter__(self) -> "ConsoleServer":
        loop = asyncio.get_running_loop()
        try:
            self._socket = await serve(
                self._converse,
                HOST,
                self._wanted,
                process_request=self._answer,
                compression=None,
                server_header=None,
                max_size=MESSAGE_BYTES,
                max_queue=8,
                logger=_WIRE_LOG,
            )
        except OSError as error:
            busy = error.errno == errno.EADDRINUSE
            why = "another program listens there; choose another with --port" if busy else error.strerror or str(error)
            raise SpecError(f"cannot listen on port {self._wanted}: {why}") from error

        def wake() -> None:
            loop.call_soon_threadsafe(self._wake)

        self._desk.on_change = wake
        self._wake()
        return self

    async def __aexit__(self, *_: object) -> None:
        self._desk.on_change = lambda: None
        if self._socket is not None:
            self._socket.close()
            await self._socket.wait_closed()

    @property
    def port(self) -> int:
        if self._socket is None:
            raise SpecError("the console does not listen yet")
        return int(next(iter(self._socket.sockets)).getsockname()[1])

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}/"

    def _answer(self, connection: ServerConnection, request: Request) -> Response | None:
        """Serve the page; let in only sockets that this very page opened."""
        host = request.headers.get("Host", "")
        if host.rsplit(":", 1)[0] not in (HOST, "localhost"):
            # A page from elsewhere that had its own name point here would come with that name.
            return connection.respond(HTTPStatus.FORBIDDEN, "this page is for this machine only\n")
        path = request.path.split("?", 1)[0]
        if path == SOCKET:
            if request.headers.get("Origin") != f"http://{host}":
                return connection.respond(HTTPStatus.FORBIDDEN, "only the robot's own page may talk to it\n")
            if len(self._changed) >= MOST_CLIENTS:
                return connection.respond(HTTPStatus.SERVICE_UNAVAILABLE, f"{MOST_CLIENTS} pages are open already\n")
            return None
        if path not in PAGES:
            return connection.respond(HTTPStatus.NOT_FOUND, f"there are: {', '.join(PAGES)}\n")
        file, kind = PAGES[path]
        body = (ASSETS / file).read_bytes()
        headers = {"Content-Type": kind, "Content-Length": str(len(body)), "Cache-Control": "no-cache"}
        headers |= {"Content-Security-Policy": POLICY, "X-Content-Type-Options": "nosniff", "Connection": "close"}
        return Response(HTTPStatus.OK.value, HTTPStatus.OK.phrase, Headers(headers), body)

    async def _converse(self, connection: ServerConnection) -> None:
        changed = asyncio.Event()
        changed.set()
        self._changed.add(changed)
        self._desk.watched = True
        sending = asyncio.create_task(self._send(connection, changed))
        try:
            async for message in connection:
                await self._obey(connection, message)
        except ConnectionClosed:
            pass
        finally:
            sending.cancel()
            self._changed.discard(changed)
            self._desk.watched = bool(self._changed)

    async def _obey(self, connection: ServerConnection, message: str | bytes) -> None:
        try:
            order = json.loads(message)
            match order:
                case {"do": "stop"}:
                    self._desk.stop()
                case {"do": "say", "text": str(text)}:
                    self._desk.say(text)
                case {"do": "forget", "number": int(number)}:
                    await asyncio.to_thread(self._desk.forget, number)
                case _:
                    raise SpecError("the page can say, stop and forget")
        except (ValueError, RecursionError):
            await connection.send(json.dumps({"problem": "that was no JSON"}))
        except AubergineError as error:
            await connection.send(json.dumps({"problem": str(error)}))

    async def _send(self, connection: ServerConnection, changed: asyncio.Event) -> None:
        """Send what is new, again and again; what came meanwhile is sent as it is by then."""
        sent: dict[str, int] = {}
        state = ""
        try:
            while True:
                await changed.wait()
                changed.clear()
                told = self._state()
                if told != state:
                    await connection.send(told)
                    state = told
                for number, camera in enumerate(self._cameras):
                    picture = self._desk.pictures.get(camera)
                    if picture is not None and sent.get(camera) != id(picture):
                        sent[camera] = id(picture)
                        await connection.send(bytes([number]) + await asyncio.to_thread(jpeg, picture))
        except ConnectionClosed:
            return

    def _state(self) -> str:
        return json.dumps({"title": self._title, "cameras": self._cameras, **asdict(self._desk.shown)})

    def _wake(self) -> None:
        for changed in self._changed:
            changed.set()


def jpeg(picture: ImageArray) -> bytes:
    """Return RGB uint8 (H, W, 3) as a JPEG."""
    out = io.BytesIO()
    Image.fromarray(picture).save(out, "JPEG", quality=JPEG_QUALITY)
    return out.getvalue()
