"""Recordings as one .rrd file for the Rerun viewer. Needs the optional extra `rerun`, imported when one is opened."""

import importlib
from pathlib import Path
from types import ModuleType

from agent.errors import SpecError
from agent.recording.episode import Recording

APPLICATION = "aubergine"
JPEG_QUALITY = 90


class RerunFile:
    """Adds one episode after the other to a file that is readable at any time; `close` completes it.

    An episode is the entity tree `episodes/<name>`: `camera/<camera>` (JPEG), `state` and `action` (one series an
    element), `about` (words and outcome, static). Timelines: `step` counts control steps, `episode_time` seconds.
    """

    def __init__(self, path: Path) -> None:
        """Raise SpecError when Rerun is not installed, the file exists, or it cannot be made."""
        self._rerun = _import_rerun()
        if path.exists():
            raise SpecError(f"{path} exists and a .rrd file cannot be added to; choose another name")
        self._stream = self._rerun.RecordingStream(APPLICATION, recording_id=path.stem)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
            self._stream.save(str(path))
        except (OSError, RuntimeError, ValueError) as error:
            raise SpecError(f"cannot write {path}: {(str(error).splitlines() or ['no reason given'])[0]}") from error

    def add(self, name: str, recording: Recording) -> None:
        """Write one episode under `episodes/<name>`; `name` holds letters, digits and dashes."""
        rerun, stream, root = self._rerun, self._stream, f"episodes/{name}"
        episode, body = recording.episode, recording.embodiment
        about = (
            f"{episode.task.instruction}\n\nrow: {recording.family}\n\nseed: {episode.seed}\n\n"
            f"outcome: {episode.outcome}\n\n{episode.detail}"
        )
        stream.log(f"{root}/about", rerun.TextDocument(about, media_type="text/markdown"), static=True)
        for part, spec in (("state", body.state), ("action", body.action)):
            stream.log(f"{root}/{part}", rerun.SeriesLines(names=list(spec.names)), static=True)
        for step in range(len(recording)):
            stream.set_time("step", sequence=step)
            stream.set_time("episode_time", duration=step / body.rate_hz)
            for camera, pictures in recording.images.items():
                stream.log(f"{root}/camera/{camera}", rerun.Image(pictures[step]).compress(JPEG_QUALITY))
            stream.log(f"{root}/state", rerun.Scalars(recording.state[step]))
            stream.log(f"{root}/action", rerun.Scalars(recording.action[step]))
        stream.reset_time()

    def close(self) -> None:
        """Write what is left and the file's index; closing twice is allowed."""
        self._stream.flush()
        self._stream.disconnect()


def _import_rerun() -> ModuleType:
    try:
        return importlib.import_module("rerun")
    except ImportError as error:
        raise SpecError("--rerun needs Rerun; install it with: pip install 'aubergine[rerun]'") from error
