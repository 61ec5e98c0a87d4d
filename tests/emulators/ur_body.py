"""What an emulated UR arm does: the program that ur_rtde 1.6.5 uploads, and six joints that follow it.

Numbers of commands and registers are those of that program. The joints follow servoj and movej with limits on speed and
acceleration. No masses, no contacts, no safety functions but a refusal to jump.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

FASTEST, JUMP = 3.14, 0.35
"""rad/s of any joint; a servoj target further off than JUMP [rad] trips the protective stop, as overspeed does."""
STANDING = (0.0, -1.3, 1.9, -2.17, -1.5708, 0.0)
SERVOJ = 11
REALTIME = {SERVOJ, 6, 9, 10, 24, 25, 26, 27, 38, 58, *range(66, 72)}


@dataclass
class Body:
    """The arm and the controller's program."""

    q: Array = field(default_factory=lambda: np.array(STANDING))
    qd: Array = field(default_factory=lambda: np.zeros(6))
    target: Array | None = None
    lookahead: float = 0.1
    speed: float = FASTEST
    braking: float = 10.0
    running: bool = False
    powered: bool = True
    remote: bool = True
    safety: int = 1
    outputs: int = 0
    tcp_shift: float = 0.0
    watchdog_s: float | None = None
    kicked: float = 0.0
    moving_to: Array | None = None
    executing: bool = False
    ints: dict[int, int] = field(default_factory=dict)
    doubles: dict[int, float] = field(default_factory=dict)
    answer: int = 0
    log: list[int] = field(default_factory=list)
    watchdog_fired: bool = False

    def program(self) -> None:
        """One round of the control program's loop, on every new set of registers."""
        command = self.ints.get(0, 0)
        if not self.running:
            return
        if command in REALTIME:
            self.obey(command)
            self.answer = 1
        elif command == 0:
            self.executing, self.answer = False, 1
        elif not self.executing:
            self.executing = True
            self.obey(command)
            if self.moving_to is None:
                self.answer = 2

    def obey(self, command: int) -> None:
        self.log.append(command)
        q = np.array([self.doubles.get(index, 0.0) for index in range(6)])
        match command:
            case 11:  # servoj
                if (self.target is None and np.abs(q - self.q).max() > JUMP) or np.abs(q - self.q).max() > 3 * JUMP:
                    self.trip(4)
                    return
                self.target, self.lookahead, self.speed = q, max(self.doubles[9], 0.03), FASTEST
            case 1:  # movej
                self.target, self.lookahead, self.speed = q, 0.03, self.doubles[6]
                self.moving_to = None if self.ints.get(1) else q
            case 16 | 33 | 34:  # servo stop, stopl, stopj
                self.target, self.braking = None, max(self.doubles.get(0, 2.0), 0.1)
            case 31:  # protective stop
                self.trip(4)
            case 35:  # watchdog
                self.watchdog_s = 1 / self.doubles[0]
            case 255:  # end of the program
                self.end_program()

    def trip(self, bits: int) -> None:
        self.safety = bits
        self.end_program()

    def end_program(self) -> None:
        self.running, self.target, self.moving_to, self.watchdog_s = False, None, None, None
        self.answer, self.executing, self.braking = 0, False, 10.0

    def advance(self, passed: float, now: float) -> None:
        if self.watchdog_s is not None and now - self.kicked > self.watchdog_s:
            self.watchdog_fired = True
            self.end_program()
        wanted = np.zeros(6)
        if self.target is not None:
            wanted = np.clip((self.target - self.q) / self.lookahead, -self.speed, self.speed)
        most = (40.0 if self.target is not None else self.braking) * passed
        self.qd = self.qd + np.clip(wanted - self.qd, -most, most)
        self.q = self.q + self.qd * passed
        if self.moving_to is not None and np.abs(self.q - self.moving_to).max() < 1e-3:
            self.moving_to, self.answer = None, 2
