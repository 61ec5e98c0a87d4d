"""Following: what the words meant at the last look is found again at the next, though the arm hides it or it has moved.

The reader chooses anew at every look. It would take another thing for the one that the gripper covers, and it cannot
know that "the left one" is still meant when it no longer stands on the left. What was chosen is therefore handed from
look to look as a few numbers; a policy itself stays without memory, so that looks of many episodes can be mixed.
"""

import zlib
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from agent.types import FloatArray
from policies.backbone import Thought
from policies.regions import Regions

Memory = NDArray[np.float64]
"""(28,): subject (u, v, sort), target (u, v, sort; NaN where none is meant), the tool's (u, v), 1 where the subject is
held, a checksum of the instruction, both aims (x, y, z), the hand (x, y, z, opening) at this look and at the one
before, and where to let go (x, y) as it was aimed at by the first look and by the last one from afar. Places are in
the first camera's picture, in [-1, 1], aims and hand in metres in the base frame."""
LENGTH = 28
NEAR = 0.1
"""Half pictures; what is no further from where a thing was, or should be by now, is that thing."""
FAITH = 6.0
"""Added to the logit of what was meant before: the reader must be surer than that to change its mind."""
WITHIN_REACH = 0.3
"""Half pictures; so near to the tool's place a thing may be hidden by the hand or by what it holds."""
FARTHEST = 4.0
"""Half pictures; no place that was ever seen lies further out."""
_SUBJECT, _TARGET, _TOOL, _HELD, _WORDS, _AIMS = slice(0, 3), slice(3, 6), slice(6, 8), 8, 9, slice(10, 16)
_HAND, _EARLIER, _FIRST, _AFAR = slice(16, 20), slice(20, 24), slice(24, 26), slice(26, 28)
AFAR = 0.05
"""m in the plane; a hand no further from where it lets go hides the place, or holds something before it."""
AT_REST = (0.006, 0.006, 0.006, 0.05)
"""A hand no further than this [m, m, m, opening] from where it was two looks ago has got nowhere."""


def recall(memory: Memory | None, instruction: str, *, first: bool) -> Memory | None:
    """Return the memory where it is of this episode and of these words, else None."""
    if first or memory is None or memory.shape != (LENGTH,) or memory[_WORDS] != checksum(instruction):
        return None
    # It may have come over a wire.
    places = memory[np.r_[_SUBJECT, _TARGET, _TOOL]]
    target = places[3:6] if np.isfinite(places[3:6]).all() else np.zeros(0)
    known = np.concatenate([places[:3], target, places[6:]])
    fits = bool((np.abs(known) < FARTHEST).all() and np.isfinite(memory[np.r_[_FIRST, _AFAR]]).all())
    return memory if fits else None


def checksum(instruction: str) -> float:
    return float(zlib.crc32(instruction.encode()))


def follow(regions: Regions, memories: Sequence[Memory | None], tool: Tensor) -> tuple[Regions, Tensor]:
    """Find what was meant before among `regions`, one memory a picture. tool (B, 2): where the tool's place is seen.

    Returns the regions, with two more rows for what was meant and is not seen, and a bonus (B, 2, R + 2) for subject
    and target on the logits of those R regions, of "not there", and of "none is meant".
    """
    count, most = regions.there.shape
    spare = regions.places.new_zeros(count, 2)
    places = torch.cat([regions.places, spare[:, :, None].expand(-1, -1, 2)], dim=1)
    sort, there = torch.cat([regions.sort, spare], dim=1), torch.cat([regions.there, spare.bool()], dim=1)
    bonus = places.new_zeros(count, 2, most + 4)
    for number, memory in enumerate(memories):
        if memory is None:
            continue
        here = tool[number].double().numpy()
        expected = _expected(memory, here)
        found = _matched(expected, regions, number)
        for part, thing in enumerate(expected):
            if thing is None:
                bonus[number, part, most + 3] = FAITH
                continue
            row = found.get(part, most + part)
            if row >= most:
                places[number, row] = places.new_tensor(thing[:2])
                sort[number, row], there[number, row] = float(thing[2]), True
            if row < most or _hidden(part, thing, memory, here):
                bonus[number, part, row] = FAITH
    return Regions(places, sort, there), bonus


def is_stuck(before: Memory | None, hand: FloatArray) -> bool:
    """Whether the hand (4,) is where it was two looks ago: it rests, or swings between two places. The same look would
    lead to the same chunk for ever."""
    return before is not None and bool((np.abs(before[_EARLIER] - hand) < AT_REST).all())


def remember(thought: Thought, tool: Tensor, hand: FloatArray, instruction: str, before: Memory | None) -> Memory:
    """What the next look should know of this one, a batch of one; tool (1, 2): where the tool's place is seen, hand
    (4,): x, y, z [m, base frame] and opening."""
    regions, chosen = thought.described.regions, thought.chosen[0].tolist()
    most = regions.there.shape[1]
    memory = np.full(LENGTH, np.nan)
    for part, row in zip((_SUBJECT, _TARGET), chosen, strict=True):
        if row < most:
            memory[part] = [*regions.places[0, row].tolist(), float(regions.sort[0, row])]
    touching = np.linalg.norm(memory[_SUBJECT][:2] - memory[_TARGET][:2]) < NEAR
    if before is not None and touching and np.linalg.norm(before[_TARGET][:2] - memory[_TARGET][:2]) < NEAR:
        # Where one thing is over the other, their middles are seen badly; what holds things stays where it was.
        memory[_TARGET] = before[_TARGET]
    memory[_TOOL], memory[_HELD] = tool[0].tolist(), float(thought.settled.held[0] > 0)
    memory[_HAND] = hand
    if before is not None:
        memory[_EARLIER] = before[_HAND]
    memory[_WORDS], memory[_AIMS] = checksum(instruction), thought.settled.fine[0].flatten().numpy()
    place = memory[_AIMS][3:5]
    memory[_FIRST] = place if before is None else before[_FIRST]
    afar = np.linalg.norm(place - hand[:2]) > AFAR
    memory[_AFAR] = place if before is None or afar else before[_AFAR]
    return memory


def pointed(instruction: str, subject: tuple[Memory, Memory], target: tuple[Memory, Memory], tool: Memory) -> Memory:
    """Return the memory of a look that never was: its words meant this subject and this target, whatever they say.

    subject, target: where each is seen (u, v) in [-1, 1], and the aim there (x, y, z) [m, base frame].  tool (2,):
    where the tool's place is seen.
    """
    memory = np.full(LENGTH, np.nan)
    memory[_SUBJECT], memory[_TARGET] = [*subject[0], 0.0], [*target[0], 1.0]
    memory[_TOOL], memory[_HELD], memory[_WORDS] = tool, 0.0, checksum(instruction)
    memory[_AIMS] = np.concatenate([subject[1], target[1]])
    memory[_FIRST] = memory[_AFAR] = target[1][:2]
    return memory


def steady_place(memory: Memory) -> FloatArray:
    """Where to let go, (2,) x and y [m, base frame], of the look that wrote `memory`: the middle of what it, the first
    look and the last one from afar aim at. What is held hides the place, and the aim then drifts to the hand."""
    now = memory[_AIMS][3:5]
    return np.median([now, memory[_FIRST], memory[_AFAR]], axis=0).astype(np.float32)


def aimed_before(memory: Memory | None) -> Tensor:
    """The aims (1, 2, 3) of the last look [m, base frame]; NaN without a memory."""
    aims = np.full(6, np.nan) if memory is None else memory[_AIMS]
    return torch.from_numpy(aims.astype(np.float32)).view(1, 2, 3)


def _expected(memory: Memory, tool: Memory) -> tuple[Memory | None, Memory | None]:
    """Where subject and target should be seen now: what is held moves with the tool."""
    subject, target = memory[_SUBJECT].copy(), memory[_TARGET]
    if memory[_HELD]:
        subject[:2] += tool - memory[_TOOL]
    return subject, None if np.isnan(target).any() else target


def _matched(expected: Sequence[Memory | None], regions: Regions, number: int) -> dict[int, int]:
    """Part -> row of the region that it is, the nearest pairs first; no region is two things."""
    pairs = []
    for row in regions.there[number].nonzero()[:, 0].tolist():
        place, sort = regions.places[number, row].double().numpy(), float(regions.sort[number, row])
        for part, thing in enumerate(expected):
            if thing is not None and thing[2] == sort:
                pairs.append((float(np.linalg.norm(place - thing[:2])), part, row))
    found: dict[int, int] = {}
    for distance, part, row in sorted(pairs):
        if distance < NEAR and part not in found and row not in found.values():
            found[part] = row
    return found


def _hidden(part: int, thing: Memory, memory: Memory, tool: Memory) -> bool:
    """Whether a thing that is not seen may still be where it should be."""
    return bool(memory[_HELD]) if part == 0 else bool(np.linalg.norm(tool - thing[:2]) < WITHIN_REACH)
