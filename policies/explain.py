"""What a look at the world led to, and why: the tensors of one `act`, turned into an Explanation."""

from dataclasses import dataclass

import numpy as np

from agent.types import Embodiment, Explanation, FloatArray, HeatMap, Observation
from policies.backbone import Prefix
from policies.decoder import Generated

LABELS = ("subject", "target")
"""What the backbone's two maps search for, in their order."""
NO_TOKENS = np.zeros((0, 0), dtype=np.float32)


@dataclass(frozen=True, eq=False)
class Thought:
    """What is kept of one look. actions (T, A): physical units, as they were returned."""

    observation: Observation
    prefix: Prefix
    written: Generated
    actions: FloatArray


def explain_thought(thought: Thought, embodiment: Embodiment) -> Explanation:
    """The heat of the first camera's maps, the tokens' probabilities and the path. Tokens are shown a row of the chunk
    a row where they divide into rows, else in one."""
    camera = embodiment.cameras[0]
    maps = thought.prefix.heat[0].softmax(dim=1).cpu().numpy().astype(np.float32)
    # The maps have the picture's proportions; only their cell count says how coarse they are.
    height = round(float(np.sqrt(maps.shape[1] * camera.height / camera.width)))
    heat = tuple(
        HeatMap(camera.name, label, cells.reshape(height, -1)) for label, cells in zip(LABELS, maps, strict=True)
    )
    chances = thought.written.log_probabilities[0].exp().cpu().numpy().astype(np.float32)
    rows = len(thought.actions) if len(chances) % len(thought.actions) == 0 else 1
    path, opening = planned_path(thought.observation.state, thought.actions, embodiment)
    return Explanation(heat, chances.reshape(rows, -1), path, opening)


def explain_actions(
    observation: Observation, actions: FloatArray, embodiment: Embodiment, *, probabilities: FloatArray = NO_TOKENS
) -> Explanation:
    """The path, and the probabilities (R, K) of tokens if there are any, for a policy that points at nothing."""
    path, opening = planned_path(observation.state, actions, embodiment)
    return Explanation((), probabilities, path, opening)


def planned_path(state: FloatArray, actions: FloatArray, embodiment: Embodiment) -> tuple[FloatArray, FloatArray]:
    """Where `ee_delta` rows (T, A) take the gripper from where `state` (S,) says it is: positions (T + 1, 3) [m], the
    first of them now, and openings (T + 1,). Empty where the state has no position or the actions do not move it."""
    names, moves = embodiment.state.names, embodiment.action.names
    if not {"x", "y", "z"} <= set(names) or not {"dx", "dy", "dz"} <= set(moves):
        return np.zeros((0, 3), dtype=np.float32), np.zeros(0, dtype=np.float32)
    start = state[[names.index(axis) for axis in "xyz"]]
    steps = actions[:, [moves.index(f"d{axis}") for axis in "xyz"]]
    path = np.vstack([start, start + np.cumsum(steps, axis=0)]).astype(np.float32)
    opening = np.ones(len(path), dtype=np.float32)
    if "gripper" in moves:
        opening[1:] = actions[:, moves.index("gripper")]
    opening[0] = state[names.index("gripper")] if "gripper" in names else opening[-1]
    return path, opening
