"""One live line on the terminal while an episode runs; where there is no terminal, the last one only."""

from rich.console import Console
from rich.live import Live
from rich.text import Text

from agent.recording.log import status_words
from agent.types import Observation, Step, VectorSpec


class LiveLine:
    """Observer that shows step, state and how the goal stands. Use it as a context manager."""

    def __init__(self, console: Console, *, state: VectorSpec, max_steps: int) -> None:
        self._state, self._max_steps = state, max_steps
        self._live = Live(Text(""), console=console, auto_refresh=False)

    def __enter__(self) -> "LiveLine":
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def on_step(self, tick: int, before: Observation, step: Step) -> None:
        named = dict(zip(self._state.names, step.observation.state.tolist(), strict=True))
        shown = "  ".join(f"{name} {named[name]:+.2f}" for name in ("x", "y", "z", "gripper") if name in named)
        line = f"step {tick + 1:3d}/{self._max_steps}  {shown}  {status_words(step.status)}"
        self._live.update(Text(line), refresh=True)
