"""What the controller's process runs: physics, franky-sim's servers, and answers for judge, teacher and tests."""

import json
import signal
from dataclasses import asdict
from multiprocessing.connection import Connection

import numpy as np

from agent.types import Observation, Task
from sim.cell.body import CellRobot, CellSimulator
from sim.cell.mirror import Mirror
from sim.cell.servers import CellServer, Fault
from sim.expert import ScriptedExpert
from sim.world import TabletopWorld

POLL_EVERY = 8
"""Milliseconds of robot time between two looks at the pipe and two postures shown."""
_BLIND = Observation({}, np.zeros(0, dtype=np.float32), "", 0.0)
"""The scripted expert reads the true state and ignores what it is shown."""


def run_controller(task: Task, seed: int, addresses: tuple[str, ...], pipe: Connection, mirror: Mirror) -> None:
    """Build the scene and serve until the pipe is closed; the first message names the address that was free."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    world = TabletopWorld(cameras=())
    world.reset(task, seed=seed)
    simulator = CellSimulator(CellRobot(world.arm))
    with simulator, CellServer(simulator, addresses) as server:
        office = _Office(world, server, pipe, mirror)
        simulator.register_post_step_callback(lambda _: office.look_in())
        mirror.write(world.posture())
        pipe.send_bytes(json.dumps({"address": server.robot_servers[0].hostname}).encode())
        server.run_forever()
    world.close()


class _Office:
    """Answers one request at a time between two milliseconds of the robot's time."""

    def __init__(self, world: TabletopWorld, server: CellServer, pipe: Connection, mirror: Mirror) -> None:
        self._world, self._server, self._pipe, self._mirror = world, server, pipe, mirror
        self._expert = ScriptedExpert(world)
        self._calls = 0

    def look_in(self) -> None:
        self._calls += 1
        if self._calls % POLL_EVERY:
            return
        self._mirror.write(self._world.posture())
        try:
            if self._pipe.poll(0):
                answer = self._answer(self._pipe.recv_bytes(64).decode())
                self._pipe.send_bytes(json.dumps(answer).encode())
        except (EOFError, BrokenPipeError, ConnectionResetError):
            self._server.running = False

    def _answer(self, request: str) -> object:
        match request.split():
            case ["judge"]:
                return asdict(self._world.judge())
            case ["teach"]:
                return self._expert.act(_BLIND).actions[0].tolist()
            case ["state"]:
                return self._world.arm.state().tolist()
            case ["fault", kind]:
                self._server.robot_servers[0].set_fault(Fault(kind))
                return kind
            case _:
                raise ValueError(f"the cell does not understand '{request}'")
