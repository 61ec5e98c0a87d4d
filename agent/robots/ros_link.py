"""One connection to a rosbridge server by `roslibpy` (extra `ros`). All of that library is here.

rosbridge is JSON over a websocket: advertise, publish, subscribe, call_service. It brings ROS 2 topics to a machine
that has no ROS.
"""

import base64
import binascii
import importlib.util
import io
import logging
import socket
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image, UnidentifiedImageError

from agent.errors import SpecError, WorldFault
from agent.robots.eye import EyeSettings, fitted
from agent.types import CameraSpec, ImageArray

if TYPE_CHECKING:
    import roslibpy

REACH_SECONDS, OPEN_SECONDS, CLOSE_SECONDS, FIRST_PICTURE_SECONDS = 2.0, 3.0, 0.5, 5.0
IMAGE_TYPE = "sensor_msgs/msg/CompressedImage"
ROS_DEVICE = "ros:"
"""What the device of a camera that is a ROS topic begins with."""
_MOST_PIXELS = 4096 * 4096

Message = Mapping[str, Any]


class RosLink:
    """Opens and closes; topics and services are named in full. Raises WorldFault in one sentence."""

    def __init__(self, host: str, port: int) -> None:
        self._host, self._port = host, port
        self.name = f"rosbridge at {host}:{port}"
        self._ros: roslibpy.Ros | None = None
        self._heard: dict[str, roslibpy.Topic] = {}
        self._told: dict[str, roslibpy.Topic] = {}

    @property
    def is_open(self) -> bool:
        return self._ros is not None and bool(self._ros.is_connected)

    def open(self) -> None:
        """Connect; raise SpecError without the library, WorldFault when nobody, or somebody else, answers there."""
        if importlib.util.find_spec("roslibpy") is None:
            raise SpecError("rosbridge needs roslibpy; install it with: pip install 'aubergine[ros]'")
        import roslibpy
        from roslibpy.core import RosTimeoutError

        try:
            socket.create_connection((self._host, self._port), timeout=REACH_SECONDS).close()
        except OSError as error:
            raise WorldFault(f"nobody answers as {self.name} ({(error.strerror or 'no answer').lower()})") from error
        # It warns about every connection that it gives up, which we ask for and report ourselves.
        logging.getLogger("roslibpy").setLevel(logging.ERROR)
        ros = roslibpy.Ros(self._host, self._port, transport="asyncio")
        # The library would connect again by itself and say what was said before: then an arm would start to move.
        ros.factory.maxRetries = 0
        try:
            ros.run(timeout=OPEN_SECONDS)
        except RosTimeoutError as error:
            ros.factory.on_ready(lambda protocol: protocol.send_close())
            raise WorldFault(f"what answers at {self._host}:{self._port} does not speak rosbridge") from error
        self._ros = ros

    def close(self) -> None:
        """Take everything back and close; never raises."""
        ros, self._ros = self._ros, None
        heard, told = list(self._heard.values()), list(self._told.values())
        self._heard, self._told = {}, {}
        if ros is None or not ros.is_connected:
            return
        from roslibpy.core import RosTimeoutError

        for topic in heard:
            topic.unsubscribe()
        for topic in told:
            topic.unadvertise()
        try:
            ros.close(timeout=CLOSE_SECONDS)
        except RosTimeoutError:
            return

    def hear(self, topic: str, kind: str, heed: Callable[[Message], None], *, every_ms: int = 0) -> None:
        """Have `heed` called, in the library's thread, with every message of `topic`, no faster than that."""
        import roslibpy

        options = {"throttle_rate": every_ms, "queue_length": 1, "reconnect_on_close": False}
        self._heard[topic] = roslibpy.Topic(self._opened(), topic, kind, **options)
        self._heard[topic].subscribe(heed)

    def tell(self, topic: str, kind: str, message: Message) -> None:
        """Publish; nothing is kept for later when the connection is gone."""
        import roslibpy

        if topic not in self._told:
            self._told[topic] = roslibpy.Topic(self._opened(), topic, kind, reconnect_on_close=False)
        self._opened()
        self._told[topic].publish(roslibpy.Message(message))

    def ask(self, service: str, kind: str, *, seconds: float) -> Message:
        """Call a service that takes nothing and wait for its answer."""
        import roslibpy
        from roslibpy.core import RosTimeoutError, ServiceException

        called = roslibpy.Service(self._opened(), service, kind, reconnect_on_close=False)
        try:
            answer: Message = called.call(roslibpy.ServiceRequest(), timeout=seconds)
        except RosTimeoutError as error:
            raise WorldFault(f"{self.name}: the service {service} did not answer within {seconds:g} s") from error
        except ServiceException as error:
            raise WorldFault(f"{self.name}: the service {service} failed: {' '.join(str(error).split())}") from error
        return answer

    def ask_later(self, service: str, kind: str, heed: Callable[[Message], None]) -> None:
        """Call it without waiting; `heed` gets the answer in the library's thread. A failure is not told."""
        import roslibpy

        called = roslibpy.Service(self._opened(), service, kind, reconnect_on_close=False)
        called.call(roslibpy.ServiceRequest(), heed, lambda _: None)

    def _opened(self) -> "roslibpy.Ros":
        if self._ros is None or not self._ros.is_connected:
            raise WorldFault(f"{self.name}: the connection is gone")
        return self._ros


class RosEye:
    """An Eye on a topic of compressed pictures (JPEG or PNG). The link is opened by its driver first."""

    def __init__(self, settings: EyeSettings, link: RosLink) -> None:
        self._settings, self._link = settings, link
        self._topic = settings.device.removeprefix(ROS_DEVICE)
        self._newest: tuple[str, float] | None = None
        self._shown: tuple[str, ImageArray] | None = None
        self._changed_at = 0.0

    @property
    def spec(self) -> CameraSpec:
        return self._settings.spec

    def open(self) -> None:
        self._newest = self._shown = None
        rate = self._settings.rate_hz
        self._link.hear(self._topic, IMAGE_TYPE, self._heed, every_ms=round(1000 / rate) if rate else 0)
        until = time.monotonic() + FIRST_PICTURE_SECONDS
        while self._newest is None:
            if time.monotonic() > until:
                raise WorldFault(f"camera '{self._settings.name}': no picture comes on {self._topic}")
            time.sleep(0.005)

    def look(self) -> ImageArray:
        newest, now, settings = self._newest, time.monotonic(), self._settings
        if newest is None:
            raise WorldFault(f"camera '{settings.name}' is not open")
        data, came_at = newest
        if now - came_at > settings.patience_s:
            raise WorldFault(f"camera '{settings.name}' has given no picture for {now - came_at:.1f} s")
        if settings.still_s is not None and now - self._changed_at > settings.still_s:
            raise WorldFault(f"camera '{settings.name}' has shown the same picture for {now - self._changed_at:.1f} s")
        if self._shown is None or self._shown[0] is not data:
            self._shown = data, fitted(self._decoded(data), self.spec)
        return self._shown[1].copy()

    def close(self) -> None:
        self._newest = None

    def _heed(self, message: Message) -> None:
        data, now = message.get("data"), time.monotonic()
        if isinstance(data, str):
            if self._newest is None or self._newest[0] != data:
                self._changed_at = now
            self._newest = data, now

    def _decoded(self, data: str) -> ImageArray:
        try:
            picture = Image.open(io.BytesIO(base64.b64decode(data, validate=True)), formats=("JPEG", "PNG"))
            if picture.width * picture.height > _MOST_PIXELS:
                raise WorldFault(f"camera '{self._settings.name}' sends {picture.width} x {picture.height} pixels")
            return np.asarray(picture.convert("RGB"), dtype=np.uint8)
        except (UnidentifiedImageError, OSError, binascii.Error) as error:
            raise WorldFault(f"camera '{self._settings.name}' sends what is neither JPEG nor PNG") from error
