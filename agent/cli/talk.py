"""Puts a conversation together: a table, a policy behind the safety filter, a language model, and the memory."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from agent.cli import stage as stages
from agent.cli.chat import THINGS
from agent.errors import SpecError
from agent.ports import Observer, Policy
from agent.safety.world import SafeWorld
from agent.safety.zones import Zone
from agent.types import FloatArray, ImageArray, Observation, Step, Task
from dialogue.agent import Agent
from dialogue.asking import load_calibration
from dialogue.conversation import Conversation
from dialogue.executor import Executor
from dialogue.interrupts import Interrupts
from dialogue.judging import PictureJudge
from dialogue.language_model import DEFAULT_MODEL, LanguageModel, open_language_model
from dialogue.memory.pictures import PictureDiary
from dialogue.memory.store import Memory
from dialogue.rule_model import NAME as RULES
from dialogue.rule_model import Embed, RuleModel
from dialogue.rules_first import RulesFirst
from dialogue.tabletop import TabletopRehearsal, tabletop_body
from policies.smollm2 import is_installed
from sim.world import TabletopWorld

if TYPE_CHECKING:
    from policies.looking import Look, Looker

PRETRAINED = Path(__file__).resolve().parents[2] / "dialogue" / "pretrained" / "chat"
"""The adapter that ships."""
MOST_STEPS = 400


@dataclass(frozen=True)
class Setup:
    """What a conversation is about. things: names with commas between.  policy, safety: as in `aubergine run`.

    zones: places to keep out of.  rehearse: first try every plan in a copy of the world.  judge: what tells whether a
    step worked, one of `agent.cli.chat.JUDGES`.
    """

    things: str = THINGS
    policy: str = "expert"
    seed: int = 0
    safety: str | None = None
    zones: tuple[Zone, ...] = ()
    rehearse: bool = True
    judge: str = "state"


@dataclass(frozen=True)
class Talk:
    """A conversation and the world that it is about. `close` frees the world.

    watches: see every control step from when they are added on.
    """

    conversation: Conversation
    world: TabletopWorld
    mailbox: Interrupts
    close: Callable[[], None]
    watches: "Watches"


class Watches:
    """An Observer that passes on what it sees to those that join later."""

    def __init__(self) -> None:
        self._inner: tuple[Observer, ...] = ()

    def add(self, *observers: Observer) -> None:
        self._inner += observers

    def on_step(self, tick: int, before: Observation, step: Step) -> None:
        for observer in self._inner:
            observer.on_step(tick, before, step)


class PolicyEye:
    """Looks with the backbone of the policy that acts, or of the shipped one where that has none; loaded when first
    used, since much of what is said moves nothing."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy

    @property
    def space(self) -> str:
        return self._looker.space

    def look(self, picture: ImageArray) -> "Look":
        return self._looker.look(picture)

    @cached_property
    def _looker(self) -> "Looker":
        from policies.checkpoint import load_trained
        from policies.looking import Looker
        from policies.vla import VLAPolicy

        own = self._policy.trained if isinstance(self._policy, VLAPolicy) else None
        return Looker(own or load_trained(stages.DEFAULT_POLICY))


def table_task(things: str) -> Task:
    """Return the task whose scene holds these things (names with commas between) and nothing else."""
    names = tuple(dict.fromkeys(name.strip() for name in things.split(",") if name.strip()))
    if not names:
        raise SpecError(f"name what stands on the table, such as: {THINGS}")
    task = Task("talk", "look at the table", None, MOST_STEPS, entities=names, distractors=(0, 0))
    stages.check_task(task, 0)
    return task


def open_model(address: str | None = None, adapter: str | None = None) -> tuple[LanguageModel, Path | None]:
    """Return the model and the folder of its adapter, which also holds when to ask.

    address: None for the tuned one where an adapter is named, otherwise for the rules and, where its weights are
    installed, the tuned one behind them.  adapter: "none" for none.
    """
    alone = address == RULES
    if alone or (address is None and adapter is None):
        rules = RuleModel(_sentence_rows)
        if alone or not is_installed():
            return rules, None
        return RulesFirst(f"{RULES}, then {DEFAULT_MODEL}", rules, lambda: open_model(DEFAULT_MODEL)[0]), None
    address = address or DEFAULT_MODEL
    folder = None if adapter == "none" else Path(adapter) if adapter else None
    if adapter is None and address == DEFAULT_MODEL:
        folder = PRETRAINED
    return open_language_model(address, adapter=folder), folder


def _sentence_rows() -> Embed:
    """Load the frozen sentence encoder; rows of unit length."""
    from policies.text import make_text_encoder

    encoder = make_text_encoder("minilm")

    def embed(sentences: Sequence[str]) -> FloatArray:
        # The second half of a feature is what the encoder made of the piece in its sentence.
        rows = np.stack([f[:, f.shape[1] // 2 :].mean(axis=0) for f in encoder.encode(list(sentences))])
        return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), dtype=np.float32)

    return embed


def make_agent(address: str | None = None, adapter: str | None = None) -> Agent:
    model, folder = open_model(address, adapter)
    return Agent(model, calibration=load_calibration(folder) if folder else None)


def open_talk(
    agent: Agent,
    setup: Setup,
    *,
    memory: Memory | None = None,
) -> Talk:
    """Reset a world and return a conversation about it."""
    task, zones = table_task(setup.things), setup.zones
    stage = stages.make_stage(setup.policy, safety=setup.safety)
    world = stage.world.inner if isinstance(stage.world, SafeWorld) else stage.world
    assert isinstance(world, TabletopWorld)
    stage.world.reset(task, seed=setup.seed)
    guarded = stage.world if isinstance(stage.world, SafeWorld) else None
    body = tabletop_body(world, stage.policy, execute=stage.execute, guarded=guarded, zones=zones, seed=setup.seed)
    eye = PolicyEye(stage.policy)
    if setup.judge == "pictures":
        body = replace(body, judge=PictureJudge(eye, world.embodiment.state))
    if memory is not None:
        body = replace(body, diary=PictureDiary(memory, eye))
    mailbox = Interrupts()
    rehearsal = TabletopRehearsal(world, zones) if setup.rehearse else None
    watches = Watches()
    executor = Executor(body, book=memory, rehearsal=rehearsal, mailbox=mailbox, observers=(watches,))
    return Talk(Conversation(agent, body, executor, memory=memory), world, mailbox, stage.world.close, watches)
