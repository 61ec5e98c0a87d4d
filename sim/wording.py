"""Other ways to say a task, graded by distance, and the controls: swapped, blank and scrambled instructions.

A policy that reads scores well on the graded ones, does the other thing when swapped, and falls to chance on the rest.
"""

import re
from dataclasses import replace

import numpy as np

from agent.errors import SpecError
from agent.types import Goal, Task
from sim.casting import fits
from sim.grammar import canonical, phrase
from sim.objects import ReceptacleKind
from sim.scene import Entity, Scene, sample_scene

BLANK = "do the task"
"""Says nothing about what to do. The loop refuses an instruction without any words, so a blank one has these."""
PREAMBLES = (
    "we are tidying up before the guests come.",
    "it is a sunny day and there is plenty of time.",
    "I have just come back from the market.",
    "the table looks a bit messy to me.",
    "never mind the noise next door.",
)
POSTSCRIPTS = (
    "Afterwards we will have lunch.",
    "The rest can stay as it is.",
    "Nobody is in a hurry.",
    "I will be back in a minute.",
    "That is all for now.",
)
_FAR = 3


def reworded(task: Task, level: int, rng: np.random.Generator) -> str:
    """Return the task in words as far from training as `level` says.

    1 to 3: held-out phrasings at that distance (`sim.grammar.phrase`).  4: the farthest after an unrelated sentence.
    5: between two such sentences, with two spelling slips. Raises SpecError without a goal.
    """
    if task.goal is None:
        raise SpecError(f"'{task.instruction}' has no goal, so it cannot be said in other words")
    text = phrase(task.goal, rng, split="held_out", distance=min(level, _FAR))
    if level > _FAR:
        if level > _FAR + 1:
            text = _with_slips(text, rng, count=2)
        opening = PREAMBLES[int(rng.integers(len(PREAMBLES)))]
        text = f"{opening[0].upper()}{opening[1:]} {text[0].upper()}{text[1:]}"
        if level > _FAR + 1:
            mark = "" if text[-1] in ".?" else "."
            text = f"{text}{mark} {POSTSCRIPTS[int(rng.integers(len(POSTSCRIPTS)))]}"
    return text


def scrambled(task: Task, rng: np.random.Generator) -> str:
    """Return the instruction's words in another order; raise SpecError when it has only one word."""
    words = task.instruction.split()
    if len(set(words)) < 2:
        raise SpecError(f"'{task.instruction}' has too few words to scramble")
    while True:
        mixed = [words[index] for index in rng.permutation(len(words))]
        if mixed != words:
            return " ".join(mixed)


def swapped(task: Task, *, seed: int) -> Task:
    """Return another task about the very scene that `task` and `seed` build: another thing, or another place for it.

    Where neither goes, another thing is to be lifted. Raises SpecError when nothing else could be meant.
    """
    if task.goal is None:
        raise SpecError(f"'{task.instruction}' has no goal, so it cannot be swapped")
    base = task.scene or task
    scene = sample_scene(base, np.random.default_rng(seed))
    inside = {held.subject for held in base.initial if held.relation in ("in", "on")}
    free = [e for e in scene.entities if e.graspable and e.name not in (task.goal.subject, task.goal.target, *inside)]
    options = [*_other_subjects(task.goal, free, scene), *_other_targets(task.goal, scene)]
    options = options or [Goal("lift", entity.name) for entity in free]
    if not options:
        raise SpecError(f"nothing else in the scene of '{task.instruction}' (seed {seed}) could be meant")
    other = options[int(np.random.default_rng([seed, 73]).integers(len(options)))]
    return replace(task, instruction=canonical(other), goal=other, scene=base)


def _other_subjects(goal: Goal, free: list[Entity], scene: Scene) -> list[Goal]:
    """The same goal for other things that can take part in it."""
    target = scene.find(goal.target) if goal.target else None
    if goal.relation in ("open", "close"):
        return []
    if target is not None and isinstance(target.kind, ReceptacleKind) and goal.relation in ("in", "on"):
        free = [entity for entity in free if fits(entity.kind.name, target.kind.name)]
    return [replace(goal, subject=entity.name) for entity in free]


def _other_targets(goal: Goal, scene: Scene) -> list[Goal]:
    """The same thing into or onto other receptacles that it fits; those with a lid or a drawer stay shut."""
    if goal.relation not in ("in", "on"):
        return []
    kind = scene[goal.subject].kind.name
    holders = [(e.name, e.kind) for e in scene.entities if isinstance(e.kind, ReceptacleKind) and e.kind.joint is None]
    return [
        Goal(holder.support, goal.subject, name)
        for name, holder in holders
        if name != goal.target and fits(kind, holder.name)
    ]


def _with_slips(text: str, rng: np.random.Generator, *, count: int) -> str:
    """Swap two neighbouring letters inside some of the longer words."""
    words = text.split(" ")
    long = [index for index, word in enumerate(words) if re.fullmatch(r"[A-Za-z]{4,}[.?]?", word)]
    for index in rng.choice(long, size=min(count, len(long)), replace=False).tolist():
        word = words[index]
        swappable = [at for at in range(1, len(word.rstrip(".?")) - 1) if word[at] != word[at + 1]]
        if swappable:
            at = swappable[int(rng.integers(len(swappable)))]
            words[index] = word[:at] + word[at + 1] + word[at] + word[at + 2 :]
    return " ".join(words)
