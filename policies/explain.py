"""What a look at the world led to, and why: the tensors of one `act`, turned into an Explanation."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from agent.types import Embodiment, Explanation, FloatArray, HeatMap, Observation
from policies.backbone import Thought
from policies.heads.base import Drawn
from policies.tower import grid

LABELS = ("subject", "target")
"""What the reader chooses, in its order."""
SPREAD = 0.04
"""Standard deviation of the spot that is shown around a region, in half pictures."""
NO_TOKENS = np.zeros((0, 0), dtype=np.float32)


@dataclass(frozen=True, eq=False)
class Considered:
    """What is kept of one look. actions (T, A): physical units, as they were returned."""

    observation: Observation
    thought: Thought
    drawn: Drawn
    actions: FloatArray


def explain_thought(considered: Considered, embodiment: Embodiment) -> Explanation:
    """Where the reader points, the tokens' probabilities and the path. Tokens are shown a row of the chunk a row where
    they divide into rows, else in one; a head that draws numbers has none."""
    camera = embodiment.cameras[0]
    thought = considered.thought
    cells = grid(camera.height // 4, camera.width // 4)
    heat = tuple(
        HeatMap(camera.name, label, _spots(thought, logits, cells).reshape(camera.height // 4, -1))
        for label, logits in zip(LABELS, (thought.reading.subject, thought.reading.target), strict=True)
    )
    chances = considered.drawn.chances[0].cpu().numpy().astype(np.float32)
    rows = len(considered.actions) if len(chances) % len(considered.actions) == 0 else 1
    shown = chances.reshape(rows, -1) if len(chances) else NO_TOKENS
    path, opening = planned_path(considered.observation.state, considered.actions, embodiment)
    return Explanation(heat, shown, path, opening)


def _spots(thought: Thought, logits: Tensor, cells: Tensor) -> FloatArray:
    """A spot for each region, as strong as the reader's choice of it; sums to 1 over the cells."""
    places = thought.described.regions.places[0]
    chance = logits[0].softmax(dim=0)[: len(places)]
    spots = torch.exp(-(cells - places[:, None]).pow(2).sum(dim=2) / (2 * SPREAD**2))
    heat = (chance[:, None] * spots).sum(dim=0) + 1e-9
    shown: FloatArray = (heat / heat.sum()).cpu().numpy().astype(np.float32)
    return shown


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
