"""What the adapters of published models share: their folder, their conventions and how they differ from ours."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from agent.errors import SpecError, unknown_name
from agent.ports import Policy
from agent.settings import load_settings
from agent.types import CameraSpec, Control, Embodiment, FloatArray, ImageArray, Observation

CONVENTION_FILE = "aubergine.yaml"
ACTION_NAMES = ("dx", "dy", "dz", "drx", "dry", "drz", "gripper")


@dataclass(frozen=True)
class Convention:
    """How a checkpoint's numbers relate to ours (CONVENTIONS.md); `aubergine.yaml` in its folder says so.

    cameras: ours, in the order in which the model wants them.  state: names of our state in the model's order, empty
    for all of them.  rotation: what the three turns of an action are.  metres, radians: of one unit of the model's
    action, after its statistics.  gripper: the model's values for closed and open.  execute: rows of a chunk to carry
    out before looking again.
    """

    cameras: tuple[str, ...] = ("front", "wrist")
    state: tuple[str, ...] = ()
    rotation: Literal["vector", "euler"] = "vector"
    metres: float = 1.0
    radians: float = 1.0
    gripper: tuple[float, float] = (0.0, 1.0)
    execute: int = 8

    def __post_init__(self) -> None:
        if not self.cameras or self.execute < 1 or self.gripper[0] == self.gripper[1]:
            raise ValueError("a convention needs a camera, execute >= 1 and two different gripper values")


class PublishedPolicy(Policy, Protocol):
    """A Policy that also knows how many actions of a chunk to carry out."""

    @property
    def execute(self) -> int: ...


def find_folder(name: str) -> Path:
    """Return the folder called `name`, or fetch it from the hub (owner/name); SpecError when there is neither."""
    folder = Path(name).expanduser()
    if folder.is_dir():
        return folder
    if name.count("/") != 1 or name.startswith((".", "~")):
        raise SpecError(f"there is no folder {name}; give a folder, or owner/name on the Hugging Face hub")
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    wanted = ["*.json", "*.safetensors", "*.model", CONVENTION_FILE]
    try:
        return Path(snapshot_download(name, allow_patterns=wanted))
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OSError) as error:
        reason = str(error).strip().splitlines()[0]
        raise SpecError(f"there is no folder {name}, and the hub gives no such model: {reason}") from error


def read_convention(folder: Path, usual: Convention) -> Convention:
    """The folder's `aubergine.yaml`, or `usual` without one; SpecError names a wrong key and its line."""
    path = folder / CONVENTION_FILE
    return load_settings(path, Convention) if path.exists() else usual


def worn_by(body: Embodiment, convention: Convention, *, height: int, width: int) -> Embodiment:
    """`body` with the cameras that the model looks through, at the size (pixels) that it takes.

    Raises SpecError when the body lacks a camera or is not driven by end-effector motions.
    """
    if body.control is not Control.EE_DELTA or body.action.names != ACTION_NAMES:
        raise SpecError(f"published models move an end effector ({', '.join(ACTION_NAMES)}); {body.name} does not")
    cameras = tuple(replace(body.camera(name), height=height, width=width) for name in convention.cameras)
    return replace(body, cameras=cameras)


def pictures_of(observation: Observation, cameras: tuple[CameraSpec, ...]) -> list[ImageArray]:
    """The pictures in the order of `cameras`; SpecError when one is missing or has another size, naming what is
    expected, and when the instruction is empty."""
    if not observation.instruction.strip():
        raise SpecError("the instruction is empty; say what the robot should do")
    for camera in cameras:
        if camera.name not in observation.images:
            raise unknown_name("picture of camera", camera.name, observation.images)
        shape = observation.images[camera.name].shape
        if shape != (camera.height, camera.width, 3):
            raise SpecError(
                f"the picture of '{camera.name}' has shape {shape}, expected ({camera.height}, {camera.width}, 3)"
            )
    return [observation.images[camera.name] for camera in cameras]


def state_for(convention: Convention, body: Embodiment, observation: Observation) -> FloatArray:
    """The state (S,) in the model's order; SpecError when ours is not legal or a name is not in it."""
    problem = body.state.problem(observation.state)
    if problem is not None and (
        observation.state.shape != (len(body.state),) or not np.isfinite(observation.state).all()
    ):
        raise SpecError(f"the state does not fit: {problem}")
    return observation.state[state_indices(convention, body)].astype(np.float32)


def state_indices(convention: Convention, body: Embodiment) -> list[int]:
    for name in convention.state:
        if name not in body.state.names:
            raise unknown_name("state", name, body.state.names)
    return [body.state.names.index(name) for name in convention.state or body.state.names]


def our_actions(actions: NDArray[np.floating], convention: Convention, body: Embodiment) -> FloatArray:
    """The model's rows (T, 7), its statistics undone -> legal `ee_delta` rows (T, 7), metres and radians."""
    position = actions[:, :3] * convention.metres
    turn = actions[:, 3:6] * convention.radians
    if convention.rotation == "euler":
        turn = Rotation.from_euler("xyz", turn).as_rotvec()
    closed, opened = convention.gripper
    gripper = (actions[:, 6:7] - closed) / (opened - closed)
    return body.action.clip(np.concatenate([position, turn, gripper], axis=1).astype(np.float32))
