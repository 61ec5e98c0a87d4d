"""An emulated cell in a real one's place: what a robot's driver needs of it, and what it knows that a real one does not."""

import time
from typing import TYPE_CHECKING

from agent.errors import SpecError, WorldFault
from agent.ports import RobotDriver
from agent.robots.franka_link import EMULATED, FrankaSettings
from agent.types import Task
from sim.cell.client import CellEye, CellTeacher
from sim.cell.client import EmulatedCell as Cell

if TYPE_CHECKING:
    from agent.robots.franka import FrankaDriver

__all__ = ["Cell", "CellTeacher", "Supply", "robot_sleep"]

USUAL = "put the eggplant in the bowl"
"""What a cell is set up for when nobody says."""


class Supply:
    """Gives drivers the parts that come from elsewhere: kinematics, and the emulated cell where the settings ask for it."""

    def __init__(self, task: Task | None, seed: int) -> None:
        self._task, self._seed = task, seed
        self.cell: Cell | None = None

    def __call__(self, name: str, settings: object) -> object:
        """Return the part, None for a real robot's own; raise SpecError when nobody has it."""
        emulated = isinstance(settings, FrankaSettings) and settings.address == EMULATED
        match name:
            case "commander":
                from sim.commander import PandaCommander

                return PandaCommander()
            case "peer":
                return self._the_cell() if emulated else None
            case "eyes" if isinstance(settings, FrankaSettings):
                return [CellEye(self._the_cell(), eye.spec) for eye in settings.cameras] if emulated else None
        raise SpecError(f"nobody has the part '{name}' that this driver needs")

    def _the_cell(self) -> Cell:
        if self.cell is None:
            from agent.cli.stage import task_for

            instruction = self._task.instruction if self._task else USUAL
            steps = self._task.max_steps if self._task else None
            self.cell = Cell(task_for(instruction, max_steps=steps), seed=self._seed)
        return self.cell


def robot_sleep(driver: "FrankaDriver | RobotDriver", seconds: float) -> None:
    """Sleep until the robot's own clock is so much further: an emulator on a busy machine is slower than the wall's."""
    clock = getattr(driver, "robot_time", None)
    if clock is None:
        time.sleep(seconds)
        return
    until, deadline = clock() + seconds, time.monotonic() + 20 * seconds + 2
    while clock() < until:
        if time.monotonic() > deadline:
            raise WorldFault(
                f"the emulated robot's clock did not advance by {seconds:.2f} s within {20 * seconds:.0f} s"
            )
        time.sleep(0.002)
