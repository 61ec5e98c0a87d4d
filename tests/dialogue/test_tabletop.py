"""Plans in the simulated world: what is seen, what is done, what is rehearsed, and words that arrive in mid-motion."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from agent.ports import Observer
from agent.safety.config import SafetyConfig
from agent.safety.filter import SafetyFilter
from agent.safety.world import SafeWorld
from agent.safety.zones import BoxZone
from agent.settings import load_settings
from agent.types import CameraSpec, Goal, Observation, Step, Task
from dialogue.deeds import Trail
from dialogue.events import Ending, Happening, Report
from dialogue.executor import Executor
from dialogue.interrupts import Interrupts
from dialogue.notes import Notes
from dialogue.plan import REGIONS
from dialogue.syntax import parse_plan
from dialogue.tabletop import TabletopRehearsal, tabletop_body, task_for, view_of
from dialogue.verifier import check_plan
from sim.expert import ScriptedExpert
from sim.world import TabletopWorld

LIMITS = Path(__file__).resolve().parents[2] / "configs" / "sim" / "tabletop.yaml"
TINY = (CameraSpec("front", 8, 8),)
SCENE = Task(
    "scene",
    "put the red cube in the blue bowl",
    Goal("in", "red cube", "blue bowl"),
    80,
    entities=("eggplant", "green cube", "yellow bowl", "egg"),
    distractors=(0, 0),
)
DRAWER = Task("scene", "open the drawer", Goal("open", "drawer"), 90, entities=("dice", "bowl"), distractors=(0, 0))
HEEDED_WITHIN = 8
"""Control steps: the promise to whoever says something."""


@pytest.fixture(scope="module")
def tabletop() -> Iterator[TabletopWorld]:
    world = TabletopWorld(TINY)
    yield world
    world.close()


@pytest.fixture
def world(tabletop: TabletopWorld) -> TabletopWorld:
    tabletop.reset(SCENE, seed=530_001)
    return tabletop


def run(text: str, world: TabletopWorld, *observers: Observer, mailbox: Interrupts | None = None) -> Report:
    body = tabletop_body(world, ScriptedExpert(world))
    return Executor(body, mailbox=mailbox, observers=observers).run(parse_plan(text))


class Says:
    """Says a text once `when` is true of the world, and counts control steps from then on."""

    def __init__(self, mailbox: Interrupts, text: str, world: TabletopWorld, *, held: str | None, tick: int) -> None:
        self._mailbox, self._text, self._world = mailbox, text, world
        self._held, self._tick = held, tick
        self.said_at: Observation | None = None
        self.goals: list[Goal | None] = []
        self.tools: list[np.ndarray[tuple[int], np.dtype[np.float32]]] = []

    def on_step(self, tick: int, before: Observation, step: Step) -> None:
        if self.said_at is not None:
            self.goals.append(self._world.task.goal)
            self.tools.append(step.observation.state[:3])
        elif tick >= self._tick and (self._held is None or self._world.state().entities[self._held].held):
            self.said_at = step.observation
            self._mailbox.say(self._text)


def said(plan: str, words: str, world: TabletopWorld, *, held: str | None = None, tick: int = 3) -> tuple[Report, Says]:
    mailbox = Interrupts()
    speaker = Says(mailbox, words, world, held=held, tick=tick)
    report = run(plan, world, speaker, mailbox=mailbox)
    assert speaker.said_at is not None, "nothing was said"
    return report, speaker


def test_the_view_tells_what_the_simulator_knows(world: TabletopWorld) -> None:
    view, state = view_of(world), world.state()
    assert set(view.names) == {"red cube", "blue bowl", "eggplant", "green cube", "yellow bowl", "egg"}
    assert (view["egg"].fragile, view["red cube"].flat, view["red cube"].steady) == (True, True, True)
    assert (view["blue bowl"].holds, view["blue bowl"].movable, view["eggplant"].categories) == (
        "in",
        False,
        ("vegetable",),
    )
    assert view["egg"].x == pytest.approx(state.entities["egg"].pose.position[0])
    assert "aubergine" in view["eggplant"].nouns


def test_a_plan_of_several_steps_is_done_and_seen(world: TabletopWorld) -> None:
    report = run(
        "for each cube\nplace it in yellow bowl\nend\npick eggplant\nplace eggplant in blue bowl\npoint egg", world
    )
    assert report.ending is Ending.DONE, report
    view = view_of(world)
    assert {name: view[name].support for name in ("red cube", "green cube", "eggplant")} == {
        "red cube": "yellow bowl",
        "green cube": "yellow bowl",
        "eggplant": "blue bowl",
    }
    tool = world.state().tool_position
    assert np.hypot(tool[0] - view["egg"].x, tool[1] - view["egg"].y) < 0.04
    # What was predicted is what came to be.
    assert not [event for event in report.events if event.what in (Happening.RETRIED, Happening.FAILED)]


def test_the_drawer_opens_takes_and_gives(tabletop: TabletopWorld) -> None:
    tabletop.reset(DRAWER, seed=530_002)
    view = view_of(tabletop)
    assert view["drawer"].openable and not view["drawer"].open
    assert run("open drawer\nplace dice in drawer", tabletop).ending is Ending.DONE
    assert view_of(tabletop)["dice"].support == "drawer"
    assert run("place dice on table\nclose drawer", tabletop).ending is Ending.DONE
    view = view_of(tabletop)
    assert view["dice"].support is None and not view["drawer"].open


def test_a_twin_stands_as_the_world_does_and_leaves_it_alone(world: TabletopWorld) -> None:
    assert run("pick red cube", world).ending is Ending.DONE
    before = world.posture()
    twin = world.twin(TINY)
    np.testing.assert_allclose(twin.posture(), before, atol=1e-6)
    body = tabletop_body(twin, ScriptedExpert(twin))
    assert Executor(body).run(parse_plan("place red cube in yellow bowl")).ending is Ending.DONE
    assert view_of(twin)["red cube"].support == "yellow bowl"
    twin.close()
    np.testing.assert_array_equal(world.posture(), before)
    assert view_of(world)["red cube"].held


def test_a_rehearsal_finds_what_the_plan_check_cannot(world: TabletopWorld) -> None:
    """A zone that only the rehearsal knows: the check has no reason to object, the watch has."""
    view = view_of(world)
    bowl = view["yellow bowl"]
    zone = BoxZone("your hand", (bowl.x - 0.1, bowl.y - 0.1, -0.1), (bowl.x + 0.1, bowl.y + 0.1, 0.5))
    plan = parse_plan("place red cube in yellow bowl")

    assert check_plan(plan, view, Notes()).problem is None
    assert TabletopRehearsal(world).rehearse(plan, Notes(), Trail()) is None
    problem = TabletopRehearsal(world, (zone,)).rehearse(plan, Notes(), Trail())
    assert problem is not None and problem.rule == "person"
    assert view_of(world)["red cube"].support is None


def test_the_other_bowl_is_heeded_within_eight_steps(world: TabletopWorld) -> None:
    for held in (None, "red cube"):
        world.reset(SCENE, seed=530_001)
        report, speaker = said("place red cube in blue bowl", "no, the other bowl", world, held=held)
        assert report.ending is Ending.DONE and view_of(world)["red cube"].support == "yellow bowl"
        wanted = Goal("in", "red cube", "yellow bowl")
        assert wanted in speaker.goals[:HEEDED_WITHIN]


def test_another_thing_is_taken_after_the_held_one_is_put_down(world: TabletopWorld) -> None:
    report, speaker = said("place red cube in blue bowl", "no, the other cube", world, held=None, tick=4)
    assert report.ending is Ending.DONE and view_of(world)["green cube"].support == "blue bowl"
    world.reset(SCENE, seed=530_001)
    report, speaker = said("place red cube in blue bowl", "no, the green one", world, held="red cube")
    assert report.ending is Ending.DONE, report
    view = view_of(world)
    assert view["green cube"].support == "blue bowl"
    assert view["red cube"].support is None and not view["red cube"].held and view["red cube"].bottom < 0.01
    assert speaker.goals[0] is not None and speaker.goals[0].relation == "move to"


def test_a_bit_to_the_left_shifts_where_it_is_put(world: TabletopWorld) -> None:
    """Left of the person in front is -y. The same plan without words is the control."""
    plan = "place green cube at middle"
    assert run(plan, world).ending is Ending.DONE
    control = view_of(world)["green cube"].y
    world.reset(SCENE, seed=530_001)
    report, _ = said(plan, "a bit to the left", world, held="green cube", tick=14)
    assert report.ending is Ending.DONE, report
    shifted = view_of(world)["green cube"].y
    assert -0.06 < shifted - control < -0.01
    assert any(event.what is Happening.HEARD for event in report.events)


def test_a_bit_to_the_left_moves_the_empty_hand_within_eight_steps(world: TabletopWorld) -> None:
    straight, moved = [], []
    world.reset(SCENE, seed=530_001)
    mailbox = Interrupts()
    speaker = Says(mailbox, "go on", world, held=None, tick=2)
    run("place egg at front", world, speaker, mailbox=mailbox)
    straight = speaker.tools[:HEEDED_WITHIN]
    world.reset(SCENE, seed=530_001)
    report, speaker = said("place egg at front", "a bit to the left", world, tick=2)
    moved = speaker.tools[:HEEDED_WITHIN]
    assert report.ending is Ending.DONE
    assert min(float(b[1] - a[1]) for a, b in zip(straight, moved, strict=True)) < -0.015


def test_stop_closes_the_safety_latch_and_nothing_moves_after(world: TabletopWorld) -> None:
    safety = SafetyFilter(SafetyConfig(), world.embodiment)
    guarded = SafeWorld(world, safety)
    guarded.reset(SCENE, seed=530_001)
    mailbox = Interrupts(on_stop=safety.gate.emergency_stop)
    speaker = Says(mailbox, "stop!", world, held=None, tick=5)
    body = tabletop_body(world, ScriptedExpert(world), guarded=guarded)
    executor = Executor(body, mailbox=mailbox, observers=(speaker,))
    assert executor.run(parse_plan("place red cube in blue bowl")).ending is Ending.STOPPED
    assert speaker.tools == [] and safety.gate.stopped is not None
    at_rest = world.posture()
    assert executor.run(parse_plan("place green cube in blue bowl")).ending is Ending.STOPPED
    np.testing.assert_array_equal(world.posture(), at_rest)


def test_the_usual_zones_leave_the_table_to_work_on(world: TabletopWorld) -> None:
    """The onlooker and the wall of the shipped limits forbid nothing that is done on the table."""
    limits = load_settings(LIMITS, SafetyConfig)
    view = view_of(world, limits.keep_out.zones)
    assert view.zones
    places = [f"at {region}" for region in REGIONS] + ["in blue bowl", "in yellow bowl", "next to egg"]
    for place in places:
        assert check_plan(parse_plan(f"place red cube {place}"), view, Notes()).problem is None, place


def test_every_relation_has_a_task() -> None:
    for relation, target in (
        ("in", "bowl"),
        ("stack", "block"),
        ("move to", "middle"),
        ("lift", None),
        ("push", "left"),
    ):
        task = task_for(Goal(relation, "red cube", target))
        assert task.goal == Goal(relation, "red cube", target) and "red cube" in task.instruction
