"""A bus of Feetech STS3215 servos, through the vendor's own library (`feetech-servo-sdk`, extra `so101`).

One half-duplex serial line; a packet is FF FF id length instruction parameters checksum, words are little endian.
Registers as in the maker's memory table for the STS series, under the names LeRobot gives them.
"""

import contextlib
import termios
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agent.errors import SpecError, WorldFault

MODEL_NUMBER = 777
"""What an STS3215 answers when asked for its model."""
RESOLUTION = 4096
"""Steps a turn."""
BAUD_RATE = 1_000_000

REGISTERS: dict[str, tuple[int, int]] = {
    "Model_Number": (3, 2),
    "ID": (5, 1),
    "Return_Delay_Time": (7, 1),
    "Min_Position_Limit": (9, 2),
    "Max_Position_Limit": (11, 2),
    "Max_Torque_Limit": (16, 2),
    "P_Coefficient": (21, 1),
    "D_Coefficient": (22, 1),
    "I_Coefficient": (23, 1),
    "Protection_Current": (28, 2),
    "Homing_Offset": (31, 2),
    "Operating_Mode": (33, 1),
    "Overload_Torque": (36, 1),
    "Torque_Enable": (40, 1),
    "Acceleration": (41, 1),
    "Goal_Position": (42, 2),
    "Goal_Time": (44, 2),
    "Goal_Velocity": (46, 2),
    "Lock": (55, 1),
    "Present_Position": (56, 2),
    "Present_Velocity": (58, 2),
    "Present_Load": (60, 2),
    "Present_Voltage": (62, 1),
    "Present_Temperature": (63, 1),
    "Status": (65, 1),
    "Moving": (66, 1),
}
"""Name -> (address, bytes). Below 40 lies EPROM, which is written only while Lock is 0."""
SIGN_BITS = {"Homing_Offset": 11, "Goal_Velocity": 15, "Present_Velocity": 15, "Present_Position": 15}
"""Registers whose value is sign and magnitude, and the bit that is the sign."""
STATUS_BITS = {0x01: "voltage", 0x02: "position sensor", 0x04: "temperature", 0x08: "current", 0x20: "overload"}
"""Bits of a status packet's error byte and of the Status register -> what has tripped."""
_TRIES = 3
"""A packet may be lost to noise; a servo that is silent this often in a row is gone (35 ms a try)."""
_QUIET = 0.003
"""How long to wait for the other servos' answers to pass before asking all again [s]: six take 1.3 ms."""


@dataclass(frozen=True)
class ServoState:
    """One servo's answer. position [steps].  load: 0..1 of full torque.  voltage [V].  temperature [°C]."""

    position: int
    load: float
    voltage: float
    temperature: int
    status: int

    @property
    def alarms(self) -> tuple[str, ...]:
        return alarms(self.status)


def alarms(status: int) -> tuple[str, ...]:
    """Return in words what the bits of an error byte say."""
    return tuple(name for bit, name in STATUS_BITS.items() if status & bit)


def signed(value: int, bit: int) -> int:
    """Return the number that sign and magnitude with sign bit `bit` stand for."""
    magnitude = value & ((1 << bit) - 1)
    return -magnitude if value & (1 << bit) else magnitude


def unsigned(value: int, bit: int) -> int:
    """Return `value` as sign and magnitude; the inverse of `signed`. Raises ValueError when it does not fit."""
    if abs(value) >= 1 << bit:
        raise ValueError(f"{value} does not fit into {bit} bits and a sign")
    return -value | (1 << bit) if value < 0 else value


class FeetechBus:
    """Opens the line and talks to servos by number. Every failure is a WorldFault that names the port and the servo.

    port: such as /dev/ttyACM0.  names: servo id -> what to call it in errors.
    answer_s: how much longer than the vendor's 35 ms an answer is waited for [s]; adapters behind hubs need it.
    """

    def __init__(self, port: str, names: Mapping[int, str], *, answer_s: float = 0.0) -> None:
        self._name, self._names, self._answer_s = port, dict(names), answer_s
        self._sdk: Any = None
        self._port: Any = None
        self._packets: Any = None

    @property
    def is_open(self) -> bool:
        return self._port is not None

    def open(self) -> None:
        """Open the port for us alone; raise SpecError without the vendor's library, WorldFault when it is refused."""
        try:
            import scservo_sdk
            import serial
        except ImportError as error:
            raise SpecError("the SO-101 needs the vendor's library: pip install 'aubergine[so101]'") from error
        self._sdk, port = scservo_sdk, self._handler(scservo_sdk.PortHandler)
        try:
            if not port.setBaudRate(BAUD_RATE):
                raise WorldFault(f"the port {self._name} does not take {BAUD_RATE} baud")
            # Two programs on one bus answer each other's servos; the vendor's library does not lock.
            port.ser.exclusive = True
        except (serial.SerialException, OSError) as error:
            if port.is_open:
                port.closePort()
            raise WorldFault(self._why_not_opened(error)) from error
        self._port, self._packets = port, scservo_sdk.PacketHandler(0)

    def _handler(self, kind: Any) -> Any:
        """Return the vendor's port, with our patience added to its own, which is a constant."""
        more_ms = 1000 * self._answer_s

        class Patient(kind):  # type: ignore[misc]
            def setPacketTimeout(self, packet_length: int) -> None:
                super().setPacketTimeout(packet_length)
                self.packet_timeout += more_ms

        return Patient(self._name)

    def _why_not_opened(self, error: Exception) -> str:
        text = str(error).lower()
        if "no such file" in text:
            return f"there is no port {self._name}; is the arm's USB cable plugged in?"
        if "permission" in text:
            return f"the port {self._name} may not be opened by this user"
        if "exclusively lock" in text or "busy" in text or "temporarily unavailable" in text:
            return f"the port {self._name} is in use by another program"
        return f"the port {self._name} cannot be opened: {' '.join(str(error).split())}"

    def close(self) -> None:
        """Close the port; never raises."""
        if self._port is not None:
            with contextlib.suppress(OSError):
                self._port.closePort()
            self._port = None

    def ping(self, servo: int) -> int | None:
        """Return the model number of servo `servo`, or None when nothing answers."""
        self._check_open()
        for _ in range(_TRIES):
            model, result, _ = self._guarded(self._packets.ping, servo)
            if result == self._sdk.COMM_SUCCESS:
                return int(model)
        return None

    def read(self, register: str, servo: int) -> int:
        """Return the value of one register; raise WorldFault when the servo is silent or answers nonsense."""
        self._check_open()
        address, length = REGISTERS[register]
        call = self._packets.read1ByteTxRx if length == 1 else self._packets.read2ByteTxRx
        for _ in range(_TRIES):
            value, result, _ = self._guarded(call, servo, address)
            if result == self._sdk.COMM_SUCCESS:
                return signed(value, SIGN_BITS[register]) if register in SIGN_BITS else int(value)
        raise self._silent([servo], result)

    def write(self, register: str, servo: int, value: int, *, tries: int = _TRIES) -> int:
        """Write one register, wait for the answer and return its error byte; raise WorldFault when there is none."""
        self._check_open()
        address, length = REGISTERS[register]
        raw = unsigned(value, SIGN_BITS[register]) if register in SIGN_BITS else value
        for _ in range(tries):
            result, error = self._guarded(self._packets.writeTxRx, servo, address, length, _bytes_of(raw, length))
            if result == self._sdk.COMM_SUCCESS:
                return int(error)
        raise self._silent([servo], result)

    def sync_read(self, servos: Sequence[int]) -> dict[int, ServoState]:
        """Ask all servos at once for position, load, voltage, temperature and status."""
        self._check_open()
        start, end = REGISTERS["Present_Position"][0], REGISTERS["Moving"][0] + 1
        for _ in range(_TRIES):
            reader = self._sdk.GroupSyncRead(self._port, self._packets, start, end - start)
            for servo in servos:
                reader.addParam(servo)
            result = self._guarded(reader.txRxPacket, handler=False)
            # A late answer to an earlier question may be shorter; the library would give zeros for what it lacks.
            whole = all(len(reader.data_dict[servo]) == end - start for servo in servos)
            if result == self._sdk.COMM_SUCCESS and not whole:
                result = self._sdk.COMM_RX_CORRUPT
            if result == self._sdk.COMM_SUCCESS:
                return {servo: self._state(reader, servo) for servo in servos}
            time.sleep(_QUIET)
        raise self._silent([servo for servo in servos if not reader.data_dict.get(servo)] or servos, result)

    def _state(self, reader: Any, servo: int) -> ServoState:
        values = {name: int(reader.getData(servo, *REGISTERS[name])) for name in REGISTERS if REGISTERS[name][0] >= 56}
        return ServoState(
            position=signed(values["Present_Position"], SIGN_BITS["Present_Position"]),
            load=(values["Present_Load"] & 0x3FF) / 1000,
            voltage=values["Present_Voltage"] / 10,
            temperature=values["Present_Temperature"],
            status=values["Status"],
        )

    def sync_write_goals(self, goals: Mapping[int, tuple[int, int]]) -> None:
        """Send each servo its goal [steps] and its speed limit [steps/s] in one packet; none answers."""
        self._check_open()
        address = REGISTERS["Goal_Position"][0]
        writer = self._sdk.GroupSyncWrite(self._port, self._packets, address, 6)
        for servo, (goal, velocity) in goals.items():
            writer.addParam(servo, [*_bytes_of(goal, 2), 0, 0, *_bytes_of(velocity, 2)])
        result = self._guarded(writer.txPacket, handler=False)
        if result != self._sdk.COMM_SUCCESS:
            raise self._silent(list(goals), result)

    def _check_open(self) -> None:
        if self._port is None:
            raise WorldFault(f"the arm on {self._name} is not connected; call connect first")

    def _guarded(self, call: Any, *arguments: Any, handler: bool = True) -> Any:
        """Make one call of the vendor's library; an unplugged adapter raises from the depths of the serial port."""
        try:
            # What is left of an answer that came too late or garbled would be taken for the next one: the vendor's
            # library empties only the way out.
            self._port.ser.reset_input_buffer()
            return call(self._port, *arguments) if handler else call()
        except IndexError:
            # The library takes a late answer to an earlier question for this one's and reads past its end.
            time.sleep(_QUIET)
            return 0, self._sdk.COMM_RX_CORRUPT, 0
        except (OSError, TypeError, termios.error) as error:
            # pyserial lets all three through: its own is an OSError, a port closed under it makes a TypeError.
            self._port.is_using = False
            raise WorldFault(f"the port {self._name} is gone; was the arm unplugged?") from error

    def _silent(self, servos: Sequence[int], result: int) -> WorldFault:
        who = ", ".join(f"{self._names.get(servo, 'servo')} (id {servo})" for servo in servos)
        garbled = result == self._sdk.COMM_RX_CORRUPT
        return WorldFault(f"{who} on {self._name} {'answers garbled packets' if garbled else 'does not answer'}")


def _bytes_of(value: int, length: int) -> list[int]:
    return list(value.to_bytes(length, "little"))
