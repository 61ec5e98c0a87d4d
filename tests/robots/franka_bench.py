"""An emulated cell for many tests, and drivers for it."""

from agent.robots.franka import FrankaDriver
from agent.robots.franka_link import FrankaSettings
from agent.types import CameraSpec
from sim.cell.client import CellEye, EmulatedCell
from sim.commander import PandaCommander
from sim.tasks import task_from_instruction

TASK = task_from_instruction("put the eggplant in the bowl")
CAMERAS = (CameraSpec("front", 48, 64), CameraSpec("wrist", 32, 32))


class Cells:
    """One cell for many tests; a new one after it was broken."""

    def __init__(self) -> None:
        self._cell: EmulatedCell | None = None

    def get(self) -> EmulatedCell:
        if self._cell is None:
            self._cell = EmulatedCell(TASK, seed=0).__enter__()
        return self._cell

    def discard(self) -> None:
        if self._cell is not None:
            self._cell.close()
        self._cell = None


def driver_for(cell: EmulatedCell, *, patience_s: float = 0.5) -> FrankaDriver:
    eyes = [CellEye(cell, camera) for camera in CAMERAS]
    settings = FrankaSettings(cell.address, realtime=False, speed=1.0, patience_s=patience_s)
    return FrankaDriver(settings, commander=PandaCommander(), eyes=eyes)
