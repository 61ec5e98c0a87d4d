"""OpenVLA's REST: `POST /act` with {"image", "instruction", "unnorm_key"} in json_numpy's JSON -> one action.

Also the double-encoded form {"encoded": "<json>"} (answered by JSON within a JSON text), and OpenVLA-OFT's keys
(full_image, wrist_image, state -> a list of actions). Source: OpenVLA `vla-scripts/deploy.py`, OFT's of the same name.
An action is BridgeData V2's: metres, Euler angles xyz, gripper 1 = open. An error is a status of 400, 401, 413 or 503
and {"error": sentence}, where OpenVLA answers 200 and "error".

One request a connection, HTTP/1.1, a Content-Length is needed: small enough to be read whole.
"""

import asyncio
import json
import logging
from collections.abc import Mapping
from http import HTTPStatus

import numpy as np
from scipy.spatial.transform import Rotation

from agent.errors import AubergineError, PolicyFault
from agent.serving.asking import Ask, Question, kind_of
from agent.serving.card import Card
from agent.serving.gate import admits
from agent.serving.json_arrays import dumps, loads
from agent.serving.layouts import MID_EPISODE_S, check_state, instruction_from, picture_from, vector_from
from agent.serving.limits import BadMessage, Limits
from agent.types import CameraSpec, Control, Embodiment, FloatArray, Observation

LOG = logging.getLogger("agent.serving")
HEAD_BYTES = 16 * 1024
READ_S = 30.0
"""Seconds for a request to come in whole, and for its answer to be taken."""


class HttpFault(AubergineError):
    """A request that HTTP already forbids."""

    def __init__(self, status: HTTPStatus, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


class RestServer:
    """Listens for `POST /act` and `GET /healthz`."""

    def __init__(self, ask: Ask, card: Card, token: str | None, limits: Limits) -> None:
        self._ask, self._card, self._token, self._limits = ask, card, token, limits
        self._tasks: set[asyncio.Task[None]] = set()
        self._socket: asyncio.Server | None = None

    async def listen(self, host: str, port: int, *, clients: int) -> None:
        self._clients = clients
        self._socket = await asyncio.start_server(self._accept, host, port, limit=HEAD_BYTES)

    @property
    def port(self) -> int | None:
        return int(self._socket.sockets[0].getsockname()[1]) if self._socket else None

    async def close(self) -> None:
        """Stop listening and end every connection."""
        if self._socket:
            self._socket.close()
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            async with asyncio.timeout(READ_S):
                status, body = await self._answer(reader)
                writer.write(_response(status, body))
                await writer.drain()
                writer.close()
                await writer.wait_closed()
        except (TimeoutError, ConnectionError, EOFError):
            writer.transport.abort()
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader) -> tuple[HTTPStatus, str]:
        try:
            if len(self._tasks) > self._clients:
                raise HttpFault(HTTPStatus.SERVICE_UNAVAILABLE, f"{self._clients} clients are here")
            body = await self._read(reader)
            return HTTPStatus.OK, "OK\n" if body is None else await self._act(body)
        except HttpFault as fault:
            return fault.status, json.dumps({"error": str(fault)})
        except AubergineError as error:
            LOG.info("POST /act: %s", error)
            broken = isinstance(error, PolicyFault)
            status = HTTPStatus.INTERNAL_SERVER_ERROR if broken else HTTPStatus.BAD_REQUEST
            return status, json.dumps({"error": f"{kind_of(error)}: {error}"})

    async def _read(self, reader: asyncio.StreamReader) -> bytes | None:
        """Return the body of POST /act, or None for GET /healthz."""
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        except asyncio.LimitOverrunError as error:
            raise HttpFault(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "the headers are too long") from error
        line, *rest = head.split("\r\n")
        words = line.split(" ")
        if len(words) != 3 or words[2] not in ("HTTP/1.1", "HTTP/1.0"):
            raise HttpFault(HTTPStatus.BAD_REQUEST, "this is not HTTP")
        method, path = words[0], words[1]
        if (method, path) == ("GET", "/healthz"):
            return None
        if path != "/act":
            raise HttpFault(HTTPStatus.NOT_FOUND, "there are: POST /act, GET /healthz")
        if method != "POST":
            raise HttpFault(HTTPStatus.METHOD_NOT_ALLOWED, "/act is asked by POST")
        length = self._length(_headers(rest))
        return await reader.readexactly(length)

    def _length(self, headers: Mapping[str, str]) -> int:
        """Return the length of the body of a request that may come in."""
        if "origin" in headers:
            raise HttpFault(HTTPStatus.FORBIDDEN, "pages in a browser may not command a robot")
        if not admits(self._token, headers.get("authorization")):
            raise HttpFault(HTTPStatus.UNAUTHORIZED, "a token is needed: Authorization: Api-Key <token>")
        length = headers.get("content-length", "")
        if "transfer-encoding" in headers or not (length.isascii() and length.isdigit() and len(length) < 12):
            raise HttpFault(HTTPStatus.LENGTH_REQUIRED, "a Content-Length is needed")
        if int(length) > self._limits.message_bytes:
            at_most = f"at most {self._limits.message_bytes} bytes are accepted"
            raise HttpFault(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, at_most)
        return int(length)

    async def _act(self, body: bytes) -> str:
        request = loads(body, self._limits)
        double = isinstance(request, Mapping) and set(request) == {"encoded"}
        if double:
            encoded = request["encoded"] if isinstance(request, Mapping) else None
            if not isinstance(encoded, str):
                raise BadMessage("'encoded' must be JSON as a text")
            request = loads(encoded, self._limits)
        if not isinstance(request, Mapping):
            raise BadMessage("the request must be an object")
        self._check_key(request.get("unnorm_key"))
        question = Question(observation_from_openvla(request, self._card.embodiment, self._limits))
        rows = to_bridge((await self._ask(question)).actions, self._card.embodiment)
        # OFT's script is answered by every row of the chunk, OpenVLA's by the first.
        text = dumps(list(rows)) if "full_image" in request else dumps(rows[0])
        return json.dumps(text) if double else text

    def _check_key(self, key: object) -> None:
        """OpenVLA chooses statistics by this key; a policy here has one set, and no other may be meant."""
        names = (self._card.embodiment.name, self._card.policy)
        if key is not None and key not in names:
            raise BadMessage(f"no unnorm_key '{str(key)[:40]}'; there are: {', '.join(names)}")


def observation_from_openvla(request: Mapping[str, object], embodiment: Embodiment, limits: Limits) -> Observation:
    """Return what the request shows; raise BadMessage naming the first thing that this policy needs and is missing.

    OpenVLA itself sends one picture and no state: that is enough for a policy with one camera and an empty state.
    """
    cameras = embodiment.cameras
    scene = "full_image" if "full_image" in request else "image"
    words = request.get("instruction", request.get("task_description"))
    state = vector_from(request.get("state", [] if len(embodiment.state) == 0 else None), "state")
    check_state(state, embodiment.state)
    images = {camera.name: picture_from(request, _key(camera, cameras, scene), camera) for camera in cameras}
    return Observation(images=images, state=state, instruction=instruction_from(words, limits), time=MID_EPISODE_S)


def to_bridge(actions: FloatArray, embodiment: Embodiment) -> FloatArray:
    """Rotation vectors -> Euler angles xyz, as BridgeData V2 and OpenVLA have them; joint angles stay."""
    if embodiment.control is not Control.EE_DELTA or actions.shape[1] != 7:
        return actions
    angles = Rotation.from_rotvec(actions[:, 3:6]).as_euler("xyz")
    return np.concatenate([actions[:, :3], angles, actions[:, 6:]], axis=1, dtype=np.float32)


def from_bridge(actions: FloatArray) -> FloatArray:
    """The way back of `to_bridge` for (T, 7)."""
    vectors = Rotation.from_euler("xyz", actions[:, 3:6]).as_rotvec()
    return np.concatenate([actions[:, :3], vectors, actions[:, 6:]], axis=1, dtype=np.float32)


def _key(camera: CameraSpec, cameras: tuple[CameraSpec, ...], scene: str) -> str:
    if "wrist" in camera.name and len(cameras) > 1:
        return "wrist_image"
    others = [each for each in cameras if "wrist" not in each.name] or list(cameras)
    return scene if camera == others[0] else camera.name


def _headers(lines: list[str]) -> dict[str, str]:
    """Names in lower case. A name that comes twice is refused: two lengths are how requests are smuggled."""
    headers: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not line:
            continue
        if not colon or name != name.strip() or name.lower() in headers:
            raise HttpFault(HTTPStatus.BAD_REQUEST, "the headers cannot be read")
        headers[name.lower()] = value.strip()
    return headers


def _response(status: HTTPStatus, body: str) -> bytes:
    raw = body.encode()
    kind = "text/plain" if body == "OK\n" else "application/json"
    head = f"HTTP/1.1 {status.value} {status.phrase}\r\nContent-Type: {kind}\r\nContent-Length: {len(raw)}\r\n"
    return f"{head}Connection: close\r\n\r\n".encode() + raw
