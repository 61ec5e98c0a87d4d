"""A policy server in this process, on an event loop of its own thread: for tests, benchmarks and notebooks."""

import asyncio
import threading
from concurrent.futures import Future
from dataclasses import dataclass

from agent.ports import Policy
from agent.serving.card import Card
from agent.serving.server import PolicyServer, ServeConfig

LOCAL = ServeConfig(port=0, rest_port=0)
"""Free ports of this machine."""


@dataclass(frozen=True)
class Ports:
    """Where it listens."""

    websocket: int
    rest: int | None

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.websocket}"


class BackgroundServer:
    """Context manager: serves inside, closed and joined outside. Raises what `PolicyServer` raises on starting."""

    def __init__(self, policy: Policy, card: Card, config: ServeConfig = LOCAL) -> None:
        self._server = PolicyServer(policy, card, config)
        self._thread = threading.Thread(target=self._run, name="policy server", daemon=True)
        self._ports: Future[Ports] = Future()
        self._stop: asyncio.Event
        self._loop: asyncio.AbstractEventLoop

    def __enter__(self) -> Ports:
        self._thread.start()
        return self._ports.result()

    def __exit__(self, *error: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    def _run(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        begun = asyncio.create_task(self._server.__aenter__())
        await asyncio.wait([begun])
        failure = begun.exception()
        if failure is not None:
            self._ports.set_exception(failure)
            return
        self._ports.set_result(Ports(self._server.port, self._server.rest_port))
        await self._stop.wait()
        await self._server.close()
