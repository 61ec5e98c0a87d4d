"""The key layouts of requests: what a client calls its pictures, state and words, and the units it speaks.

A layout and its converters stand together: what `to_peer` turns into the peer's convention, `from_peer` turns back.
Pictures that do not have the policy's size are scaled, keeping their proportions, and padded with black, as openpi's
own `resize_with_pad` does. The state must have as many values as the policy's; nothing is filled in.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from agent.errors import SpecError, unknown_name
from agent.serving.limits import DEFAULT, BadMessage, Limits
from agent.types import CameraSpec, Control, Embodiment, FloatArray, ImageArray, Observation, VectorSpec

OSC_METRES, OSC_RADIANS = 0.05, 0.5
"""What 1.0 means in robosuite's OSC_POSE controller, which LIBERO uses (`output_max` of osc_pose.json)."""
STATE_MARGIN = 0.5
"""A state may be this share of a value's range out of its bounds; degrees for radians and millimetres for metres are
further out than that."""
EE_DELTA = ("dx", "dy", "dz", "drx", "dry", "drz", "gripper")

Converter = Callable[[FloatArray, Embodiment], FloatArray]


@dataclass(frozen=True)
class Layout:
    """scene, wrist: keys of the pictures, None where they are called as the embodiment's cameras.  state: keys whose
    values are joined.  gripper_closed_is_one: of the last value of the state.  to_peer, from_peer: action rows (T, A).
    """

    name: str
    scene: str | None
    wrist: str | None
    state: tuple[str, ...]
    to_peer: Converter
    from_peer: Converter
    gripper_closed_is_one: bool = False


def _same(actions: FloatArray, embodiment: Embodiment) -> FloatArray:
    return actions


def _to_osc(actions: FloatArray, embodiment: Embodiment) -> FloatArray:
    """Metres, radians, 1 = open -> shares of OSC_POSE's largest step, +1 = close."""
    _check_ee_delta(embodiment)
    return np.concatenate(
        [actions[:, :3] / OSC_METRES, actions[:, 3:6] / OSC_RADIANS, 1 - 2 * actions[:, 6:]], axis=1, dtype=np.float32
    )


def _from_osc(actions: FloatArray, embodiment: Embodiment) -> FloatArray:
    """The way back. As robosuite does, values out of [-1, 1] are clipped; so are rotations beyond our bounds."""
    _check_ee_delta(embodiment)
    unit = np.clip(actions, -1, 1)
    rows = [unit[:, :3] * OSC_METRES, unit[:, 3:6] * OSC_RADIANS, (1 - unit[:, 6:]) / 2]
    return embodiment.action.clip(np.concatenate(rows, axis=1, dtype=np.float32))


def _check_ee_delta(embodiment: Embodiment) -> None:
    if embodiment.control is not Control.EE_DELTA or embodiment.action.names != EE_DELTA:
        raise SpecError(f"layout 'libero' needs actions {', '.join(EE_DELTA)}; this policy's are {embodiment.control}")


def _turn_gripper(actions: FloatArray, embodiment: Embodiment) -> FloatArray:
    """Joint angles stay; the gripper's 1 = open becomes 1 = closed, and back."""
    if embodiment.control is not Control.JOINT_POSITION:
        raise SpecError(f"layout 'droid' needs joint_position actions; this policy's are {embodiment.control}")
    return np.concatenate([actions[:, :-1], 1 - actions[:, -1:]], axis=1, dtype=np.float32)


OWN = Layout("aubergine", None, None, ("state",), _same, _same)
LIBERO = Layout("libero", "observation/image", "observation/wrist_image", ("observation/state",), _to_osc, _from_osc)
DROID = Layout(
    "droid",
    "observation/exterior_image_1_left",
    "observation/wrist_image_left",
    ("observation/joint_position", "observation/gripper_position"),
    _turn_gripper,
    _turn_gripper,
    gripper_closed_is_one=True,
)
LAYOUTS = {layout.name: layout for layout in (OWN, LIBERO, DROID)}
MID_EPISODE_S = 1.0
"""The time of a look whose client does not tell it [s]. At time 0 an episode begins, where a policy may refuse what it
does not see; later a thing may only be hidden, and a refusal would stop an arm in mid-task."""
_OWN_OPTIONAL = ("time", "seed", "embodiment", "memory")
LONGEST_MEMORY = 256
"""Numbers that a client may bring back from the last answer."""


def layout_of(request: Mapping[str, object]) -> Layout:
    """Return the layout whose state keys the request has; raise BadMessage naming what each needs."""
    for layout in (DROID, LIBERO, OWN):
        if any(key in request for key in layout.state):
            return layout
    needed = "; ".join(f"{layout.name}: {', '.join(layout.state)}" for layout in LAYOUTS.values())
    raise BadMessage(f"the request has no state; a layout is known by its key ({needed})")


def observation_from(
    request: Mapping[str, object], layout: Layout, embodiment: Embodiment, limits: Limits = DEFAULT
) -> Observation:
    """Return what the request shows, as the embodiment wants it; raise BadMessage in one sentence otherwise."""
    if layout is OWN:
        _check_own(request, embodiment)
    return Observation(
        images={
            camera.name: picture_from(request, picture_key(layout, camera, embodiment), camera)
            for camera in embodiment.cameras
        },
        state=_state(request, layout, embodiment.state),
        instruction=instruction_from(request.get("prompt"), limits),
        time=_time(request.get("time", MID_EPISODE_S)),
        memory=_memory(request.get("memory")),
    )


def picture_key(layout: Layout, camera: CameraSpec, embodiment: Embodiment) -> str:
    """Return what `layout` calls the picture of this camera. The first camera with "wrist" in its name is the wrist's,
    the first other one the scene's; raise BadMessage for a camera that the layout has no picture for."""
    if layout.scene is None or layout.wrist is None:
        return camera.name
    wrists = [each for each in embodiment.cameras if "wrist" in each.name]
    scenes = [each for each in embodiment.cameras if each not in wrists]
    for key, cameras in ((layout.wrist, wrists), (layout.scene, scenes)):
        if cameras and camera == cameras[0]:
            return key
    raise BadMessage(f"layout '{layout.name}' has no picture for this policy's camera '{camera.name}'")


def picture_from(request: Mapping[str, object], key: str, camera: CameraSpec) -> ImageArray:
    """Return the picture under `key` at the camera's size, uint8 (H, W, 3)."""
    picture = request.get(key)
    if not isinstance(picture, np.ndarray):
        raise BadMessage(f"the request has no picture '{key}'")
    if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3 or picture.size == 0:
        raise BadMessage(f"picture '{key}' is {picture.dtype} of shape {picture.shape}; it must be uint8 (H, W, 3)")
    return fitted(picture, camera.height, camera.width)


def fitted(picture: ImageArray, height: int, width: int) -> ImageArray:
    """Return `picture` (H, W, 3) at height x width: scaled keeping its proportions (bilinear), padded with black."""
    if picture.shape[:2] == (height, width):
        return picture
    scale = min(height / picture.shape[0], width / picture.shape[1])
    rows = min(height, max(1, round(picture.shape[0] * scale)))
    columns = min(width, max(1, round(picture.shape[1] * scale)))
    canvas = np.zeros((height, width, 3), dtype=np.uint8)
    top, left = (height - rows) // 2, (width - columns) // 2
    scaled = Image.fromarray(picture).resize((columns, rows), Image.Resampling.BILINEAR)
    canvas[top : top + rows, left : left + columns] = np.asarray(scaled)
    return canvas


def instruction_from(words: object, limits: Limits) -> str:
    """Return the instruction; raise BadMessage when it is missing, empty, too long or holds control characters."""
    if not isinstance(words, str) or not words.strip():
        raise BadMessage("the instruction is empty; say what the robot should do")
    if len(words) > limits.instruction:
        raise BadMessage(f"the instruction has {len(words)} characters; at most {limits.instruction} are accepted")
    if not words.replace("\n", " ").isprintable():
        raise BadMessage("the instruction holds characters that cannot be printed")
    return words


def vector_from(value: object, name: str) -> FloatArray:
    """Return numbers, sent as an array, a list or one number, as float32 (N,); raise BadMessage otherwise."""
    if isinstance(value, list) and any(type(each) not in (int, float) for each in value):
        raise BadMessage(f"'{name}' must hold numbers only")
    if not isinstance(value, list | int | float | np.ndarray | np.generic) or isinstance(value, bool):
        raise BadMessage(f"the request has no '{name}'")
    try:
        numbers = np.atleast_1d(np.asarray(value))
    except OverflowError as error:
        raise BadMessage(f"'{name}' holds a number that is too large") from error
    if numbers.dtype.kind not in "iuf" or numbers.ndim != 1:
        raise BadMessage(f"'{name}' is {numbers.dtype} of shape {numbers.shape}; it must be a vector of numbers")
    with np.errstate(over="ignore"):
        return numbers.astype(np.float32)


def check_state(state: FloatArray, spec: VectorSpec) -> None:
    """Raise BadMessage when the state has another length, is not finite, or must be in other units."""
    if state.shape != (len(spec),):
        raise BadMessage(f"the state has {len(state)} values; this policy's has {len(spec)}: {', '.join(spec.names)}")
    if not np.isfinite(state).all():
        raise BadMessage("the state holds values that are not finite")
    margin = STATE_MARGIN * (spec.high_array - spec.low_array)
    out = (state < spec.low_array - margin) | (state > spec.high_array + margin)
    if out.any():
        worst = int(np.argmax(out))
        raise BadMessage(
            f"the state's {spec.names[worst]} = {state[worst]:.4g} is far outside "
            f"[{spec.low[worst]:g}, {spec.high[worst]:g}] {spec.units[worst]}; are its units others?"
        )


def _state(request: Mapping[str, object], layout: Layout, spec: VectorSpec) -> FloatArray:
    state = np.concatenate([vector_from(request.get(key), key) for key in layout.state])
    if layout.gripper_closed_is_one and len(state):
        state[-1] = 1 - state[-1]
    check_state(state, spec)
    return state


def _time(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise BadMessage("'time' must be a number of seconds")
    return float(value)


def _memory(value: object) -> NDArray[np.float64] | None:
    """What the last answer asked to be reminded of; the policy itself checks what the numbers mean."""
    if value is None:
        return None
    if not isinstance(value, np.ndarray) or value.dtype != np.float64 or value.ndim != 1 or len(value) > LONGEST_MEMORY:
        raise BadMessage(f"'memory' must be float64 (K,) with K at most {LONGEST_MEMORY}, as an answer brought it")
    return value


def _check_own(request: Mapping[str, object], embodiment: Embodiment) -> None:
    known = [*(camera.name for camera in embodiment.cameras), "state", "prompt", *_OWN_OPTIONAL]
    for key in request:
        if key not in known:
            raise unknown_name("key of a request", str(key)[:40], known)
    body = request.get("embodiment", embodiment.name)
    if body != embodiment.name:
        raise SpecError(f"this policy was made for '{embodiment.name}', the request comes from '{str(body)[:40]}'")
