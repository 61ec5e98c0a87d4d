"""The policy server: openpi's websocket protocol, and OpenVLA's REST beside it on a second port.

On connect the client gets one binary frame with the metadata; then every binary frame is an observation and is
answered by {"actions": float32 (T, A), "server_timing": {...}}, with "memory" where the policy wants to be reminded of
something at the next look. An error is one text frame ("SpecError: sentence"),
then the connection is closed with 1011. `GET /healthz` answers "OK". This is what openpi's
`websocket_policy_server.py` does, but for the limits, the time-outs and the token, and that no traceback is sent.
"""

import asyncio
import errno
import logging
import time
from dataclasses import dataclass, field
from http import HTTPStatus

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from agent.errors import AubergineError, PolicyFault, SpecError
from agent.ports import Policy
from agent.serving.asking import Question, kind_of, question_from
from agent.serving.batching import Answer, Batcher
from agent.serving.card import Card
from agent.serving.codec import pack
from agent.serving.gate import admits, check_reach
from agent.serving.layouts import LAYOUTS, OWN
from agent.serving.limits import Limits
from agent.serving.rest import RestServer

LOG = logging.getLogger("agent.serving")
INTERNAL_ERROR, GOING_AWAY, TRY_AGAIN_LATER = 1011, 1001, 1013
DEFAULT_PORT, DEFAULT_REST_PORT = 8000, 8001

# The library tells of every stranger's broken handshake with a traceback; what matters is logged here.
_WIRE_LOG = logging.getLogger("agent.serving.wire")
_WIRE_LOG.setLevel(logging.CRITICAL)


@dataclass(frozen=True)
class ServeConfig:
    """How a policy is served.

    port, rest_port: 0 takes a free one; rest_port None: no REST.  token: what clients must show; needed when `host` is
    not of this machine alone.  max_clients: connections at once, REST's counted by themselves.  lanes: parts of a batch
    that are answered side by side, each on a thread of its own.  Seconds: handshake_s to open a connection, idle_s
    until a request must have come in whole, answer_s for the policy, send_s for a client to take its answer, grace_s
    for what is under way when the server closes.
    """

    host: str = "127.0.0.1"
    port: int = DEFAULT_PORT
    rest_port: int | None = DEFAULT_REST_PORT
    token: str | None = None
    max_clients: int = 64
    max_batch: int = 16
    lanes: int = 1
    handshake_s: float = 5.0
    idle_s: float = 300.0
    answer_s: float = 60.0
    send_s: float = 10.0
    grace_s: float = 5.0
    limits: Limits = field(default_factory=Limits)


class PolicyServer:
    """Serves one policy. Use `async with` inside an event loop; `agent.serving.background` brings a loop of its own.

    A policy with a memory serves one client at a time rightly; policies that offer `act_batch` have none.
    """

    def __init__(self, policy: Policy, card: Card, config: ServeConfig) -> None:
        check_reach(config.host, config.token)
        self._policy, self._card, self._config = policy, card, config
        self._metadata = pack({**card.to_wire(), "layouts": list(LAYOUTS)})
        self._busy, self._closing = 0, False
        self._clients: set[ServerConnection] = set()
        self.answered = 0
        self._socket: Server | None = None
        self._rest: RestServer | None = None

    async def __aenter__(self) -> "PolicyServer":
        """Begin to listen; raise SpecError in one sentence when an address cannot be had."""
        config = self._config
        self._batcher = Batcher(self._policy, largest=config.max_batch, lanes=config.lanes)
        port = config.port
        try:
            self._socket = await self._listen()
            if config.rest_port is not None:
                port = config.rest_port
                self._rest = RestServer(self.ask, self._card, config.token, config.limits)
                await self._rest.listen(config.host, port, clients=config.max_clients)
        except OSError as error:
            await self.close()
            busy = error.errno == errno.EADDRINUSE
            why = "another program listens there; choose another port" if busy else error.strerror or str(error)
            raise SpecError(f"cannot listen on {config.host}, port {port}: {why}") from error
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.close()

    @property
    def port(self) -> int:
        """The websocket's port, once it listens."""
        if self._socket is None:
            raise SpecError("the server does not listen yet")
        return int(next(iter(self._socket.sockets)).getsockname()[1])

    @property
    def rest_port(self) -> int | None:
        """The port of POST /act, or None without REST."""
        return self._rest.port if self._rest else None

    async def close(self) -> None:
        """Let requests under way be answered (grace_s at most), then close everything; closing twice is allowed."""
        self._closing = True
        until = time.monotonic() + self._config.grace_s
        while self._busy and time.monotonic() < until:
            await asyncio.sleep(0.005)
        if self._rest:
            await self._rest.close()
        if self._socket:
            self._socket.close(code=GOING_AWAY, reason="the server closes")
            await self._socket.wait_closed()
        await self._batcher.close()

    async def ask(self, question: Question) -> Answer:
        """Put one observation to the policy. Raises AubergineError; PolicyFault when it takes longer than answer_s."""
        self._busy += 1
        try:
            async with asyncio.timeout(self._config.answer_s):
                return await self._batcher.act(question.observation, seed=question.seed)
        except TimeoutError as error:
            raise PolicyFault(f"the policy took longer than {self._config.answer_s:g} s") from error
        finally:
            self._busy -= 1
            self.answered += 1

    async def _listen(self) -> Server:
        config = self._config
        return await serve(
            self._converse,
            config.host,
            config.port,
            # No compression, as openpi: pictures do not shrink, and small messages that inflate are a weapon.
            compression=None,
            # A browser names the page's origin: pages from elsewhere must not talk to a robot on this machine.
            origins=[None],
            process_request=self._admit,
            server_header=None,
            open_timeout=config.handshake_s,
            close_timeout=2.0,
            max_size=config.limits.message_bytes,
            max_queue=2,
            logger=_WIRE_LOG,
        )

    def _admit(self, connection: ServerConnection, request: Request) -> Response | None:
        """Answer /healthz; turn away who has no token, and everyone when the house is full."""
        if request.path == "/healthz":
            return connection.respond(HTTPStatus.OK, "OK\n")
        given = request.headers.get_all("Authorization")
        if not admits(self._config.token, given[0] if len(given) == 1 else None):
            return connection.respond(HTTPStatus.UNAUTHORIZED, "a token is needed: Authorization: Api-Key <token>\n")
        if self._closing or len(self._clients) >= self._config.max_clients:
            return connection.respond(HTTPStatus.SERVICE_UNAVAILABLE, f"{self._config.max_clients} clients are here\n")
        return None

    async def _converse(self, connection: ServerConnection) -> None:
        """Talk with one client until it leaves, errs, or is too slow."""
        if len(self._clients) >= self._config.max_clients:
            # Many may have been admitted while their handshakes were under way.
            await connection.close(TRY_AGAIN_LATER, "too many clients")
            return
        self._clients.add(connection)
        try:
            await self._send(connection, self._metadata)
            before: float | None = None
            while not self._closing:
                async with asyncio.timeout(self._config.idle_s):
                    message = await connection.recv()
                began = time.perf_counter()
                await self._send(connection, await self._reply(message, before))
                before = time.perf_counter() - began
            await connection.close(GOING_AWAY, "the server closes")
        except AubergineError as error:
            await self._refuse(connection, error)
        except TimeoutError:
            # Whoever neither sends nor reads gets no closing handshake either: it would wait for them again.
            connection.transport.abort()
        except ConnectionClosed:
            pass
        finally:
            self._clients.discard(connection)

    async def _reply(self, message: str | bytes, before: float | None) -> bytes:
        question, layout = question_from(message, self._card, self._config.limits)
        answer = await self.ask(question)
        timing: dict[str, object] = {"infer_ms": 1e3 * answer.seconds, "batch": answer.together}
        if before is not None:
            timing["prev_total_ms"] = 1e3 * before
        said: dict[str, object] = {"actions": layout.to_peer(answer.actions, self._card.embodiment)}
        if layout is OWN and answer.memory is not None:
            said["memory"] = answer.memory
        return pack({**said, "server_timing": timing})

    async def _send(self, connection: ServerConnection, message: str | bytes) -> None:
        async with asyncio.timeout(self._config.send_s):
            await connection.send(message)

    async def _refuse(self, connection: ServerConnection, error: AubergineError) -> None:
        """Say what was wrong, then close, as openpi does."""
        LOG.info("%s: refused: %s", connection.remote_address, error)
        try:
            await self._send(connection, f"{kind_of(error)}: {error}")
            await connection.close(INTERNAL_ERROR, "see the text before")
        except (TimeoutError, ConnectionClosed):
            connection.transport.abort()
