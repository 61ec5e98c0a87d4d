"""An emulated cell in a real one's place: what a robot's driver needs of it, and whose clock it runs by."""

import time

from agent.errors import SpecError, WorldFault
from agent.robots.franka import FrankaDriver
from agent.robots.franka_link import EMULATED, FrankaSettings
from agent.types import Task
from sim.cell.client import CellEye, CellTeacher
from sim.cell.client import EmulatedCell as Cell

__all__ = ["Cell", "CellTeacher", "Supply", "robot_sleep"]

USUAL = "put the eggplant in the bowl"
"""What a cell is set up for when nobody says."""
ANSWER_SECONDS = 10.0
"""How long its cameras and its judge may take: three processes may have to share one processor."""
PATIENCE = 50
"""So many times slower than the wall's clock a cell may run."""


class Supply:
    """Gives drivers the parts that come from elsewhere: kinematics, and the emulated cell where the settings say so."""

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
            task = task_for(instruction, max_steps=steps)
            self.cell = Cell(task, seed=self._seed, answer_s=ANSWER_SECONDS)
        return self.cell


def robot_sleep(driver: FrankaDriver, seconds: float) -> None:
    """Sleep until the robot's own clock is so much further: an emulator on a busy machine is slower than the wall's."""
    until, deadline = driver.robot_time() + seconds, time.monotonic() + PATIENCE * seconds + 2
    while driver.robot_time() < until:
        if time.monotonic() > deadline:
            raise WorldFault(
                f"the emulated robot's clock did not advance by {seconds:.2f} s in {PATIENCE} times as long"
            )
        time.sleep(0.002)
