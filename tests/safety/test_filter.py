"""Each rule of the filter, on a body of one ball, where every distance can be worked out by hand."""

from dataclasses import dataclass, replace

import numpy as np
import pytest

from agent.doubles import PointWorld, point_task
from agent.errors import PolicyFault, SpecError, WorldFault
from agent.ports import World
from agent.robots.fake import FakeConfig, FakeRobot
from agent.safety.blend import blend
from agent.safety.body import Motion, ToolBody
from agent.safety.checks import clear_share
from agent.safety.config import KeepOut, Limits, Patience, SafetyConfig, Workspace
from agent.safety.filter import SafetyFilter
from agent.safety.gate import Gate
from agent.safety.watchdog import Verdict, Watchdog
from agent.safety.world import SafeWorld
from agent.safety.zones import BoxZone, PersonZone, PlaneZone, Zone, ZoneSet, way_out
from agent.types import Control, Embodiment, FloatArray, Task, VectorSpec
from tests.contract.world_contract import WorldContract

BODY = FakeRobot(FakeConfig()).embodiment
RADIUS, MARGIN = 0.05, 0.01
WALL = PlaneZone("wall", (-1.0, 0.0, 0.0), -0.60)
"""Everything beyond x = 0.60."""
STEP = (0.02, 0.02, 0.02, 0.1, 0.1, 0.1)


def row(x: float = 0.0, y: float = 0.0, z: float = 0.0, *, gripper: float = 1.0) -> FloatArray:
    return np.array([x, y, z, 0, 0, 0, gripper], dtype=np.float32)


def state_at(x: float, y: float = 0.0, z: float = 0.28, *, gripper: float = 1.0) -> FloatArray:
    return np.array([x, y, z, 0, 0, 0, gripper, *np.zeros(7)], dtype=np.float32)


def make(config: SafetyConfig, start: FloatArray | None = None, gate: Gate | None = None) -> SafetyFilter:
    safety = SafetyFilter(config, BODY, ToolBody(BODY, radius=RADIUS), gate=gate)
    safety.begin(state_at(0.42) if start is None else start)
    return safety


def send(safety: SafetyFilter, action: FloatArray, state: FloatArray) -> FloatArray:
    sent = safety.permit(action, state)
    safety.accept(sent)
    return sent


def follow(safety: SafetyFilter, action: FloatArray, state: FloatArray, *, ticks: int) -> FloatArray:
    """Send the same action again and again to a body that goes where it is told; return the last state."""
    for _ in range(ticks):
        sent = send(safety, action, state)
        state = state.copy()
        state[:3] += sent[:3]
        state[6] = sent[6]
    return state


class TestSafePointWorld(WorldContract):
    def make_world(self) -> World:
        inner = PointWorld()
        return SafeWorld(inner, SafetyFilter(SafetyConfig(), inner.embodiment, ToolBody(inner.embodiment)))

    def make_task(self) -> Task:
        return point_task(0)


def test_an_action_that_no_rule_touches_passes_bit_for_bit() -> None:
    safety = make(
        SafetyConfig(keep_out=KeepOut(planes=(WALL,), margin=MARGIN), workspace=Workspace((0, -1, 0), (1, 1, 1)))
    )
    asked = row(0.0123, -0.0456, 0.0017)
    assert safety.permit(asked, state_at(0.42)).tobytes() == asked.tobytes()
    assert safety.journal.counts == {}


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_refused_by_name(bad: float) -> None:
    with pytest.raises(PolicyFault, match="dy"):
        make(SafetyConfig()).permit(row(0, bad), state_at(0.42))


def test_a_wrong_shape_is_refused() -> None:
    with pytest.raises(PolicyFault, match="7 values"):
        make(SafetyConfig()).permit(np.zeros(6, dtype=np.float32), state_at(0.42))


def test_what_is_out_of_bounds_is_clamped_and_logged() -> None:
    safety = make(SafetyConfig())
    assert send(safety, row(0.2), state_at(0.42))[0] == np.float32(0.05)
    entry = safety.journal.entries[0]
    assert (entry.rule, entry.tick) == ("bounds", 0)
    assert (entry.asked[0], entry.sent[0]) == pytest.approx((0.2, 0.05))


def test_step_and_change_limit_every_axis_but_the_gripper() -> None:
    safety = make(SafetyConfig(limits=Limits(step=STEP, change=(0.005,) * 6)))
    state = state_at(0.42)
    np.testing.assert_allclose(
        send(safety, row(0.05, -0.05, gripper=0.0), state), row(0.02, -0.02, gripper=0.0), atol=1e-7
    )
    np.testing.assert_allclose(send(safety, row(-0.05, -0.05), state), row(0.015, -0.02), atol=1e-7)
    assert safety.journal.counts == {"change": 1, "step": 2}


def test_a_slow_start_grows_to_the_whole_step() -> None:
    safety = make(SafetyConfig(limits=Limits(step=STEP, slow_start=1.0)))
    sent = [float(send(safety, row(0.05), state_at(0.42))[0]) for _ in range(7)]
    np.testing.assert_allclose(sent, 0.02 * np.array([0.1, 0.28, 0.46, 0.64, 0.82, 1.0, 1.0]), atol=1e-6)


def test_the_tool_stays_in_the_workspace_and_slides_along_its_wall() -> None:
    safety = make(SafetyConfig(workspace=Workspace((0.3, -0.1, 0.1), (0.5, 0.1, 0.4))))
    end = follow(safety, row(0.03, 0.01), state_at(0.42), ticks=6)
    np.testing.assert_allclose(end[:2], (0.5, 0.06), atol=1e-5)


def test_the_tools_speed_is_limited_along_its_way() -> None:
    safety = make(SafetyConfig(limits=Limits(tool_speed=0.1)))
    sent = send(safety, row(0.03, 0.04), state_at(0.42))
    assert np.linalg.norm(sent[:3]) * BODY.rate_hz == pytest.approx(0.1, rel=0.01)
    assert sent[1] / sent[0] == pytest.approx(4 / 3, rel=1e-4)


@pytest.mark.parametrize(
    ("zone", "start", "towards"),
    [
        (WALL, (0.42, 0.0, 0.28), (0.05, 0.01, 0.0)),
        (BoxZone("box", (0.55, -0.1, 0.2), (0.6, 0.1, 0.4)), (0.42, 0.0, 0.28), (0.05, 0.0, 0.01)),
        (PersonZone("person", 0.9, 0.0, radius=0.3), (0.42, 0.0, 0.28), (0.05, 0.002, 0.0)),
        (BoxZone("lid", (0.0, -1.0, -1.0), (1.0, 1.0, 0.1)), (0.42, 0.0, 0.28), (0.01, 0.0, -0.05)),
    ],
)
def test_no_ball_comes_nearer_to_a_zone_than_the_margin(
    zone: Zone, start: tuple[float, ...], towards: tuple[float, ...]
) -> None:
    kinds = {BoxZone: "boxes", PlaneZone: "planes", PersonZone: "people"}
    safety = make(SafetyConfig(keep_out=KeepOut(margin=MARGIN, **{kinds[type(zone)]: (zone,)})), state_at(*start))
    state = state_at(*start)
    nearest = np.inf
    for _ in range(12):
        state = follow(safety, row(*towards), state, ticks=1)
        nearest = min(nearest, float(zone.distance(state[:3].astype(float))) - RADIUS)
    assert MARGIN - 1e-6 <= nearest < MARGIN + 0.03, "it comes near, and not too near"
    assert set(safety.journal.counts) == {f"keep_out:{zone.name}"}


def test_a_thin_zone_is_not_jumped_over() -> None:
    """Start and end of the motion are clear of it, the way between is not."""
    thin = BoxZone("sheet", (0.445, -1.0, -1.0), (0.446, 1.0, 1.0))
    safety = SafetyFilter(SafetyConfig(keep_out=KeepOut(boxes=(thin,), margin=0.0)), BODY, ToolBody(BODY, radius=0.005))
    safety.begin(state_at(0.42))
    end = follow(safety, row(0.05), state_at(0.42), ticks=5)
    assert end[0] < 0.445 - 0.005


def test_what_may_be_held_counts_unless_the_gripper_is_wide_open() -> None:
    keep_out = KeepOut(planes=(WALL,), margin=MARGIN, held_radius=0.15)
    for gripper, nearest in ((1.0, 0.60 - RADIUS - MARGIN), (0.0, 0.60 - 0.15 - MARGIN)):
        safety = make(SafetyConfig(keep_out=keep_out), state_at(0.3, gripper=gripper))
        end = follow(safety, row(0.02, gripper=gripper), state_at(0.3, gripper=gripper), ticks=30)
        assert nearest - 0.02 < end[0] <= nearest + 1e-5


def test_a_link_that_a_zone_spares_may_be_in_it_and_no_other_may() -> None:
    wall = PlaneZone("wall", WALL.normal, WALL.offset, spares=("tool",))
    config = SafetyConfig(keep_out=KeepOut(planes=(wall,), margin=MARGIN, held_radius=0.15))
    ends = []
    for gripper in (1.0, 0.0):
        start = state_at(0.3, gripper=gripper)
        ends.append(follow(make(config, start), row(0.02, gripper=gripper), start, ticks=30)[0])
    assert ends[0] == pytest.approx(0.9, abs=1e-5)
    assert ends[1] <= 0.60 - 0.15 - MARGIN + 1e-5, "what is held is not spared"
    assert make(config).clearance(state_at(0.3)) == np.inf
    with pytest.raises(SpecError, match="spares 'elbow'; this robot has: tool, held object"):
        make(SafetyConfig(keep_out=KeepOut(planes=(replace(wall, spares=("elbow",)),))))


def test_the_gripper_does_not_close_where_what_it_takes_would_reach_into_a_zone() -> None:
    safety = make(SafetyConfig(keep_out=KeepOut(planes=(WALL,), margin=MARGIN, held_radius=0.15)), state_at(0.5))
    sent = send(safety, row(-0.005, gripper=0.0), state_at(0.5))
    np.testing.assert_allclose(sent, row(-0.005, gripper=1.0), atol=1e-7)


def test_a_body_inside_a_zone_may_leave_it_and_not_go_deeper() -> None:
    safety = make(SafetyConfig(keep_out=KeepOut(planes=(WALL,), margin=MARGIN)), state_at(0.58))
    assert send(safety, row(0.02), state_at(0.58))[0] <= 0.0
    assert send(safety, row(-0.03), state_at(0.58))[0] == np.float32(-0.03)


def test_a_person_who_steps_closer_makes_it_hold() -> None:
    person = PersonZone("person", 2.0, 0.0, radius=0.3)
    safety = make(SafetyConfig(keep_out=KeepOut(people=(person,), margin=MARGIN)))
    assert send(safety, row(0.05), state_at(0.42))[0] == np.float32(0.05)
    safety.place_person("person", 0.86, 0.0)
    assert send(safety, row(0.05), state_at(0.47))[0] < 0.02
    with pytest.raises(SpecError, match="there are: person"):
        safety.place_person("nobody", 0.0, 0.0)


def test_a_body_that_cannot_follow_calls_its_command_back() -> None:
    safety = make(SafetyConfig(limits=Limits(tracking=0.03)))
    blocked = state_at(0.42)
    sent = [float(send(safety, row(0.02), blocked)[0]) for _ in range(4)]
    np.testing.assert_allclose(sent, [0.02, 0.02, -0.04, 0.02], atol=1e-6)
    assert set(safety.journal.counts) == {"blocked"}


def test_disarmed_or_without_the_dead_mans_switch_it_holds() -> None:
    pressed = [True]
    gate = Gate(dead_man=lambda: pressed[0])
    safety = make(SafetyConfig(arm_at_start=False), gate=gate)
    assert np.array_equal(send(safety, row(0.05, gripper=0.0), state_at(0.42)), row(0.0, gripper=1.0))
    gate.arm()
    assert send(safety, row(0.05), state_at(0.42))[0] > 0
    pressed[0] = False
    assert send(safety, row(0.05), state_at(0.42))[0] == 0
    assert safety.journal.counts == {"dead_man": 1, "disarmed": 1}


def test_an_emergency_stop_stays_through_resets_until_it_is_lifted_and_armed() -> None:
    stops: list[str] = []
    world = PointWorld()
    gate = Gate(on_stop=lambda: stops.append("now"))
    safe = SafeWorld(world, SafetyFilter(SafetyConfig(), world.embodiment, gate=gate))
    safe.reset(point_task(0), seed=0)
    gate.emergency_stop("someone pressed it")
    assert stops == ["now"]
    still = world.embodiment.action.clip(np.zeros(7, dtype=np.float32))
    for again in (lambda: safe.step(still), lambda: safe.reset(point_task(0), seed=0)):
        with pytest.raises(WorldFault, match="someone pressed it"):
            again()
    with pytest.raises(SpecError, match="reset the stop"):
        gate.arm()
    gate.reset_stop()
    assert not gate.armed
    gate.arm()
    safe.step(still)


def test_geometry_needs_a_body_model_and_limits_fit_the_action() -> None:
    with pytest.raises(SpecError, match="body model"):
        SafetyFilter(SafetyConfig(keep_out=KeepOut(planes=(WALL,))), BODY)
    with pytest.raises(SpecError, match="6 values"):
        SafetyFilter(SafetyConfig(limits=Limits(step=(0.1,))), BODY)


def test_absolute_joint_actions_are_limited_from_the_last_one_sent() -> None:
    names = ("joint_1", "joint_2", "gripper")
    spec = VectorSpec(names, ("rad", "rad", "1"), (-2.0, -2.0, 0.0), (2.0, 2.0, 1.0))
    arm = Embodiment("two", (), spec, spec, Control.JOINT_POSITION, 10.0)
    safety = SafetyFilter(SafetyConfig(limits=Limits(step=(0.1, 0.1))), arm)
    state = np.array([0.5, -0.5, 1.0], dtype=np.float32)
    safety.begin(state)
    far = np.array([1.5, -0.45, 0.0], dtype=np.float32)
    np.testing.assert_allclose(send(safety, far, state), [0.6, -0.45, 0.0], atol=1e-6)
    np.testing.assert_allclose(send(safety, far, state), [0.7, -0.45, 0.0], atol=1e-6)


def test_a_watchdog_says_hold_and_then_stop() -> None:
    now = [0.0]
    dog = Watchdog(Patience(hold=0.5, stop=2.0), clock=lambda: now[0])
    assert dog.verdict() is Verdict.GO
    dog.feed()
    verdicts = []
    for now[0] in (0.5, 0.6, 2.0, 2.1):
        verdicts.append(dog.verdict())
    assert verdicts == [Verdict.GO, Verdict.HOLD, Verdict.HOLD, Verdict.STOP]


def test_overlapping_chunks_hand_over_little_by_little() -> None:
    old, new = np.zeros((2, 7), dtype=np.float32), np.ones((4, 7), dtype=np.float32)
    blended = blend(old, new, gripper=6)
    np.testing.assert_allclose(blended[:, 0], [1 / 3, 2 / 3, 1, 1], atol=1e-6)
    np.testing.assert_array_equal(blended[:, 6], 1)
    np.testing.assert_array_equal(blend(old[:0], new), new)


@pytest.mark.parametrize("zone", [WALL, BoxZone("box", (-1, -2, -3), (1, 2, 3)), PersonZone("person", 1.0, 1.0)])
def test_zone_distances_against_points_tried_one_by_one(zone: Zone) -> None:
    """The distance of an outside point is that to the nearest of many inside points, and inside it is negative."""
    generator = np.random.default_rng(0)
    cloud = generator.uniform(-4, 4, size=(200_000, 3))
    inside = cloud[zone.distance(cloud) < 0]
    assert len(inside) > 100
    for point in generator.uniform(-3.5, 3.5, size=(30, 3)):
        distance = float(zone.distance(point))
        if distance > 0.3:
            tried = float(np.sqrt(((inside - point) ** 2).sum(axis=1)).min())
            assert 0 <= tried - distance < 0.25
            assert np.linalg.norm(way_out(zone, point)) == pytest.approx(1.0, abs=1e-6)


@dataclass(frozen=True)
class BallZone:
    """A zone of a kind that the filter has never heard of: a ball of half a metre round the base."""

    name: str = "ball"
    spares: tuple[str, ...] = ()

    def distance(self, points: FloatArray) -> FloatArray:
        return np.linalg.norm(points, axis=-1) - 0.5


def test_many_zones_at_once_are_as_far_as_one_after_the_other() -> None:
    zones: tuple[Zone, ...] = (
        BallZone(),
        WALL,
        PersonZone("person", 1.0, 1.0),
        BoxZone("box", (-1, -2, -3), (1, 2, 3)),
        PlaneZone("floor", (0.0, 0.0, 1.0), -0.2),
        BoxZone("shelf", (0.2, 0.2, 0.0), (0.3, 1.0, 0.1)),
    )
    points = np.random.default_rng(1).uniform(-4, 4, size=(7, 50, 3))
    for chosen in (zones, zones[:1], zones[1:2], zones[3:4]):
        together = ZoneSet(chosen)
        assert {zone.name for zone in together.zones} == {zone.name for zone in chosen}
        for row, zone in zip(together.distances(np.moveaxis(points, -1, 0)), together.zones, strict=True):
            np.testing.assert_allclose(row, zone.distance(points), atol=1e-12)


def test_how_much_of_a_motion_is_clear() -> None:
    assert clear_share(np.array([0.05, 0.03, 0.01, -0.01, -0.03]), 0.02) == pytest.approx(1.5 / 4)
    assert clear_share(np.array([0.01, 0.03, 0.05]), 0.02) == 0.0


def test_a_motion_that_may_not_slide_on_is_cut_where_it_would_come_too_near() -> None:
    """Three looks: the whole way, along the first zone, and what is clear of the way to the second."""
    body = Counting()
    lid = PlaneZone("lid", (-np.sqrt(0.5), 0.0, -np.sqrt(0.5)), -float(np.sqrt(0.5)) * 0.84)
    safety = SafetyFilter(SafetyConfig(keep_out=KeepOut(planes=(WALL, lid), margin=MARGIN)), BODY, body)
    start = state_at(0.53, z=0.20)
    safety.begin(start)
    sent = safety.permit(row(0.05, z=0.05), start)
    assert body.predicted == 3
    end = start[:3] + sent[:3]
    assert 0 <= float(lid.distance(end.astype(float))) - RADIUS - MARGIN < 0.015
    assert sent[2] > 0.005


class Counting(ToolBody):
    """Counts how often it is asked what an action would do."""

    def __init__(self) -> None:
        super().__init__(BODY, radius=RADIUS)
        self.predicted = 0

    def predict(self, state: FloatArray, action: FloatArray) -> Motion:
        self.predicted += 1
        return super().predict(state, action)
