"""An emulated UR controller: RTDE (30004), dashboard (29999) and script port (30003) on one loopback address.

Run it as a process of its own (`python -m tests.emulators.ur`): it prints one JSON line with its address, then answers
one JSON line to each line on its standard input (`state`, `protective_stop`, `emergency_stop`, `local_control`,
`power_off`, `tcp SHIFT`, `shove ANGLE`). What the uploaded program would do is done by `ur_body`.
"""

import asyncio
import contextlib
import json
import os
import struct
import sys
import time

from agent.robots.chain import vector_from_matrix
from tests.emulators.ur_body import Body, ur5e

PERIOD = 0.008
RUNNING, STOPPED = 2, 1
SAFETY = {1: "NORMAL", 4: "PROTECTIVE_STOP"}
FORMATS = {"DOUBLE": "d", "VECTOR6D": "6d", "INT32": "i", "UINT32": "I", "UINT64": "Q", "UINT8": "B"}
TYPES = {
    "timestamp": "DOUBLE",
    "actual_q": "VECTOR6D",
    "actual_qd": "VECTOR6D",
    "actual_TCP_pose": "VECTOR6D",
    "robot_mode": "INT32",
    "safety_mode": "INT32",
    "robot_status_bits": "UINT32",
    "safety_status_bits": "UINT32",
    "runtime_state": "UINT32",
    "actual_digital_output_bits": "UINT64",
    "external_force_torque": "VECTOR6D",
    "speed_slider_mask": "UINT32",
    "speed_slider_fraction": "DOUBLE",
}


def type_of(name: str) -> str:
    if name in TYPES:
        return TYPES[name]
    if "_int_register_" in name:
        return "INT32"
    if "_double_register_" in name or (name.startswith("standard_analog_output_") and name[-1].isdigit()):
        return "DOUBLE"
    return "UINT8" if "digital_output" in name or "analog_output" in name else "NOT_FOUND"


class Controller:
    """The three servers around one body."""

    def __init__(self, host: str) -> None:
        self.host, self.body = host, Body()
        self.chain = ur5e()
        self.began = time.monotonic()

    async def start(self) -> None:
        for port, handler in ((30004, self.rtde), (29999, self.dashboard), (30003, self.script)):
            await asyncio.start_server(handler, self.host, port)

    async def run(self) -> None:
        then = time.monotonic()
        while True:
            await asyncio.sleep(PERIOD)
            now = time.monotonic()
            self.body.advance(now - then, now)
            then = now

    def value(self, name: str) -> float | list[float] | int:
        body = self.body
        if name.startswith("output_int_register_"):
            return body.answer if name.endswith("_0") else 0
        if name.startswith("output_double_register_"):
            return 0.0
        tool = self.chain.forward(body.q)
        tool[0, 3] += body.tcp_shift
        return {
            "timestamp": time.monotonic() - self.began,
            "actual_q": list(body.q),
            "actual_qd": list(body.qd),
            "actual_TCP_pose": [*tool[:3, 3], *vector_from_matrix(tool[:3, :3])],
            "robot_mode": 7 if body.powered else 3,
            "safety_mode": {1: 1, 4: 3}.get(body.safety, 7),
            "robot_status_bits": int(body.powered) | int(body.running) << 1,
            "safety_status_bits": body.safety,
            "runtime_state": RUNNING if body.running else STOPPED,
            "actual_digital_output_bits": body.outputs,
        }[name]

    async def rtde(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inputs: list[list[str]] = []
        outputs: list[str] = []
        sender: asyncio.Task[None] | None = None

        def reply(kind: int, payload: bytes) -> None:
            writer.write(struct.pack(">HB", 3 + len(payload), kind) + payload)

        async def stream(period: float) -> None:
            while True:
                packed = b"".join(self.packed(name) for name in outputs)
                reply(ord("U"), b"\x01" + packed)
                await writer.drain()
                await asyncio.sleep(period)

        period = PERIOD
        try:
            while True:
                size, kind = struct.unpack(">HB", await reader.readexactly(3))
                payload = await reader.readexactly(size - 3)
                match chr(kind):
                    case "V" | "P":
                        reply(kind, b"\x01")
                    case "v":
                        reply(kind, struct.pack(">4I", 5, 12, 6, 0))
                    case "O":
                        period = max(PERIOD, 1 / struct.unpack(">d", payload[:8])[0])
                        outputs = [name for name in payload[8:].decode().split(",") if name]
                        reply(kind, b"\x01" + ",".join(map(type_of, outputs)).encode())
                    case "I":
                        inputs.append([name for name in payload.decode().split(",") if name])
                        reply(kind, bytes((len(inputs),)) + ",".join(map(type_of, inputs[-1])).encode())
                    case "S":
                        reply(kind, b"\x01")
                        sender = asyncio.create_task(stream(period))
                    case "U":
                        self.take(inputs[payload[0] - 1], payload[1:])
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            if sender:
                sender.cancel()
            writer.close()

    def packed(self, name: str) -> bytes:
        value = self.value(name)
        return struct.pack(">" + FORMATS[type_of(name)], *(value if isinstance(value, list) else [value]))

    def take(self, names: list[str], data: bytes) -> None:
        """Store the inputs of one data package and let the program look at them."""
        values = dict(
            zip(names, struct.unpack(">" + "".join(FORMATS[type_of(name)] for name in names), data), strict=True)
        )
        for name, value in values.items():
            number = int(name.rsplit("_", 1)[1]) if "_register_" in name else -1
            if name.startswith("input_int_register_"):
                self.body.ints[number] = value
            elif name.startswith("input_double_register_"):
                self.body.doubles[number] = value
        if "standard_digital_output_mask" in values:
            mask = values["standard_digital_output_mask"]
            self.body.outputs = self.body.outputs & ~mask | values["standard_digital_output"] & mask
        if "input_int_register_0" in values:
            self.body.kicked = time.monotonic()
            self.body.program()

    async def dashboard(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"Connected: Universal Robots Dashboard Server\n")
        body = self.body
        while line := (await reader.readline()).decode().strip():
            if line == "stop":
                body.end_program()
            writer.write(
                {
                    "PolyscopeVersion": "URSoftware 5.12.6.1102099 (Sep 21, 2023)",
                    "get serial number": "20235500001",
                    "is in remote control": str(body.remote).lower(),
                    "robotmode": f"Robotmode: {'RUNNING' if body.powered else 'POWER_OFF'}",
                    "safetystatus": f"Safetystatus: {SAFETY.get(body.safety, 'ROBOT_EMERGENCY_STOP')}",
                    "stop": "Stopped",
                }.get(line, f'could not understand: "{line}"').encode()
                + b"\n"
            )
            await writer.drain()
        writer.close()

    async def script(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        text = ""
        while data := await reader.read(65536):
            text += data.decode(errors="replace")
            if text.rstrip().endswith("end") and "def rtde_control()" in text:
                text = ""
                if self.body.safety == 1 and self.body.powered:
                    self.body.ints[0] = 0
                    self.body.running, self.body.answer, self.body.executing = True, 1, False
        writer.close()

    def order(self, line: str) -> dict[str, object]:
        """Carry out one line of the test's own channel."""
        body = self.body
        match line.split():
            case ["protective_stop"]:
                body.trip(4)
            case ["emergency_stop"]:
                body.trip(64 | 128)
            case ["local_control"]:
                body.remote = False
            case ["power_off"]:
                body.powered = False
                body.end_program()
            case ["tcp", shift]:
                body.tcp_shift = float(shift)
            case ["shove", angle]:
                body.shove(float(angle))
        return {
            "q": list(body.q),
            "qd": list(body.qd),
            "running": body.running,
            "safety": body.safety,
            "outputs": body.outputs,
            "watchdog_fired": body.watchdog_fired,
            "log": body.log,
        }


async def main() -> None:
    # A controller answers every 8 ms whoever else is busy; where that is not allowed, drivers have to be patient.
    with contextlib.suppress(PermissionError):
        os.nice(-5)
    for attempt in range(200):
        controller = Controller(f"127.9.{os.getpid() % 250 + 1}.{attempt + 1}")
        try:
            await controller.start()
            break
        except OSError:
            continue
    print(json.dumps({"host": controller.host}), flush=True)
    moving = asyncio.create_task(controller.run())
    lines = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    while line := (await lines.readline()).decode():
        print(json.dumps(controller.order(line)), flush=True)
    moving.cancel()


if __name__ == "__main__":
    asyncio.run(main())
