"""Try to drive the simulated arm, or what it holds, into places where the safety filter must not let it.

    python -m tests.safety.adversarial --episodes 1000 --out build/adversarial.jsonl

Each episode draws a scene, keep-out zones and an attack from its seed. Breaches are found by the physics engine between
the ghosts of the zones and the collision shapes of arm and held object, every second physics step; nothing of the
filter's own model is used for it. With --out, every episode is a line of a file and the same command goes on where it
stopped. What the filter costs is its thread's own time, which other programs disturb less than the clock.
"""

import argparse
import json
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pybullet
from numpy.typing import NDArray
from tqdm import tqdm

from agent.errors import WorldFault
from agent.evaluation.statistics import clopper_pearson
from agent.safety.config import KeepOut, SafetyConfig
from agent.safety.filter import SafetyFilter
from agent.safety.zones import BoxZone, PersonZone, PlaneZone
from agent.settings import load_settings
from agent.types import FloatArray, Observation
from sim.body_model import PandaBody
from sim.expert import ScriptedExpert
from sim.guarded import SAFETY
from sim.tasks import sample_task
from sim.world import TabletopWorld

STEPS = 40
HELD_RADIUS = 0.25
MARGIN = 0.015
SHIPPED = load_settings(SAFETY, SafetyConfig)
TABLE = next(plane for plane in SHIPPED.keep_out.planes if plane.name == "table")
"""Where fingers may be; the zones that are drawn are where nothing may be."""
FAMILIES = ("put_in", "put_on", "stack", "lift")
ATTACKS = ("noise", "stubborn", "aimed")
HUGE = 5.0


@dataclass
class Course:
    """What came of one episode. held: physics steps with something in the fingers.  nearest [m]: to any ghost."""

    seed: int
    attack: str
    breaches: list[str] = field(default_factory=list)
    looks: int = 0
    held: int = 0
    moved: float = 0.0
    nearest: float = HUGE
    interventions: dict[str, int] = field(default_factory=dict)
    seconds: list[float] = field(default_factory=list)
    broke: bool = False


class Ghosts:
    """The zones as bodies that touch nothing, and the distances to them by the engine's own geometry."""

    REACH = 0.30

    def __init__(self, world: TabletopWorld, keep_out: KeepOut) -> None:
        self._world, self._client = world, world._physics._client
        self._bodies = {zone.name: self._body(zone) for zone in keep_out.zones}

    def _body(self, zone: object) -> int:
        client = self._client
        turn = (0.0, 0.0, 0.0, 1.0)
        if isinstance(zone, BoxZone):
            half = (np.array(zone.high) - zone.low) / 2
            shape = client.createCollisionShape(pybullet.GEOM_BOX, halfExtents=half.tolist())
            centre = (np.array(zone.high) + zone.low) / 2
        elif isinstance(zone, PersonZone):
            length = zone.height - zone.floor
            shape = client.createCollisionShape(pybullet.GEOM_CYLINDER, radius=zone.radius, height=length)
            centre = np.array([zone.x, zone.y, zone.floor + length / 2])
        else:
            assert isinstance(zone, PlaneZone)
            shape = client.createCollisionShape(pybullet.GEOM_BOX, halfExtents=[HUGE, HUGE, HUGE])
            normal = np.array(zone.normal)
            axis = np.cross([0, 0, 1.0], normal)
            angle = float(np.arctan2(np.linalg.norm(axis), normal[2]))
            axis = axis / max(float(np.linalg.norm(axis)), 1e-9) if np.linalg.norm(axis) > 1e-9 else np.array([1, 0, 0])
            turn = (*(np.sin(angle / 2) * axis), np.cos(angle / 2))
            centre = normal * (zone.offset - HUGE)
        body = client.createMultiBody(0.0, shape, -1, centre.tolist(), turn)
        client.setCollisionFilterGroupMask(body, -1, 0, 0)
        return int(body)

    def distance(self, zone: str, body: int) -> float:
        """Return the least distance [m] between a zone and a body; negative inside, REACH at most."""
        points = self._client.getClosestPoints(self._bodies[zone], body, self.REACH)
        # Link 0 is bolted down: whoever puts a zone onto it has breached it himself.
        return min((p[8] for p in points if not (body == self._world.arm.body and p[4] <= 0)), default=self.REACH)

    def look(self, course: Course) -> None:
        """Note how near the arm and whatever it holds are now."""
        world = self._world
        bodies = {"arm": world.arm.body}
        for entity in world.scene.entities:
            body = world._bodies[entity.name]
            if world.arm.holding(body) and not entity.body.links:
                bodies[entity.name] = body
        course.looks += 1
        course.held += len(bodies) > 1
        for name, body in bodies.items():
            for zone in self._bodies:
                distance = self.distance(zone, body)
                course.nearest = min(course.nearest, distance)
                if distance < 0:
                    course.breaches.append(f"{name} in {zone} by {-1000 * distance:.1f} mm")


def draw_zones(rng: np.random.Generator, tool: NDArray[np.float64]) -> KeepOut:
    """Draw a box, a plane and a person near the arm; the caller checks that none is breached to begin with."""
    centre = rng.uniform([0.25, -0.5, 0.0], [0.85, 0.5, 0.6])
    half = rng.uniform(0.03, 0.15, size=3)
    low, high = centre - half, centre + half
    angle = float(rng.uniform(-np.pi, np.pi))
    tilt = float(rng.uniform(-0.5, 0.8))
    normal = np.array([np.cos(angle) * np.cos(tilt), np.sin(angle) * np.cos(tilt), np.sin(tilt)])
    offset = float(normal @ tool) - float(rng.uniform(0.10, 0.5))
    bearing, away = rng.uniform(-np.pi / 2, np.pi / 2), rng.uniform(0.7, 1.1)
    person = PersonZone("person", float(away * np.cos(bearing)), float(away * np.sin(bearing)), 0.25)
    return KeepOut(
        boxes=(BoxZone("box", triple(low), triple(high)),),
        planes=(PlaneZone("plane", triple(normal), offset),),
        people=(person,),
        margin=MARGIN,
        held_radius=HELD_RADIUS,
    )


def triple(vector: NDArray[np.float64]) -> tuple[float, float, float]:
    return float(vector[0]), float(vector[1]), float(vector[2])


class Attack:
    """Where the actions come from: noise, one corner of the bounds for eight ticks each, or straight at a zone."""

    def __init__(self, kind: str, world: TabletopWorld, keep_out: KeepOut, rng: np.random.Generator) -> None:
        self._kind, self._world, self._rng = kind, world, rng
        self._box, self._plane, self._person = keep_out.boxes[0], keep_out.planes[0], keep_out.people[0]
        self._corners = rng.random((STEPS // 8 + 1, 7)) < 0.5

    def row(self, tick: int) -> FloatArray:
        spec = self._world.embodiment.action
        if self._kind == "noise":
            return self._rng.uniform(spec.low_array, spec.high_array).astype(np.float32)
        if self._kind == "stubborn":
            return np.where(self._corners[tick // 8], spec.low_array, spec.high_array).astype(np.float32)
        tool = self._world.state().tool_position
        targets = (
            (np.array(self._box.low) + self._box.high) / 2,
            np.array([self._person.x, self._person.y, 0.3]),
            tool - np.array(self._plane.normal),
        )
        way = targets[min(tick // 13, 2)] - tool
        way *= 0.05 / max(float(np.abs(way).max()), 1e-9)
        turn = self._rng.uniform(-0.35, 0.35, size=3)
        return spec.clip(np.array([*way, *turn, float(self._rng.random() < 0.5)], dtype=np.float32))


def take_something(world: TabletopWorld) -> None:
    """Let the expert grasp and lift."""
    expert = ScriptedExpert(world)
    unused = Observation({}, np.zeros(0, dtype=np.float32), "", 0.0)
    for _ in range(30):
        if world.step(expert.act(unused).actions[0]).status.lifted:
            return


def run_one(world: TabletopWorld, seed: int, *, guarded: bool = True) -> Course:
    """Run one episode. guarded: False lets every action through, to see that breaches are found."""
    rng = np.random.default_rng([seed, 77])
    course = Course(seed, ATTACKS[seed % len(ATTACKS)])
    task = sample_task(FAMILIES[int(rng.integers(len(FAMILIES)))], rng)
    world.reset(task, seed=seed)
    if seed % 2:
        take_something(world)
    observation = world.assign(task)
    keep_out, safety = draw_filter(world, observation.state, rng)
    attack = Attack(course.attack, world, keep_out, rng)
    ghosts = Ghosts(world, keep_out)
    with watching(world, ghosts, course):
        for tick in range(STEPS):
            row, before = attack.row(tick), world.state().tool_position
            if guarded:
                began = time.thread_time()
                row = safety.permit(row, observation.state)
                course.seconds.append(time.thread_time() - began)
            try:
                step = world.step(row)
            except WorldFault:
                # Until then everything was looked at.
                course.broke = True
                break
            safety.accept(step.executed)
            observation = step.observation
            course.moved += float(np.linalg.norm(world.state().tool_position - before))
    course.interventions = safety.journal.counts
    return course


def draw_filter(world: TabletopWorld, state: FloatArray, rng: np.random.Generator) -> tuple[KeepOut, SafetyFilter]:
    """Draw zones until the arm, and the widest thing it might hold, are clear of them to begin with."""
    closed = state.copy()
    closed[6] = 0.0
    while True:
        keep_out = draw_zones(rng, world.state().tool_position)
        limits = SafetyConfig(limits=SHIPPED.limits, keep_out=replace(keep_out, planes=(*keep_out.planes, TABLE)))
        safety = SafetyFilter(limits, world.embodiment, PandaBody())
        safety.begin(state)
        if safety.clearance(closed) > 2 * MARGIN:
            return keep_out, safety


@contextmanager
def watching(world: TabletopWorld, ghosts: Ghosts, course: Course) -> Iterator[None]:
    """Look after every second physics step."""
    physics, plain = world._physics, type(world._physics).step
    count = 0

    def step(number: int = 1) -> None:
        nonlocal count
        for _ in range(number):
            plain(physics)
            count += 1
            if count % 2 == 0:
                ghosts.look(course)

    with patch.object(physics, "step", step):
        yield


def played(seeds: range, *, guarded: bool, file: Path | None) -> Iterator[Course]:
    """Yield the course of every seed; those that the file holds are read, the others run and written to it."""
    known: dict[int, Course] = {}
    if file is not None and file.exists():
        for line in file.read_text(encoding="utf-8").splitlines():
            # Where it was interrupted the last line may be half a one.
            if line.endswith("}"):
                course = Course(**json.loads(line))
                known[course.seed] = course
    world = TabletopWorld(cameras=())
    with file.open("a", encoding="utf-8") if file else nullcontext() as store:
        for seed in tqdm(seeds, unit="episode", disable=not sys.stderr.isatty()):
            if seed not in known:
                known[seed] = run_one(world, seed, guarded=guarded)
                if store is not None:
                    store.write(json.dumps(asdict(known[seed])) + "\n")
                    store.flush()
            yield known[seed]
    world.close()


def summary(courses: list[Course]) -> dict[str, object]:
    """Return the figures of many episodes."""
    rules = Counter[str]()
    for course in courses:
        rules.update({name.split(":")[0]: count for name, count in course.interventions.items()})
    milliseconds = 1e3 * np.array([second for course in courses for second in course.seconds] or [np.nan])
    p50, p95, p99 = (round(float(np.percentile(milliseconds, percent)), 3) for percent in (50, 95, 99))
    breached = sum(bool(course.breaches) for course in courses)
    exact = clopper_pearson(breached, len(courses))
    return {
        "episodes": len(courses),
        "episodes_with_a_breach": breached,
        "breach_rate_clopper_pearson_95": [round(exact.low, 6), round(exact.high, 6)],
        "episodes_cut_short_by_the_physics": sum(course.broke for course in courses),
        "looks": sum(course.looks for course in courses),
        "looks_with_something_held": sum(course.held for course in courses),
        "nearest_mm": round(1e3 * min(course.nearest for course in courses), 1),
        "metres_travelled": round(sum(course.moved for course in courses), 1),
        "interventions": dict(rules),
        "filter_ms_mean": round(float(milliseconds.mean()), 3),
        "filter_ms_p50": p50,
        "filter_ms_p95": p95,
        "filter_ms_p99": p99,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description="count keep-out breaches under random and aimed actions")
    parser.add_argument("--episodes", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, metavar="FILE", help="one line an episode; goes on where it stopped")
    parser.add_argument("--unguarded", action="store_true", help="let every action through, for comparison")
    arguments = parser.parse_args()
    seeds = range(arguments.seed, arguments.seed + arguments.episodes)
    courses = []
    for course in played(seeds, guarded=not arguments.unguarded, file=arguments.out):
        courses.append(course)
        if course.breaches:
            more = len(course.breaches) - 1
            print(f"seed {course.seed} ({course.attack}): {course.breaches[0]} and {more} more", flush=True)
    print(json.dumps(summary(courses)))


if __name__ == "__main__":
    main()
