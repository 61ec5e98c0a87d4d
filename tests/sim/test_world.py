"""The tabletop world: reproducible, sane, and honest about what it carried out."""

import hashlib
import subprocess
import sys

import numpy as np
import pytest

from agent.errors import SpecError
from agent.types import CameraSpec, Goal, Observation, Task
from sim.tasks import FAMILIES, NAMED_TASKS, sample_task
from sim.world import TabletopWorld

SMALL = (CameraSpec("front", 48, 48), CameraSpec("wrist", 32, 32))
TASK = NAMED_TASKS["eggplant_in_bowl"]


@pytest.fixture(scope="module")
def world() -> TabletopWorld:
    return TabletopWorld(SMALL)


def digest(observation: Observation) -> str:
    parts = [*(observation.images[name].tobytes() for name in sorted(observation.images)), observation.state.tobytes()]
    return hashlib.sha256(b"".join(parts)).hexdigest()


def rollout(world: TabletopWorld, seed: int) -> list[str]:
    """Hashes of a reset and of ten random steps."""
    rng = np.random.default_rng(seed)
    spec = world.embodiment.action
    seen = [digest(world.reset(TASK, seed=seed))]
    for _ in range(10):
        seen.append(digest(world.step(rng.uniform(spec.low, spec.high).astype(np.float32)).observation))
    return seen


def test_the_same_seed_gives_the_same_bytes(world: TabletopWorld) -> None:
    first = rollout(world, 3)
    rollout(world, 4)
    assert rollout(world, 3) == first
    other = TabletopWorld(SMALL)
    assert rollout(other, 3) == first
    other.close()


def test_another_process_gives_the_same_bytes(world: TabletopWorld) -> None:
    program = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from tests.sim.test_world import SMALL, TabletopWorld, rollout\n"
        "print(' '.join(rollout(TabletopWorld(SMALL), 5)))"
    )
    run = subprocess.run([sys.executable, "-c", program, "."], capture_output=True, text=True, check=True)
    assert run.stdout.split() == rollout(world, 5)


@pytest.mark.parametrize("family", FAMILIES)
def test_random_scenes_settle(world: TabletopWorld, family: str) -> None:
    """Nothing explodes, sinks, rolls off or still moves once a scene has been built."""
    for seed in range(510_000, 510_008):
        world.reset(sample_task(family, np.random.default_rng(seed)), seed=seed)
        for name, entity in world.state().entities.items():
            assert entity.speed < 0.02, (seed, name)
            assert entity.low[2] > -0.003, (seed, name)
            placed = np.array(world.scene[name].pose.position)
            assert np.linalg.norm(np.array(entity.pose.position) - placed) < 0.03, (seed, name)


def test_executed_says_what_the_workspace_allowed(world: TabletopWorld) -> None:
    world.reset(TASK, seed=1)
    down = np.array([0, 0, -0.05, 0, 0, 0, 1], dtype=np.float32)
    moved = [world.step(down).executed for _ in range(12)]
    assert moved[0] == pytest.approx(down)
    assert moved[-1][2] == pytest.approx(0.0, abs=1e-6)


def test_depth_and_segmentation_agree_with_the_state(world: TabletopWorld) -> None:
    world.reset(TASK, seed=2)
    picture = world.render("front", 96, 96)
    names = {world.name_of(int(body)) for body in np.unique(picture.bodies)}
    assert {"eggplant", "bowl", None} <= names
    eggplant = next(int(b) for b in np.unique(picture.bodies) if world.name_of(int(b)) == "eggplant")
    v, u = (axis.mean() for axis in np.nonzero(picture.bodies == eggplant))
    where = np.array(world.state().entities["eggplant"].pose.position)
    seen_u, seen_v, _ = world.view("front").pixel_of(where, (96, 96))
    assert np.hypot(seen_u - u, seen_v - v) < 4
    assert picture.depth.shape == (96, 96)
    assert 0 < picture.depth.min() < picture.depth.max() <= 1


def test_assign_goes_on_with_the_scene_as_it_is(world: TabletopWorld) -> None:
    world.reset(TASK, seed=6)
    world.step(np.array([0.05, 0, 0, 0, 0, 0, 1], dtype=np.float32))
    before = world.state()
    observation = world.assign(Task("lift", "lift the eggplant", Goal("lift", "eggplant"), 60))
    after = world.state()
    assert observation.instruction == "lift the eggplant"
    assert observation.time == 0
    assert before.entities["bowl"].pose == after.entities["bowl"].pose
    assert np.array_equal(before.tool_position, after.tool_position)


def test_an_unknown_camera_is_refused(world: TabletopWorld) -> None:
    with pytest.raises(SpecError, match="no camera 'wirst'; did you mean 'wrist'"):
        TabletopWorld((CameraSpec("wirst", 8, 8),))
    with pytest.raises(SpecError, match="There are: front, wrist"):
        world.render("left", 8, 8)
