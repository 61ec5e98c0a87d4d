"""An emulated bus of STS3215 servos on a pseudo-terminal: what the vendor's library and LeRobot's see on a serial line.

Knows ping, read, write, reg write and action, sync read and write, broadcast ping, the EPROM lock, homing offsets,
position and speed limits, torque, overload and voltage alarms, silent servos, garbled packets and a pulled cable. What
the shafts turn, and how, is a body's business (`servo_body`). Not modelled: the line's 10 microseconds a byte, gear
play, heat.
"""

import os
import pty
import select
import threading
import time
import tty
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

PING, READ, WRITE, REG_WRITE, ACTION, SYNC_READ, SYNC_WRITE = 1, 2, 3, 4, 5, 0x82, 0x83
BROADCAST = 0xFE
EPROM_END = 40
VOLTAGE_ALARM, OVERLOAD_ALARM = 0x01, 0x20
DEFAULT_SPEED = 3400.0
"""Steps a second without a limit: the servo's 0.222 s for 60 degrees at 7.4 V is 3,074; at 12 V it is faster."""
SLOW = 20.0
"""Steps a second; a servo that is far from its goal and slower is pressing against something."""
READ_ONLY = {*range(5), *range(56, 71)}


def _signed(value: int, bit: int) -> int:
    magnitude = value & ((1 << bit) - 1)
    return -magnitude if value >> bit & 1 else magnitude


@dataclass
class Servo:
    """One servo. turned: where its shaft stands [steps of the encoder], no offset taken off.

    blocked_at: shaft positions (low, high) that something solid keeps it in.  silent: its cable is out.
    """

    number: int
    turned: float = 2048.0
    volts: float = 12.0
    silent: bool = False
    blocked_at: tuple[float, float] | None = None
    overload_after: float = 0.2
    memory: bytearray = field(default_factory=lambda: bytearray(128))
    alarm: int = 0
    pending: tuple[int, bytes] | None = None
    writes: list[tuple[int, bytes]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.put(3, 777, 2)
        self.memory[0:2] = bytes((3, 10))
        self.memory[5] = self.number
        self.put(9, 0, 2)
        self.put(11, 4095, 2)
        self.memory[14], self.memory[15] = 140, 40
        self.put(16, 1000, 2)
        self.memory[21:24] = bytes((32, 32, 0))
        self.memory[55] = 1
        self._eprom = bytes(self.memory[:EPROM_END])
        self.put(42, self.position, 2)
        self._pressing = 0.0

    @property
    def offset(self) -> int:
        return _signed(self.get(31, 2), 11)

    @property
    def position(self) -> int:
        return round(self.turned) - self.offset

    @property
    def torque(self) -> bool:
        return bool(self.memory[40])

    @property
    def driven(self) -> bool:
        """Whether the motor pulls."""
        return self.torque and not self.alarm & OVERLOAD_ALARM

    @property
    def goal(self) -> int:
        """Where the shaft is to go [steps of the encoder]."""
        return min(max(self.get(42, 2), self.get(9, 2)), self.get(11, 2)) + self.offset

    @property
    def fastest(self) -> float:
        """Its limit of speed [steps/s]."""
        return _signed(self.get(46, 2), 15) or DEFAULT_SPEED

    def get(self, address: int, length: int) -> int:
        return int.from_bytes(self.memory[address : address + length], "little")

    def put(self, address: int, value: int, length: int) -> None:
        self.memory[address : address + length] = value.to_bytes(length, "little")

    def store(self, address: int, data: bytes) -> None:
        """Write registers as the bus does: read-only ones stay; EPROM is kept over a power cut only while unlocked."""
        self.writes.append((address, bytes(data)))
        for index, value in enumerate(data):
            if address + index not in READ_ONLY:
                self.memory[address + index] = value
        if address < EPROM_END and not self.memory[55]:
            self._eprom = bytes(self.memory[:EPROM_END])
        if address <= 40 < address + len(data) and not self.torque:
            self.alarm &= ~OVERLOAD_ALARM
            self._pressing = 0.0

    def power_cycle(self) -> None:
        self.memory[:EPROM_END] = self._eprom
        self.memory[40], self.memory[55], self.alarm = 0, 1, 0
        self.put(42, self.position & 0xFFFF, 2)

    def report(self, passed: float, speed: float) -> None:
        """Refresh what can be read, `passed` seconds after the last time. speed: of the shaft [steps/s]."""
        pressed = self.driven and abs(self.goal - self.turned) > 20 and speed < SLOW
        self._pressing = self._pressing + passed if pressed else 0.0
        if self._pressing > self.overload_after:
            self.alarm |= OVERLOAD_ALARM
        low, high = self.memory[15] / 10, self.memory[14] / 10
        self.alarm = self.alarm & ~VOLTAGE_ALARM | (0 if low <= self.volts <= high else VOLTAGE_ALARM)
        self._refresh(speed, 980 if pressed else 0)

    def _refresh(self, speed: float, load: int) -> None:
        position = self.position
        self.put(56, position if position >= 0 else -position | 0x8000, 2)
        self.put(58, min(round(speed), 0x7FFF), 2)
        self.put(60, load, 2)
        self.memory[62], self.memory[63] = round(self.volts * 10), 31
        self.memory[65], self.memory[66] = self.alarm, int(speed > 1)


class Turned(Protocol):
    """What hangs on the shafts."""

    def advance(self, passed: float) -> list[float]:
        """Let so much time pass [s], turn the shafts, and return how fast each is [steps/s]."""
        ...

    def close(self) -> None: ...


class FeetechEmulator:
    """A bus of servos and the body that they move. `port` is the name to open; call `close` at the end."""

    def __init__(self, servos: list[Servo], body: Turned, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.servos = {servo.number: servo for servo in servos}
        self.body = body
        self._then = clock()
        self.garble = 0
        """How many of the next answers carry a wrong checksum."""
        self.shorten = 0
        """How many of the next answers lack their data."""
        self.late: float | None = None
        """How long the next answer is held back [s]; it then arrives in the middle of something else."""
        self.always_late = 0.0
        """How long every answer is held back [s]."""
        self.instructions: list[int] = []
        self._clock = clock
        self._lock = threading.Lock()
        self._master, self._slave = pty.openpty()
        tty.setraw(self._slave)
        self.port = os.ttyname(self._slave)
        self._wake, self._poke = os.pipe()
        self._thread = threading.Thread(target=self._serve, name="feetech-emulator", daemon=True)
        self._thread.start()

    def unplug(self) -> None:
        """Pull the USB cable: the port vanishes under whoever has it open."""
        self.close()

    def power_off(self) -> None:
        """Pull the arm's power: the port stays, no servo answers."""
        for servo in self.servos.values():
            servo.silent = True

    def power_cycle(self) -> None:
        with self._lock:
            for servo in self.servos.values():
                servo.power_cycle()

    def close(self) -> None:
        if self._thread.is_alive():
            os.write(self._poke, b"x")
            self._thread.join()
            for handle in (self._master, self._slave, self._wake, self._poke):
                os.close(handle)
            self.body.close()

    def _serve(self) -> None:
        waiting = b""
        while True:
            ready, _, _ = select.select([self._master, self._wake], [], [])
            if self._wake in ready:
                return
            waiting += os.read(self._master, 1024)
            while (packet := _next_packet(waiting)) is not None:
                body, waiting = packet
                if body:
                    with self._lock:
                        self._obey(body)

    def _obey(self, body: bytes) -> None:
        """Carry out one packet, body = id length instruction parameters."""
        number, instruction, parameters = body[0], body[2], body[3:]
        self.instructions.append(instruction)
        # Nobody waits until goals have arrived: whoever turns the clock by hand may have done so meanwhile.
        if instruction != SYNC_WRITE:
            self._advance()
        if instruction == SYNC_READ:
            address, length = parameters[:2]
            for asked in parameters[2:]:
                self._answer(asked, length=length, address=address)
        elif instruction == SYNC_WRITE:
            address, length = parameters[:2]
            for start in range(2, len(parameters), length + 1):
                servo_there = self._listening(parameters[start])
                if servo_there:
                    servo_there.store(address, parameters[start + 1 : start + 1 + length])
        elif number == BROADCAST:
            self._broadcast(instruction)
        else:
            self._single(number, instruction, parameters)

    def _advance(self) -> None:
        now = self._clock()
        passed, self._then = now - self._then, now
        for servo, speed in zip(self.servos.values(), self.body.advance(passed), strict=True):
            servo.report(passed, speed)

    def _broadcast(self, instruction: int) -> None:
        for servo in self.servos.values():
            if instruction == PING:
                self._answer(servo.number)
            elif instruction == ACTION and servo.pending:
                servo.store(*servo.pending)
                servo.pending = None

    def _single(self, number: int, instruction: int, parameters: bytes) -> None:
        servo = self._listening(number)
        if servo is None:
            return
        if instruction == READ:
            self._answer(number, address=parameters[0], length=parameters[1])
            return
        if instruction == WRITE:
            servo.store(parameters[0], parameters[1:])
        elif instruction == REG_WRITE:
            servo.pending = (parameters[0], parameters[1:])
        elif instruction == ACTION and servo.pending:
            servo.store(*servo.pending)
            servo.pending = None
        self._answer(number)

    def _listening(self, number: int) -> Servo | None:
        servo = self.servos.get(number)
        return None if servo is None or servo.silent else servo

    def _answer(self, number: int, *, address: int = 0, length: int = 0) -> None:
        servo = self._listening(number)
        if servo is None:
            return
        if self.shorten:
            self.shorten, length = self.shorten - 1, 0
        body = bytes((number, length + 2, servo.alarm)) + bytes(servo.memory[address : address + length])
        checksum = ~sum(body) & 0xFF
        if self.garble:
            self.garble -= 1
            checksum ^= 0x55
        if self.always_late:
            time.sleep(self.always_late)
        if self.late is not None:
            held, self.late = self.late, None
            time.sleep(held)
        os.write(self._master, b"\xff\xff" + body + bytes((checksum,)))


def _next_packet(data: bytes) -> tuple[bytes, bytes] | None:
    """Return (id length instruction parameters, what is left), an empty body for a broken packet, or None for more."""
    start = data.find(b"\xff\xff")
    if start < 0 or len(data) < start + 4:
        return None
    length = data[start + 3]
    end = start + 4 + length
    if len(data) < end:
        return None
    body, checksum = data[start + 2 : end - 1], data[end - 1]
    return (body if ~sum(body) & 0xFF == checksum else b""), data[end:]
