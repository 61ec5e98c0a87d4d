"""One live line on the terminal while an episode runs; plain lines now and then where there is no terminal."""

from rich.console import Console
from rich.live import Live
from rich.text import Text

from agent.types import Observation, Status, Step, VectorSpec


class LiveLine:
    """Observer that shows step, tool position, gripper and how the goal stands. Use it as a context manager."""

    def __init__(self, console: Console, *, state: VectorSpec, max_steps: int) -> None:
        self._console, self._max_steps = console, max_steps
        self._names = state.names
        self._live = Live(Text(""), console=console, auto_refresh=False, transient=False)

    def __enter__(self) -> "LiveLine":
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def on_step(self, tick: int, before: Observation, step: Step) -> None:
        line = f"step {tick + 1:3d}/{self._max_steps}  {self._where(step)}  {progress(step.status)}"
        self._live.update(Text(line), refresh=True)

    def _where(self, step: Step) -> str:
        x, y, z = (float(value) for value in step.observation.state[:3])
        gripper = step.observation.state[self._names.index("gripper")] if "gripper" in self._names else step.executed[-1]
        return f"hand {x:+.2f} {y:+.2f} {z:+.2f} m  gripper {float(gripper):.2f}"


def progress(status: Status) -> str:
    """Say in a few words how far the task has come."""
    if status.wrong_object:
        return f"moved the {status.wrong_object}"
    stages = (
        (status.held, "done"),
        (status.satisfied, "there, waiting"),
        (status.lifted, "lifted"),
        (status.grasped, "grasped"),
        (status.reached, "reached"),
    )
    return next((words for reached, words in stages if reached), "on the way")
