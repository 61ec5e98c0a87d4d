"""π0 (2410.24164) as transformers ships it: PI0ForConditionalGeneration and PI0Processor.

Flow matching: `num_inference_steps` Euler steps turn noise into a chunk of 50 padded rows.
"""

from pathlib import Path
from typing import Any

import numpy as np
import torch

from agent.errors import SpecError
from agent.types import ActionChunk, Embodiment, Explanation, Observation
from policies.adapters.published import (
    ACTION_NAMES,
    Convention,
    our_actions,
    pictures_of,
    read_convention,
    state_for,
    state_indices,
    worn_by,
)
from policies.explain import explain_actions
from policies.schedule import pick_device
from policies.stats import VectorStatistics, load_statistics

STATISTICS_FILE = "dataset_statistics.json"


class Pi0Policy:
    """A Policy; the noise of a chunk comes from the seed given to `reset`."""

    def __init__(self, folder: Path, body: Embodiment, *, key: str | None = None) -> None:
        """key: a data set in the folder's dataset_statistics.json; None takes the processor's own statistics, or the
        file's only ones. SpecError when files, weights or statistics are missing or do not fit `body`."""
        from transformers import PI0ForConditionalGeneration, PI0Processor
        from transformers.utils import logging

        logging.disable_progress_bar()  # type: ignore[no-untyped-call]
        self.convention = read_convention(folder, Convention())
        try:
            self.processor: Any = PI0Processor.from_pretrained(folder, local_files_only=True)
            # With a report it returns a pair, which its annotation does not say.
            loaded: Any = PI0ForConditionalGeneration.from_pretrained(
                folder, local_files_only=True, output_loading_info=True
            )
        except (OSError, ValueError, KeyError, TypeError, RuntimeError) as error:
            raise SpecError(f"{folder} is not a π0 checkpoint of transformers: {_first_line(error)}") from error
        self.model: Any = loaded[0]
        lacking = sorted(loaded[1]["missing_keys"])
        if lacking:
            raise SpecError(f"{folder} lacks {len(lacking)} weights of π0, such as '{lacking[0]}'")
        self.device = pick_device()
        self.model.to(self.device).eval()
        self.action, self.state = _statistics(folder, self.processor, key)
        _check_length("state", self.state, len(state_indices(self.convention, body)))
        _check_length("action", self.action, len(ACTION_NAMES))
        size = self.processor.image_processor.pad_size
        self._embodiment = worn_by(body, self.convention, height=size.height, width=size.width)
        self.generator = torch.Generator()
        self.last: tuple[Observation, ActionChunk] | None = None

    @property
    def embodiment(self) -> Embodiment:
        return self._embodiment

    @property
    def execute(self) -> int:
        return min(self.convention.execute, int(self.model.config.chunk_size))

    def reset(self, *, seed: int) -> None:
        self.generator.manual_seed(seed)
        self.last = None

    @torch.inference_mode()
    def act(self, observation: Observation) -> ActionChunk:
        """Return (chunk_size, 7) actions. SpecError when picture, state or instruction do not fit."""
        pictures = pictures_of(observation, self.embodiment.cameras)
        state = state_for(self.convention, self.embodiment, observation)
        self._check_words(observation.instruction)
        unit = (state - np.asarray(self.state.mean)) / (np.asarray(self.state.std) + 1e-8)
        inputs = self.processor(images=[pictures], text=observation.instruction)
        config = self.model.config
        padded = torch.zeros(1, config.max_state_dim)
        padded[0, : len(unit)] = torch.from_numpy(unit)
        noise = torch.randn(1, config.chunk_size, config.max_action_dim, generator=self.generator)
        written = self.model.sample_actions(
            state=padded.to(self.device, self.model.dtype),
            noise=noise.to(self.device, self.model.dtype),
            **{name: value.to(self.device) for name, value in inputs.items()},
        )
        rows = written[0, :, : len(ACTION_NAMES)].float().cpu().numpy()
        rows = rows * (np.asarray(self.action.std) + 1e-8) + np.asarray(self.action.mean)
        chunk = ActionChunk(our_actions(rows, self.convention, self.embodiment))
        self.last = (observation, chunk)
        return chunk

    def explain(self) -> Explanation | None:
        """The planned path; there are no tokens, and where it looks is not known."""
        return None if self.last is None else explain_actions(self.last[0], self.last[1].actions, self.embodiment)

    def _check_words(self, instruction: str) -> None:
        most = int(self.processor.text_kwargs["max_length"])
        tokenizer = self.processor.tokenizer
        count = len(tokenizer(f"{tokenizer.bos_token}{instruction}\n")["input_ids"])
        if count > most:
            raise SpecError(f"the instruction takes {count} tokens; π0 takes at most {most}")


def _statistics(folder: Path, processor: object, key: str | None) -> tuple[VectorStatistics, VectorStatistics]:
    """Of actions and state. π0's own are a mean and a standard deviation in its processor."""
    own = [getattr(processor, name, None) for name in ("actions_mean", "actions_std", "state_mean", "state_std")]
    if key is None and all(values is not None for values in own):
        action_mean, action_std, state_mean, state_std = (tuple(float(v) for v in values or ()) for values in own)
        return _only_moments(action_mean, action_std), _only_moments(state_mean, state_std)
    path = folder / STATISTICS_FILE
    if not path.exists():
        wanted = f"'{key}'" if key else "this checkpoint"
        raise SpecError(f"no statistics for {wanted}: {path} does not exist; π0's processor holds {_held(own)}")
    statistics = load_statistics(path, dataset=key)
    return statistics.vector("action"), statistics.vector("state")


def _held(own: list[object]) -> str:
    return "statistics of its own (leave @KEY away)" if all(values is not None for values in own) else "none either"


def _only_moments(mean: tuple[float, ...], std: tuple[float, ...]) -> VectorStatistics:
    return VectorStatistics(mean, std, mean, mean, mean, mean, mask=(True,) * len(mean))


def _check_length(name: str, statistics: VectorStatistics, length: int) -> None:
    if len(statistics.mean) != length or len(statistics.std) != length:
        raise SpecError(
            f"the statistics of the {name} are for {len(statistics.mean)} values, this body has {length}; "
            "say which in the checkpoint's aubergine.yaml"
        )


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
