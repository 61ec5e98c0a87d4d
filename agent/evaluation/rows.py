"""One row of a suite file: what is asked, in which words, in which scene, and what makes it harder."""

from dataclasses import dataclass
from typing import Literal

from agent.types import Outcome
from sim.absent import Missing
from sim.casting import SceneSplit
from sim.perturb import AXES, LEVELS, Perturbation

Wording = Literal["given", "plain", "distance 1", "distance 2", "distance 3", "swapped", "blank", "scrambled"]
"""Which words an episode has: its own, the plain ones, held-out ones at a distance from training, or a control.

swapped: another instruction about the same scene, and judged by it.  blank: words that say nothing.
scrambled: the same words in another order.
"""


@dataclass(frozen=True)
class Relation:
    """One relation that holds at reset."""

    relation: str
    subject: str
    target: str | None = None


@dataclass(frozen=True)
class Grid:
    """Fixed configurations: every subject spot with every target spot (not the same one) and every yaw of the subject.

    subject, target: spots (x, y) in the base frame [m].  yaws: of the subject [rad].  target_yaw: of the target [rad].
    """

    subject: tuple[tuple[float, float], ...]
    target: tuple[tuple[float, float], ...] = ()
    yaws: tuple[float, ...] = (0.0,)
    target_yaw: float = 0.0

    def __post_init__(self) -> None:
        if not self.subject or not self.yaws:
            raise ValueError("a grid needs at least one spot and one yaw")


@dataclass(frozen=True)
class SuiteTask:
    """One row of the report: a fixed goal with its instruction, a family that is sampled by seed, or chains of five.

    distractors: how many others stand by (a number, or fewest and most), or which (a list of names).
    initial: what holds at reset, besides what the relation itself implies.
    max_steps: control steps before the episode times out; None: the suite's.
    grid: where subject and target stand, configuration by configuration; None: drawn from the seed.
    split: what a family is drawn from.  wording: which words an episode has.
    absent: what the words name but the scene lacks; a refusal is then the success.
    perturb: how the world differs from training.  axis, level: where the report draws this row.
    """

    instruction: str = ""
    relation: str = ""
    subject: str = ""
    target: str | None = None
    family: str = ""
    chain: bool = False
    name: str = ""
    distractors: int | tuple[int, int] | tuple[str, ...] = (2, 4)
    initial: tuple[Relation, ...] = ()
    max_steps: int | None = None
    grid: Grid | None = None
    split: SceneSplit = "seen"
    wording: Wording = "given"
    absent: Missing | None = None
    perturb: Perturbation = Perturbation()
    axis: str = ""
    level: int = 0

    def __post_init__(self) -> None:
        fixed = bool(self.relation or self.subject)
        if fixed + bool(self.family) + self.chain > 1:
            raise ValueError("a task gives one of: relation and subject, a family, or chain: true")
        if not self.family and not self.chain and not self.instruction.strip():
            raise ValueError("a task needs instruction, relation and subject, or else a family")
        if fixed and not (self.relation and self.subject):
            raise ValueError("a task needs instruction, relation and subject, or else a family")
        if self.split != "seen" and not self.family:
            raise ValueError("only a family has a split; a fixed task names its things")
        if self.grid and not fixed:
            raise ValueError("only a fixed task has a grid")
        if self.chain and (self.wording != "given" or self.absent):
            raise ValueError("chains are drawn with their own words and things")

    @property
    def title(self) -> str:
        """The row's name in the report."""
        return self.name or self.family or self.instruction or "chain"

    @property
    def expects(self) -> Outcome:
        """The outcome that counts as success."""
        return Outcome.REFUSED if self.absent else Outcome.SUCCESS


@dataclass(frozen=True)
class Sweep:
    """Every task of the suite at every level of every axis, and once unchanged; the same scenes for all of them."""

    axes: tuple[str, ...] = AXES
    levels: tuple[int, ...] = tuple(range(1, LEVELS + 1))

    def __post_init__(self) -> None:
        for axis in self.axes:
            Perturbation().level(axis)
        for level in self.levels:
            if not 1 <= level <= LEVELS:
                raise ValueError(f"a level is a number from 1 to {LEVELS}, not {level}")
