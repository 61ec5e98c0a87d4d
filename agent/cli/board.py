"""The live table of an evaluation: rates with intervals as they grow, and when it will be over."""

import time
from collections import Counter
from collections.abc import Iterable

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from agent.evaluation.run import Played
from agent.evaluation.statistics import tally
from agent.evaluation.suite import Trial
from agent.types import Episode

ROWS_SHOWN = 24
"""A longer table would not fit a terminal; the rows with most left to do are shown."""


class Board:
    """Shows what has ended so far. Use it as a context manager; without a terminal it says nothing until the end."""

    def __init__(self, console: Console, trials: Iterable[Trial]) -> None:
        self._planned = Counter(trial.row for trial in trials)
        self._ended: dict[str, list[Episode]] = {row: [] for row in self._planned}
        self._began, self._fresh, self._done = time.monotonic(), 0, 0
        self._live = Live(console=console, get_renderable=self._picture, refresh_per_second=2, transient=True)
        self._shown = console.is_terminal and not console.quiet

    def __enter__(self) -> "Board":
        self._began = time.monotonic()
        if self._shown:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._shown:
            self._live.stop()

    def add(self, played: Played) -> None:
        """Count one trial that is over."""
        self._ended[played.trial.row].append(played.episode)
        self._done += 1
        self._fresh += played.fresh

    def remaining_s(self) -> float | None:
        """Seconds until the end at the pace of this session, None before its first episode."""
        if not self._fresh:
            return None
        pace = self._fresh / max(1e-9, time.monotonic() - self._began)
        return (self._planned.total() - self._done) / pace

    def _picture(self) -> Group:
        table = Table(box=None, pad_edge=False)
        table.add_column("task")
        table.add_column("done", justify="right")
        table.add_column("success rate, 95 % interval")
        everything = [episode for episodes in self._ended.values() for episode in episodes]
        table.add_row("overall", f"{self._done}/{self._planned.total()}", str(tally(everything)), style="bold")
        # A copy: episodes are added while another thread draws.
        rows = sorted(self._planned, key=lambda row: len(self._ended[row]) - self._planned[row])
        for row in rows[:ROWS_SHOWN]:
            ended = list(self._ended[row])
            table.add_row(row, f"{len(ended)}/{self._planned[row]}", str(tally(ended)) if ended else "")
        if len(rows) > ROWS_SHOWN:
            table.add_row(f"and {len(rows) - ROWS_SHOWN} more", "", "")
        bar = ProgressBar(total=self._planned.total(), completed=self._done, width=40)
        return Group(table, bar, Text(self._pace()))

    def _pace(self) -> str:
        left = self.remaining_s()
        spent = _clock(time.monotonic() - self._began)
        if left is None:
            return f"{spent} so far; {self._done} episodes were kept from before"
        per_minute = 60 * self._fresh / max(1e-9, time.monotonic() - self._began)
        return f"{spent} so far, {_clock(left)} to go, {per_minute:.1f} episodes a minute"


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
