"""`aubergine exam conversations`: scripts said to the robot in the simulated world, judged by where things end up."""

import tempfile
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from agent.cli import stage as stages
from agent.errors import AubergineError, SpecError
from agent.safety.world import SafeWorld
from agent.types import CameraSpec, Observation, Step, Task
from dialogue.agent import Agent
from dialogue.conversation import Conversation
from dialogue.executor import Executor
from dialogue.interrupts import Interrupts
from dialogue.language_model import LanguageModel
from dialogue.lessons.scripts import CORRECTIONS, FACTS, MAKERS, Script, draw_script, whereabouts
from dialogue.memory.store import Memory
from dialogue.tabletop import tabletop_body, view_of
from sim.expert import ScriptedExpert
from sim.world import TabletopWorld

TINY = (CameraSpec("front", 8, 8),)
"""The expert looks at the true state; nobody looks at these pictures."""
MOST_STEPS = 400
MOST_CASTS = 30


@dataclass(frozen=True)
class Told:
    """What came of a script. wrong: things that did not end where they should, as one sentence; empty when right."""

    script: Script
    wrong: str
    said: tuple[str, ...]

    @property
    def right(self) -> bool:
        return not self.wrong


def conversations_exam(
    model: LanguageModel, *, number: int, seed: int, memory: bool, tick: Callable[[str], None]
) -> dict[str, object]:
    """Play `number` scripts, the kinds in turn, from `seed` on.

    Interrupted, it counts those played so far.
    memory: False for the control, in which no turn knows of an earlier one: no notes, no history, no trail.
    """
    kinds = list(MAKERS)
    told = []
    try:
        for index in range(number):
            script = fitting_script(seed + index // len(kinds), kinds[index % len(kinds)])
            told.append(play(model, script, memory=memory))
            tick("right" if told[-1].right else f"wrong: {script.kind}")
    except KeyboardInterrupt:
        # The scripts played so far are a sample like any other; `right` says of how many.
        if not told:
            raise
    return summary(told, model.name, memory)


def fitting_script(seed: int, kind: str) -> Script:
    """Return the script of this seed; of the casts that are drawn for it, the first that has room on the table."""
    for attempt in range(MOST_CASTS):
        script = draw_script(seed, kind, attempt=attempt)
        try:
            stages.check_task(_table_of(script), script.seed)
        except SpecError:
            continue
        return script
    raise SpecError(f"none of {MOST_CASTS} casts of seed {seed} has room on the table")


def _table_of(script: Script) -> Task:
    return Task("talk", "look at the table", None, MOST_STEPS, entities=script.things, distractors=(0, 0))


def summary(told: Iterable[Told], model: str, memory: bool) -> dict[str, object]:
    all_told = list(told)

    def count(names: Iterable[str]) -> list[int]:
        chosen = [one for one in all_told if one.script.kind in names]
        return [sum(one.right for one in chosen), len(chosen)]

    rows = [
        {
            "kind": one.script.kind,
            "seed": one.script.seed,
            "wrong": one.wrong,
            "words": [line.words for line in one.script.lines],
            "said": one.said,
        }
        for one in all_told
    ]
    return {
        "model": model,
        "memory": memory,
        "right": count(MAKERS),
        "corrections_repaired_in_one_turn": count(CORRECTIONS),
        "fact_of_turn_1_used_in_turn_8": count(FACTS),
        "by_kind": {kind: count((kind,)) for kind in MAKERS},
        "answers": rows,
    }


def play(model: LanguageModel, script: Script, *, memory: bool) -> Told:
    """Say one script's lines in a fresh world and compare where everything is in the end."""
    world = TabletopWorld(cameras=TINY)
    try:
        safe = stages.guarded(world)
        safe.reset(_table_of(script), seed=script.seed)
        with tempfile.TemporaryDirectory() as folder:
            said = _say_all(model, script, world, safe if isinstance(safe, SafeWorld) else None, Path(folder), memory)
        ended, wanted = whereabouts(view_of(world)), script.where()
    except AubergineError as error:
        return Told(script, f"the script could not be played: {error}", ())
    finally:
        world.close()
    wrong = [f"{name}: {ended[name]}, not {wanted[name]}" for name in wanted if ended[name] != wanted[name]]
    return Told(script, "; ".join(wrong), said)


def _say_all(
    model: LanguageModel, script: Script, world: TabletopWorld, safe: SafeWorld | None, folder: Path, memory: bool
) -> tuple[str, ...]:
    said: list[str] = []
    with ExitStack() as open_things:
        talk: Conversation | None = None
        for number, line in enumerate(script.lines, 1):
            if talk is None or not memory or number == script.restart:
                open_things.close()
                store = open_things.enter_context(Memory(folder / "memory.db")) if memory else None
                mailbox, voice = Interrupts(), _Voice()
                body = tabletop_body(world, ScriptedExpert(world), guarded=safe)
                executor = Executor(body, book=store, mailbox=mailbox, observers=(voice,))
                talk = Conversation(Agent(model), body, executor, memory=store)
            voice.prepare(mailbox, line.during, line.at)
            said.append(talk.turn(line.words).text)
    return tuple(said)


class _Voice:
    """An Observer that says something after a number of control steps, once."""

    def __init__(self) -> None:
        self._mailbox, self._words, self._left = Interrupts(), "", 0

    def prepare(self, mailbox: Interrupts, words: str, steps: int) -> None:
        self._mailbox, self._words, self._left = mailbox, words, steps

    def on_step(self, tick: int, before: Observation, step: Step) -> None:
        self._left -= 1
        if self._words and self._left == 0:
            self._mailbox.say(self._words)
