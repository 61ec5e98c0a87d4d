"""The watch sees harm by geometry and motion alone, and only harm."""

from dataclasses import replace

import numpy as np
import pytest

from agent.safety.zones import BoxZone
from agent.types import Observation, Status, Step
from dialogue.hazards import FAST, FRAGILE_FAST, HazardWatch
from dialogue.problem import Problem
from dialogue.view import SceneView
from tests.dialogue.mind import table, toy

HAND = BoxZone("your hand", (0.50, 0.10, -0.1), (0.80, 0.40, 0.6))
SEEN = Observation({}, np.zeros(4, dtype=np.float32), "", 0.0)
STEP = Step(SEEN, np.zeros(7, dtype=np.float32), Status())


def watched(before: SceneView, now: SceneView, **speeds: float) -> Problem | None:
    views = iter((before, now))
    watch = HazardWatch(lambda: next(views), lambda: {name: speeds.get(name, 0.0) for name in now.names})
    watch.on_step(0, SEEN, STEP)
    return watch.problem


def test_a_quiet_table_is_no_harm_even_with_something_in_the_zone_already() -> None:
    view = table(toy("cube", 0.6, 0.2), zones=(HAND,))
    assert watched(view, view) is None


@pytest.mark.parametrize(
    ("name", "change", "speed", "rule"),
    [
        ("carrot", {"bottom": -0.3, "top": -0.25}, 0.0, "edge"),
        ("carrot", {}, FAST + 0.1, "throw"),
        ("carrot", {}, FRAGILE_FAST + 0.1, None),
        ("egg", {}, FRAGILE_FAST + 0.1, "throw"),
        ("carrot", {"x": 0.6, "y": 0.2}, 0.0, "person"),
        ("carrot", {"x": 0.6, "y": 0.0}, 0.0, None),
        ("carrot", {"support": "egg"}, 0.0, "fragile"),
        ("carrot", {"support": "red bowl"}, 0.0, None),
        ("egg", {"x": 0.55}, 0.0, "fragile"),
        ("egg", {"x": 0.59}, 0.0, None),
        ("egg", {"x": 0.55, "bottom": 0.1, "top": 0.15}, 0.0, None),
        ("carrot", {"x": 0.55}, 0.0, None),
    ],
)
def test_each_harm_is_named(name: str, change: dict[str, object], speed: float, rule: str | None) -> None:
    view = table(zones=(HAND,))
    now = view.with_item(replace(view[name], **change))  # type: ignore[arg-type]
    problem = watched(view, now, **{name: speed})
    assert (problem.rule if problem else None) == rule


@pytest.mark.parametrize(
    ("name", "height", "rule"),
    [("egg", 0.06, "throw"), ("egg", 0.03, None), ("carrot", 0.06, None), ("carrot", 0.2, "throw")],
)
def test_a_fall_is_measured_from_where_it_was_let_go(name: str, height: float, rule: str | None) -> None:
    view = table()
    held = view.with_item(replace(view[name], held=True, bottom=height, top=height + 0.05))
    views = iter((view, held, view))
    watch = HazardWatch(lambda: next(views), lambda: dict.fromkeys(view.names, 0.0))
    watch.on_step(0, SEEN, STEP)
    assert watch.problem is None
    watch.on_step(1, SEEN, STEP)
    assert (watch.problem.rule if watch.problem else None) == rule


def test_what_is_to_stay_must_stay() -> None:
    view = table()
    views = iter((view, view.with_item(replace(view["carrot"], x=0.55))))
    watch = HazardWatch(lambda: next(views), lambda: dict.fromkeys(view.names, 0.0), kept=("carrot",))
    watch.on_step(0, SEEN, STEP)
    assert watch.problem is not None and watch.problem.rule == "constraint"
