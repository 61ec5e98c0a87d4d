"""What an emulated UR arm does: the program that ur_rtde 1.6.5 uploads, and a UR5e's body that follows it.

Numbers of commands and registers are those of that program. Where the joints should be follows servoj and movej with
limits on speed and acceleration; the body (`arm_body`) is driven there by motors that carry its weight, and what is
read is where it is. Safety functions: a refusal to jump, and a stop where the body leaves its path.
"""

from dataclasses import dataclass, field

import numpy as np

from agent.robots.chain import Array, Chain, chain_from_dh, frame_of
from sim.physics import TIME_STEP
from tests.emulators.arm_body import ArmBody, Rod

UR5E = (
    (0.0, 0.1625, np.pi / 2),
    (-0.425, 0.0, 0.0),
    (-0.3922, 0.0, 0.0),
    (0.0, 0.1333, np.pi / 2),
    (0.0, 0.0997, -np.pi / 2),
    (0.0, 0.0996, 0.0),
)
"""a [m], d [m], alpha [rad] (Universal Robots, "DH parameters for calculations of kinematics and dynamics")."""
RODS = (
    Rod(3.761, 0.060, 150.0),
    Rod(8.058, 0.060, 150.0),
    Rod(2.846, 0.050, 150.0),
    Rod(1.370, 0.045, 28.0),
    Rod(1.300, 0.045, 28.0),
    Rod(0.365, 0.040, 28.0),
)
"""Masses of the same table, torques of the maker's ROS description; radii are rounded."""
FASTEST, JUMP = 3.14, 0.35
"""rad/s of any joint; a servoj target further off than JUMP [rad] trips the protective stop, as overspeed does."""
OFF_PATH = 0.1
"""rad between where a joint should be and where it is: more trips the protective stop."""
STANDING = (0.0, -1.3, 1.9, -2.17, -1.5708, 0.0)
SERVOJ = 11
REALTIME = {SERVOJ, 6, 9, 10, 24, 25, 26, 27, 38, 58, *range(66, 72)}


def ur5e() -> Chain:
    """The arm in its controller's words, with a tool of 12 cm."""
    return chain_from_dh(UR5E, [f"joint {number}" for number in range(1, 7)], np.eye(4), frame_of((0.0, 0.0, 0.12)))


@dataclass
class Body:
    """The arm and the controller's program. q, qd: as measured.  wanted, pace: where the joints should be by now [rad]
    and how fast they should be [rad/s]."""

    arm: ArmBody = field(default_factory=lambda: ArmBody(ur5e(), RODS, np.array(STANDING)))
    q: Array = field(default_factory=lambda: np.array(STANDING))
    qd: Array = field(default_factory=lambda: np.zeros(6))
    wanted: Array = field(default_factory=lambda: np.array(STANDING))
    pace: Array = field(default_factory=lambda: np.zeros(6))
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
        for _ in range(self.arm.due(passed)):
            self._step()
        self.q, self.qd = self.arm.measure()
        if np.abs(self.q - self.wanted).max() > OFF_PATH:
            self.wanted, self.pace = self.q, np.zeros(6)
            self.trip(4)
        if self.moving_to is not None and np.abs(self.q - self.moving_to).max() < 1e-3:
            self.moving_to, self.answer = None, 2

    def shove(self, angle: float) -> None:
        """Let somebody push the shoulder aside [rad]."""
        self.arm.put(self.q + np.array([angle, 0, 0, 0, 0, 0]))

    def _step(self) -> None:
        pace = np.zeros(6)
        if self.target is not None:
            pace = np.clip((self.target - self.wanted) / self.lookahead, -self.speed, self.speed)
        most = (40.0 if self.target is not None else self.braking) * TIME_STEP
        self.pace = self.pace + np.clip(pace - self.pace, -most, most)
        self.arm.step(self.wanted, self.pace)
        self.wanted = self.wanted + self.pace * TIME_STEP
