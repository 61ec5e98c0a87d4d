"""Puts a conversation together: a table, a policy behind the safety filter, a language model, and the memory."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from agent.cli import stage as stages
from agent.cli.chat import THINGS
from agent.errors import SpecError
from agent.safety.world import SafeWorld
from agent.safety.zones import Zone
from agent.types import Task
from dialogue.agent import Agent
from dialogue.asking import load_calibration
from dialogue.conversation import Conversation
from dialogue.executor import Executor
from dialogue.interrupts import Interrupts
from dialogue.language_model import DEFAULT_MODEL, LanguageModel, open_language_model
from dialogue.memory import Memory
from dialogue.tabletop import TabletopRehearsal, tabletop_body
from sim.world import TabletopWorld

PRETRAINED = Path(__file__).resolve().parents[2] / "dialogue" / "pretrained" / "chat"
MOST_STEPS = 400


@dataclass(frozen=True)
class Talk:
    """A conversation and the world that it is about. `close` frees the world."""

    conversation: Conversation
    world: TabletopWorld
    mailbox: Interrupts
    close: Callable[[], None]


def table_task(things: str) -> Task:
    """Return the task whose scene holds these things (names with commas between) and nothing else."""
    names = tuple(dict.fromkeys(name.strip() for name in things.split(",") if name.strip()))
    if not names:
        raise SpecError(f"name what stands on the table, such as: {THINGS}")
    task = Task("talk", "look at the table", None, MOST_STEPS, entities=names, distractors=(0, 0))
    stages.check_task(task, 0)
    return task


def shipped_adapter() -> Path | None:
    """Return the folder of the adapter that ships, if one does."""
    return PRETRAINED if (PRETRAINED / "adapter_model.safetensors").exists() else None


def open_model(address: str = DEFAULT_MODEL, adapter: str | None = None) -> tuple[LanguageModel, Path | None]:
    """Return the model and the folder of its adapter, which also holds when to ask. adapter: "none" for none."""
    folder = None if adapter == "none" else Path(adapter) if adapter else None
    if adapter is None and address == DEFAULT_MODEL:
        folder = shipped_adapter()
    return open_language_model(address, adapter=folder), folder


def make_agent(address: str = DEFAULT_MODEL, adapter: str | None = None) -> Agent:
    model, folder = open_model(address, adapter)
    return Agent(model, calibration=load_calibration(folder) if folder else None)


def open_talk(
    agent: Agent,
    task: Task,
    *,
    policy: str,
    seed: int,
    safety: str | None = None,
    memory: Memory | None = None,
    zones: tuple[Zone, ...] = (),
    rehearse: bool = True,
) -> Talk:
    """Reset the world and return a conversation about it. rehearse: every plan is first tried in a copy of the world."""
    stage = stages.make_stage(policy, safety=safety)
    world = stage.world.inner if isinstance(stage.world, SafeWorld) else stage.world
    assert isinstance(world, TabletopWorld)
    stage.world.reset(replace(task), seed=seed)
    guarded = stage.world if isinstance(stage.world, SafeWorld) else None
    body = tabletop_body(world, stage.policy, execute=stage.execute, guarded=guarded, zones=zones, seed=seed)
    mailbox = Interrupts()
    rehearsal = TabletopRehearsal(world, zones) if rehearse else None
    executor = Executor(body, book=memory, rehearsal=rehearsal, mailbox=mailbox)
    return Talk(Conversation(agent, body, executor, memory=memory), world, mailbox, stage.world.close)
