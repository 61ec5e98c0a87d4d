"""What the cameras' process runs: the same scene, put into the controller's posture for each picture.

Drawing takes longer than the controller may pause, hence the process of its own.
"""

import signal
from multiprocessing.connection import Connection

from agent.types import Task
from sim.cell.mirror import Mirror
from sim.world import TabletopWorld


def run_cameras(task: Task, seed: int, pipe: Connection, mirror: Mirror) -> None:
    """Answer "camera height width" with the raw RGB bytes of now, until the pipe is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    world = TabletopWorld(cameras=())
    world.reset(task, seed=seed)
    pipe.send_bytes(b"ready")
    try:
        while True:
            camera, height, width = pipe.recv_bytes(64).decode().split()
            world.assume(mirror.read())
            pipe.send_bytes(world.render(camera, int(height), int(width)).rgb.tobytes())
    except (EOFError, BrokenPipeError, ConnectionResetError):
        world.close()
