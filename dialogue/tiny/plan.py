"""What `aubergine train` does with a file of `kind: chat`; needs no torch."""

from dataclasses import dataclass
from typing import Literal

from dialogue.lessons.draw import TRAINING_SEED


@dataclass(frozen=True)
class ChatPlan:
    """What `aubergine train` does for `kind: chat`.

    model: as `aubergine chat --llm`, a local one.  steps: of the optimizer.  row: tokens a row; rows: rows a step.
    rank, alpha: of LoRA, on all linear layers from first_layer on (the backward pass ends there).  rate: highest
    learning rate, after `warmup` steps; it falls to a tenth along a cosine.  save_every: steps between states to resume
    from.  half: bfloat16 for all but the weights that are learned: faster where the CPU has instructions for it.
    together: lessons of one turn that share a table, which is read once for all of them; every second draw is such a
    family, 1 for none.  first_seed: of the lessons, at least 1,000,000.
    exam: development requests to judge the result by at the end.
    """

    kind: Literal["chat"] = "chat"
    model: str = "smollm2"
    steps: int = 2000
    row: int = 256
    rows: int = 4
    rank: int = 16
    alpha: int = 32
    first_layer: int = 0
    rate: float = 5e-4
    warmup: int = 40
    save_every: int = 100
    half: bool = True
    together: int = 1
    first_seed: int = TRAINING_SEED
    exam: int = 100

    def __post_init__(self) -> None:
        if self.first_seed < TRAINING_SEED:
            raise ValueError(f"training seeds start at {TRAINING_SEED}, got first_seed {self.first_seed}")
        if min(self.steps, self.row, self.rows, self.rank, self.save_every, self.together) < 1:
            raise ValueError("steps, row, rows, rank, save_every and together must be at least 1")
