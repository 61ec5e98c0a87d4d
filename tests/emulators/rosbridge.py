"""A small rosbridge peer: JSON over a websocket, as rosbridge_server speaks it, before a body of joints.

Knows advertise, unadvertise, publish, subscribe, unsubscribe and call_service for what a joint_trajectory_controller,
a gripper's position controller, a camera and the controller manager do. Not modelled: fragments, PNG and CBOR
compression, type checks of every field, a controller's spline and tolerances.
"""

import asyncio
import base64
import io
import json
import threading
import time
from typing import Any

import numpy as np
from PIL import Image
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed

ARM = ("shoulder_pan", "shoulder_lift", "elbow_flex", "wrist_flex", "wrist_roll")
STANDING = (0.1, -0.6, 0.7, 0.5, 0.0)
COMMANDS, GRIPPER = "/joint_trajectory_controller/joint_trajectory", "/gripper_controller/commands"
TYPES = {COMMANDS: "trajectory_msgs/msg/JointTrajectory", GRIPPER: "std_msgs/msg/Float64MultiArray"}
PERIOD = 0.02


class RosbridgePeer:
    """Runs in a thread of its own from the start; `close` ends it. Change the attributes to make trouble."""

    def __init__(self) -> None:
        self.joints = dict(zip(ARM, STANDING, strict=True)) | {"gripper": 0.425, "wheel": 3.0}
        self.states: dict[str, str] = {"joint_trajectory_controller": "active", "joint_state_broadcaster": "active"}
        self.silent = self.mute = self.broken_service = False
        self.hide: tuple[str, ...] = ()
        self.picture: bytes | None = None
        self.heard: list[dict[str, Any]] = []
        self._way: tuple[dict[str, float], dict[str, float], float, float] | None = None
        self._shade = 0
        self._advertised: dict[str, str] = {}
        self._clients: set[ServerConnection] = set()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), name="rosbridge-peer", daemon=True)
        self._thread.start()
        assert self._ready.wait(20)

    def ops(self, *, also: tuple[str, ...] = ()) -> list[tuple[str, str]]:
        """Return (op, topic or service) of everything heard but publications, those of topics in `also` included."""
        named = [(each["op"], str(each.get("topic") or each.get("service"))) for each in self.heard]
        return [each for each in named if each[0] != "publish" or each[1] in also]

    def commands(self) -> list[dict[str, Any]]:
        return [each["msg"] for each in self.heard if each["op"] == "publish" and each["topic"] == COMMANDS]

    def cut(self) -> None:
        """Reset every connection, as when the computer over there dies."""
        self._loop.call_soon_threadsafe(lambda: [client.transport.abort() for client in self._clients])

    @property
    def clients(self) -> int:
        return len(self._clients)

    def close(self) -> None:
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._over.set)
            self._thread.join()

    async def _serve(self) -> None:
        self._loop, self._over = asyncio.get_running_loop(), asyncio.Event()
        async with serve(self._talk, "127.0.0.1", 0, close_timeout=0.2) as server:
            self.port = _port_of(server)
            self._ready.set()
            await self._over.wait()
            for client in self._clients:
                client.transport.abort()

    async def _talk(self, client: ServerConnection) -> None:
        self._clients.add(client)
        streams: dict[str, asyncio.Task[None]] = {}
        try:
            async for text in client:
                if not self.silent:
                    await self._obey(client, json.loads(text), streams)
        except ConnectionClosed:
            pass
        finally:
            for stream in streams.values():
                stream.cancel()
            self._clients.discard(client)

    async def _obey(self, client: ServerConnection, order: dict[str, Any], streams: dict[str, Any]) -> None:
        self.heard.append(order)
        match order["op"]:
            case "subscribe":
                period = max(PERIOD, order["throttle_rate"] / 1000)
                streams[order["topic"]] = asyncio.create_task(self._stream(client, order["topic"], period))
            case "unsubscribe":
                streams.pop(order["topic"]).cancel()
            case "advertise":
                self._advertised[order["topic"]] = order["type"]
            case "unadvertise":
                self._advertised.pop(order["topic"], None)
            case "publish":
                # The real one makes a publisher only of a type that exists for the topic.
                if self._advertised.get(order["topic"]) == TYPES.get(order["topic"], ""):
                    self._command(order["topic"], order["msg"])
            case "call_service":
                await client.send(json.dumps(self._service(order)))

    def _command(self, topic: str, message: dict[str, Any]) -> None:
        self._advance()
        if topic == GRIPPER:
            self.joints["gripper"] = float(message["data"][0])
        elif self.states.get("joint_trajectory_controller") == "active" and set(message["joint_names"]) == set(ARM):
            point = message["points"][-1]
            goal = dict(zip(message["joint_names"], point["positions"], strict=True))
            seconds = point["time_from_start"]["sec"] + 1e-9 * point["time_from_start"]["nanosec"]
            self._way = {name: self.joints[name] for name in ARM}, goal, time.monotonic(), seconds

    def _advance(self) -> None:
        if self._way is not None:
            start, goal, began, seconds = self._way
            share = min(1.0, (time.monotonic() - began) / seconds)
            self.joints |= {name: start[name] + share * (goal[name] - start[name]) for name in ARM}

    def _service(self, order: dict[str, Any]) -> dict[str, Any]:
        answer = {"op": "service_response", "id": order["id"], "service": order["service"], "result": True}
        if order["service"] != "/controller_manager/list_controllers" or self.broken_service:
            return answer | {"result": False, "values": f"Service {order['service']} does not exist"}
        rows = [{"name": name, "state": state, "type": ""} for name, state in self.states.items()]
        return answer | {"values": {"controller": rows}}

    async def _stream(self, client: ServerConnection, topic: str, period: float) -> None:
        while True:
            if not self.silent and not (self.mute and topic == "/joint_states"):
                message = self._states() if topic == "/joint_states" else self._image()
                await client.send(json.dumps({"op": "publish", "topic": topic, "msg": message}))
            await asyncio.sleep(period)

    def _states(self) -> dict[str, Any]:
        self._advance()
        # Sorted by name, as the broadcaster does, and not in the arm's own order.
        names = sorted(name for name in self.joints if name not in self.hide)
        header = {"stamp": {"sec": 1, "nanosec": 0}, "frame_id": ""}
        positions = [self.joints[name] for name in names]
        return {"header": header, "name": names, "position": positions, "velocity": [], "effort": []}

    def _image(self) -> dict[str, Any]:
        data = self.picture
        if data is None:
            self._shade = (self._shade + 1) % 200
            pixels = np.zeros((48, 64, 3), dtype=np.uint8)
            pixels[:, :32, 0], pixels[:, 32:, 2], pixels[:4, :4] = 255, 255, self._shade
            stream = io.BytesIO()
            Image.fromarray(pixels).save(stream, "PNG")
            data = stream.getvalue()
        return {"header": {}, "format": "png", "data": base64.b64encode(data).decode()}


def _port_of(server: Server) -> int:
    return int(next(iter(server.sockets)).getsockname()[1])
