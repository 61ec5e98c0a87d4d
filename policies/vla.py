"""The vision-language-action policy: pictures, instruction and state in; a chunk of actions out."""

import math
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from agent.errors import Refusal, SpecError, unknown_name
from agent.types import ActionChunk, Embodiment, Explanation, FloatArray, Observation
from policies.backbone import Inputs, Thought, missing
from policies.clearing import Search, is_clear, refusable, remember_search, search_of, way_out
from policies.explain import Considered, explain_thought
from policies.following import Memory, aimed_before, follow, is_stuck, recall, remember, steady_place
from policies.heads.base import Drawn
from policies.instruction import check_length, words_of
from policies.model import Trained
from policies.regions import Regions
from policies.releasing import hold_until_there
from policies.renaming import SEEN, Renaming, Thesaurus, remembered
from policies.samples import as_pictures
from policies.text import MAX_PIECES, TextTable, make_text_encoder

TOGETHER = 4
"""Looks that share a pass of backbone and head; a smaller group is filled up with its first look. Sums of floats depend
on the sizes of the matrices, so only a fixed size gives a look the same bits whoever stands beside it."""
SHORT = 16
"""Word pieces; for the same reason sentences in a group are as long as this, or as the longest that is read."""
DITHER = 1.0
"""Temperature of a look that got nowhere: the likeliest chunk led here twice, another one may lead on."""

STEERED = ("dx", "dy", "dz", "gripper")
"""What an action must have for the policy to clear its view and to correct where the hand lets go."""


@dataclass(frozen=True, eq=False)
class _Look:
    """What one observation gives to think about: a batch of one, and what is remembered. seen: with its memory as this
    module made it, and its instruction as it is read; renaming: what was exchanged in that."""

    seen: Observation
    before: Memory | None
    inputs: Inputs
    renaming: Renaming | None

    @property
    def pieces(self) -> int:
        """How long its sentence is in a group."""
        return SHORT if self.inputs.text.shape[1] <= SHORT else MAX_PIECES


@dataclass(frozen=True, eq=False)
class _Mind:
    """One look, thought about. hand (4,): x, y, z [m, base frame] and opening.  dither: draws its chunk where the hand
    is stuck; it follows from the observation alone, so that a look has one answer.  search: where something seems not
    to be there and the view is not clear, how far the policy is in clearing it.  renaming: as of the look."""

    thought: Thought
    memory: Memory
    hand: FloatArray
    dither: torch.Generator | None = None
    search: Search | None = None
    renaming: Renaming | None = None


class VLAPolicy:
    """A `Policy` made of a trained.

    temperature: 0 acts greedily, a head that draws from noise then takes the same noise for every look; above 0 tokens
    are sampled, or noise is drawn, from the seed given to `reset`.
    """

    def __init__(self, trained: Trained, *, temperature: float = 0.0) -> None:
        self.trained = trained
        self.backbone, self.decoder = trained.model.backbone, trained.model.decoder
        self.head = trained.model.head(temperature=temperature)
        self.restless = trained.model.head(temperature=DITHER)
        self.stats = trained.statistics
        self.text = TextTable(make_text_encoder(trained.config.text_encoder))
        self.thesaurus = Thesaurus(trained.heard)
        self.temperature = temperature
        self.generator = torch.Generator()
        self.thought: Considered | None = None
        names = self.embodiment.action.names
        self.steered = [names.index(name) for name in STEERED] if set(STEERED) <= set(names) else []

    @property
    def embodiment(self) -> Embodiment:
        return self.trained.embodiment

    @property
    def execute(self) -> int:
        """How many rows of a chunk to carry out before looking again, as measured best for this trained."""
        return self.trained.execute

    def reset(self, *, seed: int) -> None:
        self.generator.manual_seed(seed)
        self.thought = None

    @torch.inference_mode()
    def act(self, observation: Observation) -> ActionChunk:
        """Return (T, A) actions, physical units. SpecError when a picture or the state does not fit, or the
        instruction is empty."""
        look = self._look(observation)
        mind = self._mind(look, self._think([look], look.inputs))
        drawn = self._drawn(mind)
        chunk = self._chunk(drawn, mind)
        self.thought = Considered(observation, mind.thought, drawn, chunk.actions)
        return chunk

    def explain(self) -> Explanation | None:
        """Why the last `act` gave what it gave; looks of a batch are not kept."""
        return None if self.thought is None else explain_thought(self.thought, self.embodiment)

    @torch.inference_mode()
    def act_batch(self, observations: Sequence[Observation]) -> list[ActionChunk]:
        """Greedy chunks as `act` gives, one an observation. SpecError also when this policy samples: its random
        numbers belong to one episode.

        Most of the time goes into many small steps, so they are made for TOGETHER looks at once.
        """
        if self.temperature > 0:
            raise SpecError("a policy that samples acts for one episode at a time; use temperature 0 for batches")
        looks = [self._look(observation) for observation in observations]
        chunks: dict[int, ActionChunk] = {}
        for numbers in _groups(looks):
            group = [looks[number] for number in numbers]
            thought = self._think(group, _filled(group))
            drawn = self.head.draw(thought.tokens)
            for place, (number, look) in enumerate(zip(numbers, group, strict=True)):
                alone = thought.row(place)
                mind = self._mind(look, alone)
                as_drawn = mind.thought is alone and mind.dither is None
                chunks[number] = self._chunk(drawn.row(place) if as_drawn else self._drawn(mind), mind)
        return [chunks[number] for number in range(len(looks))]

    def _drawn(self, mind: _Mind) -> Drawn:
        if mind.dither is not None:
            return self.restless.draw(mind.thought.tokens, generator=mind.dither)
        return self.head.draw(mind.thought.tokens, generator=self.generator if self.temperature > 0 else None)

    def _chunk(self, drawn: Drawn, mind: _Mind) -> ActionChunk:
        """One row -> actions (T, A), and how sure the head is of them where it can say."""
        unit, sure = drawn.chunks[0].numpy(), float(drawn.sure[0])
        actions = self.stats.denormalize("action", unit)
        if mind.search is not None:
            actions[:] = 0.0
            actions[:, self.steered] = way_out(mind.hand, mind.search, len(actions))
            sure = math.nan
        elif self.steered and mind.dither is None:
            start, end = mind.thought.settled.fine[0, 0, :2].numpy(), steady_place(mind.memory)
            held = float(mind.thought.settled.held[0].sigmoid())
            steps = actions[:, self.steered]
            actions[:, self.steered] = hold_until_there(steps, end - start, held=held, opening=float(mind.hand[3]))
        actions = self.embodiment.action.clip(actions)
        memory = remembered(mind.memory, mind.renaming)
        return ActionChunk(actions, confidence=None if math.isnan(sure) else sure, memory=memory)

    @torch.inference_mode()
    def aims(self, observation: Observation) -> FloatArray:
        """Where the policy means to grasp and to release: (2, 3), metres in the base frame."""
        aims: FloatArray = self.backbone(self._inputs(observation, None)).settled.fine[0].numpy()
        return aims

    def _look(self, observation: Observation) -> _Look:
        memory, renaming = self.thesaurus.recall(observation.memory, observation.instruction)
        return self._read(replace(observation, memory=memory), None if observation.time == 0 else renaming)

    def _read(self, seen: Observation, renaming: Renaming | None) -> _Look:
        if renaming is not None:
            seen = replace(seen, instruction=self.thesaurus.renamed(renaming))
        before = recall(seen.memory, seen.instruction, first=seen.time == 0)
        return _Look(seen, before, self._inputs(seen, before), renaming)

    def _think(self, looks: Sequence[_Look], inputs: Inputs) -> Thought:
        """inputs: those of the looks, one after the other, and perhaps more."""
        thought: Thought = self.backbone(inputs, partial(_followed, [look.before for look in looks]))
        return thought

    def _mind(self, look: _Look, thought: Thought) -> _Mind:
        """Raises Refusal where an episode begins, the view is clear and the words name what is not there; later it may
        only be hidden."""
        seen, hand = look.seen, self._hand(look.seen)
        search = search_of(seen.memory, seen.instruction, hand, first=seen.time == 0)
        if search is None:
            return self._acting(look, thought)
        clear = not self.steered or is_clear(hand, search)
        other = self._exchanged(seen, thought)
        if other is not None:
            return self._acting(other, self._think([other], other.inputs))
        unheard = bool(self.trained.heard) and not words_of(seen.instruction) <= self.trained.heard
        lacking = missing(thought, refusable(search, clear=clear, unheard=unheard))
        if lacking and clear:
            raise Refusal(f"I do not see the {lacking} that '{seen.instruction}' speaks of")
        if lacking:
            return _Mind(thought, remember_search(search, hand, seen.instruction), hand, search=search)
        return self._acting(look, thought)

    def _exchanged(self, seen: Observation, thought: Thought) -> _Look | None:
        """The first look whose heard nouns stand for unheard ones and mean what is there. thought: of the words as they
        stand; it has looked already, so that other words need only be read."""
        for renaming in self.thesaurus.renamings(seen.instruction):
            try:
                other = self._read(seen, renaming)
            except SpecError:
                continue  # What stands in may be longer, and the instruction too long with it.
            reading = self.backbone.read(thought.described, other.inputs.text, other.inputs.text_mask)
            if missing(replace(thought, reading=reading), SEEN) is None:
                return other
        return None

    def _acting(self, look: _Look, thought: Thought) -> _Mind:
        seen, before, hand = look.seen, look.before, self._hand(look.seen)
        tool = self.trained.config.backbone.camera.project(look.inputs.tool_position)
        dither = None
        if is_stuck(before, hand):
            dither = torch.Generator().manual_seed(zlib.crc32(seen.state.tobytes()))
        memory = remember(thought, tool, hand, seen.instruction, before)
        return _Mind(thought, memory, hand, dither, renaming=look.renaming)

    def _hand(self, observation: Observation) -> FloatArray:
        """Where the tool is (x, y, z) [m, base frame] and how far the gripper is open (4,)."""
        names = self.embodiment.state.names
        opening = observation.state[names.index("gripper")] if "gripper" in names else 0.0
        position = observation.state[list(self.trained.config.backbone.position_in_state)]
        return np.append(position, opening).astype(np.float32)

    def _inputs(self, observation: Observation, before: Memory | None) -> Inputs:
        """A batch of one."""
        if not observation.instruction.strip():
            raise SpecError("the instruction is empty; say what the robot should do")
        check_length(self.text.encoder, observation.instruction)
        device = torch.device("cpu")
        pictures = []
        for camera in self.embodiment.cameras:
            if camera.name not in observation.images:
                raise unknown_name("picture of camera", camera.name, observation.images)
            picture = observation.images[camera.name]
            if picture.shape != (camera.height, camera.width, 3):
                raise SpecError(f"the picture of '{camera.name}' has shape {picture.shape}, expected {camera}")
            pictures.append(as_pictures(picture[None], device))
        if observation.state.shape != (len(self.embodiment.state),) or not np.isfinite(observation.state).all():
            raise SpecError(f"the state does not fit: {self.embodiment.state.problem(observation.state)}")
        state = observation.state[None].astype(np.float32)
        words, mask = self.text.padded([observation.instruction])
        position = list(self.trained.config.backbone.position_in_state)
        return Inputs(
            pictures=tuple(pictures),
            state=torch.from_numpy(self.stats.normalize("state", state)),
            tool_position=torch.from_numpy(state[:, position]),
            text=words,
            text_mask=mask,
            aimed=aimed_before(before),
        )


def _followed(befores: Sequence[Memory | None], regions: Regions, tool: Tensor) -> tuple[Regions, Tensor]:
    return follow(regions, befores, tool)


def _groups(looks: Sequence[_Look]) -> Iterator[list[int]]:
    """Yield the numbers of at most TOGETHER looks whose sentences are padded alike, until all were named."""
    for pieces in (SHORT, MAX_PIECES):
        alike = [number for number, look in enumerate(looks) if look.pieces == pieces]
        for start in range(0, len(alike), TOGETHER):
            yield alike[start : start + TOGETHER]


def _filled(looks: Sequence[_Look]) -> Inputs:
    """Join looks whose sentences are padded alike; the first stands in for those that are lacking."""
    parts = [look.inputs for look in (*looks, *[looks[0]] * (TOGETHER - len(looks)))]
    cameras = zip(*(part.pictures for part in parts), strict=True)
    longer = [(0, looks[0].pieces - part.text.shape[1]) for part in parts]
    return Inputs(
        pictures=tuple(torch.cat(each).contiguous(memory_format=torch.channels_last) for each in cameras),
        state=torch.cat([part.state for part in parts]),
        tool_position=torch.cat([part.tool_position for part in parts]),
        text=torch.cat([functional.pad(part.text, (0, 0, *more)) for part, more in zip(parts, longer, strict=True)]),
        text_mask=torch.cat([functional.pad(part.text_mask, more) for part, more in zip(parts, longer, strict=True)]),
        aimed=torch.cat([part.aimed for part in parts]),
    )


def act_once(trained: Trained, observation: Observation) -> FloatArray:
    """The greedy actions (T, A) of a checkpoint for one observation."""
    return VLAPolicy(trained).act(observation).actions
