"""franky-sim's servers with what the real controller also does: reflexes, refusals, and answers to broken-off orders.

Version 1.0.4 exactly: it has no ports for these, so four of its private names are used here and nowhere else.
"""

import select
import time
from collections.abc import Iterable
from enum import StrEnum

from franky_sim.base_simulator import BaseRobot
from franky_sim.franka_gripper_protocol import GripperCommandStatus
from franky_sim.franka_gripper_server import FrankaGripperServer
from franky_sim.franka_robot_protocol import (
    AutomaticErrorRecoveryCommand,
    BaseCommand,
    MoveCommand,
    MoveStatus,
    RobotCommand,
    RobotMode,
)
from franky_sim.franka_robot_server import FrankaRobotServer
from franky_sim.franka_robot_state import FrankaRobotState
from franky_sim.simulation_server import SimulationServer

ERROR_FLAGS = 41
SILENCE = 1.0
"""Seconds without a command after which a motion is aborted. A real controller allows 20 ms."""
LONGEST_WAIT = 0.01
"""Seconds; a client that is silent for longer loses a command."""


class Fault(StrEnum):
    """What can be ordered to go wrong inside the controller."""

    REFLEX = "reflex"
    """It aborts the motion and stays in Reflex mode until recovered, as after a collision or a limit."""
    SILENT_CLIENT = "silent_client"
    """It aborts the motion because no commands came; also Reflex mode."""
    USER_STOP = "user_stop"
    """Somebody pressed the enabling button: motions are refused until it is released (`NONE`)."""
    NONE = "none"


FLAGS = {Fault.REFLEX: 6, Fault.SILENT_CLIENT: 25}
"""Index among libfranka's 41 error flags: joint_reflex (a collision was felt), communication_constraints_violation."""


class CellMove(MoveCommand):  # type: ignore[misc]
    """Refused while there is a fault, as the real controller does."""

    def handle(self, server: "CellRobotServer") -> None:
        if server.fault is Fault.NONE:
            super().handle(server)
        elif server.fault in FLAGS:
            self.reply(MoveStatus.kCommandNotPossibleRejected)
        else:
            self.reply(MoveStatus.kCommandRejectedDueToActivatedSafetyFunctions)


class CellRecovery(AutomaticErrorRecoveryCommand):  # type: ignore[misc]
    """Ends a reflex; cannot release a button."""

    def handle(self, server: "CellRobotServer") -> None:
        if server.fault in FLAGS:
            server.set_fault(Fault.NONE)
        super().handle(server)


class CellGripperServer(FrankaGripperServer):  # type: ignore[misc]
    """Answers an order that another one breaks off; without it the client's call would hang."""

    _pending_command_type: object
    _pending_command_id: int | None
    _pending_tcp_socket: object

    def stop(self, command_id: int, tcp_socket: object) -> None:
        self._abort_pending()
        super().stop(command_id, tcp_socket)

    def _abort_pending(self) -> None:
        if self._pending_command_id is None or self._pending_tcp_socket is None:
            return
        BaseCommand.send_response(
            self._pending_tcp_socket,
            self._pending_command_type,
            self._pending_command_id,
            GripperCommandStatus.kAborted,
            command_type_struct="H",
            status_type_struct="H",
        )
        self._pending_command_id = self._pending_tcp_socket = self._pending_command_type = None


class CellRobotServer(FrankaRobotServer):  # type: ignore[misc]
    """The arm's server, with a fault that can be ordered."""

    def __init__(self, robot: BaseRobot, hostname_candidates: Iterable[str]) -> None:
        self.fault = Fault.NONE
        self._heard = 0.0
        super().__init__(robot, hostname_candidates)
        commands = self._FrankaServer__command_class_map
        commands[RobotCommand.kMove] = CellMove
        commands[RobotCommand.kAutomaticErrorRecovery] = CellRecovery

    def set_fault(self, fault: Fault) -> None:
        """Enter or leave a fault; a motion that is running is aborted as the real controller aborts it."""
        self.fault = fault
        if fault is Fault.NONE or not self.current_motion_id:
            return
        status = MoveStatus.kReflexAborted if fault in FLAGS else MoveStatus.kPreemptedDueToActivatedSafetyFunctions
        BaseCommand.send_response(self._tcp_socket, RobotCommand.kMove, self.current_motion_id, status)
        self.stop_motion(send_preemption_signal=False)
        self.reset_current_motion_id()

    def await_command(self, seconds: float) -> None:
        """Wait so long at most for the next command of the motion that is running; not at all when none is."""
        channel, now = self._FrankaServer__udp_socket, time.monotonic()
        moving = self.current_motion_id and channel is not None
        if not moving or select.select([channel], [], [], seconds)[0]:
            self._heard = now
        elif now - self._heard > SILENCE:
            self.set_fault(Fault.SILENT_CLIENT)

    def _bind_children(self, hostname: str) -> None:
        hand = CellGripperServer(self.robot, hostname)
        hand.init()
        self._FrankaRobotServer__gripper_server = hand

    @property
    def robot_state(self) -> FrankaRobotState:
        state = super().robot_state
        if self.fault is Fault.NONE:
            return state
        if self.fault is Fault.USER_STOP:
            return state.replace(robot_mode=RobotMode.kUserStopped)
        flags = tuple(index == FLAGS[self.fault] for index in range(ERROR_FLAGS))
        return state.replace(robot_mode=RobotMode.kReflex, errors=flags, reflex_reason=flags)


class CellServer(SimulationServer):  # type: ignore[misc]
    """Runs one robot's servers and its simulator, a millisecond at a time.

    While a motion runs, each millisecond waits for the client's answer to the last one: where the machine is too busy
    the robot's clock slows down, and no command is lost.
    """

    def run_once(self, realtime: bool | float = True) -> None:
        for server in self.robot_servers:
            server.await_command(LONGEST_WAIT)
        super().run_once(realtime)

    def init(self) -> None:
        for robot in self.sim.robots:
            server = CellRobotServer(robot, self._remaining_hostname_candidates)
            server.init()
            self.robot_servers.append(server)
        self.sim.start()
