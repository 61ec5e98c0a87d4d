"""What a driver asks of a camera."""

from typing import Protocol

from agent.types import CameraSpec, ImageArray


class Eye(Protocol):
    """One camera. A driver opens it when it connects and closes it when it disconnects."""

    @property
    def spec(self) -> CameraSpec:
        """Its name and picture size; readable while it is closed."""
        ...

    def open(self) -> None:
        """Open it; raise WorldFault in one sentence when it cannot be had."""
        ...

    def look(self) -> ImageArray:
        """Return the newest picture, uint8 (H, W, 3) RGB, not shared with later ones."""
        ...

    def close(self) -> None:
        """Close it; never raises, twice is allowed."""
        ...
